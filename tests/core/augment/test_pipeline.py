"""What every change of a batch has to keep, and the changes that have no module of their own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError
from real_records import real_signal_mv

from physioclr_core.augment.config import AugmentConfig
from physioclr_core.augment.pipeline import augment
from physioclr_core.augment.presets import AUGMENT_PRESETS

FS_HZ = 100.0
N_RECORDS, N_SAMPLES = 24, 400

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
Batch = tuple[FloatArray, BoolArray, BoolArray]

# Each change alone, certain to happen.
ALONE = {
    "warp": AugmentConfig(warp_probability=1.0),
    "rotate": AugmentConfig(rotate_probability=1.0),
    "gain": AugmentConfig(gain_probability=1.0),
    "bandwidth": AugmentConfig(bandwidth_probability=1.0),
    "noise": AugmentConfig(noise_probability=1.0),
    "white": AugmentConfig(white_probability=1.0),
    "wander": AugmentConfig(wander_probability=1.0),
    "time mask": AugmentConfig(time_mask_probability=1.0),
    "lead spans": AugmentConfig(lead_span_probability=1.0),
    "lead mask": AugmentConfig(lead_mask_probability=1.0, lead_mask_share=0.5),
}
ALL = AugmentConfig(**{name: 1.0 for name in AugmentConfig.model_fields if name.endswith("_probability")})
CONFIGS = {**ALONE, **AUGMENT_PRESETS, "all": ALL}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def whole_batch(n_records: int = N_RECORDS) -> Batch:
    """Return real segments whose dependent leads follow from I and II."""
    signal = np.stack([lawful(real_signal_mv(entry)[:, :N_SAMPLES]) for entry in range(n_records)])
    return signal, np.ones((n_records, N_SAMPLES), bool), np.ones((n_records, 12), bool)


def lawful(signal_mv: FloatArray) -> FloatArray:
    signal = signal_mv.copy()
    signal[2] = signal[1] - signal[0]
    signal[3] = -(signal[0] + signal[1]) / 2.0
    signal[4] = signal[0] - signal[1] / 2.0
    signal[5] = signal[1] - signal[0] / 2.0
    return signal


def batch_with_gaps() -> Batch:
    """Return real segments, some padded at their end, some with a gap, some with few leads."""
    signal, mask, has_lead = whole_batch()
    mask[::3, 300:] = False
    mask[1::3, 120:160] = False
    has_lead[::4, 6:] = False
    has_lead[1::4] = False
    has_lead[1::4, 1] = True
    signal *= mask[:, None, :] & has_lead[:, :, None]
    return signal, mask, has_lead


def law_error_mv(signal_mv: FloatArray) -> float:
    """Return how far the limb leads are from Einthoven's and Goldberger's laws."""
    i, ii, iii, avr, avl, avf = np.moveaxis(signal_mv[:, :6].astype(np.float64), 1, 0)
    errors = (i + iii - ii, avr + (i + ii) / 2.0, avl - (i - iii) / 2.0, avf - (ii + iii) / 2.0)
    return max(float(np.abs(error).max()) for error in errors)


@every_config
def test_equal_seeds_give_equal_batches_and_the_input_stays_as_it_was(config: AugmentConfig) -> None:
    given = batch_with_gaps()
    kept = tuple(array.copy() for array in given)
    for array in given:
        array.flags.writeable = False
    first = augment(*given, FS_HZ, config, np.random.default_rng(7))
    second = augment(*given, FS_HZ, config, np.random.default_rng(7))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    for array, before in zip(given, kept, strict=True):
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("config", ALONE.values(), ids=ALONE)
def test_another_seed_gives_another_batch(config: AugmentConfig) -> None:
    given = whole_batch()
    one, other = (augment(*given, FS_HZ, config, np.random.default_rng(seed))[0] for seed in (0, 1))
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, given[0])


@every_config
def test_hidden_time_and_missing_leads_are_zero_and_nothing_hidden_comes_back(config: AugmentConfig) -> None:
    given = batch_with_gaps()
    signal, mask, has_lead = augment(*given, FS_HZ, config, np.random.default_rng(0))
    assert (signal.dtype, mask.dtype, has_lead.dtype) == (np.float32, np.bool_, np.bool_)
    assert signal.shape == given[0].shape
    assert np.isfinite(signal).all()
    assert not signal[~np.broadcast_to(mask[:, None, :] & has_lead[:, :, None], signal.shape)].any()
    assert not (has_lead & ~given[2]).any()
    assert has_lead.any(axis=1).all()
    assert mask.any(axis=1).all()
    if not config.warp_probability:
        assert not (mask & ~given[1]).any()


@pytest.mark.parametrize("name", ["warp", "rotate", "gain", "bandwidth", "noise", "wander"])
def test_what_happens_in_heart_electrodes_and_amplifier_keeps_the_laws_of_the_limb_leads(name: str) -> None:
    given = whole_batch()
    assert law_error_mv(given[0]) < 1e-5
    signal, *_ = augment(*given, FS_HZ, ALONE[name], np.random.default_rng(0))
    assert law_error_mv(signal) < 1e-5


def test_no_change_is_the_identity() -> None:
    given = batch_with_gaps()
    for after, before in zip(augment(*given, FS_HZ, AugmentConfig(), np.random.default_rng(0)), given, strict=True):
        np.testing.assert_array_equal(after, before)


def test_the_gain_is_common_to_all_leads_and_fills_its_range_evenly_on_a_logarithmic_scale() -> None:
    signal = np.ones((4000, 3, 5), np.float32)
    given = (signal, np.ones((4000, 5), bool), np.ones((4000, 3), bool))
    config = AugmentConfig(gain_probability=1.0, gain_factor=1.5)
    changed, *_ = augment(*given, FS_HZ, config, np.random.default_rng(0))
    assert np.ptp(changed, axis=(1, 2)).max() == 0.0
    position = np.log(changed[:, 0, 0]) / np.log(1.5)
    np.testing.assert_allclose(np.quantile(position, [0.0, 0.25, 0.5, 0.75, 1.0]), [-1, -0.5, 0, 0.5, 1], atol=0.04)
    assert np.abs(position).max() <= 1.0 + 1e-6


def test_white_noise_has_its_standard_deviation_in_every_lead_and_no_lead_knows_of_another() -> None:
    zero = np.zeros((60, 12, 500), np.float32)
    config = AugmentConfig(white_probability=1.0, white_mv=0.02)
    noise, *_ = augment(
        zero, np.ones((60, 500), bool), np.ones((60, 12), bool), FS_HZ, config, np.random.default_rng(0)
    )
    np.testing.assert_allclose(noise.std(axis=(0, 2)), 0.02, rtol=0.03)
    correlation = np.corrcoef(np.moveaxis(noise, 1, 0).reshape(12, -1))
    assert np.abs(correlation - np.eye(12)).max() < 0.03


def test_a_band_does_not_let_an_offset_at_the_edge_of_hidden_time_into_the_signal() -> None:
    signal, mask, has_lead = batch_with_gaps()
    visible = mask[:, None, :] & has_lead[:, :, None]
    lifted = np.where(visible, signal + np.float32(3.0), np.float32(0.0))
    plain, with_offset = (
        augment(given, mask, has_lead, FS_HZ, ALONE["bandwidth"], np.random.default_rng(0))[0]
        for given in (signal, lifted)
    )
    np.testing.assert_allclose(with_offset, plain, atol=1e-4)


def test_each_record_changes_with_the_given_probability() -> None:
    given = whole_batch(8)
    many = tuple(np.tile(array, (100, *[1] * (array.ndim - 1))) for array in given)
    changed, *_ = augment(*many, FS_HZ, AugmentConfig(wander_probability=0.25), np.random.default_rng(0))
    share = (changed != many[0]).any(axis=(1, 2)).mean()
    assert share == pytest.approx(0.25, abs=0.05)


def test_an_empty_batch_and_an_impossible_configuration() -> None:
    empty = (np.empty((0, 12, 400), np.float32), np.empty((0, 400), bool), np.empty((0, 12), bool))
    assert augment(*empty, FS_HZ, ALL, np.random.default_rng(0))[0].shape == (0, 12, 400)
    with pytest.raises(ValidationError):
        AugmentConfig(gain_probability=1.5)
    with pytest.raises(ValidationError):
        AugmentConfig(unknown=1)


def test_every_field_says_what_it_is() -> None:
    assert all(field.description for field in AugmentConfig.model_fields.values())


def test_presets_survive_their_own_text() -> None:
    for config in AUGMENT_PRESETS.values():
        assert AugmentConfig.model_validate_json(config.model_dump_json()) == config
