from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from real_records import long_signal_mv, real_signal_mv, record_of

from physioclr_core.infer.manifest import InputSpec, load_manifest
from physioclr_core.infer.model import default_model_dir
from physioclr_core.infer.preprocess import model_input
from physioclr_core.infer.windows import NotAssessedError, windows_of
from physioclr_core.leads import LIMB_LEADS, STANDARD_LEADS
from physioclr_core.signal.resample import resample


@pytest.fixture(scope="module")
def spec() -> InputSpec:
    """The shipped model's input; limb leads derivable whichever bundle ships."""
    return replace(load_manifest(default_model_dir()).input, derivable_leads=LIMB_LEADS)


# --- number and place of windows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fs_hz", [100.0, 500.0, 257.0])
@pytest.mark.parametrize(
    ("duration_s", "starts_s"),
    [
        (5.0, [0.0]),
        (7.3, [0.0]),
        (9.99, [0.0]),
        (10.0, [0.0]),
        (10.05, [0.0]),
        (12.0, [0.0, 2.0]),
        (15.0, [0.0, 5.0]),
        (30.0, [0.0, 5.0, 10.0, 15.0, 20.0]),
        (33.0, [0.0, 5.0, 10.0, 15.0, 20.0, 23.0]),
    ],
)
def test_windows_start_every_half_window_and_the_last_ends_with_the_record(
    spec: InputSpec, fs_hz: float, duration_s: float, starts_s: list[float]
) -> None:
    signal = resample(long_signal_mv(3300), 100.0, fs_hz)[:, : int(np.ceil(duration_s * fs_hz))]
    windows = windows_of(record_of(signal, fs_hz), spec)
    np.testing.assert_allclose(windows.start_s, starts_s, atol=0.011)
    assert windows.x.shape == (len(starts_s), 12, 1000)
    assert windows.mask.shape == (len(starts_s), 1000)
    n_valid = min(1000, signal.shape[1] * 100.0 / fs_hz)
    np.testing.assert_allclose(windows.mask.sum(axis=1), n_valid, atol=1)


@pytest.mark.parametrize("fs_hz", [100.0, 500.0])
def test_a_record_under_five_seconds_is_not_assessed_and_its_length_is_not_rounded_up(
    spec: InputSpec, fs_hz: float
) -> None:
    for n_missing in (1, round(0.1 * fs_hz)):
        signal = resample(real_signal_mv(), 100.0, fs_hz)[:, : int(5 * fs_hz) - n_missing]
        with pytest.raises(NotAssessedError, match=r"^4\.9\d* s recorded, the model needs at least 5 s$"):
            windows_of(record_of(signal, fs_hz), spec)


def test_a_short_record_is_preprocessed_alone_and_padded_with_masked_zeros(spec: InputSpec) -> None:
    signal = real_signal_mv(1)[:, :630]
    windows = windows_of(record_of(signal), spec)
    np.testing.assert_allclose(windows.x[0, :, :630], model_input(signal), atol=1e-6)
    np.testing.assert_array_equal(windows.x[0, :, 630:], 0.0)
    np.testing.assert_array_equal(windows.mask[0], np.arange(1000) < 630)


def test_each_window_is_preprocessed_on_its_own(spec: InputSpec) -> None:
    signal = long_signal_mv(2700)
    windows = windows_of(record_of(signal), spec)
    for x, start in zip(windows.x, np.round(100 * windows.start_s).astype(int), strict=True):
        np.testing.assert_allclose(x, model_input(signal[:, start : start + 1000]), atol=1e-5)
    np.testing.assert_array_equal(windows.start_s[-1], 17.0)


# --- leads -----------------------------------------------------------------------------------------------------------


def test_the_order_of_the_records_leads_does_not_matter(spec: InputSpec) -> None:
    order = np.random.default_rng(0).permutation(12)
    signal = real_signal_mv(2)
    shuffled = record_of(signal[order], lead_names=[STANDARD_LEADS[i] for i in order])
    np.testing.assert_array_equal(windows_of(shuffled, spec).x, windows_of(record_of(signal), spec).x)


def test_leads_that_the_model_does_not_take_are_left_out(spec: InputSpec) -> None:
    signal = real_signal_mv(2)
    more = record_of(np.concatenate([signal[:1] * 3, signal]), lead_names=("V7", *STANDARD_LEADS))
    np.testing.assert_array_equal(windows_of(more, spec).x, windows_of(record_of(signal), spec).x)


@pytest.mark.parametrize("missing", [{"III", "aVR", "aVL", "aVF"}, {"aVF"}, {"I", "aVR", "aVL", "aVF"}])
def test_limb_leads_may_be_missing_where_two_others_give_them(spec: InputSpec, missing: set[str]) -> None:
    signal = real_signal_mv(4)
    rows = [i for i, name in enumerate(STANDARD_LEADS) if name not in missing]
    windows = windows_of(record_of(signal[rows], lead_names=[STANDARD_LEADS[i] for i in rows]), spec)
    # Augmented leads in the file are rounded to 1 uV, in units of 0.25 mV.
    np.testing.assert_allclose(windows.x, windows_of(record_of(signal), spec).x, atol=0.013)


def test_a_limb_lead_that_the_manifest_does_not_let_be_derived_is_missing(spec: InputSpec) -> None:
    strict = replace(spec, derivable_leads=("III",))
    record = record_of(np.delete(real_signal_mv(4), 3, axis=0), lead_names=[n for n in STANDARD_LEADS if n != "aVR"])
    with pytest.raises(NotAssessedError, match="lead aVR not recorded"):
        windows_of(record, strict)


