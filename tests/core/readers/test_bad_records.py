from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reader_conformance import check_record, read_and_check
from wfdb_files import (
    CHAPMAN,
    GEORGIA,
    PTBXL_1,
    SPECIAL,
    copy_record,
    edit,
    encode,
    real_adu,
    write_signals,
)

from physioclr_core.cli import main
from physioclr_core.errors import RecordError
from physioclr_core.readers import read_record

NOT_ON_WINDOWS = pytest.mark.skipif(os.name == "nt", reason="POSIX pipes, permissions and lengths of names")
Damage = Callable[[Path], object]


def set_line(number: int, old: str, new: str) -> Damage:
    """Return a damage that replaces a text once in one line of the header."""

    def damage(header: Path) -> None:
        lines = header.read_text(encoding="utf-8").splitlines()
        assert old in lines[number]
        lines[number] = lines[number].replace(old, new, 1)
        header.write_text("\n".join(lines) + "\n", encoding="utf-8")

    return damage


def everywhere(old: str, new: str) -> Damage:
    return lambda header: edit(header, (old, new))


def data_of(size: int) -> Damage:
    return lambda header: os.truncate(header.with_suffix(".dat"), size)


def header_of(content: bytes) -> Damage:
    return lambda header: header.write_bytes(content)


def no_voltage(header: Path) -> None:
    edit(header, ("/mV", "/mmHg"))


def no_finite_sample(header: Path) -> None:
    header.with_suffix(".dat").write_bytes(np.full(12_000, -32768, "<i2").tobytes())


def drop_last_lead(header: Path) -> None:
    header.write_text("\n".join(header.read_text(encoding="utf-8").splitlines()[:-1]), encoding="utf-8")


def folder_for_data(header: Path) -> None:
    header.with_suffix(".dat").unlink()
    header.with_suffix(".dat").mkdir()


RANDOM_BYTES = random.Random(0).randbytes(3000)

