"""Reading records of a source and writing one shard of a prepared data set."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.data.prepared import ADU_PER_MV, GAP_ADU, MAX_ADU
from physioclr_core.data.sources.source import SourceRecord, own_patient
from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced
from physioclr_core.leads import LIMB_LEADS, STANDARD_LEADS, derive_limb_leads
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord
from physioclr_core.signal.resample import resample

_log = logging.getLogger(__name__)
RECORDS_BETWEEN_REPORTS = 32


def write_shard(
    out: Path,
    number: int,
    records: tuple[SourceRecord, ...],
    fs_hz: float,
    folder: Path,
    on_records: Callable[[int], None],
) -> None:
    """Read records and write one shard with its rows; the rows are written last and say that it is finished.

    Parameters
    ----------
    out : Path
    number : int
        Of the shard.
    records : tuple of SourceRecord
    fs_hz : float
    folder : Path
        Of the source.
    on_records : callable
        Called with the number of records that were just finished.

    Raises
    ------
    UserFacingError
        If the source's folder is no longer there, as when a disk is unplugged: that is no fault of single records.
    OSError
        If the shard cannot be written.
    """
    rows: list[dict[str, Any]] = []
    contents: list[str] = []
    left_out: list[dict[str, str]] = []
    digest = hashlib.sha256()
    offset = n_new = 0
    with replaced(shard_path(out, number)) as file:
        for source in records:
            read = _read(source, fs_hz, folder)
            if isinstance(read, str):
                left_out.append({"record_id": source.record_id, "reason": read})
            else:
                record, samples, has_lead, n_clipped = read
                content = samples.tobytes()
                digest.update(content)
                contents.append(hashlib.sha256(content).hexdigest())
                file.write(content)
                row = _row(source, record, samples, has_lead, n_clipped)
                rows.append({**row, "shard": number, "offset": offset})
                offset += samples.size
            n_new += 1
            if n_new == RECORDS_BETWEEN_REPORTS:
                on_records(n_new)
                n_new = 0
    values = {
        "rows": rows,
        "contents": contents,
        "left_out": left_out,
        "sha256": digest.hexdigest(),
        "n_values": offset,
    }
    with replaced(rows_path(out, number)) as file:
        file.write(json.dumps(values).encode())
    on_records(n_new)


def to_adu(record: EcgRecord, fs_hz: float) -> tuple[npt.NDArray[np.int16], list[bool], int]:
    """Return a record's twelve standard leads as prepared samples.

    Limb leads that follow from two others are computed; other missing leads, and flat ones, are said to be missing.

    Returns
    -------
    ndarray of int16, shape (12, n_samples)
        1000 a mV; -32768 in gaps and missing leads.
    list of bool
        Which leads there are.
    int
        Samples beyond what 16 bits hold, which were clipped.

    Raises
    ------
    UserFacingError
        If there is none of the standard leads with signal.
    """
    leads = {name: record.signal_mv[row] for row, name in enumerate(record.lead_names) if name in STANDARD_LEADS}
    leads = {name: lead for name, lead in leads.items() if lead.size and np.fmax.reduce(lead) > np.fmin.reduce(lead)}
    if not leads:
        raise UserFacingError(f"{record.provenance.path.name}: none of the twelve standard leads has signal.")
    derived = derive_limb_leads(leads)
    leads |= {name: derived[name] for name in LIMB_LEADS if name in derived and name not in leads}
    present = [name for name in STANDARD_LEADS if name in leads]
    signal_mv = resample(np.stack([leads[name] for name in present]), record.fs_hz, fs_hz)
    adu = np.round(signal_mv * np.float32(ADU_PER_MV))
    is_gap = ~np.isfinite(adu)
    n_clipped = int((np.abs(np.where(is_gap, 0.0, adu)) > MAX_ADU).sum())
    samples = np.full((len(STANDARD_LEADS), signal_mv.shape[1]), GAP_ADU, np.int16)
    rows = [STANDARD_LEADS.index(name) for name in present]
    samples[rows] = np.where(is_gap, GAP_ADU, np.clip(adu, -MAX_ADU, MAX_ADU)).astype(np.int16)
    return samples, [name in leads for name in STANDARD_LEADS], n_clipped


def shard_path(out: Path, number: int) -> Path:
    """Return where a shard's samples are."""
    return out / f"shard-{number:05d}.i16"


def rows_path(out: Path, number: int) -> Path:
    """Return where a shard's rows are until the index is made of them."""
    return out / f"shard-{number:05d}.json"


def _read(
    source: SourceRecord, fs_hz: float, folder: Path
) -> tuple[EcgRecord, npt.NDArray[np.int16], list[bool], int] | str:
    """Return a record with its samples, or why it is left out."""
    try:
        record = read_record(source.path)
        return record, *to_adu(record, fs_hz)
    except UserFacingError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001  (a file that no reader foresaw must not end the work of hours)
        cause = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
        reason = f"{Path(source.path).name}: cannot be read ({cause})."
    _log.debug("%s is left out", source.path, exc_info=True)
    if not folder.is_dir():
        raise UserFacingError(f"{folder}: the folder is no longer there; the same command goes on where it was.")
    return " ".join(reason.split())


def _row(
    source: SourceRecord,
    record: EcgRecord,
    samples: npt.NDArray[np.int16],
    has_lead: list[bool],
    n_clipped: int,
) -> dict[str, Any]:
    patient = record.patient
    of_file = f"{source.dataset}:{patient.patient_id}" if patient.patient_id else own_patient(source.record_id)
    return {
        "record_id": source.record_id,
        "dataset": source.dataset,
        "patient_id": source.patient_id or of_file,
        "fold": source.fold,
        "age_years": patient.age_years if source.age_years is None else source.age_years,
        "sex": source.sex or patient.sex,
        "statements": list(record.acquisition.statements),
        "snomed": list(record.acquisition.snomed_codes),
        "labels": list(source.labels),
        "known_labels": list(source.known_labels),
        "report": list(source.report),
        "n_samples": samples.shape[1],
        "has_lead": has_lead,
        "n_clipped": n_clipped,
        "n_gap": int((samples[has_lead] == GAP_ADU).sum()),
    }