def test_missing_chest_leads_are_named(spec: InputSpec) -> None:
    signal = real_signal_mv(4)
    without_v3 = record_of(np.delete(signal, 8, axis=0), lead_names=[n for n in STANDARD_LEADS if n != "V3"])
    with pytest.raises(NotAssessedError, match=r"^lead V3 not recorded; the model needs all twelve leads$"):
        windows_of(without_v3, spec)
    two_leads = record_of(signal[:2], lead_names=("MLII", "V5"))
    with pytest.raises(NotAssessedError, match=r"^leads I, II, III, aVR, aVL, aVF, V1, V2, V3, V4, V6 not recorded"):
        windows_of(two_leads, spec)


def test_a_lead_that_is_off_is_named_and_does_not_pass_for_an_isoelectric_one(spec: InputSpec) -> None:
    signal = real_signal_mv(4).copy()
    signal[8] = 0.3
    with pytest.raises(NotAssessedError, match=r"^lead V3 without signal; the model needs all twelve leads$"):
        windows_of(record_of(signal), spec)
    signal[8] = np.nan
    with pytest.raises(NotAssessedError, match="lead V3 without signal"):
        windows_of(record_of(signal), spec)


def test_a_lead_with_the_noise_of_an_open_input_is_off(spec: InputSpec) -> None:
    signal = real_signal_mv(4).copy()
    signal[7:9] = np.random.default_rng(0).integers(0, 3, (2, 1000)) * 0.001
    with pytest.raises(NotAssessedError, match=r"^leads V2, V3 without signal; the model needs all twelve leads$"):
        windows_of(record_of(signal), spec)


@pytest.mark.parametrize("fs_hz", [100.0, 500.0])
def test_a_lead_that_is_off_most_of_the_time_is_named_with_how_long(spec: InputSpec, fs_hz: float) -> None:
    signal = resample(real_signal_mv(4), 100.0, fs_hz).copy()
    signal[11, round(0.58 * fs_hz) :] = -20.02  # as V6 of PTB-XL 20045
    with pytest.raises(
        NotAssessedError, match=r"^lead V6 \(9\.4\d? s\) without signal; the model needs all twelve leads$"
    ):
        windows_of(record_of(signal, fs_hz), spec)


def test_a_limb_lead_that_comes_off_follows_from_the_others(spec: InputSpec) -> None:
    signal = real_signal_mv(4).copy()
    whole = windows_of(record_of(signal), spec)
    signal[2, 200:] = 0.0
    windows = windows_of(record_of(signal), spec)
    np.testing.assert_allclose(windows.x, whole.x, atol=0.013)
    assert windows.mask.all()


def test_a_lead_that_is_off_for_a_while_is_a_gap(spec: InputSpec) -> None:
    signal = real_signal_mv(5).copy()
    signal[7, 200:350] = 0.0
    windows = windows_of(record_of(signal), spec)
    np.testing.assert_allclose(windows.mask.mean(), 0.85, atol=0.02)
    assert (windows.mask[0, 205:345] == 0).all()
    assert (windows.x[0][:, 205:345] == 0).all()


@pytest.mark.parametrize("level_mv", [0.0, 0.1, -1.7])
@pytest.mark.parametrize("fs_hz", [100.0, 500.0])
def test_a_flat_record_is_not_assessed_at_whatever_level(spec: InputSpec, level_mv: float, fs_hz: float) -> None:
    with pytest.raises(NotAssessedError, match=r"^all leads are flat$"):
        windows_of(record_of(np.full((12, int(10 * fs_hz)), level_mv), fs_hz), spec)


# --- gaps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fs_hz", [100.0, 500.0])
def test_a_gap_in_any_lead_is_masked_in_all(spec: InputSpec, fs_hz: float) -> None:
    signal = resample(real_signal_mv(5), 100.0, fs_hz).copy()
    signal[7, int(2 * fs_hz) : int(3.5 * fs_hz)] = np.nan
    windows = windows_of(record_of(signal, fs_hz), spec)
    is_gap = (np.arange(1000) >= 200) & (np.arange(1000) < 350)
    np.testing.assert_array_equal(windows.mask[0], ~is_gap)
    np.testing.assert_array_equal(windows.x[0][:, is_gap], 0.0)
    assert np.isfinite(windows.x).all()
    assert (windows.x[0][:, ~is_gap] != 0).mean() > 0.9


def test_infinite_samples_are_gaps(spec: InputSpec) -> None:
    signal = real_signal_mv(5).copy()
    signal[0, 10:20] = np.inf
    windows = windows_of(record_of(signal), spec)
    assert windows.mask[0, 10:20].sum() == 0
    assert np.isfinite(windows.x).all()


def test_windows_with_too_little_signal_are_left_out(spec: InputSpec) -> None:
    signal = long_signal_mv(3000).copy()
    signal[:, 200:1300] = np.nan
    windows = windows_of(record_of(signal), spec)
    np.testing.assert_array_equal(windows.start_s, [10.0, 15.0, 20.0])
    np.testing.assert_array_equal(windows.mask[0], np.arange(1000) >= 300)


def test_a_record_with_more_gaps_than_signal_is_not_assessed(spec: InputSpec) -> None:
    signal = real_signal_mv(5).copy()
    signal[:, 100:700] = np.nan
    with pytest.raises(NotAssessedError, match=r"^gaps leave no window with 5 s of signal in all leads$"):
        windows_of(record_of(signal), spec)
