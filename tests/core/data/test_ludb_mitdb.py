from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from physioclr_core.data.beat_crops import beats_of_marks
from physioclr_core.data.ludb import FOLDS, MarkedRecord, fold_of, load_ludb, ludb_sha256, parse_marks
from physioclr_core.data.mitdb import beats_sha256, load_mitdb
from physioclr_core.errors import UserFacingError


def test_marks_are_waves_with_onset_peak_and_offset() -> None:
    times = np.arange(9) / 10.0
    waves = parse_marks(["(", "p", ")", "(", "N", ")", "(", "t", ")"], times)
    np.testing.assert_allclose(waves, [[0, 0.0, 0.1, 0.2], [1, 0.3, 0.4, 0.5], [2, 0.6, 0.7, 0.8]])


def test_a_wave_that_begins_at_its_peak_has_its_onset_there() -> None:
    waves = parse_marks(["t", ")", "(", "N", ")"], np.array([0.1, 0.2, 0.5, 0.6, 0.7]))
    np.testing.assert_allclose(waves, [[2, 0.1, 0.1, 0.2], [1, 0.5, 0.6, 0.7]])


def test_an_onset_stored_after_its_peak_does_not_hide_the_offset() -> None:
    waves = parse_marks([")", "t", "(", ")"], np.array([0.0, 0.1, 0.11, 0.3]))
    np.testing.assert_allclose(waves, [[2, 0.1, 0.1, 0.3]])


def test_a_wave_without_boundaries_has_none() -> None:
    waves = parse_marks(["p", "N"], np.array([0.1, 0.3]))
    assert np.isnan(waves[:, 3]).all()


def test_ludb_has_twelve_leads_of_marks_in_order(test_data: Callable[..., Path]) -> None:
    records = load_ludb(test_data("ludb", "data"))
    assert len(records) == 100
    assert [record.name for record in records[:3]] == ["1", "2", "3"]
    for record in records[::10]:
        assert record.signal_mv.shape == (12, 5000)
        assert record.fs_hz == 500.0
        for waves, (first_s, last_s) in zip(record.waves_s, record.span_s, strict=True):
            assert (np.diff(waves[:, 2]) > 0).all()
            assert first_s <= np.nanmin(waves[:, 1:])
            assert last_s >= np.nanmax(waves[:, 1:])
    sizes = np.bincount([fold_of(record.name) for record in records])
    assert sizes.tolist() == [20] * FOLDS
    assert ludb_sha256(records) != ludb_sha256(records[:-1])


def test_mit_bih_has_beats_and_flutter_waves(test_data: Callable[..., Path]) -> None:
    records = {record.name: record for record in load_mitdb(test_data("mitdb"))}
    assert len(records) == 22
    assert sum(len(record.beats_s) for record in records.values()) > 50_000
    assert records["207"].codes.count("!") == 472  # flutter waves are marked one by one
    assert not any(record.unknown_s for record in records.values())
    assert len(records["101"].codes) == len(records["101"].beats_s)
    assert beats_sha256(list(records.values())) != beats_sha256([records["101"]])


def test_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="no LUDB records here"):
        load_ludb(tmp_path)
    with pytest.raises(UserFacingError, match=r"no records with \.atr"):
        load_mitdb(tmp_path)


def test_marks_of_all_leads_make_one_beat_each() -> None:
    waves = [np.array([[1, 0.9, 1.0 + d, 1.1], [1, 1.9, 2.0 + d, 2.1]]) for d in (-0.01, 0.0, 0.02)]
    record = MarkedRecord("1", np.zeros((3, 1500), np.float32), 500.0, tuple(waves), np.array([[0.9, 2.1]] * 3))
    beats = beats_of_marks(record)
    np.testing.assert_allclose(beats.beats_s, [1.0, 2.0])
    np.testing.assert_allclose(beats.unknown_s, [(0.0, 0.8), (2.25, 3.0)])
