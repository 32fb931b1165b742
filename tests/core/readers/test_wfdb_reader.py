"""WFDB records as a whole: the samples that the wfdb package reads, real records, and the table of formats."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from reader_conformance import read_and_check
from wfdb_files import DATA, GEORGIA, PTBXL_1, SPECIAL, real_adu, write_signals

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import FORMATS, read_record
from physioclr_core.record import EcgRecord
from physioclr_core.units import mv_per_unit

SMALL_RECORDS = sorted(path for path in DATA.rglob("*.hea") if not path.stem.startswith("041s0"))


def by_wfdb_mv(header: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Return the signals of a record as the wfdb package reads them, by the file's names, at their own rates."""
    import wfdb

    record = wfdb.rdrecord(str(header.with_suffix("")), smooth_frames=False)
    signals = zip(record.sig_name, record.e_p_signal, record.units, strict=True)
    return {name: np.asarray(signal) * (mv_per_unit(unit) or np.nan) for name, signal, unit in signals}


def assert_same_samples(record: EcgRecord, header: Path) -> None:
    """Bit-identical in float32, for leads at the record's own rate."""
    expected = by_wfdb_mv(header)
    for lead, lead_mv in zip(record.report.leads, record.signal_mv, strict=True):
        np.testing.assert_array_equal(lead_mv, expected[lead.source_name].astype(np.float32))


@pytest.mark.parametrize("header", SMALL_RECORDS, ids=lambda path: path.stem)
def test_real_records_conform_and_have_the_samples_that_wfdb_reads(header: Path) -> None:
    record = read_and_check(header)
    assert record.provenance.format == "WFDB"
    assert record.name == header.stem
    assert_same_samples(record, header)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "folder",
    ["georgia", "chapman-ningbo", "cpsc2018", "cpsc-extra", "ludb", "mitdb", "ptb-xl-500hz", "ptb-xl-500hz-cinc"]
    + ["wfdb-special"],
)
def test_every_real_record_at_hand_conforms_and_has_the_samples_that_wfdb_reads(
    folder: str, test_data: Callable[..., Path]
) -> None:
    headers = sorted(path for path in test_data(folder).rglob("*.hea") if not path.stem.startswith("041s0"))
    assert headers
    for header in headers:
        assert_same_samples(read_and_check(header), header)


def test_a_plain_record_is_read_without_wfdb_scipy_or_pandas() -> None:
    code = (
        "import sys; from physioclr_core.readers import read_record; "
        f"read_record({str(PTBXL_1)!r}); read_record({str(GEORGIA)!r}); "
        "print(sorted({'wfdb', 'scipy', 'pandas', 'soundfile', 'torch', 'PySide6'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
def test_a_record_may_be_named_by_any_of_its_files_or_its_stem(suffix: str) -> None:
    record = read_record(f"{PTBXL_1}{suffix}")
    assert record.provenance.path == PTBXL_1.with_suffix(".hea")
    assert record.lead_names == STANDARD_LEADS


def test_a_matlab_file_means_its_record_and_a_stem_may_have_dots(tmp_path: Path) -> None:
    assert read_record(GEORGIA.with_suffix(".mat")).name == "E00001"
    header = write_signals(tmp_path, "visit.2", real_adu())
    assert read_record(tmp_path / "visit.2").name == "visit.2"
    assert read_record(header).name == "visit.2"


def test_a_relative_path_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PTBXL_1.parent)
    record = read_record("00001_lr.hea")
    assert record.patient.patient_id == "ptbxl:15709"
    assert read_record(Path("..", "00000", "00001_lr")).patient.patient_id == "ptbxl:15709"


