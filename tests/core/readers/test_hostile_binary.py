"""Damaged EDF, BDF, ISHNE, MFER, AliveCor and table files: one sentence or a record, in bounded time and memory."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from constructed_files import Edf, EdfChannel, ishne_content, kardia_content, mfer_content, real_uv
from fuzz_files import check_refused_or_read, truncations, variants

from physioclr_core.errors import RecordError
from physioclr_core.record import EcgRecord

LEADS = ("I", "II", "III")


def _edf(is_bdf: bool) -> bytes:
    channels = [EdfChannel(name, row) for name, row in zip(LEADS, real_uv(3), strict=True)]
    starts = [*range(6), *range(9, 13)]
    return Edf(channels, starts_s=starts, reserved="BDF+D" if is_bdf else "EDF+D", is_bdf=is_bdf).content()


def _csv() -> bytes:
    rows = (f"{place / 100:g}," + ",".join(f"{value}" for value in row) for place, row in enumerate(real_uv(3).T))
    return ("time_s,I [uV],II [uV],III [uV]\n" + "\n".join(rows) + "\n").encode()


def _npy() -> bytes:
    file = io.BytesIO()
    np.save(file, real_uv(3))
    return file.getvalue()


MAKERS: dict[str, Callable[[], bytes]] = {
    "edf": lambda: _edf(False),
    "bdf": lambda: _edf(True),
    "ecg": lambda: ishne_content(real_uv(3), LEADS, text=b"comment"),
    "mwf": lambda: mfer_content([real_uv(3)[:, :500], real_uv(3)[:, 500:]], LEADS, pointers=[0, 600]),
    "json": lambda: kardia_content(real_uv(3), LEADS),
    "csv": _csv,
    "npy": _npy,
}


@pytest.mark.parametrize("suffix", MAKERS)
def test_a_truncated_file_is_refused_or_what_is_left_is_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"cut.{suffix}"
    for content in truncations(MAKERS[suffix]()):
        path.write_bytes(content)
        outcome = check_refused_or_read(path)
        if isinstance(outcome, EcgRecord) and suffix == "mwf":
            # One byte short it lacks its end mark only.
            assert any("no mark at its end" in text for text in outcome.report.warnings)
        elif suffix in ("edf", "bdf", "mwf", "json", "npy"):
            assert isinstance(outcome, RecordError), f"{len(content)} bytes"


@pytest.mark.parametrize("suffix", MAKERS)
def test_a_damaged_file_is_refused_or_read(suffix: str, tmp_path: Path) -> None:
    _check_variants(suffix, 20, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("suffix", MAKERS)
def test_each_of_1000_damaged_files_is_refused_or_read(suffix: str, tmp_path: Path) -> None:
    _check_variants(suffix, 1000, tmp_path)


def _check_variants(suffix: str, n: int, tmp_path: Path) -> None:
    path = tmp_path / f"damaged.{suffix}"
    for content in variants(MAKERS[suffix](), n, seed=6):
        path.write_bytes(content)
        check_refused_or_read(path)


def _edf_head(**changes: str) -> bytes:
    return Edf([EdfChannel("II", real_uv(2)[1])], **changes).content()  # type: ignore[arg-type]


HOSTILE: dict[str, bytes] = {
    "records.edf": _edf_head(n_records="99999999"),
    "channels.edf": _edf_head()[:252] + b"9999" + _edf_head()[256:],
    "samples.edf": _edf_head().replace(b"100     ", b"99999999"),
    "instants.edf": _edf_head(record_s="1e-30"),
    "years.edf": _edf_head(record_s="1e30"),
    "gain.edf": Edf([EdfChannel("II", real_uv(2)[1], physical=("-1e300", "1e300"))]).content(),
    "huge.npy": _npy().replace(b"(3, 1000)", b"(9999999999, 99)"),
    "overflow.npy": _npy().replace(b"(3, 1000)", b"(" + b"9" * 40 + b", 9)"),
    "negative.npy": _npy().replace(b"(3, 1000)", b"(-3, 1000)"),
    "nested.npy": b"\x93NUMPY\x01\x00\x10\x27" + b"(" * 10_000,
    "wide.csv": b"1," * 1_000_000 + b"1\n",
    "long cell.csv": b"1" * 3_000_000 + b"x,1\n",
    "quotes.csv": b'"' * 1_000_000 + b"\n1,2\n",
    "binary.csv": os.urandom(1000) + b"\0",
    "heads.csv": b"[" * 100_000 + b",a\n1,2\n",
    "inf.csv": b"time_s,I [mV]\n0,inf\n0.01,1e308\n0.02,1\n0.03,nan\n",
    "archive.npz": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_absurd_claims_end_in_a_sentence_in_bounded_time_and_memory(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(HOSTILE[name])
    outcome = check_refused_or_read(tmp_path / name, measure_memory=True)
    assert isinstance(outcome, RecordError) or name == "inf.csv"
    check_refused_or_read(tmp_path / name)


def test_an_array_of_objects_is_refused_and_nothing_in_it_runs(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    np.save(tmp_path / "objects.npy", np.array([Bomb(), 1], object), allow_pickle=True)
    outcome = check_refused_or_read(tmp_path / "objects.npy")
    assert isinstance(outcome, RecordError)
    assert "Python objects" in str(outcome)
    assert not (tmp_path / "ran").exists()
