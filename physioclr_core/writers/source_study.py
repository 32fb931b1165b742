"""The study that a DICOM source belongs to, so that records of one study stay together under a new UID."""

from __future__ import annotations

from physioclr_core.record import SignalSource


def source_study_uid(record: SignalSource) -> str | None:
    """Return the StudyInstanceUID of a record's DICOM file; None for other formats, or where it cannot be read."""
    if record.provenance.format != "DICOM":
        return None
    from pydicom import dcmread

    try:
        dataset = dcmread(
            record.provenance.path, force=True, specific_tags=["StudyInstanceUID"], stop_before_pixels=True
        )
        return str(dataset.StudyInstanceUID)
    except Exception:  # noqa: BLE001  (whatever it is, the record then gets a study of its own)
        return None
