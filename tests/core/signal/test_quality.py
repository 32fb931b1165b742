from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from wfdb_files import CHAPMAN, DATA, PTBXL_1

from physioclr_core.readers import read_record
from physioclr_core.signal.quality import (
    FLAT_BELOW_MV,
    RESIDUAL_LIMIT_MV,
    assess_leads,
    einthoven_residual_mv,
    goldberger_residual_mv,
    runs,
    shared_gaps_s,
)

FloatArray = npt.NDArray[np.float32]
LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")


def real_mv(fs_hz: int = 100) -> FloatArray:
    """Twelve real leads that may be written to: 10 s at 100 or 500 Hz."""
    return read_record(PTBXL_1 if fs_hz == 100 else CHAPMAN).signal_mv.copy()


@pytest.mark.parametrize("fs_hz", [100, 500])
def test_a_good_ecg_has_nothing_to_report(fs_hz: int) -> None:
    signal_mv = real_mv(fs_hz)
    quality = assess_leads(signal_mv, fs_hz)
    assert not quality.gap_samples.any()
    assert not quality.is_flat.any()
    assert not quality.clipped_fraction.any()
    np.testing.assert_array_equal(quality.lowest_mv, signal_mv.min(axis=1))
    np.testing.assert_array_equal(quality.highest_mv, signal_mv.max(axis=1))


def test_flat_is_a_lead_whose_range_is_below_the_smallest_wave() -> None:
    signal_mv = real_mv()
    signal_mv[3] = 1.25
    signal_mv[5] *= 0.9 * FLAT_BELOW_MV / np.ptp(signal_mv[5])
    signal_mv[6] *= 1.1 * FLAT_BELOW_MV / np.ptp(signal_mv[6])
    quality = assess_leads(signal_mv, 100.0)
    assert np.flatnonzero(quality.is_flat).tolist() == [3, 5]
    assert not quality.clipped_fraction.any()  # a flat lead is one plateau, but that is not clipping


def test_gaps_are_counted_and_a_lead_without_samples_is_not_flat() -> None:
    signal_mv = real_mv()
    signal_mv[0, 10:30] = np.nan
    signal_mv[1] = np.nan
    quality = assess_leads(signal_mv, 100.0)
    assert quality.gap_samples.tolist() == [20, 1000] + [0] * 10
    assert not quality.is_flat.any()
    assert np.isnan(quality.lowest_mv[1])
    assert quality.highest_mv[0] == np.nanmax(signal_mv[0])


@pytest.mark.parametrize("fs_hz", [100, 500])
@pytest.mark.parametrize("polarity", [1, -1])
def test_peaks_cut_off_at_one_level_are_clipped(fs_hz: int, polarity: int) -> None:
    lead_mv = real_mv(fs_hz)[7] * polarity  # V2 has deep S waves and tall R waves
    level_mv = np.float32(0.35 * lead_mv.max())
    clipped = np.minimum(lead_mv, level_mv)[None]
    fraction = assess_leads(clipped, fs_hz).clipped_fraction[0]
    assert 0 < fraction <= np.mean(lead_mv >= level_mv)


def test_rail_to_rail_saturation_is_clipping_in_a_real_record() -> None:
    lead = read_record(DATA / "mitdb" / "116").report.leads[0]
    assert lead.name == "MLII"
    assert lead.clipped_fraction * 10 == pytest.approx(0.706, abs=0.001)


def test_plateaus_of_rounding_on_peaks_and_baseline_are_not_clipping() -> None:
    coarse_mv = np.round(real_mv(500) / 0.05) * np.float32(0.05)
    # 10 to 50 equal samples at the extremes, as steps of 0.05 mV make them, but reached in small steps.
    smooth_mv = np.stack([np.convolve(lead, np.ones(25) / 25, "same") for lead in coarse_mv]).astype(np.float32)
    rounded_mv = (np.round(smooth_mv / 0.01) * 0.01).astype(np.float32)
    assert not assess_leads(rounded_mv[:, 50:-50], 500.0).clipped_fraction.any()


def test_one_short_plateau_is_a_coincidence_and_a_long_one_is_not() -> None:
    signal_mv = real_mv(500)[:1]
    top = int(signal_mv[0].argmax())
    signal_mv[0, top : top + 6] = signal_mv[0, top] + 0.5
    assert assess_leads(signal_mv, 500.0).clipped_fraction[0] == 0
    signal_mv[0, top : top + 60] = signal_mv[0, top]
    assert assess_leads(signal_mv, 500.0).clipped_fraction[0] == 60 / 5000


def test_long_records_are_assessed_lead_by_lead_with_the_same_result() -> None:
    signal_mv = np.tile(real_mv(), (1, 100))
    signal_mv[2, 500:900] = np.nan
    signal_mv[4] = 0
    whole = assess_leads(signal_mv, 100.0)
    for row in range(12):
        one = assess_leads(signal_mv[row : row + 1], 100.0)
        assert whole.gap_samples[row] == one.gap_samples[0]
        assert whole.is_flat[row] == one.is_flat[0]
        assert whole.highest_mv[row] == one.highest_mv[0]


def test_shared_gaps_are_where_no_lead_has_a_sample() -> None:
    signal_mv = real_mv()
    assert shared_gaps_s(signal_mv, 100.0) == ()
    signal_mv[:, :50] = np.nan
    signal_mv[:, 990:] = np.nan
    signal_mv[:11, 300:400] = np.nan
    assert shared_gaps_s(signal_mv, 100.0) == ((0.0, 0.5), (9.9, 10.0))
    assert shared_gaps_s(np.full((2, 100), np.nan, np.float32), 100.0) == ((0.0, 1.0),)
    assert shared_gaps_s(np.empty((0, 100), np.float32), 100.0) == ()


def test_limb_leads_of_one_recording_fit_together() -> None:
    signal_mv = real_mv()
    assert (einthoven_residual_mv(signal_mv[:6], LIMB) or 1) < 0.002
    assert (goldberger_residual_mv(signal_mv[:6], LIMB) or 1) < 0.002


def test_a_lead_with_another_gain_or_sign_does_not_fit() -> None:
    signal_mv = real_mv()
    signal_mv[2] *= -1
    signal_mv[4] *= 3
    assert (einthoven_residual_mv(signal_mv[:6], LIMB) or 0) > RESIDUAL_LIMIT_MV
    assert (goldberger_residual_mv(signal_mv[:6], LIMB) or 0) > RESIDUAL_LIMIT_MV


def test_residual_is_the_root_mean_square_over_the_common_samples() -> None:
    signal_mv = np.zeros((3, 4), np.float32)
    signal_mv[0] = [3, -4, np.nan, 100]
    signal_mv[1, 3] = np.nan
    assert einthoven_residual_mv(signal_mv, ("I", "II", "III")) == pytest.approx(np.sqrt(12.5))


def test_residual_is_none_where_it_cannot_be_computed() -> None:
    signal_mv = real_mv()[:3]
    assert einthoven_residual_mv(signal_mv[:2], ("I", "II")) is None
    assert goldberger_residual_mv(signal_mv, ("I", "II", "III")) is None
    signal_mv[1] = np.nan
    assert einthoven_residual_mv(signal_mv, ("I", "II", "III")) is None


def test_runs_are_half_open_spans() -> None:
    mask = np.array([True, True, False, True, False, False, True])
    starts, ends = runs(mask)
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == [(0, 2), (3, 4), (6, 7)]
    assert runs(np.zeros(3, bool))[0].size == 0
