from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from constructed_files import Edf, EdfChannel, real_uv
from edfio import Edf as EdfioEdf
from edfio import EdfSignal
from reader_conformance import read_and_check
from real_records import real_signal_mv

from physioclr_core.cli import main
from physioclr_core.errors import RecordError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.readers.edf_header import read_edf_header
from physioclr_core.readers.table_options import TableOptions

TestData = Callable[..., Path]
GAP = ("clinical-formats", "edf", "constructed_edf_plus_d_gap.edf")


def lead(label: str = "ECG II", **changes: object) -> EdfChannel:
    return EdfChannel(label, real_uv(2)[1], **changes)  # type: ignore[arg-type]


# --- given files ---


def test_a_discontinuous_file_has_its_gap_as_a_gap_and_its_signal_on_both_sides(test_data: TestData) -> None:
    record = read_and_check(test_data(*GAP))
    assert record.provenance.format == "EDF+D"
    assert record.fs_hz == 250
    assert record.duration_s == 30
    assert record.report.gaps == ((5.0, 25.0),)
    stored = np.frombuffer(test_data(*GAP).read_bytes()[768:], "<i2").reshape(10, -1)[:, :250]
    expected_mv = (stored.astype(float) + 32768) * (2 / 65535) - 1
    finite = record.signal_mv[0][np.isfinite(record.signal_mv[0])]
    np.testing.assert_allclose(finite, expected_mv.ravel(), atol=1e-6)


def test_a_channel_named_ecg_is_read_and_the_others_are_named_with_the_reason(test_data: TestData) -> None:
    record = read_and_check(test_data("clinical-formats", "edf", "wfdb_test_generator_2.edf"))
    assert record.lead_names == ("ECG",)
    assert (record.fs_hz, record.duration_s) == (200, 600)
    assert len(record.report.ignored) == 10
    assert "noise: not named as an ECG, as others are" in record.report.ignored
    assert record.acquisition.start == datetime(2009, 12, 10, 12, 44, 2)
    assert record.acquisition.device == "test generator"


def test_annotations_alone_are_no_record(test_data: TestData) -> None:
    with pytest.raises(RecordError, match=r"wfdb_test_edfann\.edf: holds annotations but no signal\."):
        read_record(test_data("clinical-formats", "edf", "wfdb_test_edfann.edf"))


# --- against an independent writer ---


def test_what_edfio_writes_is_read_to_the_last_bit(tmp_path: Path) -> None:
    signal_mv = real_signal_mv(0).astype(np.float64)
    signals = [
        EdfSignal(row, 100, label=name, physical_dimension="mV", physical_range=(-8, 8), prefiltering="HP:0.05Hz")
        for name, row in zip(STANDARD_LEADS, signal_mv, strict=True)
    ]
    written = EdfioEdf(signals)
    written.write(tmp_path / "ecg.edf")
    record = read_and_check(tmp_path / "ecg.edf")
    assert record.lead_names == STANDARD_LEADS
    expected = np.array([signal.data for signal in written.signals])
    np.testing.assert_allclose(record.signal_mv, expected, atol=1e-6)
    assert record.acquisition.filters == "HP:0.05Hz"


# --- constructed files ---


def test_constructed_bdf_plus_d_has_24_bit_samples_gaps_annotations_and_patient(tmp_path: Path) -> None:
    uv = real_uv(3)
    channels = [
        EdfChannel(name, row * 100, physical=("-10000", "10000"), digital=("-1000000", "1000000"))
        for name, row in zip(("I", "II", "III"), uv, strict=True)
    ]
    file = Edf(channels, starts_s=[*range(9), 20.5], reserved="BDF+D", is_bdf=True, texts={3: "chest pain"})
    file.patient, file.recording = "H-17 F 01-JUN-1960 Jane_Doe", "Startdate 02-MAR-2024 X tech Dev_1"
    record = read_and_check(file.write(tmp_path / "ecg.bdf"))
    assert record.provenance.format == "BDF+D"
    assert record.report.gaps == ((9.0, 20.5),)
    np.testing.assert_allclose(record.signal_mv[:, :900], uv[:, :900] / 1000, atol=1e-6)
    np.testing.assert_allclose(record.signal_mv[:, 2050:], uv[:, 900:] / 1000, atol=1e-6)
    patient = record.patient
    assert (patient.patient_id, patient.name, patient.sex, patient.age_years) == ("H-17", "Jane Doe", "female", 63)
    assert record.acquisition.start == datetime(2024, 3, 2, 10, 14)
    assert "3 s for 0.5 s: chest pain" in record.acquisition.comments


def test_times_that_fit_are_no_gap_and_records_that_overlap_are_refused(tmp_path: Path) -> None:
    starts = [0.25 + 1.0004 * second for second in range(10)]
    drifting = Edf([lead()], starts_s=starts, reserved="EDF+D").write(tmp_path / "drift.edf")
    record = read_and_check(drifting)
    assert (record.n_samples, record.report.gaps) == (1000, ())
    assert record.acquisition.start == datetime(2024, 3, 2, 10, 14, 0, 250_000)
    back = Edf([lead()], starts_s=[*range(9), 3.0], reserved="EDF+D").write(tmp_path / "back.edf")
    with pytest.raises(RecordError, match="data record 10 is stated to begin before the one before it ends"):
        read_record(back)


def test_a_gap_in_a_file_that_is_called_continuous_is_a_gap_all_the_same(tmp_path: Path) -> None:
    path = Edf([lead()], starts_s=[*range(5), *range(8, 13)], reserved="EDF+C").write(tmp_path / "ecg.edf")
    record = read_and_check(path)
    assert record.report.gaps == ((5.0, 8.0),)
    assert any("calls the recording continuous" in text for text in record.report.warnings)


