from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from wfdb_files import PTBXL_1

from physioclr_core.leads import (
    LIMB_LEADS,
    OTHER_LEADS,
    PRECORDIAL_LEADS,
    STANDARD_LEADS,
    derive_limb_leads,
    is_non_ecg,
    standard_name,
)
from physioclr_core.readers import read_record


@pytest.mark.parametrize("name", [*STANDARD_LEADS, *OTHER_LEADS])
def test_every_name_is_its_own_standard_name_in_any_case(name: str) -> None:
    assert {standard_name(spelling) for spelling in (name, name.lower(), name.upper(), f" {name} ")} == {name}


@pytest.mark.parametrize("lead", STANDARD_LEADS)
@pytest.mark.parametrize("form", ["Lead {}", "lead{}", "LEAD_{}", "ECG {}", "EKG-{}", "MDC_ECG_LEAD_{}", "ECG Lead {}"])
def test_prefixes_do_not_hide_a_lead(form: str, lead: str) -> None:
    assert standard_name(form.format(lead)) == lead
    assert standard_name(form.format(lead).upper()) == lead


@pytest.mark.parametrize(
    ("name", "lead"),
    [("a VR", "aVR"), ("aV_L", "aVL"), ("DII", "II"), ("D1", "I"), ("Lead 3", "III"), ("\u2161", "II")]
    + [("MDC_ECG_LEAD_X", "vx"), ("Lead Z", "vz"), ("ml2", "MLII"), ("V", "V")],
)
def test_spellings_found_in_files_are_known(name: str, lead: str) -> None:
    assert standard_name(name) == lead


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "-aVR",
        "ECG -aVR",
        "V1-REF",
        "V10",
        "ECG",
        "ECG1",
        "ECG_1",
        "ECG 1",
        "1",
        "X",
        "C3",
        "IV",
        "Lead",
        "aVRx",
    ],
)
def test_a_name_that_is_not_certain_stays_unknown(name: str) -> None:
    assert standard_name(name) is None


def test_modified_leads_are_not_taken_for_standard_ones() -> None:
    assert standard_name("MLII") not in STANDARD_LEADS
    assert standard_name("MCL1") not in STANDARD_LEADS


@pytest.mark.parametrize("name", ["RESP", "Resp A", "PLETH", "ABP", "art", "ICP1", "SpO2", "CO2", "EEG C3-A2", "EMG1"])
def test_channels_of_other_kinds_are_told_by_their_name(name: str) -> None:
    assert is_non_ecg(name)


@pytest.mark.parametrize("name", [*STANDARD_LEADS, *OTHER_LEADS, "ECG", "ECG1", "", "lead", "signal 1", "ch2"])
def test_leads_are_not_taken_for_other_channels(name: str) -> None:
    assert not is_non_ecg(name)


@pytest.mark.parametrize("pair", list(combinations(LIMB_LEADS, 2)), ids="+".join)
def test_any_two_limb_leads_give_the_other_four(pair: tuple[str, str]) -> None:
    record = read_record(PTBXL_1)
    # Exact leads to start from: what is stored is rounded lead by lead.
    limb = {"I": record.lead_mv("I"), "II": record.lead_mv("II")}
    limb |= derive_limb_leads(limb)

    derived = derive_limb_leads({name: limb[name] for name in pair} | {"V1": record.lead_mv("V1")})

    assert list(derived) == [name for name in LIMB_LEADS if name not in pair]
    for name, lead_mv in derived.items():
        assert lead_mv.dtype == np.float32
        np.testing.assert_allclose(lead_mv, limb[name], atol=1e-5)


def test_derived_limb_leads_are_those_that_were_recorded() -> None:
    record = read_record(PTBXL_1)
    derived = derive_limb_leads({name: record.lead_mv(name) for name in ("I", "II", *PRECORDIAL_LEADS)})
    for name in ("III", "aVR", "aVL", "aVF"):
        np.testing.assert_allclose(derived[name], record.lead_mv(name), atol=0.002)  # rounding of the stored leads


def test_a_gap_in_a_source_is_a_gap_in_what_follows_from_it() -> None:
    one_mv, two_mv = np.array([1, np.nan, 3], np.float32), np.array([2, 2, 2], np.float32)
    derived = derive_limb_leads({"I": one_mv, "II": two_mv})
    np.testing.assert_array_equal(derived["III"], np.array([1, np.nan, -1], np.float32))


def test_nothing_is_derived_from_one_limb_lead_or_where_none_is_missing() -> None:
    lead_mv = np.zeros(3, np.float32)
    assert derive_limb_leads({"II": lead_mv, "V1": lead_mv, "V2": lead_mv}) == {}
    assert derive_limb_leads(dict.fromkeys(LIMB_LEADS, lead_mv)) == {}
    assert derive_limb_leads({}) == {}
