"""WFDB records (.hea with .dat or .mat): one file, several files, or several segments.

16-bit samples, which most ECG collections hold, are decoded with numpy. The other sample formats go through the
``wfdb`` package, which takes 0.3 s to import and is imported when the first such record is opened. It decodes samples
only; headers, gains, skew, segments and rates are handled here for all formats, because its own handling fails where
two signals of a file have different skews and misplaces the gap after a skew at several samples per frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np

from physioclr_core.errors import RecordError
from physioclr_core.readers.assemble import build_report, name_leads
from physioclr_core.readers.ptbxl_sidecar import SidecarFacts, find_sidecar
from physioclr_core.readers.wfdb_comments import CommentFacts, parse_comments
from physioclr_core.readers.wfdb_header import WfdbHeader, quoted, read_header
from physioclr_core.readers.wfdb_leads import read_signals
from physioclr_core.readers.wfdb_segments import read_segments
from physioclr_core.record import Acquisition, EcgRecord, Patient, Provenance

HEADER_SUFFIX = ".hea"
SUFFIXES = (HEADER_SUFFIX, ".dat", ".mat")


def is_wfdb(path: Path) -> bool:
    """Return whether a path means a WFDB record: .hea, .dat, .mat, or the stem of a header that exists."""
    return path.suffix.lower() in SUFFIXES or path.with_name(f"{path.name}{HEADER_SUFFIX}").is_file()


def read_wfdb(path: Path) -> EcgRecord:
    """Read a WFDB record.

    Parameters
    ----------
    path : Path
        The header, its .dat or .mat file, or the path without extension.

    Returns
    -------
    EcgRecord
        ECG leads in mV in the header's order; other channels are named in ``report.ignored``.

    Raises
    ------
    RecordError
        If the record cannot be read in full; the text names file and cause.
    """
    header_path = find_header(path)
    header = read_header(header_path)
    if header.is_layout:
        raise RecordError(header_path, "is the layout header of a record in segments; open that record's own header")
    leads = (read_segments if header.is_multi_segment else read_signals)(header_path, header)
    if np.isnan(leads.signal_mv[0, 0]) and np.isnan(leads.signal_mv).all():
        raise RecordError(header_path, "has no valid sample in any ECG lead")

    facts = describe(header_path, header, leads.ignored)
    warnings = [*facts.warnings, *leads.warnings]
    lead_names = name_leads((source.source_name for source in leads.sources), warnings)
    return EcgRecord(
        name=header_path.stem,
        signal_mv=leads.signal_mv,
        fs_hz=leads.fs_hz,
        lead_names=lead_names,
        patient=facts.patient,
        acquisition=facts.acquisition,
        provenance=Provenance(path=header_path, format="WFDB", files=(header_path, *leads.files, *facts.further_files)),
        report=build_report(leads.signal_mv, leads.fs_hz, lead_names, leads.sources, leads.ignored, warnings),
    )


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """What a header and the table beside it say of a record, its samples aside."""

    patient: Patient
    acquisition: Acquisition
    warnings: tuple[str, ...]
    further_files: tuple[Path, ...]


def describe(header_path: Path, header: WfdbHeader, ignored: list[str]) -> RecordFacts:
    """Return who was recorded, when and how; ``ignored`` gets what could not be used."""
    facts = parse_comments(header.comments)
    sidecar = find_sidecar(header_path.with_suffix(""))
    warnings = [*header.notes, *facts.notes, *(sidecar.notes if sidecar else ())]
    name = header_path.stem
    if header.record_name != name:
        warnings.append(f"The header calls the record {quoted(header.record_name)}, its file is named {quoted(name)}.")
    start = _start(header, facts, sidecar, ignored)
    patient = _patient(facts, sidecar, warnings)
    acquisition = Acquisition(
        start=start,
        device=sidecar.device if sidecar else None,
        snomed_codes=facts.snomed_codes,
        statements=tuple(dict.fromkeys((*(sidecar.statements if sidecar else ()), *facts.statements))),
        comments=header.comments,
    )
    return RecordFacts(patient, acquisition, tuple(warnings), (sidecar.table,) if sidecar else ())


def find_header(path: Path) -> Path:
    """Return the header that a path means; it is not looked into.

    Raises
    ------
    RecordError
        If there is a signal file without a header beside it, or neither.
    """
    suffix = path.suffix.lower()
    if suffix == HEADER_SUFFIX:
        return path
    if suffix not in SUFFIXES:
        return path.with_name(f"{path.name}{HEADER_SUFFIX}")
    header_path = path.with_suffix(HEADER_SUFFIX)
    if not header_path.exists():
        if not path.exists():
            raise RecordError(path, "does not exist")
        raise RecordError(path, f"cannot be read without its WFDB header; there is no {header_path.name} beside it")
    return header_path


def _start(
    header: WfdbHeader, facts: CommentFacts, sidecar: SidecarFacts | None, ignored: list[str]
) -> datetime | date | None:
    day = header.base_date or facts.ecg_date
    if day is not None:
        return day if header.base_time is None else datetime.combine(day, header.base_time)
    if header.base_time is not None:
        ignored.append(f"start time {header.base_time.isoformat()}: it has no date")
    return sidecar.recording_date if sidecar else None


def _patient(facts: CommentFacts, sidecar: SidecarFacts | None, warnings: list[str]) -> Patient:
    """Combine the table with the header; the table is the curated source, so it goes first."""
    if sidecar is None:
        return Patient(facts.patient_id, age_years=facts.age_years, over_89=facts.over_89, sex=facts.sex)
    if sidecar.sex and facts.sex and sidecar.sex != facts.sex:
        warnings.append(f"The sex is {sidecar.sex} in {sidecar.table.name} and {facts.sex} in the header.")
    if None not in (sidecar.age_years, facts.age_years) and sidecar.age_years != facts.age_years:
        warnings.append(
            f"The age is {sidecar.age_years:g} in {sidecar.table.name} and {facts.age_years:g} in the header."
        )
    aged = sidecar if sidecar.age_years is not None or sidecar.over_89 else facts
    return Patient(
        patient_id=sidecar.patient_id or facts.patient_id,
        age_years=aged.age_years,
        over_89=aged.over_89,
        sex=sidecar.sex or facts.sex,
    )
