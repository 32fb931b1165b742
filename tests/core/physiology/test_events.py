"""Events and rates of long recordings: what is counted, where, and what is not known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb
from long_records import write_long_record

from physioclr_core.errors import RecordError
from physioclr_core.physiology.events import minute_rates_bpm, rhythm_events
from physioclr_core.physiology.marks import Beats
from physioclr_core.physiology.search_day import SearchCancelledError, search_day
from physioclr_core.readers.wfdb_annotations import read_notes
from physioclr_core.recordings.day import load_day
from physioclr_core.recordings.opening import open_long

FS_HZ = 100.0
DATA = Path(__file__).parents[2] / "data"


def beats_at(r_s: np.ndarray, classes: dict[int, int] | None = None, breaks: tuple[int, ...] = ()) -> Beats:
    r_samples = np.round(np.asarray(r_s) * FS_HZ).astype(np.int64)
    labels = np.ones(len(r_samples), np.int8)
    for row, label in (classes or {}).items():
        labels[row] = label
    follows = np.ones(len(r_samples), bool)
    follows[[0, *breaks]] = False
    return Beats(FS_HZ, int(r_samples[-1]) + 100, r_samples, np.ones(len(r_samples), np.float32), labels, follows)


def kinds(beats: Beats) -> list[str]:
    return [event.kind for event in rhythm_events(beats)]


def test_a_pause_is_an_interval_of_more_than_two_seconds_without_a_gap() -> None:
    r_s = np.concatenate([np.arange(10) * 1.0, 11.5 + np.arange(10), 23.5 + np.arange(5)])
    events = rhythm_events(beats_at(r_s))
    assert [(event.kind, event.start_s, event.duration_s) for event in events] == [
        ("pause", 9.0, 2.5),
        ("pause", 20.5, 3.0),
    ]
    assert kinds(beats_at(r_s, breaks=(10, 20))) == []


def test_runs_pairs_and_single_beats_are_told_apart() -> None:
    r_s = np.arange(30) * 0.5
    events = rhythm_events(beats_at(r_s, {3: 2, 8: 2, 9: 2, 14: 2, 15: 2, 16: 2, 17: 2, 20: 3}))
    assert [event.kind for event in events] == ["single wide beat", "wide pair", "wide run", "single early narrow beat"]
    run = events[2]
    assert (run.start_s, run.duration_s, run.detail) == (7.0, 1.5, "4 beats, 120/min")


def test_a_gap_ends_a_run() -> None:
    assert kinds(beats_at(np.arange(30) * 0.5, {5: 2, 6: 2, 7: 2, 8: 2}, breaks=(7,))) == ["wide pair", "wide pair"]


def test_irregular_minutes_are_one_stretch_and_regular_ones_none() -> None:
    rng = np.random.default_rng(0)
    rr_s = np.concatenate([np.full(120, 1.0), rng.uniform(0.4, 1.4, 200), np.full(120, 1.0)])
    events = [event for event in rhythm_events(beats_at(np.cumsum(rr_s))) if event.kind == "irregular RR"]
    assert len(events) == 1
    assert events[0].start_s == pytest.approx(120.0, abs=61)
    assert events[0].duration_s == pytest.approx(180.0, abs=61)


def test_rates_are_those_of_each_minute_and_unknown_where_little_is_there() -> None:
    r_s = np.concatenate([np.arange(0, 60, 0.5), np.arange(60, 120, 1.0), 185 + np.arange(10)])
    beats = beats_at(r_s, breaks=(180,))
    rates = minute_rates_bpm(beats.r_samples, beats.follows, FS_HZ, round(240 * FS_HZ))
    np.testing.assert_allclose(rates[:2], [120, 60], rtol=0.02)
    assert np.isnan(rates[2:]).all()


def test_uncertain_beats_have_no_rate() -> None:
    beats = beats_at(np.arange(0, 120, 1.0))
    confidence = np.where(beats.r_s < 60, 0.9, 0.45).astype(np.float32)
    rates = minute_rates_bpm(beats.r_samples, beats.follows, FS_HZ, beats.n_samples, confidence)
    assert rates[0] == pytest.approx(60, rel=0.01)
    assert np.isnan(rates[1])


def test_notes_and_rhythms_of_an_annotation_file_are_those_that_wfdb_reads(tmp_path: Path) -> None:
    samples = np.array([10, 500, 3000, 700_000, 700_010])
    notes = ["(N", "", "patient coughs", "(AFIB", ""]
    wfdb.wrann("r", "atr", samples, ["+", "N", '"', "+", "V"], aux_note=notes, write_dir=str(tmp_path))
    found = [(note.sample, note.text, note.is_rhythm) for note in read_notes(tmp_path / "r.atr")]
    assert found == [(10, "N", True), (3000, "patient coughs", False), (700_000, "AFIB", True)]
    content = (tmp_path / "r.atr").read_bytes()
    (tmp_path / "cut.atr").write_bytes(content[:-4])
    with pytest.raises(RecordError, match="no complete annotation file"):
        read_notes(tmp_path / "cut.atr")


@pytest.fixture(scope="module")
def two_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty minutes of a real two-lead record with noise and a gap, and a note beside it."""
    folder = tmp_path_factory.mktemp("long")
    sources = sorted((DATA / "mitdb").rglob("*.hea"))[:1]
    header = write_long_record(folder / "r", sources, 1200.0, 360.0, ["MLII", "V5"], gaps_s=[(300.0, 340.0)])
    wfdb.wrann("r", "atr", np.array([36_000]), ['"'], aux_note=["stairs"], write_dir=str(folder))
    return header


def test_a_recording_is_searched_in_pieces_and_kept(two_records: Path, tmp_path: Path) -> None:
    recording = open_long(two_records, 0)
    assert recording is not None
    told: list[float] = []
    day = search_day(recording, lambda done_s, rates: told.append(done_s))
    assert day.reason == ""
    assert 500 < len(day.r_samples) < 3000
    assert len(day.rate_bpm) == 20
    assert np.isfinite(day.rate_bpm).sum() >= 18
    gap = next(event for event in day.events if event.kind == "gap")
    assert (gap.start_s, gap.duration_s) == (300.0, 40.0)
    assert not ((day.r_samples > 300 * 360) & (day.r_samples < 340 * 360)).any()
    note = next(event for event in day.events if event.is_of_file)
    assert (note.start_s, note.detail) == (100.0, "stairs")
    day.save(tmp_path / "day.npz")
    kept = load_day(tmp_path / "day.npz")
    assert kept is not None
    assert kept.events == day.events
    np.testing.assert_array_equal(kept.r_samples, day.r_samples)
    np.testing.assert_array_equal(kept.rate_bpm, day.rate_bpm)


def test_a_damaged_day_is_none(two_records: Path, tmp_path: Path) -> None:
    assert load_day(tmp_path / "none.npz") is None
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    assert load_day(tmp_path / "bad.npz") is None


def test_a_search_that_nobody_waits_for_stops(two_records: Path) -> None:
    recording = open_long(two_records, 0)
    assert recording is not None
    with pytest.raises(SearchCancelledError):
        search_day(recording, is_cancelled=lambda: True)
