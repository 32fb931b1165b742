"""What every reader must keep to, whatever the format: each reader's tests call ``read_and_check``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord

JSON_KEYS = (
    "record",
    "format",
    "lead_names",
    "fs_hz",
    "n_samples",
    "duration_s",
    "patient",
    "acquisition",
    "device_reading",
    "report",
)


def read_and_check(path: Path) -> EcgRecord:
    """Read a record, check it against the contract, and check that its folder was not changed."""
    before = _folder_state(path)
    record = read_record(path)
    assert _folder_state(path) == before
    check_record(record)
    return record


def check_record(record: EcgRecord) -> None:
    """Check what ``EcgRecord`` and ``ImportReport`` promise."""
    signal_mv, report = record.signal_mv, record.report
    assert signal_mv.dtype == np.float32
    assert signal_mv.shape == (record.n_leads, record.n_samples)
    assert record.n_samples > 0
    assert signal_mv.flags.c_contiguous
    assert not signal_mv.flags.writeable
    assert not np.isinf(signal_mv).any()
    assert np.isfinite(signal_mv).any()
    assert record.fs_hz > 0
    assert record.duration_s == record.n_samples / record.fs_hz

    assert all(name and name == name.strip() for name in record.lead_names)
    assert len(set(record.lead_names)) == record.n_leads
    assert tuple(lead.name for lead in report.leads) == record.lead_names
    assert report.unknown_leads == tuple(name for name in record.lead_names if name not in STANDARD_LEADS)
    assert set(report.derived_leads) <= set(record.lead_names)

    is_gap = np.isnan(signal_mv)
    for lead, row in zip(report.leads, is_gap, strict=True):
        assert np.isclose(lead.gap_s, row.sum() / record.fs_hz)
        assert 0 <= lead.clipped_fraction <= 1
        assert lead.gain != 0
        assert np.isfinite([lead.gain, lead.baseline, lead.fs_hz]).all()
    shared_s = sum(end - start for start, end in report.gaps)
    assert np.isclose(shared_s, is_gap.all(axis=0).sum() / record.fs_hz)
    _check_residual(record, report.einthoven_residual_mv, {"I": 1, "III": 1, "II": -1})
    _check_residual(record, report.goldberger_residual_mv, {"aVR": 1, "aVL": 1, "aVF": 1})

    assert record.provenance.path in record.provenance.files
    assert all(file.is_file() for file in record.provenance.files)
    assert not (record.patient.over_89 and record.patient.age_years is not None)
    described = json.loads(json.dumps(record.to_dict(), allow_nan=False))
    assert tuple(described) == JSON_KEYS


def _check_residual(record: EcgRecord, residual_mv: float | None, weights: dict[str, int]) -> None:
    if not set(weights) <= set(record.lead_names):
        assert residual_mv is None
        return
    total = sum(weight * record.lead_mv(name).astype(np.float64) for name, weight in weights.items())
    finite = total[np.isfinite(total)]
    if finite.size == 0:
        assert residual_mv is None
    else:
        assert residual_mv is not None
        assert np.isclose(residual_mv, np.sqrt(np.mean(finite**2)), rtol=1e-3, atol=1e-5)


def _folder_state(path: Path) -> dict[str, tuple[int, int, str]]:
    """Return size, time and, for the record's own files, hash of what is in a record's folder."""
    return {
        file.name: (
            file.stat().st_size,
            file.stat().st_mtime_ns,
            hashlib.sha256(file.read_bytes()).hexdigest() if file.stem == path.stem else "",
        )
        for file in path.parent.iterdir()
        if file.is_file()
    }
