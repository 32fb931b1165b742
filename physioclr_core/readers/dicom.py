"""ECGs in DICOM: every waveform class that holds ECG leads, the rhythm as the record and the median beat beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from physioclr_core.errors import NoEcgError, RecordError
from physioclr_core.readers.assemble import LeadSource, build_report, name_leads
from physioclr_core.readers.dicom_facts import read_acquisition, read_device_reading, read_patient
from physioclr_core.readers.dicom_file import DicomFile, decoding, open_dicom, text_of
from physioclr_core.readers.dicom_groups import WaveGroup, read_group
from physioclr_core.readers.dicom_own import with_own_notes
from physioclr_core.readers.wfdb_leads import check_dimensions
from physioclr_core.record import EcgRecord, FloatArray, MedianBeat, Provenance

# 12-lead, General, Ambulatory, General 32-bit.
_ECG_CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.9.{number}" for number in ("1.1", "1.2", "1.3", "1.4"))
_MAX_GROUPS = 64
# Groups that begin apart leave a gap between them, which must not be worth more memory than the samples.
_MAX_GAP_S = 24 * 3600.0
_MAX_GAP_SAMPLES = 2**25


def read_dicom(path: Path) -> EcgRecord:
    """Read the ECG of a DICOM file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    EcgRecord
        The rhythm's leads in mV; the device's median beat is in ``device_reading.median``, never the record.

    Raises
    ------
    RecordError
        If the file holds no ECG, is damaged or cut off, or contradicts itself.
    """
    with decoding(path):
        file = open_dicom(path)
        ignored: list[str] = []
        groups = _read_groups(file, ignored)
        rhythm, median = _choose(file, groups)
        record = _Joined(file, rhythm)
        median_beat = _median_beat(median)
        if median is not None:
            record.padding += [f"Median beat: {sentence}" for sentence in median.padding]
            record.warnings += [f"Median beat: {sentence}" for sentence in median.warnings]
        ignored += record.ignored
        channel_names = {
            (number, channel): name for number, group in groups.items() for channel, name in group.channel_names.items()
        }
        own_notes: list[Dataset] = []
        reading, reading_warnings = read_device_reading(file, channel_names, median_beat, ignored, own_notes)
        acquisition = read_acquisition(file.root, rhythm[0].filters)
        patient = read_patient(file.root, acquisition.start)
        patient, acquisition, reading = with_own_notes(file, own_notes, patient, acquisition, reading, ignored)
    if not np.isfinite(record.signal_mv).any():
        raise RecordError(path, "has no valid sample in any ECG lead")
    warnings = [*file.warnings, *record.warnings, *reading_warnings]
    lead_names = name_leads(record.names, warnings)
    return EcgRecord(
        name=path.stem,
        signal_mv=record.signal_mv,
        fs_hz=record.fs_hz,
        lead_names=lead_names,
        patient=patient,
        acquisition=acquisition,
        provenance=Provenance(path=path, format="DICOM", files=(path,)),
        report=build_report(
            record.signal_mv, record.fs_hz, lead_names, record.sources, ignored, warnings, padding=record.padding
        ),
        device_reading=reading,
    )


def _fault_of(class_uid: str | None) -> type[RecordError]:
    """Return how a file without ECG leads fails: one that says it is an ECG is damaged, others are something else."""
    return RecordError if class_uid in _ECG_CLASSES else NoEcgError


def _read_groups(file: DicomFile, ignored: list[str]) -> dict[int, WaveGroup]:
    """Return the multiplex groups with ECG leads by their number."""
    items = file.items(file.root, "WaveformSequence")
    class_uid = text_of(file.root, "SOPClassUID")
    if not items:
        kind = UID(class_uid).name if class_uid else "a file of no stated kind"
        raise _fault_of(class_uid)(file.path, f"holds no waveform ({kind[:80]})")
    if len(items) > _MAX_GROUPS:
        raise RecordError(file.path, f"holds {len(items)} waveform groups, which is absurd")
    is_ecg_class = class_uid in _ECG_CLASSES or (not class_uid and text_of(file.root, "Modality") == "ECG")
    groups: dict[int, WaveGroup] = {}
    for number, item in enumerate(items, start=1):
        group = read_group(file, item, number, is_ecg_class)
        ignored += group.ignored
        if group.names:
            groups[number] = group
    if not groups:
        raise _fault_of(class_uid)(file.path, f"has no ECG lead in a unit of voltage ({'; '.join(ignored[:3])})")
    return groups


def _choose(file: DicomFile, groups: dict[int, WaveGroup]) -> tuple[list[WaveGroup], WaveGroup | None]:
    """Return the rhythm's groups, the main one first, and the median beat."""
    # Short and derived is only a sign of a median beat where something else is the rhythm of the same leads.
    certain = {name for group in groups.values() if not group.is_median for name in group.names}
    rhythm = [
        group
        for group in groups.values()
        if not group.is_median or (not group.is_called_median and not certain.issuperset(group.names))
    ]
    medians = [group for group in groups.values() if group not in rhythm]
    if not rhythm:
        raise RecordError(file.path, "holds the device's median beat but no rhythm")
    main = max(rhythm, key=lambda group: (len(set(group.names)), group.signal_mv.shape[1]))
    return [main, *(group for group in rhythm if group is not main)], medians[0] if medians else None


