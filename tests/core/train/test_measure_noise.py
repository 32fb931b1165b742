"""Noise of known amplitude, added to real median beats, is found again."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from prepared_sets import prepared_set
from real_records import entries_with, real_signal_mv

from physioclr_core.augment.electrodes import lead_matrix
from physioclr_core.augment.noise import noise_table
from physioclr_core.errors import UserFacingError
from physioclr_core.physiology.beats import detect_beats
from physioclr_core.train.measure_noise import MIN_CYCLES, N_QUANTILES, WINDOW_S, measure, residuals_mv

FS_HZ = 100.0
N_RECORDS = 60

FloatArray = npt.NDArray[np.float64]


@cache
def median_beats(n_wanted: int = 6) -> tuple[FloatArray, ...]:
    """Return cycles of one second around R, each the median of a real normal record at about 60 beats a minute."""
    found = []
    for entry in entries_with("NORM"):
        signal = real_signal_mv(entry.entry)
        peaks = detect_beats(signal, FS_HZ).r_samples
        peaks = peaks[(peaks >= 35) & (peaks < 935)]
        if len(peaks) < 7 or np.diff(peaks).min() < 92:
            continue
        beat = np.median([signal[:, peak - 35 : peak + 65] for peak in peaks], axis=0)
        # A line from end to start, so that cycles join without a step.
        found.append(beat - np.linspace(beat[:, 0], beat[:, -1], 100, axis=1))
        if len(found) == n_wanted:
            break
    return tuple(found)


def record_mv(beat: FloatArray, limb_mv: float, chest_mv: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return ten equal cycles with white noise of nine electrodes."""
    electrodes = rng.standard_normal((9, 1000)) * np.repeat([limb_mv, chest_mv], (3, 6))[:, None]
    signal: npt.NDArray[np.float32] = (np.tile(beat, 10) + lead_matrix() @ electrodes).astype(np.float32)
    return signal


def test_equal_cycles_leave_nothing() -> None:
    rest = residuals_mv(np.tile(median_beats()[0], 10).astype(np.float32), FS_HZ)
    assert rest is not None
    assert rest.shape[0] >= MIN_CYCLES
    assert rest.shape[1:] == (12, round(WINDOW_S * FS_HZ))
    # R may be found one sample beside.
    assert rest.std() < 0.002


def test_cycles_must_be_long_and_many_enough() -> None:
    beat = median_beats()[0]
    assert residuals_mv(np.tile(beat, 4).astype(np.float32), FS_HZ) is None
    assert residuals_mv(np.tile(beat[:, 10:80], 14).astype(np.float32), FS_HZ) is None
    assert residuals_mv(np.zeros((12, 1000), np.float32), FS_HZ) is None


def test_amplitudes_and_spectrum_are_found_again() -> None:
    rng = np.random.default_rng(0)
    limb_mv, chest_mv = rng.uniform(0.005, 0.03, (2, N_RECORDS))
    beats = median_beats()
    signals = [
        record_mv(beats[number % len(beats)], limb, chest, rng)
        for number, (limb, chest) in enumerate(zip(limb_mv, chest_mv, strict=True))
    ]
    dataset = prepared_set([{} for _ in signals], signals)
    dataset.manifest["datasets"] = {"test": len(signals)}
    table = measure(dataset, 1000, 0)
    quantiles = np.linspace(0.0, 1.0, N_QUANTILES)[2:-2]
    for name, known_mv in (("limb_rms_mv", limb_mv), ("chest_rms_mv", chest_mv)):
        found = np.array(table[name])[2:-2]
        np.testing.assert_allclose(found, np.quantile(known_mv, quantiles), rtol=0.15)
        assert np.median(found / np.quantile(known_mv, quantiles)) == pytest.approx(1.0, abs=0.06)
    density = np.array(table["density"])
    assert density[2:-1].min() > 0.8  # white


def test_too_few_records_are_an_error_that_says_so() -> None:
    dataset = prepared_set([{}], [np.tile(median_beats()[0], 10)])
    with pytest.raises(UserFacingError, match="only 1 records have a pause"):
        measure(dataset, 1000, 0)


def test_the_shipped_table_is_sound() -> None:
    table = noise_table()
    assert len(table["rate_hz"]) == len(table["density"])
    assert (np.diff(table["rate_hz"]) > 0).all()
    assert table["density"].min() > 0.0
    for name in ("limb_rms_mv", "chest_rms_mv"):
        assert (np.diff(table[name]) >= 0).all()
        assert 0.001 < np.median(table[name]) < 0.03