CASES: dict[str, tuple[Damage, str]] = {
    "missing data": (lambda header: header.with_suffix(".dat").unlink(), "its signal file 00001_lr.dat does not exist"),
    "truncated data": (data_of(23_000), "it holds 958 samples of each lead, the header says 1000"),
    "one byte short": (data_of(23_999), "it holds 999 samples of each lead, the header says 1000"),
    "empty data": (data_of(0), "00001_lr.dat is empty"),
    "a folder for data": (folder_for_data, "00001_lr.dat is a folder, not a file"),
    "longer header": (set_line(0, " 1000", " 1001"), "it holds 1000 samples of each lead, the header says 1001"),
    "rate 0": (set_line(0, " 100 ", " 0 "), "sampling rate is 0 Hz"),
    "negative rate": (set_line(0, " 100 ", " -100 "), "sampling rate is -100 Hz"),
    "absurd rate": (set_line(0, " 100 ", " 1e12 "), "sampling rate of 1e+12 Hz is absurd"),
    "rate of no ECG": (set_line(0, " 100 ", " 2 "), "has leads at 2 Hz"),
    "no rate": (set_line(0, " 100 1000", ""), "sampling rate is missing"),
    "rate not a number": (set_line(0, " 100 ", " fast "), "sampling rate 'fast' is not a number"),
    "unknown format": (everywhere(".dat 16 ", ".dat 17 "), "signal format '17' is unknown"),
    "format 212": (everywhere(".dat 16 ", ".dat 212 "), "has the size of format 16"),
    "format 80": (everywhere(".dat 16 ", ".dat 80 "), "has the size of format 16"),
    "format 24": (everywhere(".dat 16 ", ".dat 24 "), "is truncated or in another format"),
    "format 32": (everywhere(".dat 16 ", ".dat 32 "), "is truncated or in another format"),
    "no FLAC file": (everywhere(".dat 16 ", ".dat 516 "), "00001_lr.dat is no FLAC file"),
    "more leads": (set_line(0, " 12 ", " 13 "), "says 13 leads but has 12 signal lines"),
    "fewer leads": (set_line(0, " 12 ", " 11 "), "says 11 leads but has 12 signal lines"),
    "a lead line lost": (drop_last_lead, "says 12 leads but has 11 signal lines"),
    "no leads": (set_line(0, " 12 ", " 0 "), "the record has 0 leads"),
    "no voltage": (no_voltage, "has no ECG lead in a unit of voltage"),
    "no finite sample": (no_finite_sample, "has no valid sample in any ECG lead"),
    "text for a header": (header_of(b"Dear colleague,\nplease find\n"), "is not a WFDB header: line 1 is 'Dear"),
    "empty header": (header_of(b""), "is empty"),
    "random bytes for a header": (header_of(RANDOM_BYTES), "is not a WFDB header but a binary file"),
    "a DICOM file for a header": (header_of(bytes(128) + b"DICM"), "is not a WFDB header but a binary file"),
    "data outside the folder": (everywhere("00001_lr.dat", "../../etc/passwd"), "header's own folder"),
    "data by an absolute path": (everywhere("00001_lr.dat", "/etc/passwd"), "header's own folder"),
    "2**31 samples": (set_line(0, " 1000", f" {2**31}"), f"the header says {2**31}"),
    "2**31 samples a frame": (everywhere(".dat 16 ", f".dat 16x{2**31} "), "absurd number"),
    "10**6 samples a frame": (everywhere(".dat 16 ", f".dat 16x{10**6} "), "it holds 0 samples of each lead"),
    "10**9 leads": (set_line(0, " 12 ", f" {10**9} "), "leads but has 12 signal lines"),
    "byte offset past the end": (everywhere(".dat 16 ", ".dat 16+24001 "), "00001_lr.dat is empty"),
    "absurd gain": (set_line(1, "1000.0(0)", "1e300(0)"), "gain '1e300' is absurd"),
    "gain not a number": (set_line(1, "1000.0(0)", "nan(0)"), "gain 'nan(0)/mV'"),
    "standard input": (everywhere("00001_lr.dat", "-"), "standard input"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_one_sentence_with_file_and_cause(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, cause = CASES[name]
    header = copy_record(PTBXL_1, tmp_path)
    damage(header)
    before = sorted(path.name for path in tmp_path.iterdir())

    assert main(["read", str(header), "--json"]) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("physioclr: 00001_lr.hea: ")
    assert cause in shown.err
    assert shown.err.endswith(".\n")
    assert shown.err.count("\n") == 1
    assert len(shown.err) < 300
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("gone", "gone: does not exist"),
        ("gone.hea", "gone.hea: does not exist"),
        ("gone.dat", "gone.dat: does not exist"),
        ("gone.mat", "gone.mat: does not exist"),
        ("ecg.pdf", "ecg.pdf: is not of a format that can be read; readable are WFDB (.hea, .dat, .mat)"),
        ("lonely.mat", "lonely.mat: cannot be read without its WFDB header; there is no lonely.hea beside it"),
        ("folder", "folder: is a folder, not a record"),
        ("folder.hea", "folder.hea: is a folder, not a file"),
        ("nul\0l.hea", "cannot be read"),
        pytest.param("x" * 300 + ".hea", "cannot be read (File name too long)", marks=NOT_ON_WINDOWS),
    ],
)
def test_a_path_that_is_no_record_is_said(name: str, cause: str, tmp_path: Path) -> None:
    (tmp_path / "ecg.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "lonely.mat").write_bytes(GEORGIA.with_suffix(".mat").read_bytes())
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.hea").mkdir()
    with pytest.raises(RecordError) as caught:
        read_record(tmp_path / name)
    assert cause in str(caught.value)


@NOT_ON_WINDOWS
def test_a_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.hea")
    with pytest.raises(RecordError, match="not a regular file"):
        read_record(tmp_path / "x.hea")
    header = copy_record(PTBXL_1, tmp_path)
    header.with_suffix(".dat").unlink()
    os.mkfifo(header.with_suffix(".dat"))
    with pytest.raises(RecordError, match=r"its signal file 00001_lr\.dat is not a regular file"):
        read_record(header)


@NOT_ON_WINDOWS
@pytest.mark.parametrize("suffix", [".hea", ".dat"])
def test_permission_denied_is_said(suffix: str) -> None:
    # Root may read everything, so the command becomes nobody once all is loaded that nobody might not.
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to nobody
        Path(folder).chmod(0o755)
        header = copy_record(PTBXL_1, Path(folder))
        code = (
            "import os, sys; from physioclr_core.cli import main\n"
            "path, closed = sys.argv[1:]\n"
            "main(['read', path]); main(['read', '/no/such/record'])\n"
            "os.chmod(closed, 0)\n"
            "if os.geteuid() == 0: os.setuid(65534)\n"
            "print('as nobody:', file=sys.stderr)\n"
            "sys.exit(main(['read', path]))"
        )
        command = [sys.executable, "-c", code, str(header), str(header.with_suffix(suffix))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    shown = done.stderr.partition("as nobody:\n")[2]
    assert shown.startswith("physioclr: 00001_lr.hea: ")
    assert "permission denied" in shown
    assert shown.count("\n") == 1


def test_a_matlab_file_with_another_number_of_leads_is_refused(tmp_path: Path) -> None:
    # 10 leads of 6000 samples are as many bytes as 12 of 5000, so only the matrix itself tells.
    header = copy_record(GEORGIA, tmp_path)
    matrix = bytearray(header.with_suffix(".mat").read_bytes())
    matrix[4:12] = np.array([10, 6000], "<i4").tobytes()
    header.with_suffix(".mat").write_bytes(matrix)
    with pytest.raises(RecordError, match="holds 10 leads of 6000 samples, the header says 12 leads of 5000"):
        read_record(header)


def test_a_matlab_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    header = copy_record(GEORGIA, tmp_path)
    matrix = header.with_suffix(".mat")
    content = matrix.read_bytes()
    matrix.write_bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + content[38:])
    with pytest.raises(RecordError, match="not a MATLAB 4 matrix of 16-bit integers"):
        read_record(header)


def test_a_file_of_twice_the_length_without_checksums_is_not_guessed_at(tmp_path: Path) -> None:
    header = copy_record(PTBXL_1, tmp_path)
    lines = header.read_text(encoding="utf-8").replace(" 1000\n", " 500\n").splitlines()
    header.write_text("\n".join([lines[0], *(" ".join(line.split()[:3]) for line in lines[1:])]), encoding="utf-8")
    with pytest.raises(RecordError, match="has the size of format 32 or of 1000 samples, and nothing tells"):
        read_record(header)


def test_absurd_dimensions_fail_before_memory_is_taken(tmp_path: Path) -> None:
    # Sparse files: 2**31 samples of each lead really are there, 48 GB in all.
    header = edit(copy_record(PTBXL_1, tmp_path), (" 1000\n", f" {2**31}\n"))
    try:
        os.truncate(header.with_suffix(".dat"), 2**31 * 24)
    except OSError:
        pytest.skip("this file system has no sparse files")
    tracemalloc.start()
    try:
        with pytest.raises(RecordError, match=r"too long to be read at once \(12 leads of 5965\.2 h at 100 Hz\)"):
            read_record(header)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


# --- records in segments ---------------------------------------------------------------------------------------------


@pytest.fixture
def segmented(tmp_path: Path) -> Path:
    for name in ("m_1", "m_2"):
        write_signals(tmp_path, name, real_adu(2), leads=["I", "II"])
    master = tmp_path / "m.hea"
    master.write_text("m/3 2 100 1100\nm_1 500\n~ 100\nm_2 500\n", encoding="utf-8")
    return master


def test_segments_for_the_damage_below_are_sound(segmented: Path) -> None:
    assert read_and_check(segmented).n_samples == 1100


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda m: (m.parent / "m_2.hea").unlink(), "its segment m_2.hea does not exist"),
        (lambda m: (m.parent / "m_2.dat").unlink(), "its signal file m_2.dat does not exist"),
        (lambda m: os.truncate(m.parent / "m_2.dat", 400), "it holds 100 samples of each lead, the header says 500"),
        (lambda m: edit(m.parent / "m_2.hea", (" 100 500", " 100 400")), "has 400 samples where 500 are stated"),
        (lambda m: edit(m.parent / "m_2.hea", (" 100 500", " 200 500")), "sampled at 200 Hz, the record at 100 Hz"),
        (lambda m: (m.parent / "m_2.hea").write_text("m_2/1 2 100 500\nm_1 500\n"), "is itself in segments"),
        (lambda m: write_signals(m.parent, "m_2", real_adu(3)), "has 3 signals, others 2"),
        (lambda m: m.write_text("m/1 2 100 1100\n~ 1100\n"), "no segment with samples"),
        (lambda m: m.write_text(f"m/2 2 100 {10**12}\nm_1 500\n~ {10**12 - 500}\n"), "too long to be read at once"),
        (lambda m: edit(m, ("m_1 500", "../m_1 500")), "not the name of a file in the header's own folder"),
    ],
)
def test_a_fault_in_a_segment_is_said(damage: Damage, cause: str, segmented: Path) -> None:
    damage(segmented)
    with pytest.raises(RecordError) as caught:
        read_record(segmented)
    assert cause in str(caught.value)