def test_plain_record_is_in_millivolts_with_standard_names_and_a_clean_report() -> None:
    record = read_and_check(PTBXL_1.with_suffix(".hea"))
    stored = np.fromfile(PTBXL_1.with_suffix(".dat"), "<i2").reshape(1000, 12).T
    np.testing.assert_array_equal(record.signal_mv, (stored / 1000).astype(np.float32))
    assert (record.fs_hz, record.n_samples, record.duration_s) == (100.0, 1000, 10.0)
    assert record.lead_names == STANDARD_LEADS
    assert [lead.source_name for lead in record.report.leads][3:6] == ["AVR", "AVL", "AVF"]
    lead = record.report.leads[0]
    assert (lead.gain, lead.unit, lead.baseline, lead.gain_source, lead.fs_hz) == (1000.0, "mV", 0.0, "stated", 100.0)
    assert record.report.warnings == ()
    assert record.report.ignored == ()
    assert record.report.derived_leads == ()


def test_fifteen_leads_in_two_files_are_read_with_frank_leads_under_their_own_names() -> None:
    record = read_and_check(SPECIAL / "s0010_re.hea")
    assert record.lead_names == (*STANDARD_LEADS, "vx", "vy", "vz")
    assert record.report.unknown_leads == ("vx", "vy", "vz")
    assert [file.suffix for file in record.provenance.files] == [".hea", ".dat", ".xyz"]
    assert (record.patient.age_years, record.patient.sex) == (81.0, "female")
    assert record.acquisition.start == date(1990, 10, 1)


def test_segments_are_joined_at_the_rate_of_their_ecg_leads() -> None:
    record = read_and_check(SPECIAL / "041s" / "041s.hea")
    assert (record.fs_hz, record.n_samples) == (500.0, 8000)
    assert record.lead_names == ("III", "I", "V")
    assert [text.split(":")[0] for text in record.report.ignored] == ["ABP", "PAP", "PLETH", "RESP"]
    assert record.acquisition.start == datetime(1994, 10, 26, 8, 26, 4)
    for begin, segment in ((0, "041s01"), (4000, "041s02")):
        expected = by_wfdb_mv(SPECIAL / "041s" / f"{segment}.hea")
        for name in record.lead_names:
            np.testing.assert_array_equal(record.lead_mv(name)[begin : begin + 4000], expected[name].astype(np.float32))


def test_skew_is_undone_and_its_end_is_a_gap() -> None:
    aligned, skewed = read_record(SPECIAL / "100.hea"), read_and_check(SPECIAL / "100skew.hea")
    assert aligned.lead_names == ("MLII", "V5")
    np.testing.assert_array_equal(skewed.lead_mv("MLII"), aligned.lead_mv("MLII"))
    np.testing.assert_array_equal(skewed.lead_mv("V5")[:-3], aligned.lead_mv("V5")[3:])
    assert np.isnan(skewed.lead_mv("V5")[-3:]).all()
    assert any("V5 was shifted" in text for text in skewed.report.warnings)


def test_gain_and_checksum_warnings_do_not_come_from_sound_files() -> None:
    for header in SMALL_RECORDS:
        warnings = " ".join(read_record(header).report.warnings)
        assert "checksum" not in warnings
        assert "gain" not in warnings


def test_normalised_amplitudes_are_told_from_recorded_ones() -> None:
    ludb = read_record(DATA / "ludb" / "1")
    assert any("normalised" in text for text in ludb.report.warnings)
    assert (ludb.patient.age_years, ludb.patient.sex) == (51.0, "female")


def test_formats_have_unique_names_and_lower_case_suffixes() -> None:
    assert len({entry.name for entry in FORMATS}) == len(FORMATS)
    for entry in FORMATS:
        assert set(entry.listed_suffixes) <= set(entry.suffixes)
        assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in entry.suffixes)


def test_nothing_is_fetched_from_the_network(tmp_path: Path) -> None:
    # A fresh process without sockets: also the formats that go through wfdb are read.
    header = write_signals(tmp_path, "x", real_adu(2, 500, 12), fmt=212)
    code = (
        "import socket\n"
        "def refuse(*args, **kwargs): raise AssertionError('network')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse\n"
        "from physioclr_core.readers import read_record\n"
        f"print(read_record({str(header)!r}).n_samples)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert shown.stdout.strip() == "500"
