"""What a listing process answers, without the window."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecgviewer.jobs import listing_main
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.readers.summary import RecordSummary, summarise


@pytest.fixture
def header(tmp_path: Path, demo_paths: list[Path]) -> Path:
    """Return a copy of a real ECG."""
    for file in demo_paths[0].parent.glob(f"{demo_paths[0].stem}.*"):
        shutil.copyfile(file, tmp_path / file.name)
        os.utime(tmp_path / file.name, (1_600_000_000, 1_600_000_000))
    return tmp_path / demo_paths[0].name


def test_it_searches_and_reads_and_ends_when_nobody_asks_any_more(header: Path) -> None:
    (header.parent / "bad.hea").touch()
    requests = [{"find": [str(header.parent)]}, {"read": str(header)}, {"read": str(header.parent / "bad.hea")}]
    done = subprocess.run(
        [sys.executable, "-m", "ecgviewer", "--list"],
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[0] == {"ready": True}
    found = [path for answer in answers for path in answer.get("found", [])]
    assert found == sorted([str(header), str(header.parent / "bad.hea")])
    assert {"searched": True, "n_ignored": 0, "faults": []} in answers
    read, bad = answers[-2:]
    assert RecordSummary.from_dict(read["summary"]) == summarise(read_record(header))
    assert bad["error"].startswith("bad.hea: ")


def test_a_file_with_its_old_stamp_is_not_read_again(header: Path) -> None:
    first = listing_main._read({"read": str(header)})
    known = {"read": str(header), "files": first["summary"]["files"], "stamp": first["stamp"]}
    assert listing_main._read(known) == {"read": str(header), "unchanged": True}
    signal_file = next(Path(file) for file in first["summary"]["files"] if not file.endswith(".hea"))
    os.utime(signal_file)
    assert "summary" in listing_main._read(known)
    signal_file.unlink()
    assert "error" in listing_main._read(known)


def changing(header: Path, n_times: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Have the header written to during the first readings; return how often it was read."""
    n_reads = 0
    real = listing_main.read_or_error

    def read(path: Path) -> object:
        nonlocal n_reads
        n_reads += 1
        if n_reads <= n_times:
            with header.open("a", encoding="utf-8") as file:
                file.write(f"# comment {n_reads}\n")
        return real(path)

    monkeypatch.setattr(listing_main, "read_or_error", read)
    return lambda: n_reads


def test_a_file_that_changes_while_it_is_read_is_read_once_more(header: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_reads = changing(header, 1, monkeypatch)
    answer = listing_main._read({"read": str(header)})
    assert n_reads() == 2
    assert answer["stamp"] == listing_main.stamp_of(answer["summary"]["files"])


def test_a_file_that_does_not_stop_changing_is_an_error(header: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changing(header, 9, monkeypatch)
    answer = listing_main._read({"read": str(header)})
    assert answer["error"] == f"{header.name}: changes while it is read; rescan once it is complete."


def test_an_image_in_dicom_is_no_ecg_and_no_error(tmp_path: Path) -> None:
    from pydicom.data import get_testdata_file

    source = get_testdata_file("CT_small.dcm", download=False)
    assert isinstance(source, str)
    shutil.copyfile(source, tmp_path / "CT_small.dcm")
    assert listing_main._read({"read": str(tmp_path / "CT_small.dcm")}) == {
        "read": str(tmp_path / "CT_small.dcm"),
        "no_ecg": True,
    }


def test_of_a_day_long_recording_only_the_headers_are_read(tmp_path: Path) -> None:
    n_samples = 24 * 3600 * 250
    (tmp_path / "day.hea").write_text(
        f"day 12 250 {n_samples}\n" + "".join(f"day.dat 16 1000/mV 16 0 0 0 0 {lead}\n" for lead in STANDARD_LEADS),
        encoding="utf-8",
    )
    with (tmp_path / "day.dat").open("wb") as file:
        file.write(np.arange(12 * 60 * 250, dtype="<i2").tobytes())
        file.truncate(12 * n_samples * 2)  # a hole in the file: half a gigabyte that takes no room
    began_s = time.perf_counter()
    answer = listing_main._read({"read": str(tmp_path / "day.hea")})
    assert answer["summary"]["duration_s"] == 24 * 3600
    assert time.perf_counter() - began_s < 5