def test_a_discontinuous_file_without_times_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="says that it has gaps, but has no channel that says where"):
        read_record(Edf([lead()], reserved="EDF+D").write(tmp_path / "ecg.edf"))


def test_days_of_gap_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = Edf([lead()], starts_s=[*range(9), 900_000], reserved="EDF+D").write(tmp_path / "ecg.edf")
    with pytest.raises(RecordError, match="too much gap to be read at once|is too long to be read at once"):
        read_record(path)


def test_leads_of_another_rate_are_interpolated_and_it_is_said(tmp_path: Path) -> None:
    half = EdfChannel("V1", real_uv(7)[6][::2], n_per_record=50)
    record = read_and_check(Edf([lead(), half]).write(tmp_path / "ecg.edf"))
    assert record.fs_hz == 100
    assert "V1 was interpolated from 50 Hz to the record's 100 Hz." in record.report.warnings
    np.testing.assert_allclose(record.lead_mv("V1")[::2], real_uv(7)[6][::2] / 1000, atol=1e-6)


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e-3), ("mV", 1.0), ("V", 1e3), ("\u00b5V", 1e-3), ("nV", 1e-6)])
def test_the_unit_of_a_channel_counts(unit: str, factor: float, tmp_path: Path) -> None:
    uv = real_uv(2)[1]
    channel = lead(unit=unit, physical=("-10", "10"), digital=("-10000", "10000"))
    record = read_and_check(Edf([channel]).write(tmp_path / "ecg.edf"))
    np.testing.assert_allclose(record.signal_mv[0], uv / 1000 * factor, rtol=1e-6, atol=1e-9)
    assert record.report.leads[0].gain_source == "stated"


def test_a_channel_without_unit_is_left_out_with_a_warning_and_read_when_it_is_given(tmp_path: Path) -> None:
    path = Edf([lead("I"), lead("II", unit="")]).write(tmp_path / "ecg.edf")
    record = read_and_check(path)
    assert record.lead_names == ("I",)
    assert any("II: it states no unit" in text for text in record.report.ignored)
    assert "II states no unit and was left out." in record.report.warnings
    given = read_record(path, TableOptions(unit="uV"))
    assert given.lead_names == ("I", "II")
    assert [source.gain_source for source in given.report.leads] == ["stated", "given"]
    with pytest.raises(RecordError, match="states rate and leads itself"):
        read_record(path, TableOptions(fs_hz=500))


def test_physical_minimum_that_is_the_maximum_is_no_guess_at_a_gain(tmp_path: Path) -> None:
    path = Edf([lead(physical=("0", "0"))]).write(tmp_path / "ecg.edf")
    with pytest.raises(RecordError, match="physical minimum and maximum are both 0, so its amplitude is unknown"):
        read_record(path)


def test_what_shares_the_file_and_is_no_ecg_is_named_with_the_reason(tmp_path: Path) -> None:
    others = [lead("SpO2", unit="%"), lead("Resp"), lead("EEG C4-A1"), lead("C3-A2")]
    record = read_and_check(Edf([lead(), *others]).write(tmp_path / "ecg.edf"))
    assert record.lead_names == ("II",)
    assert len(record.report.ignored) == 4


FAULTS: dict[str, tuple[dict[str, object], str]] = {
    "open number of records": ({"n_records": "-1"}, "was not closed properly"),
    "wrong header size": ({"header_bytes": "999"}, "states its own size wrongly"),
    "dates with slashes": ({"start_date": "02/03/24"}, ""),
    "no date": ({"start_date": "99.99.99", "recording": "Startdate 2.3.24"}, "is no date"),
    "accents": ({"patient": "M\u00fcller"}, "letters outside ASCII"),
    "NULs": ({"recording": "x\0y"}, "NUL bytes"),
    "a decimal comma": ({"record_s": "1,0"}, "decimal comma"),
    "no version": ({"version": b""}, "does not begin with EDF's version 0"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_harmless_fault_of_the_header_is_forgiven_and_said(name: str, tmp_path: Path) -> None:
    changes, said = FAULTS[name]
    path = Edf([lead()], **changes).write(tmp_path / "ecg.edf")  # type: ignore[arg-type]
    record = read_and_check(path)
    np.testing.assert_allclose(record.signal_mv[0], real_uv(2)[1] / 1000, atol=1e-6)
    assert any(said in text for text in record.report.warnings) or not said


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"n_records": "11"}, "is cut short: it holds 10 data records, the header says 11"),
        ({"n_records": "0"}, "holds no data record"),
        ({"record_s": "0"}, "sampling rates are unknown"),
        ({"record_s": "-1"}, "sampling rates are unknown"),
        ({"record_s": "100"}, "is no sampling rate of an ECG"),
    ],
)
def test_what_makes_time_or_samples_uncertain_is_refused(
    changes: dict[str, str], cause: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Edf([lead()], **changes).write(tmp_path / "ecg.edf")  # type: ignore[arg-type]
    assert main(["read", str(path)]) == 2
    assert cause in capsys.readouterr().err


def test_the_header_alone_says_where_the_samples_lie(tmp_path: Path) -> None:
    uv = real_uv(2)
    path = Edf([EdfChannel("I", uv[0]), EdfChannel("II", uv[1])], starts_s=list(range(10))).write(tmp_path / "ecg.edf")
    samples = read_edf_header(path).samples
    content = path.read_bytes()
    second = samples.leads[1]
    at = samples.data_offset + 4 * samples.block_bytes + second.offset_bytes
    stored = np.frombuffer(content[at : at + 200], "<i2")
    assert stored.tolist() == uv[1, 400:500].tolist()
    np.testing.assert_allclose(second.to_mv(stored), uv[1, 400:500] / 1000, atol=1e-6)
