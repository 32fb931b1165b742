from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scoring_scripts import LEADS, scoring_script, wave_f1

from physioclr_core.paths import assets_dir
from physioclr_core.train.out_of_fold import beats_out_of_fold, waves_out_of_fold

BEATS, WAVES = "physiology-beats", "physiology-waves"
# Records of MIT-BIH with long stretches that annotators themselves find hard: noise, flutter, fusion beats.
HARD = {"108", "203", "207", "208"}


@pytest.fixture
def runs() -> Path:
    return assets_dir() / "docs" / "runs"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("n_leads", "floor"), [(1, 0.9975), (None, 0.9975)])
def test_beats_of_records_that_a_network_has_not_seen_are_found(
    test_data: Callable[..., Path], runs: Path, n_leads: int | None, floor: float
) -> None:
    mitdb = test_data("mitdb")
    found = beats_out_of_fold(mitdb, runs / BEATS, n_leads)
    scores = scoring_script(test_data, "score_beats")
    every = scores.score_directory(mitdb, found, set())["75 ms"]
    assert every["f1"] >= floor
    assert every["worst_f1"] >= 0.97
    if n_leads == 1:
        assert scores.score_directory(mitdb, found, HARD)["75 ms"]["f1"] >= 0.998


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_waves_of_records_that_a_network_has_not_seen_are_found(test_data: Callable[..., Path], runs: Path) -> None:
    ludb = test_data("ludb", "data")
    found = waves_out_of_fold(ludb, runs / BEATS, runs / WAVES)
    result = scoring_script(test_data, "score_delineation").score_directory(ludb, found, LEADS)
    for wave, floor in (("P", 0.98), ("QRS", 0.998), ("T", 0.985)):
        assert wave_f1(result, wave) >= floor, wave
    for name, fiducial in result["fiducials"].items():
        assert abs(fiducial["mean_ms"]) <= (4 if name in ("qrs_on", "r_peak", "qrs_off") else 8), name
    assert result["fiducials"]["qrs_on"]["sd_ms"] < 12
    assert result["fiducials"]["t_off"]["sd_ms"] < 25
    intervals = result["intervals"]
    assert intervals["PR"]["invented"] == 0
    for name, floor in (("PR", 0.85), ("QRS", 0.8), ("QT", 0.9)):
        assert intervals[name]["within"] >= floor, name
