from __future__ import annotations

import lzma

import numpy as np
import pytest
from real_records import real_signal_mv, shipped_library, to_adu

from physioclr_core.library.codec import pack_record, unpack_record

LOW, HIGH = -32768, 32767


def test_real_records_come_back_bit_for_bit_and_small() -> None:
    n_bytes = []
    for entry in range(0, len(shipped_library()), 140):
        signal = to_adu(real_signal_mv(entry))
        packed = pack_record(signal)
        n_bytes.append(len(packed))
        unpacked = unpack_record(packed, 1000)
        assert unpacked.dtype == np.int16
        np.testing.assert_array_equal(unpacked, signal)
    assert np.mean(n_bytes) < 10_000  # of 24,000


@pytest.mark.parametrize("n_samples", [1, 2, 999, 5000])
def test_extremes_come_back_bit_for_bit(n_samples: int) -> None:
    rng = np.random.default_rng(n_samples)
    steps = np.where(np.arange(n_samples) % 2, LOW, HIGH)
    signals = [
        rng.integers(LOW, HIGH + 1, (12, n_samples)),
        np.zeros((12, n_samples)),
        np.full((12, n_samples), LOW),
        np.full((12, n_samples), HIGH),
        np.tile(steps, (12, 1)),
        steps * np.where(np.arange(12) % 2, 1, -1)[:, None] - (np.arange(12) % 2 == 0)[:, None],
        rng.choice([LOW, -1, 0, 1, HIGH], (12, n_samples)),
    ]
    for signal in signals:
        samples = np.clip(signal, LOW, HIGH).astype(np.int16)
        np.testing.assert_array_equal(unpack_record(pack_record(samples), n_samples), samples)


def test_leads_that_follow_from_others_cost_almost_nothing() -> None:
    signal = to_adu(real_signal_mv(0))
    independent = signal.copy()
    independent[2:6] = to_adu(real_signal_mv(1))[2:6]
    assert len(pack_record(signal)) < 0.8 * len(pack_record(independent))


def test_bytes_that_are_no_record_are_refused() -> None:
    packed = pack_record(to_adu(real_signal_mv(0)))
    for damaged in (b"", packed[:-1], packed[: len(packed) // 2], packed[100:], b"\x00", b"\xff" * 50, b"no record"):
        with pytest.raises(ValueError, match="not a packed record"):
            unpack_record(damaged, 1000)


def test_a_record_of_another_length_is_refused() -> None:
    packed = pack_record(to_adu(real_signal_mv(0)))
    for n_samples in (999, 1001, 0):
        with pytest.raises(ValueError, match="not a packed record of 12 x"):
            unpack_record(packed, n_samples)


def test_damage_inside_is_refused_or_changes_samples_only() -> None:
    # Raw LZMA2 has no checksum: the library's file hash is what finds a flipped bit.
    signal = to_adu(real_signal_mv(0))
    packed = bytearray(pack_record(signal))
    for position in range(10, len(packed), 97):
        damaged = packed.copy()
        damaged[position] ^= 0x40
        try:
            assert unpack_record(bytes(damaged), 1000).shape == (12, 1000)
        except ValueError:
            pass
    with pytest.raises(ValueError, match="not a packed record"):
        unpack_record(lzma.compress(bytes(packed)), 1000)
