"""The model of the worklist without Qt: filter, order, neighbours, words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ecgviewer.services.folders import Folders
from ecgviewer.state.events import Event
from ecgviewer.state.worklist import Batch, Entry, Filter, Order, ReadResult, Worklist
from ecgviewer.state.worklist_text import (
    cell_text,
    counts_text,
    length_text,
    natural_key,
    progress_text,
    sort_value,
)
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers.summary import RecordSummary

ROE = RecordSummary(
    record="E9",
    format="DICOM",
    fs_hz=500.0,
    duration_s=10.0,
    lead_names=STANDARD_LEADS,
    patient_id="17",
    patient_name="Roe",
    age_years=63.0,
    sex="female",
    start="2024-03-02T10:14:00",
    statements="Sinus rhythm",
)
DOE = replace(ROE, record="E10", patient_name="Doe", age_years=None, over_89=True, start="2023-01-01", n_notices=2)
HOLTER = RecordSummary("h", "WFDB", 360.0, 1805.6, ("MLII", "V5"))


def path(name: str) -> Path:
    return Path("/ecgs", name)


def filled() -> Worklist:
    worklist = Worklist()
    names = ("E9.dcm", "E10.dcm", "h.hea", "bad.hea", "later.hea")
    worklist.update(
        [path(name) for name in names],
        [
            ReadResult(path("E9.dcm"), ROE, stamp="1"),
            ReadResult(path("E10.dcm"), DOE, stamp="1"),
            ReadResult(path("h.hea"), HOLTER, stamp="1"),
            ReadResult(path("bad.hea"), error="bad.hea: is no header."),
        ],
    )
    return worklist


def in_sight(worklist: Worklist) -> list[str]:
    return [worklist.entries[number].path.name for number in worklist.view]


def test_entries_stand_in_the_order_in_which_they_were_found_before_and_after_they_are_read() -> None:
    worklist = filled()
    assert in_sight(worklist) == ["E9.dcm", "E10.dcm", "h.hea", "bad.hea", "later.hea"]
    assert [entry.kind for entry in worklist.entries] == ["read", "read", "read", "error", "waiting"]
    assert [worklist.count(kind) for kind in ("all", "read", "error", "waiting", "notice")] == [5, 3, 1, 1, 1]
    assert worklist.formats() == ["DICOM", "WFDB"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Filter(text="roe SINUS"), ["E9.dcm"]),
        (Filter(text="no header"), ["bad.hea"]),
        (Filter(format="WFDB"), ["h.hea"]),
        (Filter(status="error"), ["bad.hea"]),
        (Filter(status="notice"), ["E10.dcm"]),
        (Filter(status="read", text="e1"), ["E10.dcm"]),
        (Filter(text="nobody"), []),
    ],
)
def test_a_filter_leaves_what_holds_all_its_words(wanted: Filter, names: list[str]) -> None:
    worklist = filled()
    worklist.set_filter(wanted)
    assert in_sight(worklist) == names
    worklist.set_filter(Filter())
    assert len(worklist.view) == 5


def test_what_is_read_later_enters_a_filtered_view() -> None:
    worklist = filled()
    worklist.set_filter(Filter(status="error"))
    worklist.update([], [ReadResult(path("later.hea"), error="later.hea: is empty.")])
    assert in_sight(worklist) == ["bad.hea", "later.hea"]


def test_columns_sort_by_value_with_the_unknown_at_the_end_either_way() -> None:
    worklist = filled()
    worklist.set_order(Order("who"))
    assert in_sight(worklist)[:2] == ["E9.dcm", "E10.dcm"]
    worklist.set_order(Order("who", is_descending=True))
    assert in_sight(worklist) == ["E10.dcm", "E9.dcm", "h.hea", "bad.hea", "later.hea"]
    worklist.set_order(Order("record"))
    assert in_sight(worklist) == ["bad.hea", "E9.dcm", "E10.dcm", "h.hea", "later.hea"]
    worklist.set_order(Order("length", is_descending=True))
    assert in_sight(worklist)[0] == "h.hea"


def test_the_start_states_the_time_zone_where_the_file_does() -> None:
    there = replace(ROE, start="2024-03-02T10:14:00+02:00")
    assert cell_text("recorded", "E9", there) == "2024-03-02 10:14 UTC+0200"
    assert [cell_text("recorded", "", one) for one in (ROE, DOE)] == ["2024-03-02 10:14", "2023-01-01"]


def test_every_column_has_a_text_and_an_order_for_every_summary() -> None:
    from ecgviewer.state.worklist_text import COLUMNS

    for column in COLUMNS:
        for summary in (ROE, DOE, HOLTER, None):
            assert isinstance(cell_text(column, "x", summary), str)
            sort_value(column, "x", summary)
    assert cell_text("who", "x", DOE) == "F >89"
    assert cell_text("recorded", "x", ROE) == "2024-03-02 10:14"
    assert cell_text("recorded", "x", DOE) == "2023-01-01"
    assert cell_text("patient", "x", HOLTER) == "--"
    assert cell_text("leads", "x", HOLTER) == "MLII, V5"
    assert cell_text("leads", "x", ROE) == "12"


def test_next_and_previous_pass_over_what_cannot_be_read_and_end_at_the_ends() -> None:
    worklist = filled()

    def names_from(start: str | None, step: int) -> str | None:
        entry = worklist.next_readable(None if start is None else path(start), step)
        return entry.path.name if entry is not None else None

    assert names_from(None, 1) == "E9.dcm"
    assert names_from("h.hea", 1) == "later.hea"
    assert names_from("later.hea", -1) == "h.hea"
    assert names_from("later.hea", 1) is None
    assert names_from("E9.dcm", -1) is None
    worklist.set_order(Order("length", is_descending=True))
    assert names_from("h.hea", 1) == "E9.dcm"


def test_the_first_ecg_is_known_once_all_before_it_are_read() -> None:
    worklist = Worklist()
    worklist.update([path("bad.hea"), path("E9.dcm"), path("E10.dcm")], [ReadResult(path("E10.dcm"), DOE)])
    assert worklist.first_read(is_reading=True) is None
    stopped = worklist.first_read(is_reading=False)
    assert stopped is not None
    assert stopped.label == "E10"
    worklist.update([], [ReadResult(path("bad.hea"), error="bad.hea: is no header.")])
    assert worklist.first_read(is_reading=True) is None
    worklist.update([], [ReadResult(path("E9.dcm"), ROE)])
    first = worklist.first_read(is_reading=True)
    assert first is not None
    assert first.label == "E9"


def test_lengths_are_said_as_a_person_says_them() -> None:
    said = [length_text(s) for s in (2.5, 10.0, 90.0, 1805.6, 86400.0, 14 * 86400.0)]
    assert said == ["2.5 s", "10 s", "1.5 min", "30.1 min", "24 h", "14 d"]


def test_names_with_numbers_sort_by_the_number() -> None:
    assert sorted(["E10", "e9", "E1a", "E"], key=natural_key) == ["E", "E1a", "e9", "E10"]


def test_progress_says_count_and_rate_and_what_is_left_only_where_it_takes_long() -> None:
    assert progress_text(0, 0, True, 0.0) == "Searching"
    assert progress_text(20, 400, True, 0.5) == "Reading 20 of 400 or more"
    assert progress_text(500, 1000, False, 2.0) == "500 of 1\u202f000, 250 files/s"
    assert progress_text(500, 10_000, False, 5.0) == "500 of 10\u202f000, 100 files/s, 2 min left"
    assert counts_text(1, 0, 0) == "1 ECG"
    assert counts_text(1200, 3, 1, 7) == "1\u202f200 ECGs, 3 not readable, 7 not read, 1 other file"


class Lister:
    """Takes orders and lets the test answer."""

    def __init__(self) -> None:
        self.progressed: Event[[Batch]] = Event()
        self.known: list[list[Entry]] = []
        self.n_cancelled = 0

    def start(self, paths: object, known: list[Entry]) -> None:
        self.known.append(list(known))

    def cancel(self) -> None:
        self.n_cancelled += 1

    def shutdown(self) -> None:
        self.cancel()


def test_a_rescan_keeps_what_has_not_changed_and_drops_what_is_gone() -> None:
    lister = Lister()
    folders = Folders(lister)
    folders.open([Path("/ecgs")])
    found = [path("a.hea"), path("b.hea")]
    lister.progressed.emit(Batch(found, [ReadResult(each, HOLTER, stamp="1") for each in found], 4, is_done=True))
    assert folders.progress == "2 ECGs, 4 other files"
    folders.rescan()
    assert [entry.path for entry in lister.known[1]] == found
    lister.progressed.emit(Batch([path("b.hea"), path("c.hea")], [ReadResult(path("b.hea"))], 4))
    lister.progressed.emit(Batch([], [ReadResult(path("c.hea"), error="c.hea: is empty.")], is_done=True))
    assert in_sight(folders.list) == ["b.hea", "c.hea"]
    assert folders.list.entries[0].summary == HOLTER
    assert folders.progress == "1 ECG, 1 not readable, 4 other files"


def test_what_turns_out_to_be_no_ecg_leaves_the_list_and_is_counted() -> None:
    lister = Lister()
    folders = Folders(lister)
    folders.open([Path("/ecgs")])
    lister.progressed.emit(Batch([path("ct.dcm"), path("a.hea")], [], 3))
    results = [ReadResult(path("ct.dcm"), is_ecg=False), ReadResult(path("a.hea"), HOLTER, stamp="1")]
    lister.progressed.emit(Batch([], results, is_done=True))
    assert in_sight(folders.list) == ["a.hea"]
    assert folders.list.entries[0].number == 0
    assert folders.progress == "1 ECG, 4 other files"


def test_nothing_is_dropped_where_a_folder_could_not_be_searched() -> None:
    lister = Lister()
    folders = Folders(lister)
    folders.open([Path("/ecgs")])
    lister.progressed.emit(Batch([path("a.hea")], [ReadResult(path("a.hea"), HOLTER, stamp="1")], 0, is_done=True))
    folders.rescan()
    lister.progressed.emit(Batch([], [], 0, ["share: cannot be searched (Input/output error)."], is_done=True))
    assert in_sight(folders.list) == ["a.hea"]
    assert folders.faults


def test_closing_forgets_the_list_and_what_still_comes_belongs_to_nobody() -> None:
    lister = Lister()
    folders = Folders(lister)
    folders.open([Path("/ecgs")])
    lister.progressed.emit(Batch([path("a.hea")]))
    folders.cancel()
    assert folders.progress == "Stopped: 0 ECGs, 1 not read"
    folders.close()
    assert not folders.is_open
    assert folders.list.entries == []
    assert lister.n_cancelled >= 2


def test_a_list_is_called_by_its_folder_or_by_how_much_was_chosen(tmp_path: Path) -> None:
    folders = Folders(Lister())
    for chosen, title in (
        ([tmp_path], tmp_path.name),
        ([tmp_path, tmp_path.parent], "2 folders"),
        ([path("a.hea"), path("b.hea")], "2 files"),
        ([tmp_path, path("b.hea")], "2 files and folders"),
    ):
        folders.open(chosen)
        assert folders.title == title
    folders.close()
    assert folders.title == ""