def test_a_layout_header_points_to_the_record(tmp_path: Path) -> None:
    layout = tmp_path / "m_layout.hea"
    layout.write_text("m_layout 1 100 0\n~ 0 1000/mV 16 0 0 0 0 II\n", encoding="utf-8")
    with pytest.raises(RecordError, match="layout header of a record in segments"):
        read_record(layout)


# --- any damage at all -----------------------------------------------------------------------------------------------


def read_or_refuse(header: Path) -> bool:
    """Read a record that may be damaged: a record that keeps the contract or a ``RecordError``, nothing else."""
    refused = ""
    try:
        check_record(read_record(header))
    except RecordError as error:
        refused = str(error)
    assert len(refused) < 400
    assert not refused or refused.partition(": ")[0] in {path.name for path in header.parent.glob("*.hea")}
    return not refused


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return content that was cut, or had some bytes flipped, replaced, repeated, dropped or put in."""
    kind = rng.randrange(5)
    if kind == 0:
        return content[: rng.randrange(len(content) + 1)]
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(changed))
        if kind == 1:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            changed[at] = rng.choice(b"0123456789-+./:x()~ \n#e")
        elif kind == 3:
            del changed[at : at + rng.randrange(1, 6)]
            if not changed:
                break
        else:
            changed[at:at] = changed[at : at + rng.randrange(1, 6)]
    return bytes(changed)


def plain(folder: Path) -> Path:
    return write_signals(folder, "x", real_adu(3, 200), leads=["I", "II", "III"])


def matlab(folder: Path) -> Path:
    return copy_record(CHAPMAN, folder)


def packed(folder: Path) -> Path:
    return write_signals(folder, "x", real_adu(2, 300, 12), fmt=212)


def several_rates(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    fast, slow = real_adu(2, 400)[0].reshape(100, 4), real_adu(2, 100)[1][:, None]
    (folder / "x.dat").write_bytes(encode(np.concatenate([fast, slow], axis=1).ravel(), 16))
    header = folder / "x.hea"
    header.write_text("x 2 25 100\nx.dat 16x4 1000/mV 16 0 0 0 0 V1\nx.dat 16:3 1000/mV 16 0 0 0 0 V2\n")
    return header


def segments(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for source in (SPECIAL / "041s").iterdir():
        (folder / source.name).write_bytes(source.read_bytes())
    return folder / "041s.hea"


FUZZED: dict[str, tuple[Callable[[Path], Path], int]] = {
    "plain": (plain, 400),
    "matlab": (matlab, 60),
    "packed": (packed, 120),
    "several rates": (several_rates, 150),
    "segments": (segments, 60),
}


@pytest.mark.parametrize("kind", FUZZED)
def test_any_damage_gives_a_record_or_a_sentence(kind: str, tmp_path: Path) -> None:
    fuzz(kind, tmp_path, seed=20240501, rounds=FUZZED[kind][1])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", FUZZED)
def test_much_damage_gives_a_record_or_a_sentence(kind: str, seed: int, tmp_path: Path) -> None:
    fuzz(kind, tmp_path, seed=seed, rounds=5 * FUZZED[kind][1])


def fuzz(kind: str, folder: Path, seed: int, rounds: int) -> None:
    rng = random.Random(seed)
    header = FUZZED[kind][0](folder / "record")
    sound = {path: path.read_bytes() for path in sorted(header.parent.iterdir())}
    headers = [path for path in sound if path.suffix == ".hea"]
    n_read = 0
    for _ in range(rounds):
        # Headers three times as often: a flipped sample is still a sample.
        victim = rng.choice([*headers, *headers, *headers, *sound])
        victim.write_bytes(damaged(sound[victim], rng))
        n_read += read_or_refuse(header)
        victim.write_bytes(sound[victim])
    assert 0.05 * rounds < n_read < 0.95 * rounds  # both ways were taken
