from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from synthetic_ecg import beats_of

from physioclr_core.physiology.marks import Beats
from physioclr_core.physiology.neurokit import hrv_indices
from physioclr_core.physiology.rhythm import rhythm, sample_entropy

# At this rate neither 20 nor 50 ms is a whole number of samples, where rounding would decide.
FS_HZ = 128.0
OURS = {
    "MeanNN": "nn_mean_ms",
    "SDNN": "sdnn_ms",
    "RMSSD": "rmssd_ms",
    "SDSD": "sdsd_ms",
    "CVNN": "cvnn",
    "CVSD": "cvsd",
    "MCVNN": "mcvnn",
    "pNN50": "pnn50",
    "pNN20": "pnn20",
    "SD1": "sd1_ms",
    "SD2": "sd2_ms",
    "SD1SD2": "sd1_sd2",
}


def breathing_beats(n: int = 400) -> Beats:
    index = np.arange(n)
    rr_s = 0.8 + 0.04 * np.sin(2 * np.pi * 0.2 * index) + np.random.default_rng(0).normal(0, 0.02, n)
    r_s = 0.5 + np.cumsum(rr_s)
    return beats_of(r_s, FS_HZ, int((r_s[-1] + 1) * FS_HZ))


@pytest.fixture(scope="module")
def indices() -> dict[str, float | None]:
    return hrv_indices(breathing_beats().r_s)


@pytest.mark.parametrize("name", OURS)
def test_our_own_indices_are_neurokits(name: str, indices: dict[str, float | None]) -> None:
    assert getattr(rhythm(breathing_beats()), OURS[name]) == pytest.approx(indices[name], rel=1e-6)


def test_our_sample_entropy_is_neurokits(indices: dict[str, float | None]) -> None:
    nn_s = np.diff(breathing_beats().r_s)
    # NeuroKit2 takes patterns of two, alike within a fifth of the standard deviation.
    assert sample_entropy(nn_s, 2, 0.2 * nn_s.std(ddof=1)) == pytest.approx(indices["SampEn"], rel=0.02)


def test_all_three_groups_are_there_and_every_value_is_finite_or_none(indices: dict[str, float | None]) -> None:
    assert {"RMSSD", "LF", "HF", "LFHF", "SD1", "DFA_alpha1"} <= set(indices)
    assert all(value is None or np.isfinite(value) for value in indices.values())
    assert indices["LFHF"] is not None
    assert indices["LFHF"] < 1  # breathing at a quarter of a hertz


def test_short_recordings_are_not_computed() -> None:
    assert hrv_indices(np.arange(300.0) * 0.8) == {}
    assert hrv_indices(np.zeros(0)) == {}
    assert hrv_indices(np.array([0.0, 400.0])) == {}


def test_left_out_intervals_do_not_count() -> None:
    beats = breathing_beats()
    r_s = beats.r_s.copy()
    r_s[100] -= 0.3  # one early beat: both intervals around it are no NN
    is_nn = np.ones(len(r_s), np.bool_)
    is_nn[[100, 101]] = False
    with_it, without = hrv_indices(r_s), hrv_indices(r_s, is_nn)
    expected = hrv_indices(beats.r_s)
    assert without["RMSSD"] == pytest.approx(expected["RMSSD"], rel=0.02)
    assert with_it["RMSSD"] > without["RMSSD"]  # type: ignore[operator]


def test_the_package_is_not_imported_for_anything_else() -> None:
    code = (
        "import sys; import physioclr_core.physiology.neurokit, physioclr_core.physiology.measurements; "
        "sys.exit('neurokit2' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
