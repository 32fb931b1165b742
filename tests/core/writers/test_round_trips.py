"""Real records of every set, written and read back by our readers and by independent libraries: no sample is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import edfio
import numpy as np
import pytest
import wfdb
from ecgdatakit.parsing.parser import FileParser
from pydicom import dcmread
from reader_conformance import read_and_check

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord
from physioclr_core.writers import OUTPUT_FORMATS, ExportError, export_record, output_format
from physioclr_core.writers.scale import scales_of

SETS = (
    *("chapman-ningbo", "cpsc-extra", "cpsc2018", "georgia", "ludb", "mitdb", "ptb-xl-500hz", "ptb-xl-500hz-cinc"),
    *("wfdb-special", "clinical-formats"),
)
KEYS = [entry.key for entry in OUTPUT_FORMATS]
# What EDF+ has no way to say; each of these is refused in one sentence.
REFUSED_AS_EDF = {"041s", "041s02", "100skew", "test01_00s_skew"}
NO_ECG = {"wfdb_test_edfann.edf"}


def records_of(folder: Path) -> list[EcgRecord]:
    """Return three records of a set, all of the special ones."""
    suffixes = (".hea",) if folder.name != "clinical-formats" else (".dcm", ".edf", ".xml", ".scp")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.name not in NO_ECG)
    few = paths if folder.name in ("wfdb-special", "clinical-formats") else paths[:3]
    assert few
    return [read_record(path) for path in few]


def most_lsb(before: EcgRecord, after: EcgRecord) -> float:
    """Return the largest difference of a sample, in the source's own counts, where those are known."""
    worst = 0.0
    for name in after.lead_names:
        row = before.lead_names.index(name)
        a_mv, b_mv = before.signal_mv[row], after.lead_mv(name)[: before.n_samples]
        np.testing.assert_array_equal(np.isnan(a_mv), np.isnan(b_mv))
        if not np.isnan(a_mv).all():
            stated = before.report.leads[row].gain
            gain = stated if before.report.leads[row].unit == "mV" else scales_of(before).scales[row].gain_adu_mv
            worst = max(worst, float(np.nanmax(np.abs(a_mv.astype(np.float64) - b_mv))) * abs(gain))
    return worst


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("data", SETS)
def test_samples_come_back_within_one_count(
    test_data: Callable[..., Path], tmp_path: Path, data: str, key: str
) -> None:
    for number, record in enumerate(records_of(test_data(data))):
        if key == "csv" and record.n_samples > 100_000:
            continue
        out = tmp_path / f"out-{number}"
        if key == "edf" and record.name in REFUSED_AS_EDF:
            with pytest.raises(ExportError, match="a gap is not one of all leads"):
                export_record(record, out, output_format(key))
            assert not list(tmp_path.glob(f"out-{number}*"))
            continue
        written = export_record(record, out, output_format(key))
        again = read_and_check(written.files[-1])
        assert set(again.lead_names) <= set(record.lead_names)
        assert again.fs_hz == pytest.approx(record.fs_hz, rel=1e-9)
        assert most_lsb(record, again) <= 1.0
        if key != "edf":
            assert again.n_samples == record.n_samples


@pytest.mark.parametrize("data", SETS[:8])
def test_the_recorders_own_counts_survive_in_wfdb(test_data: Callable[..., Path], tmp_path: Path, data: str) -> None:
    for record in records_of(test_data(data)):
        export_record(record, tmp_path / "again", output_format("wfdb"), force=True)
        ours = wfdb.rdrecord(str(tmp_path / "again"), physical=False)
        theirs = wfdb.rdrecord(str(record.provenance.path.with_suffix("")), physical=False)
        assert ours.sig_name == list(record.lead_names)
        np.testing.assert_array_equal(ours.d_signal, theirs.d_signal)
        assert ours.checksum == [int(x) for x in ours.d_signal.astype(np.int64).sum(axis=0).astype(np.int16)]


def test_wfdb_keeps_who_when_and_what(test_data: Callable[..., Path], tmp_path: Path) -> None:
    for record in records_of(test_data("georgia")) + records_of(test_data("ludb")):
        again = read_record(export_record(record, tmp_path / "r", output_format("wfdb"), force=True).files[-1])
        assert (again.patient, again.acquisition.start) == (record.patient, record.acquisition.start)
        assert again.acquisition.snomed_codes == record.acquisition.snomed_codes


@pytest.mark.parametrize("data", ["georgia", "mitdb"])
def test_edfio_reads_the_same_millivolts(test_data: Callable[..., Path], tmp_path: Path, data: str) -> None:
    record = records_of(test_data(data))[0]
    edf = edfio.read_edf(export_record(record, tmp_path / "r", output_format("edf")).files[0])
    for scale, row, signal in zip(scales_of(record).scales, record.signal_mv, edf.signals, strict=True):
        per_mv = {"uV": 1000.0, "mV": 1.0}[signal.physical_dimension]
        difference_mv = np.abs(signal.data[: record.n_samples] / per_mv - row)
        assert difference_mv.max() * scale.gain_adu_mv < 0.01
        assert signal.sampling_frequency == record.fs_hz


@pytest.mark.parametrize("data", ["georgia", "ludb"])
def test_pydicom_and_ecgdatakit_read_the_same_millivolts(
    test_data: Callable[..., Path], tmp_path: Path, data: str
) -> None:
    record = records_of(test_data(data))[0]
    path = export_record(record, tmp_path / "r", output_format("dicom")).files[0]
    uv = dcmread(path).waveform_array(0).T
    np.testing.assert_allclose(uv / 1000.0, record.signal_mv, atol=1e-6)
    kit = FileParser().parse(path)
    assert [lead.label for lead in kit.leads] == list(STANDARD_LEADS)
    np.testing.assert_allclose([lead.samples for lead in kit.leads], record.signal_mv, atol=1e-6)