def _median_beat(median: WaveGroup | None) -> MedianBeat | None:
    if median is None:
        return None
    median.signal_mv.setflags(write=False)
    return MedianBeat(median.signal_mv, median.fs_hz, name_leads(median.names, []))


class _Joined:
    """The rhythm's groups as one set of leads: further leads of the same time, or the same leads at a later time."""

    def __init__(self, file: DicomFile, rhythm: list[WaveGroup]) -> None:
        main = rhythm[0]
        self.fs_hz = main.fs_hz
        self.ignored: list[str] = []
        self.warnings = list(main.warnings)
        self.padding = list(main.padding)
        taken = [(main, 0)]
        for group in rhythm[1:]:
            start = self._place(main, group, taken)
            if start is not None:
                taken.append((group, start))
                self.warnings += group.warnings
                self.padding += group.padding
        taken.sort(key=lambda entry: entry[0].number)  # leads come in the file's order
        self.names: tuple[str, ...] = ()
        self.sources: tuple[LeadSource, ...] = ()
        for group, _ in taken:
            for name, source in zip(group.names, group.sources, strict=True):
                if name not in self.names:
                    self.names += (name,)
                    self.sources += (source,)
        self.signal_mv = self._fill(file, taken)

    def _place(self, main: WaveGroup, group: WaveGroup, taken: list[tuple[WaveGroup, int]]) -> int | None:
        """Return the sample at which a further group begins, None where it is left out, which is said."""
        if group.fs_hz != main.fs_hz:
            self.ignored.append(f"{group.title}: at {group.fs_hz:g} Hz, the record is at {main.fs_hz:g} Hz")
            return None
        known = {name for other, _ in taken for name in other.names}
        if group.start_s is not None and main.start_s is not None:
            start_s = group.start_s - main.start_s
            if abs(start_s) > _MAX_GAP_S:
                self.ignored.append(f"{group.title}: begins {start_s / 3600:.1f} h from the first")
                return None
        elif group.signal_mv.shape[1] == main.signal_mv.shape[1] and not known & set(group.names):
            start_s = 0.0
            self.warnings.append(f"The file does not say when {group.title} began; it is shown as if with the first.")
        else:
            self.ignored.append(f"{group.title}: the file does not say when it began")
            return None
        start = round(start_s * main.fs_hz)
        end = start + group.signal_mv.shape[1]
        for other, begin in taken:
            if set(other.names) & set(group.names) and start < begin + other.signal_mv.shape[1] and begin < end:
                self.ignored.append(f"{group.title}: the same leads at the same time as {other.title}")
                return None
        return start

    def _fill(self, file: DicomFile, taken: list[tuple[WaveGroup, int]]) -> FloatArray:
        if len(taken) == 1:
            return taken[0][0].signal_mv
        first = min(start for _, start in taken)
        n_samples = max(start + group.signal_mv.shape[1] for group, start in taken) - first
        check_dimensions(file.path, len(self.names), n_samples, self.fs_hz)
        if len(self.names) * n_samples > sum(group.signal_mv.size for group, _ in taken) + _MAX_GAP_SAMPLES:
            raise RecordError(
                file.path, f"has gaps too long to be read at once ({n_samples / self.fs_hz:.0f} s in all)"
            )
        signal_mv = np.full((len(self.names), n_samples), np.nan, np.float32)
        for group, start in taken:
            for name, lead_mv in zip(group.names, group.signal_mv, strict=True):
                signal_mv[self.names.index(name), start - first : start - first + lead_mv.size] = lead_mv
        return signal_mv
