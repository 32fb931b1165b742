"""Codes of every system in one set; what is not known is reported and never guessed."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from physioclr_core.ontology.scp import expressible_codes, open_codes, open_snomed_of_scp, snomed_of_scp
from physioclr_core.ontology.snomed import snomed_concepts
from physioclr_core.ontology.unified import statement_system, unified_codes, unknown_counts
from physioclr_core.paths import assets_dir
from physioclr_core.readers import read_record
from physioclr_core.statements import statement_codes


def test_pairs_join_known_statements_and_known_codes_and_their_numbers_agree() -> None:
    assert snomed_of_scp().keys() | open_snomed_of_scp().keys() <= set(statement_codes())
    assert expressible_codes() <= snomed_concepts().keys()
    with (assets_dir() / "statements" / "scp_snomed.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            expected, published = int(row["n_expected"]), int(row["n_challenge"])
            # A tenth of PTB-XL is not in the expected number: three standard deviations of what that leaves open.
            assert abs(expected - published) <= 3.0 * (0.114 * published) ** 0.5 + 1.0, row["scp"]


def test_statements_text_codes_and_labels_of_one_thing_meet_in_one_code() -> None:
    from_scp = unified_codes(statements=["AFIB"], dataset="ptbxl")
    from_cpsc = unified_codes(statements=["AF"], dataset="cpsc2018")
    from_label = unified_codes(labels=["164889003"])
    assert from_scp.snomed == from_cpsc.snomed == from_label.snomed == ("164889003",)
    assert from_scp.scp == ("AFIB",)
    assert from_cpsc.scp == ()


def test_whose_pvc_it_is_the_data_set_says() -> None:
    assert statement_system(["PVC"], "cpsc2018") == "cpsc"
    assert statement_system(["PVC"], "ptbxl") == statement_system(["PVC"]) == "scp"
    assert statement_system(["PVC", "STD"]) == "cpsc"
    assert unified_codes(["PVC"], dataset="cpsc2018").snomed == unified_codes(["PVC"], dataset="ptbxl").snomed


def test_what_is_of_no_system_is_reported_and_what_has_no_code_is_named() -> None:
    said = unified_codes(["AFIB", "ISC_", "afib"], ["123"], ["sick"], "ptbxl")
    assert said.unknown == ("123", "afib", "sick")
    assert said.without_snomed == ("ISC_",)
    assert said.snomed == ("123", "164889003")
    assert unknown_counts([said, said]) == {"123": 2, "afib": 2, "sick": 2}


def test_statements_leave_open_what_they_cannot_express_and_codes_leave_nothing_open() -> None:
    left_axis, t_wave = "39732003", "164934002"
    assert {left_axis, t_wave} <= unified_codes(["SR", "LOWT"], dataset="ptbxl").undetermined
    assert t_wave not in unified_codes(["LOWT", "NDT"], dataset="ptbxl").undetermined
    assert not unified_codes(["SR"], ["426783006"], dataset="ptbxl").undetermined
    assert open_codes(["INVT"]) == {t_wave}


def test_headers_of_the_challenges_hold_no_unknown_code(test_data: Callable[..., Path]) -> None:
    for folder, dataset in (("georgia", "georgia"), ("cpsc2018", "cpsc2018"), ("cpsc-extra", "cpsc-extra")):
        for path in sorted(test_data(folder).glob("*.hea"))[:10]:
            said = read_record(str(path.with_suffix(""))).acquisition
            assert not unified_codes(said.statements, said.snomed_codes, dataset=dataset).unknown
