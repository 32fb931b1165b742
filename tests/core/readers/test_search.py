"""Which files of a folder are ECGs, and what a list keeps of them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from wfdb_files import GEORGIA, PTBXL_1, SPECIAL, copy_record, real_adu, write_signals

from physioclr_core.readers import read_record
from physioclr_core.readers.search import search_dropped, search_folder
from physioclr_core.readers.summary import LONGEST_TEXT, RecordSummary, stored_statements, summarise


class Search:
    """What was found, passed over and refused."""

    def __init__(self) -> None:
        self.ignored: list[str] = []
        self.faults: list[Path] = []

    def folder(self, folder: Path) -> list[str]:
        found = search_folder(folder, self._ignore, self._refuse)
        return [path.relative_to(folder).as_posix() for path in found]

    def dropped(self, *paths: Path) -> list[str]:
        return [path.name for path in search_dropped(paths, self._ignore, self._refuse)]

    def _ignore(self, path: Path) -> None:
        self.ignored.append(path.name)

    def _refuse(self, path: Path, error: OSError) -> None:
        self.faults.append(path)


def test_what_is_no_ecg_is_counted_and_parts_of_a_record_are_not(tmp_path: Path) -> None:
    write_signals(tmp_path, "x", real_adu(1))
    for name in ("notes.txt", "picture.png", "lonely.dat", "settings.xml", "table.csv", "x"):
        (tmp_path / name).write_text("none", encoding="utf-8")
    search = Search()
    assert search.folder(tmp_path) == ["x.hea"]
    assert sorted(search.ignored) == ["lonely.dat", "notes.txt", "picture.png", "settings.xml", "table.csv", "x"]


def test_files_without_a_known_suffix_count_by_their_content(tmp_path: Path, test_data: object) -> None:
    folder = test_data("clinical-formats")  # type: ignore[operator]
    sources = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(sources) > 10
    for number, source in enumerate(sources):
        shutil.copyfile(source, tmp_path / f"export-{number:02d}")
    assert len(Search().folder(tmp_path)) == len(sources)


def test_a_signal_file_that_is_dropped_alone_stands_for_its_record(tmp_path: Path) -> None:
    header = write_signals(tmp_path, "x", real_adu(1))
    assert Search().dropped(header.with_suffix(".dat")) == ["x.dat"]
    assert Search().dropped(header.with_suffix(".dat"), header) == ["x.hea"]


def test_dropped_files_and_folders_keep_their_order_and_missing_ones_are_kept_to_be_explained(tmp_path: Path) -> None:
    first = write_signals(tmp_path / "b", "x", real_adu(1))
    write_signals(tmp_path / "a", "y", real_adu(1))
    gone = tmp_path / "gone.hea"
    assert Search().dropped(first, tmp_path / "a", gone) == ["x.hea", "y.hea", "gone.hea"]


def test_a_table_is_listed_where_a_person_chose_it_and_passed_over_in_a_folder(tmp_path: Path) -> None:
    table = tmp_path / "lead.csv"
    table.write_text("I,II\n" + "0.1,0.2\n0.2,0.1\n" * 50, encoding="utf-8")
    assert Search().dropped(table) == ["lead.csv"]
    assert Search().folder(tmp_path) == []


def test_segments_are_listed_through_their_record() -> None:
    assert Search().folder(SPECIAL / "041s") == ["041s.hea"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind here")
def test_a_folder_that_cannot_be_searched_is_named_and_the_others_are_searched(tmp_path: Path) -> None:
    write_signals(tmp_path / "open", "x", real_adu(1))
    (tmp_path / "closed").mkdir(mode=0)
    search = Search()
    assert search.folder(tmp_path) == ["open/x.hea"]
    assert search.faults == [tmp_path / "closed"]
    (tmp_path / "closed").chmod(0o700)


def test_a_summary_says_who_when_and_how_and_survives_json(tmp_path: Path) -> None:
    record = read_record(copy_record(PTBXL_1, tmp_path))
    summary = summarise(record)
    assert (summary.record, summary.format, summary.fs_hz, summary.duration_s) == ("00001_lr", "WFDB", 100.0, 10.0)
    assert summary.lead_names == record.lead_names
    assert summary.files == tuple(str(path) for path in record.provenance.files)
    assert RecordSummary.from_dict(json.loads(json.dumps(summary.to_dict(), allow_nan=False))) == summary
    assert len(json.dumps(summary.to_dict())) < 1500
    with pytest.raises(ValueError, match="not the fields"):
        RecordSummary.from_dict({"record": "x"})


def test_snomed_codes_are_listed_by_their_names() -> None:
    record = read_record(GEORGIA)
    assert record.acquisition.snomed_codes
    text = stored_statements(record)
    assert text
    assert not any(code in text for code in record.acquisition.snomed_codes)
    assert len(text) <= LONGEST_TEXT
