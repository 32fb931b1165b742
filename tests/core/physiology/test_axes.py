from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from synthetic_ecg import LeadWaves, SyntheticEcg, synthetic_ecg

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.axes import MAX_UNCERTAINTY_DEG, Axis, frontal_axes, frontal_axis_deg
from physioclr_core.physiology.lead_measures import lead_measures
from physioclr_core.physiology.marks import P
from physioclr_core.physiology.median_beat import median_beat


def axes_of(ecg: SyntheticEcg) -> dict[str, Axis]:
    beat = median_beat(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    return frontal_axes(beat, lead_measures(beat))


def ecg_at(deg: float, size_mv: float = 1.0, **options: float) -> SyntheticEcg:
    """Return an ECG whose P, QRS and T vectors point to one angle."""
    angle = math.radians(deg)
    one, two = math.cos(angle), math.cos(angle - math.pi / 3)
    leads = {
        "I": one,
        "II": two,
        "III": two - one,
        "aVR": -(one + two) / 2,
        "aVL": one - two / 2,
        "aVF": two - one / 2,
        "V1": 0.5,
    }
    waves = {
        name: LeadWaves(p=0.2 * size_mv * share, r=size_mv * share, t=0.3 * size_mv * share)
        for name, share in leads.items()
    }
    return synthetic_ecg(waves=waves, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("deg", range(-175, 181, 15))
def test_the_axis_is_the_direction_of_the_vector(deg: int) -> None:
    axes = axes_of(ecg_at(deg))
    for wave in ("p", "qrs", "t"):
        difference = (axes[wave].deg - deg + 180) % 360 - 180
        assert abs(difference) < 1.0, wave
        assert axes[wave].reason == ""


def test_the_convention_has_the_length_of_the_augmented_leads() -> None:
    assert frontal_axis_deg(1.0, 0.0) == 0
    assert frontal_axis_deg(0.0, 1.0) == 90
    assert frontal_axis_deg(-1.0, 0.0) == 180
    assert frontal_axis_deg(-1.0, -0.0) == 180
    assert frontal_axis_deg(0.0, -1.0) == -90
    assert frontal_axis_deg(1.0, math.sqrt(3) / 2) == pytest.approx(45)
    assert math.isnan(frontal_axis_deg(0.0, 0.0))
    assert math.isnan(frontal_axis_deg(math.nan, 1.0))


@pytest.mark.parametrize("leads", [("I", "II"), ("II", "III"), ("aVR", "aVL"), ("III", "aVF", "V1")])
def test_any_two_limb_leads_give_it(leads: tuple[str, ...]) -> None:
    ecg = ecg_at(40)
    rows = [ecg.lead_names.index(lead) for lead in leads]
    d = ecg.delineation
    some = replace(d, lead_names=leads, lead_s=d.lead_s[rows], lead_state=d.lead_state[rows])
    axes = axes_of(replace(ecg, signal_mv=ecg.signal_mv[rows], delineation=some))
    assert axes["qrs"].deg == pytest.approx(40, abs=1)


@pytest.mark.parametrize("leads", [("V1", "V2"), ("II", "V1"), ("MLII", "V5")])
def test_without_two_limb_leads_there_is_none(leads: tuple[str, ...]) -> None:
    ecg = synthetic_ecg(waves=dict.fromkeys(leads, LeadWaves(p=0.1, r=1.0, t=0.2)))
    axis = axes_of(ecg)["qrs"]
    assert math.isnan(axis.deg)
    assert axis.reason == "fewer than two limb leads"


def test_deflections_that_cancel_have_no_axis() -> None:
    equal = LeadWaves(p=0.1, q=-0.5, r=0.5, s=-0.33, t=0.2)
    axis = axes_of(synthetic_ecg(waves=dict.fromkeys(STANDARD_LEADS, equal)))["qrs"]
    assert math.isnan(axis.deg)
    assert "cancel" in axis.reason


def test_a_vector_in_the_noise_has_no_axis() -> None:
    axis = axes_of(ecg_at(30, size_mv=0.05))["p"]
    assert math.isnan(axis.deg)
    assert axis.uncertainty_deg > MAX_UNCERTAINTY_DEG
    assert "too small" in axis.reason


def test_without_p_there_is_no_p_axis() -> None:
    ecg = synthetic_ecg(has_p=False)
    axes = axes_of(ecg)
    assert math.isnan(axes["p"].deg)
    assert axes["p"].reason
    assert math.isfinite(axes["t"].deg)
    assert (ecg.delineation.global_state[:, P] != 2).all()


def test_the_uncertainty_is_no_smaller_than_the_scatter_and_grows_with_noise() -> None:
    found = [axes_of(ecg_at(60, noise_mv=0.05, seed=seed))["t"] for seed in range(25)]
    assert np.std([axis.deg for axis in found]) < np.median([axis.uncertainty_deg for axis in found])
    assert found[0].uncertainty_deg > axes_of(ecg_at(60))["t"].uncertainty_deg


def test_gain_does_not_turn_it() -> None:
    ecg = synthetic_ecg()
    once, twice = axes_of(ecg), axes_of(replace(ecg, signal_mv=2 * ecg.signal_mv))
    for wave in once:
        assert twice[wave].deg == pytest.approx(once[wave].deg, abs=0.01)
