from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from wfdb_files import DATA, PTBXL, PTBXL_1, SPECIAL, copy_record, real_adu, write_signals

from physioclr_core.errors import NoEcgError, RecordError
from physioclr_core.readers import read_record
from physioclr_core.readers.discover import find_records


def labels(path: Path) -> list[str]:
    return [label for label, _ in find_records(path)]


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
def test_a_record_is_itself(suffix: str) -> None:
    path = Path(f"{PTBXL_1}{suffix}")
    assert find_records(path) == [("00001_lr", path)]
    assert find_records(str(path)) == [("00001_lr", path)]


def test_a_stem_with_dots_keeps_them_in_its_label(tmp_path: Path) -> None:
    write_signals(tmp_path, "visit.2", real_adu())
    assert labels(tmp_path / "visit.2") == ["visit.2"]
    assert labels(tmp_path / "visit.2.hea") == ["visit.2"]
    assert labels(tmp_path) == ["visit.2"]


def test_a_folder_is_searched_in_sorted_order() -> None:
    assert labels(PTBXL) == ["00001_lr", "00008_lr", "00108_lr", "10752_lr"]
    assert all(path.suffix == ".hea" for _, path in find_records(PTBXL))


def test_segments_and_layout_headers_are_listed_through_their_record_alone(tmp_path: Path) -> None:
    assert labels(SPECIAL / "041s") == ["041s"]
    write_signals(tmp_path, "m_1", real_adu(1), leads=["II"])
    (tmp_path / "m_layout.hea").write_text("m_layout 1 100 0\n~ 0 1000/mV 16 0 0 0 0 II\n", encoding="utf-8")
    (tmp_path / "m.hea").write_text("# of two\nm/3 1 100 600\nm_layout 0\nm_1 500\n~ 100\n", encoding="utf-8")
    assert labels(tmp_path) == ["m"]


def test_names_that_occur_twice_become_relative_paths(tmp_path: Path) -> None:
    for folder in ("b", "a", "a/c"):
        write_signals(tmp_path / folder, "x", real_adu(1))
    write_signals(tmp_path, "y", real_adu(1))
    assert labels(tmp_path) == ["a/c/x", "a/x", "b/x", "y"]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    write_signals(tmp_path, "x", real_adu(1))
    write_signals(tmp_path / ".trash", "y", real_adu(1))
    (tmp_path / "._x.hea").write_bytes(b"\0\5")
    assert labels(tmp_path) == ["x"]


def test_a_damaged_header_is_found_so_that_reading_it_can_say_why(tmp_path: Path) -> None:
    write_signals(tmp_path, "x", real_adu(1))
    (tmp_path / "bad.hea").write_bytes(b"\0\1\2")
    (tmp_path / "empty.hea").touch()
    assert labels(tmp_path) == ["bad", "empty", "x"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write_signals(tmp_path, "x", real_adu(1))
    try:
        (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("links need a privilege here")
    assert labels(tmp_path) == ["x"]


def test_a_list_has_paths_relative_to_itself_comments_and_blank_lines(tmp_path: Path) -> None:
    write_signals(tmp_path / "data", "x", real_adu(1))
    write_signals(tmp_path / "data", "y", real_adu(1))
    listing = tmp_path / "study.txt"
    listing.write_text(f"# two records\n\ndata/y\r\n  data/x.dat  \n{PTBXL_1}.hea\ndata/y\n", encoding="utf-8")
    found = find_records(listing)
    assert [label for label, _ in found] == ["y", "x", "00001_lr"]
    assert [read_record(path).name for _, path in found] == ["y", "x", "00001_lr"]


def test_physionets_own_list_without_a_suffix_is_a_list(tmp_path: Path) -> None:
    write_signals(tmp_path, "x", real_adu(1))
    (tmp_path / "RECORDS").write_text("x\n", encoding="utf-8")
    assert labels(tmp_path / "RECORDS") == ["x"]


def test_records_of_the_same_name_in_a_list_have_their_paths_as_labels(tmp_path: Path) -> None:
    write_signals(tmp_path / "lists" / "a", "x", real_adu(1))
    outside = write_signals(tmp_path / "b", "x", real_adu(1))
    listing = tmp_path / "lists" / "study.txt"
    listing.write_text(f"a/x.hea\n{outside}\n", encoding="utf-8")
    assert labels(listing) == ["a/x", outside.with_suffix("").as_posix()]


def test_lines_that_are_no_records_are_named_with_their_numbers(tmp_path: Path) -> None:
    write_signals(tmp_path, "x", real_adu(1))
    listing = tmp_path / "study.txt"
    listing.write_text("x\nmissing\n\nnotes.doc\n.\n" + "gone.hea\n" * 9, encoding="utf-8")
    with pytest.raises(RecordError) as caught:
        find_records(listing)
    assert str(caught.value).startswith(
        "study.txt: lists what is no record: missing (line 2), notes.doc (line 4), . (line 5), gone.hea (line 6)"
    )
    assert str(caught.value).endswith("and 7 more.")


@pytest.mark.parametrize("content", [b"", b"# nothing\n\n"])
def test_a_list_without_records_is_an_error(content: bytes, tmp_path: Path) -> None:
    listing = tmp_path / "study.txt"
    listing.write_bytes(content)
    with pytest.raises(RecordError, match=r"study\.txt: lists no records"):
        find_records(listing)


def test_a_binary_file_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "study.txt").write_bytes(b"x\n\0\1")
    with pytest.raises(RecordError, match="binary file"):
        find_records(tmp_path / "study.txt")


def test_a_folder_without_records_is_an_error_that_names_it(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("none", encoding="utf-8")
    with pytest.raises(RecordError, match=r"empty: is a folder without records \(1 other file\); readable are WFDB"):
        find_records(empty)


def test_what_does_not_exist_or_has_an_unknown_suffix_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"gone: does not exist"):
        find_records(tmp_path / "gone")
    (tmp_path / "ecg.pdf").write_bytes(b"%PDF")
    formats = r"ecg\.pdf: is neither a record \(WFDB \(\.hea, \.dat, \.mat\).*\) nor a list"
    with pytest.raises(RecordError, match=formats):
        find_records(tmp_path / "ecg.pdf")


def test_the_shipped_test_records_are_all_found_and_read() -> None:
    found = find_records(DATA)
    assert len(found) == len({label for label, _ in found}) == 17
    for label, path in found:
        assert read_record(path).name == label


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_real_record_at_hand_is_found_and_read(test_data: Callable[..., Path]) -> None:
    found = find_records(test_data())
    assert len(found) > 280
    without_ecg = []
    for _, path in found:
        try:
            assert read_record(path).n_samples > 0
        except NoEcgError:
            without_ecg.append(path.name)
    assert without_ecg == ["wfdb_test_edfann.edf"]  # annotations alone


def test_a_folder_is_not_changed_by_a_search(tmp_path: Path) -> None:
    copy_record(PTBXL_1, tmp_path)
    before = [(entry.name, entry.stat().st_mtime_ns) for entry in sorted(os.scandir(tmp_path), key=lambda e: e.name)]
    find_records(tmp_path)
    after = [(entry.name, entry.stat().st_mtime_ns) for entry in sorted(os.scandir(tmp_path), key=lambda e: e.name)]
    assert after == before
