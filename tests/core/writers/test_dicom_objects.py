"""DICOM objects: the class and why, both groups, codes, and what the device said apart from what was computed here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID
from real_records import long_signal_mv, real_signal_mv, record_of

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.exported import computed_reading
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord
from physioclr_core.writers import ExportError, export_record, output_format
from physioclr_core.writers.dicom_class import AMBULATORY, GENERAL, TWELVE_LEAD, sop_class
from physioclr_core.writers.options import WriteOptions

MUSE = ("clinical-formats", "ge-muse-xml", "ecg2dcm_guangxi_teaching_sinus_rhythm.xml")


def written(record: EcgRecord, folder: Path, **options: object) -> tuple[Dataset, Path, tuple[str, ...]]:
    """Return the object of a record, its file and the notes."""
    done = export_record(record, folder / "out", output_format("dicom"), WriteOptions(**options))  # type: ignore[arg-type]
    return dcmread(done.files[0]), done.files[0], done.notes


@pytest.mark.parametrize(
    ("leads", "fs_hz", "n_samples", "n_median", "uid", "why"),
    [
        (STANDARD_LEADS, 500.0, 5000, 0, TWELVE_LEAD, "the twelve leads at a diagnostic rate"),
        (STANDARD_LEADS, 500.0, 5000, 12, GENERAL, "24 channels, and a 12-lead ECG has at most 13"),
        ((*STANDARD_LEADS, "vx", "vy", "vz"), 500.0, 5000, 0, GENERAL, "it has 15 leads"),
        (("I", "II"), 250.0, 5000, 0, GENERAL, "it has 2 leads"),
        (STANDARD_LEADS, 100.0, 1000, 0, AMBULATORY, "100 Hz are below the 200 Hz"),
        (("MLII", "V5"), 360.0, 360 * 1800, 0, AMBULATORY, "it lasts 30 minutes"),
    ],
)
def test_the_class_follows_from_leads_rate_and_length(
    leads: tuple[str, ...], fs_hz: float, n_samples: int, n_median: int, uid: str, why: str
) -> None:
    signal_mv = np.broadcast_to(np.zeros((1, 1), np.float32), (len(leads), n_samples))
    chosen = sop_class(record_of(signal_mv, fs_hz, leads), n_median)
    assert chosen.uid == uid
    assert why in chosen.why


@pytest.mark.parametrize(("fs_hz", "n_leads"), [(49.0, 2), (2000.0, 2), (500.0, 25), (100.0, 13)])
def test_what_no_class_allows_is_refused_in_one_sentence(tmp_path: Path, fs_hz: float, n_leads: int) -> None:
    signal_mv = np.tile(real_signal_mv(0)[:1], (n_leads, 1))
    record = record_of(signal_mv, fs_hz, [f"X{k}" for k in range(n_leads)])
    with pytest.raises(ExportError, match=r"^test: .*\.$"):
        export_record(record, tmp_path / "out", output_format("dicom"))
    assert list(tmp_path.iterdir()) == []


def test_rhythm_and_median_are_groups_of_their_own(test_data: Callable[..., Path], tmp_path: Path) -> None:
    record = read_record(test_data(*MUSE))
    assert record.device_reading.median is not None
    dataset, path, notes = written(record, tmp_path)
    assert dataset.SOPClassUID == GENERAL
    assert "24 channels" in notes[0]
    rhythm, median = dataset.WaveformSequence
    assert (rhythm.MultiplexGroupLabel, rhythm.WaveformOriginality) == ("RHYTHM", "ORIGINAL")
    assert (median.MultiplexGroupLabel, median.WaveformOriginality) == ("MEDIAN BEAT", "DERIVED")
    codes = [channel.ChannelSourceSequence[0] for channel in rhythm.ChannelDefinitionSequence]
    assert {code.CodingSchemeDesignator for code in codes} == {"MDC"}
    assert codes[2].CodeValue == "2:61"
    again = read_record(path)
    assert again.device_reading.median is not None
    difference_mv = np.abs(again.device_reading.median.signal_mv - record.device_reading.median.signal_mv)
    assert difference_mv.max() < 0.001
    assert again.device_reading.statements == record.device_reading.statements
    assert again.device_reading.status == record.device_reading.status
    assert again.acquisition == record.acquisition.__class__(
        **{**_fields(record), "filters": again.acquisition.filters}
    )


def _fields(record: EcgRecord) -> dict[str, object]:
    acquisition = record.acquisition
    return {name: getattr(acquisition, name) for name in acquisition.__slots__}


def test_measurements_are_coded_with_units(test_data: Callable[..., Path], tmp_path: Path) -> None:
    dataset, _, _ = written(read_record(test_data(*MUSE)), tmp_path)
    coded = {
        item.ConceptNameCodeSequence[0].CodeValue: item
        for item in dataset.WaveformAnnotationSequence
        if "NumericValue" in item
    }
    assert coded["2:16156"].NumericValue == 74
    assert coded["2:16156"].MeasurementUnitsCodeSequence[0].CodeValue == "ms"
    assert coded["2:16132"].MeasurementUnitsCodeSequence[0].CodeValue == "deg"
    assert all("ReferencedWaveformChannels" in item for item in dataset.WaveformAnnotationSequence)


def test_what_was_computed_here_is_marked_and_never_read_as_the_devices(
    test_data: Callable[..., Path], tmp_path: Path
) -> None:
    record = read_record(sorted(test_data("ptb-xl-500hz-cinc").rglob("*.hea"))[0])
    computed = computed_reading(record)
    assert computed.median is not None
    dataset, path, _ = written(record, tmp_path, computed=computed)
    assert len(dataset.WaveformSequence) == 2
    ours = [item for item in dataset.WaveformAnnotationSequence if item.AnnotationGroupNumber == 2]
    numbers = [item for item in ours if "NumericValue" in item]
    assert len(numbers) == len(computed.measurements) > 8
    for item in numbers:
        assert "Computed by physioclr" in item.ConceptNameCodeSequence[0].ModifierCodeSequence[0].CodeMeaning
    texts = " ".join(item.UnformattedTextValue for item in ours if "UnformattedTextValue" in item)
    assert "not by the recording device; research use only" in texts
    assert "Multiplex group 2, the median beat, was computed by physioclr" in texts
    again = read_record(path)
    assert again.device_reading == record.device_reading
    assert any("not by the device" in text for text in again.report.ignored)


def test_the_devices_median_beat_goes_before_a_computed_one(test_data: Callable[..., Path], tmp_path: Path) -> None:
    record = read_record(test_data(*MUSE))
    computed = computed_reading(record)
    _, path, _ = written(record, tmp_path, computed=computed)
    again = read_record(path)
    assert again.device_reading.median is not None
    assert len(again.device_reading.measurements) == len(record.device_reading.measurements)


def test_uids_are_valid_and_new_each_time(tmp_path: Path) -> None:
    record = record_of(real_signal_mv(0), 250.0)
    seen = set()
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        dataset, _, _ = written(record, folder)
        uids = [dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID]
        assert all(UID(uid).is_valid and len(uid) <= 64 for uid in uids)
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        seen.update(uids)
    assert len(seen) == 9


def test_an_unknown_time_stays_unknown(tmp_path: Path) -> None:
    _, path, _ = written(record_of(real_signal_mv(0), 250.0), tmp_path)
    assert read_record(path).acquisition.start is None


def test_nothing_is_measured_in_a_record_of_hours() -> None:
    reading = computed_reading(record_of(long_signal_mv(61_000), 100.0))
    assert reading.median is None
    assert reading.measurements == ()
    assert "nothing was measured" in reading.how
