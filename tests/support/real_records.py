"""Real ECGs for tests, from the reference library that ships with the product: no download, no other folder needed."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.library.reference import LibraryEntry, ReferenceLibrary
from physioclr_core.record import Acquisition, EcgRecord, Patient, Provenance
from physioclr_core.statements import statement_codes

FloatArray = npt.NDArray[np.float32]
FS_HZ = 100.0


@cache
def shipped_library() -> ReferenceLibrary:
    """Return the shipped library, opened once."""
    return ReferenceLibrary()


def real_signal_mv(entry: int = 0) -> FloatArray:
    """Return a library waveform: 12 leads in the standard order, 10 s at 100 Hz."""
    return shipped_library().signal_mv(entry)


def entries_with(code: str, folds: Iterable[int] = range(1, 10)) -> list[LibraryEntry]:
    """Return the library's entries that carry a statement."""
    wanted = set(folds)
    return [entry for entry in shipped_library().entries if code in entry.statements and entry.fold in wanted]


def long_signal_mv(n_samples: int, first_entry: int = 0) -> FloatArray:
    """Return real waveforms one after another, each starting where the last ended, cut to a length."""
    parts: list[FloatArray] = []
    level = np.zeros((12, 1), np.float32)
    for entry in range(first_entry, first_entry + -(-n_samples // 1000)):
        signal = real_signal_mv(entry)
        parts.append(signal - signal[:, :1] + level)
        level = parts[-1][:, -1:]
    return np.concatenate(parts, axis=1)[:, :n_samples]


def record_of(
    signal_mv: npt.NDArray[np.floating],
    fs_hz: float = FS_HZ,
    lead_names: Sequence[str] = STANDARD_LEADS,
    name: str = "test",
    patient_id: str | None = None,
) -> EcgRecord:
    """Return a record around samples."""
    return EcgRecord(
        name=name,
        signal_mv=np.array(signal_mv, np.float32),
        fs_hz=fs_hz,
        lead_names=tuple(lead_names),
        patient=Patient(patient_id=patient_id),
        acquisition=Acquisition(),
        provenance=Provenance(path=Path(name), format="test"),
    )


def to_adu(signal_mv: npt.NDArray[np.floating]) -> npt.NDArray[np.int16]:
    """Return 16-bit samples at 1000 ADU/mV."""
    return np.round(signal_mv * 1000.0).astype(np.int16)


def write_wfdb(
    stem: Path,
    signal_adu: npt.NDArray[np.int16],
    fs_hz: float = FS_HZ,
    lead_names: Sequence[str] = STANDARD_LEADS,
) -> Path:
    """Write a plain 16-bit WFDB record at 1000 ADU/mV, shape (n_leads, n_samples); return its header's path."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{stem.name} {len(lead_names)} {fs_hz:g} {signal_adu.shape[1]}"]
    for lead, samples in zip(lead_names, signal_adu, strict=True):
        checksum = int(samples.astype(np.int64).sum()) & 0xFFFF
        lines.append(f"{stem.name}.dat 16 1000.0(0)/mV 16 0 {samples[0]} {checksum} 0 {lead}")
    header = stem.with_name(stem.name + ".hea")
    header.write_text("\n".join(lines) + "\n", encoding="utf-8")
    stem.with_name(stem.name + ".dat").write_bytes(np.ascontiguousarray(signal_adu.T).astype("<i2").tobytes())
    return header


def tiny_selection(n_select: int = 40) -> list[LibraryEntry]:
    """Return about a hundred entries: every statement, folds 1 to 9, and ``n_select`` of fold 9.

    Half of fold 9 are normal ECGs, so that some statements there have positives and negatives enough for a threshold.
    """
    entries = shipped_library().entries
    chosen: dict[int, LibraryEntry] = {}
    for code in statement_codes():
        if not any(code in entry.statements for entry in chosen.values()):
            entry = next(entry for entry in entries if code in entry.statements)
            chosen[entry.entry] = entry
    normal = entries_with("NORM", [9])[: n_select // 2]
    others = [entry for entry in entries if entry.fold == 9 and "NORM" not in entry.statements][: n_select // 2]
    fill = [next(entry for entry in entries if entry.fold == fold) for fold in range(1, 9)]
    return [*{entry.entry: entry for entry in (*chosen.values(), *normal, *others, *fill)}.values()]


def write_ptbxl_tree(root: Path, entries: Sequence[LibraryEntry], patient_of: dict[int, int] | None = None) -> Path:
    """Write library entries as a tree of PTB-XL's own form.

    Parameters
    ----------
    root : Path
    entries : sequence of LibraryEntry
    patient_of : dict of int to int, optional
        Other patients for some ``ecg_id``, to make several records of one patient.
    """
    root.mkdir(parents=True, exist_ok=True)
    columns = ["ecg_id", "patient_id", "age", "sex", "strat_fold", "filename_lr", "scp_codes"]
    with (root / "ptbxl_database.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for entry in sorted(entries, key=lambda entry: entry.ecg_id):
            stem = f"records100/{entry.ecg_id // 1000 * 1000:05d}/{entry.ecg_id:05d}_lr"
            write_wfdb(root / stem, to_adu(shipped_library().signal_mv(entry.entry)))
            age = 300.0 if entry.over_89 else entry.age_years
            writer.writerow(
                [
                    entry.ecg_id,
                    float((patient_of or {}).get(entry.ecg_id, entry.patient_id)),  # as the official table writes it
                    "" if age is None else age,
                    {"male": 0, "female": 1, None: ""}[entry.sex],
                    entry.fold,
                    stem,
                    repr(dict.fromkeys(entry.statements, 0.0)),
                ]
            )
    return root


@cache
def unpacked_fold(ptbxl100: Path, fold: int) -> dict[int, FloatArray]:
    """Return a fold of the packed PTB-XL 100 Hz records in mV, by ``ecg_id``: 12 leads x 1000 samples."""
    spec = importlib.util.spec_from_file_location("ptbxl100_unpack", ptbxl100 / "unpack.py")
    assert spec is not None
    assert spec.loader is not None
    unpack = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unpack)
    with (ptbxl100 / "ptbxl_database.csv").open(newline="", encoding="utf-8") as lines:
        ecg_ids = sorted(int(row["ecg_id"]) for row in csv.DictReader(lines) if int(row["strat_fold"]) == fold)
    samples = unpack.decode_fold(fold)
    return {ecg_id: x.T.astype(np.float32) / 1000.0 for ecg_id, x in zip(ecg_ids, samples, strict=True)}
