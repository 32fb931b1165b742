from __future__ import annotations

import numpy as np
import pytest
from real_records import long_signal_mv, real_signal_mv, record_of, shipped_library

from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.windows import windows_of
from physioclr_core.library.query import first_window, similar_to
from physioclr_core.library.reference import SearchResult
from physioclr_core.signal.resample import resample


@pytest.fixture(scope="module")
def model() -> EcgModel:
    return EcgModel(allow_gpu=False)


def query(model: EcgModel, signal_mv: np.ndarray, fs_hz: float = 100.0, exclude_same: bool = True) -> SearchResult:
    windows = windows_of(record_of(signal_mv, fs_hz), model.manifest.input)
    return similar_to(
        model.assess_windows([windows])[0], windows, model, shipped_library(), 10, exclude_same=exclude_same
    )


@pytest.mark.parametrize("entry", [0, 1234, 2000])
def test_a_library_record_finds_itself_where_it_may(model: EcgModel, entry: int) -> None:
    found = query(model, real_signal_mv(entry), exclude_same=False)
    assert found.matches[0].entry.entry == entry
    assert found.matches[0].distance < 0.002  # the library's embeddings are of half precision
    assert found.is_close


@pytest.mark.parametrize("fs_hz", [100.0, 500.0, 360.0])
def test_a_library_record_is_left_out_at_any_rate(model: EcgModel, fs_hz: float) -> None:
    found = query(model, resample(real_signal_mv(42), 100.0, fs_hz), fs_hz)
    assert [text.endswith("the same signal") for text in found.left_out] == [True]
    assert 42 not in [match.entry.entry for match in found.matches]
    assert len(found.matches) == 10


def test_a_library_record_with_a_gap_is_still_the_same_signal(model: EcgModel) -> None:
    signal = real_signal_mv(42).copy()
    signal[:, 200:380] = np.nan
    assert [text.endswith("the same signal") for text in query(model, signal).left_out] == [True]


def test_the_start_of_a_longer_record_counts(model: EcgModel) -> None:
    found = query(model, long_signal_mv(3000, first_entry=42))
    near = [match.entry.entry for match in found.matches]
    assert 42 not in near  # its first ten seconds are entry 42


def test_the_first_window_has_gaps_as_nan_and_no_padding(model: EcgModel) -> None:
    signal = real_signal_mv(7)[:, :640].copy()
    signal[3, 100:150] = np.nan
    windows = windows_of(record_of(signal), model.manifest.input)
    window = first_window(windows)
    assert window.shape == (12, 640)
    np.testing.assert_array_equal(np.isnan(window), np.tile((np.arange(640) >= 100) & (np.arange(640) < 150), (12, 1)))
