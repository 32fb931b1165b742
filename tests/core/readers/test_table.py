from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reader_conformance import check_record, read_and_check
from real_records import real_signal_mv

from physioclr_core.cli import main
from physioclr_core.errors import MissingFactsError, RecordError, UserFacingError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.readers.table import propose_table
from physioclr_core.readers.table_facts import rate_of_times
from physioclr_core.readers.table_options import TableOptions
from physioclr_core.writers.csv_writer import write_csv

ALL_GIVEN = TableOptions(fs_hz=100, unit="mV", leads=STANDARD_LEADS)
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a real ECG as a table of text."""

    def write_table(
        name: str,
        heads: list[str] | None = None,
        n_leads: int = 2,
        separator: str = ",",
        comma: bool = False,
        time_s: float | None = None,
        before: str = "",
    ) -> Path:
        rows = [list(heads)] if heads else []
        for place, samples in enumerate(real_signal_mv(0)[:n_leads].T):
            time = [f"{place * time_s:.6f}"] if time_s is not None else []
            cells = [*time, *(f"{sample:.5f}" for sample in samples)]
            rows.append([cell.replace(".", ",") if comma else cell for cell in cells])
        text = before + "".join(f"{separator.join(row)}\n" for row in rows)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write_table


def assert_is_the_ecg(path: Path, given: TableOptions | None = None, n_leads: int = 2, fs_hz: float = 100) -> None:
    record = read_record(path, given)
    check_record(record)
    assert record.fs_hz == fs_hz
    np.testing.assert_allclose(record.signal_mv, real_signal_mv(0)[:n_leads], atol=6e-6)


# --- nothing is guessed ---


def test_a_table_of_bare_numbers_says_which_flags_to_give(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("ecg.csv", n_leads=12)
    assert main(["read", str(path)]) == 2
    shown = capsys.readouterr().err
    for flag in ("--rate", "--unit", "--leads"):
        assert flag in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("heads", "missing"),
    [
        (["I", "II"], "its sampling rate (--rate HZ); nor the unit of its 2 columns (--unit mV, uV, V or nV)"),
        (["I [mV]", "II [mV]"], "its sampling rate (--rate HZ)"),
        (["a", "b"], "which leads its 2 columns hold"),
        (["age", "II [mV]"], "the unit of age"),
    ],
)
def test_what_is_not_stated_is_named_and_not_assumed(heads: list[str], missing: str, write: Write) -> None:
    with pytest.raises(MissingFactsError) as caught:
        read_record(write("ecg.csv", heads))
    assert missing in str(caught.value)


def test_flags_complete_a_table_and_the_report_says_what_was_given(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("ecg.csv", n_leads=3)
    flags = ["--rate", "100", "--unit", "mV", "--leads", "I,-,V1"]
    assert main(["read", str(path), *flags]) == 0
    shown = capsys.readouterr().out
    assert "Leads: I, V1" in shown
    assert "100 Hz as given, mV as given, leads as given" in shown
    assert "column 2: left out as asked" in shown
    record = read_record(path, TableOptions(fs_hz=100, unit="uV", leads=("1=I", "3=V1")))
    assert {lead.gain_source for lead in record.report.leads} == {"given"}
    np.testing.assert_allclose(record.signal_mv, real_signal_mv(0)[[0, 2]] / 1000, atol=1e-8)


def test_the_number_of_names_must_be_that_of_the_columns(write: Write) -> None:
    with pytest.raises(MissingFactsError, match="its 2 columns of samples are .--leads named 3."):
        read_record(write("ecg.csv"), TableOptions(fs_hz=100, unit="mV", leads=("I", "II", "III")))


def test_flags_for_a_format_that_states_everything_are_refused() -> None:
    from wfdb_files import PTBXL_1

    with pytest.raises(RecordError, match="is WFDB, which states rate, unit and leads itself"):
        read_record(PTBXL_1.with_suffix(".hea"), ALL_GIVEN)


@pytest.mark.parametrize("wrong", [{"fs_hz": -100}, {"fs_hz": 1e9}, {"fs_hz": float("nan")}, {"unit": "mmHg"}])
def test_a_value_that_cannot_be_right_is_refused(wrong: dict[str, float | str]) -> None:
    with pytest.raises(UserFacingError):
        TableOptions(**wrong)  # type: ignore[arg-type]


# --- what a file states ---


@pytest.mark.parametrize("head", ["time_s", "Time [s]", "t (s)", "seconds", "Elapsed time [s]"])
def test_time_with_a_unit_and_leads_with_units_are_enough(head: str, write: Write) -> None:
    path = write("ecg.csv", [head, "I [mV]", "II (mV)"], time_s=0.01)
    assert_is_the_ecg(path)
    assert any("100 Hz from the column" in text for text in read_and_check(path).report.warnings)
    assert {lead.gain_source for lead in read_record(path).report.leads} == {"stated"}


def test_a_line_of_units_below_the_names_counts(write: Write) -> None:
    path = write("ecg.csv", ["'Elapsed time'", "'MLII'", "'V5'\n'seconds'", "'mV'", "'mV'"], time_s=0.01)
    path.write_text(path.read_text(encoding="utf-8").replace("'V5'\n'seconds'", "'V5'\n'seconds'"), encoding="utf-8")
    assert read_and_check(path).lead_names == ("MLII", "V5")


def test_a_time_column_in_milliseconds_with_few_digits_gives_the_whole_rate() -> None:
    times_s = np.round(np.arange(1000) / 360, 3)
    assert rate_of_times(times_s) == 360
    assert rate_of_times(np.delete(times_s, 500)) is None
    assert rate_of_times(times_s[::-1]) is None


def test_a_time_column_that_jumps_states_no_rate(write: Write) -> None:
    path = write("ecg.csv", ["time_s", "I [mV]"], n_leads=1, time_s=0.01)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:300] + lines[400:]), encoding="utf-8")
    with pytest.raises(MissingFactsError, match="its sampling rate"):
        read_record(path)


def test_a_rate_above_the_numbers_counts(write: Write) -> None:
    assert_is_the_ecg(write("ecg.csv", ["I [mV]", "II [mV]"], before="# Sampling rate: 500 Hz\n"), fs_hz=500)


def test_a_given_rate_goes_before_a_stated_one_and_both_are_named(write: Write) -> None:
    path = write("ecg.csv", ["time_s", "I [mV]", "II [mV]"], time_s=0.01)
    record = read_record(path, TableOptions(fs_hz=250))
    assert record.fs_hz == 250
    assert any("states 100 Hz" in text and "given 250 Hz" in text for text in record.report.warnings)


def test_what_is_no_ecg_is_left_out_with_the_reason(write: Write) -> None:
    path = write("ecg.csv", ["sample", "I [mV]", "SpO2 [%]", "Resp [mV]"], n_leads=3, time_s=1.0)
    record = read_record(path, TableOptions(fs_hz=100))
    assert record.lead_names == ("I",)
    assert len(record.report.ignored) == 3


def test_empty_cells_are_gaps(write: Write) -> None:
    path = write("ecg.csv", ["time_s", "I [mV]", "II [mV]"], time_s=0.01)
    lines = path.read_text(encoding="utf-8").splitlines()
    for place in range(101, 201):
        time, _, _ = lines[place].split(",")
        lines[place] = f"{time},,"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert read_and_check(path).report.gaps == ((1.0, 2.0),)


# --- ways of writing ---


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_any_separator_is_seen(separator: str, write: Write) -> None:
    suffix = "tsv" if separator == "\t" else "csv"
    given = TableOptions(fs_hz=100, unit="mV", leads=("I", "II"))
    assert_is_the_ecg(write(f"ecg.{suffix}", separator=separator), given)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_decimal_comma_is_seen(separator: str, write: Write) -> None:
    assert_is_the_ecg(write("ecg.csv", ["t [s]", "I [mV]", "II [mV]"], 2, separator, True, 0.01))


def test_leads_in_rows_with_their_names_are_read(tmp_path: Path) -> None:
    rows = [f"{name},{','.join(f'{x:.5f}' for x in real_signal_mv(0)[i])}" for i, name in enumerate(STANDARD_LEADS)]
    (tmp_path / "ecg.csv").write_text("\n".join(rows), encoding="utf-8")
    assert_is_the_ecg(tmp_path / "ecg.csv", TableOptions(fs_hz=100, unit="mV"), 12)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4"])
def test_an_array_is_read_either_way_round(turned: bool, dtype: str, tmp_path: Path) -> None:
    signal = real_signal_mv(0).astype(dtype)
    np.save(tmp_path / "ecg.npy", np.asfortranarray(signal.T) if turned else signal)
    with pytest.raises(MissingFactsError, match="--rate"):
        read_record(tmp_path / "ecg.npy")
    assert_is_the_ecg(tmp_path / "ecg.npy", ALL_GIVEN, 12)


def test_a_text_file_of_numbers_is_a_table_and_a_list_of_records_is_none(write: Write, tmp_path: Path) -> None:
    from physioclr_core.readers import find_format

    found = find_format(write("ecg.txt", separator="\t"))
    assert found is not None
    assert found.name == "table"
    (tmp_path / "records.txt").write_text("100\n101\n102\n", encoding="utf-8")
    assert find_format(tmp_path / "records.txt") is None


def test_our_own_export_is_read_again_to_the_last_bit(tmp_path: Path) -> None:
    from wfdb_files import PTBXL_1

    record = read_record(PTBXL_1.with_suffix(".hea"))
    write_csv(record, tmp_path / "out.csv", None, lambda: None)
    again = read_and_check(tmp_path / "out.csv")
    assert again.lead_names == record.lead_names
    assert again.fs_hz == record.fs_hz
    assert np.array_equal(again.signal_mv, record.signal_mv)


# --- the proposal ---


def test_a_first_look_reads_little_and_proposes_what_is_certain(write: Write) -> None:
    path = write("ecg.csv", ["time_s", "II [mV]", "ch 2"], time_s=0.01)
    proposal = propose_table(path)
    assert proposal.fs_hz == 100
    assert [(channel.lead, channel.unit) for channel in proposal.channels[1:]] == [("II", "mV"), ("ch 2", None)]
    assert not proposal.is_complete
    assert len(proposal.missing) == 2


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("I [mV],II [mV]\n1,2\n3\n", "has 1 cells, others 2"),
        ("I [mV],II [mV]\n1,2\n3,x\n", "has a cell that is no number"),
        ("name,age\nDoe,old\n", "has no row of numbers"),
        ("", "is empty"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(text: str, cause: str, tmp_path: Path) -> None:
    (tmp_path / "ecg.csv").write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=cause):
        read_record(tmp_path / "ecg.csv")
