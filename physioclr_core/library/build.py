"""Build the reference library from PTB-XL with a model bundle.

One command::

    python -m physioclr_core.library.build PTBXL_FOLDER OUT_FOLDER [--model BUNDLE] [--demo DEMO_FOLDER]
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.data.ptbxl import ADU_PER_MV, FS_HZ, N_SAMPLES, PtbXl, load_ptbxl
from physioclr_core.errors import LibraryError
from physioclr_core.files import sha256_of
from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.preprocess import model_input
from physioclr_core.infer.windows import Windows
from physioclr_core.library.codec import pack_record
from physioclr_core.library.reference import EMBEDDINGS_NAME, MANIFEST_NAME, RECORDS_NAME, SCHEMA, WAVEFORMS_NAME, unit

FOLDS = (1, 2, 3, 4, 5, 6, 7, 8, 9)
LIMIT_PERCENTILE = 99.0
ATTRIBUTION = (
    "PTB-XL 1.0.3 (Wagner et al., Sci Data 7:154, 2020, doi 10.1038/s41597-020-0495-6), PhysioNet (Goldberger et al., "
    "Circulation 101:e215, 2000), CC BY 4.0; 100 Hz waveforms repacked without loss"
)


def choose_records(
    labels: npt.NDArray[np.bool_], patient_id: npt.NDArray[np.int64], n_records: int, n_per_label: int, seed: int
) -> npt.NDArray[np.int64]:
    """Return rows that cover every label, at most one record of a patient.

    The rarest labels are served first, each up to ``n_per_label`` records; the rest is drawn at random, so that the
    library keeps the mix of a clinic.

    Parameters
    ----------
    labels : ndarray of bool, shape (n, n_labels)
    patient_id : ndarray of int64, shape (n,)
    n_records, n_per_label, seed : int
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen: list[int] = []
    patients: set[int] = set()
    count = np.zeros(labels.shape[1], np.int64)

    def take(row: int) -> None:
        chosen.append(row)
        patients.add(int(patient_id[row]))
        count[labels[row]] += 1

    for label in np.argsort(labels.sum(axis=0), kind="stable"):
        for row in order[labels[order, label]]:
            if count[label] >= n_per_label:
                break
            if int(patient_id[row]) not in patients:
                take(int(row))
    for row in order:
        if len(chosen) >= n_records:
            break
        if int(patient_id[row]) not in patients:
            take(int(row))
    return np.sort(np.array(chosen))


def build_library(
    ptbxl: Path, out: Path, model: EcgModel, n_records: int, n_per_label: int, excluded_patients: set[int], seed: int
) -> None:
    """Write a library folder; an existing one is replaced file by file once everything has been made.

    Parameters
    ----------
    ptbxl, out : Path
    model : EcgModel
    n_records, n_per_label, seed : int
        See ``choose_records``.
    excluded_patients : set of int
        Patients of the demo records.

    Raises
    ------
    LibraryError
        If a statement would have no record.
    """
    data = load_ptbxl(ptbxl, FOLDS)
    ecg_ids = defaultdict(list)
    for ecg_id, patient in zip(data.ecg_id, data.patient_id, strict=True):
        ecg_ids[int(patient)].append(int(ecg_id))
    allowed = np.flatnonzero(~np.isin(data.patient_id, list(excluded_patients)))
    rows = allowed[choose_records(data.labels[allowed], data.patient_id[allowed], n_records, n_per_label, seed)]
    part = data.select(rows)
    missing = [code for code, n in zip(part.codes, part.labels.sum(axis=0), strict=True) if n == 0]
    if missing:
        raise LibraryError(f"{out}: no record for {', '.join(missing)}.")
    embeddings = _embeddings(part, model).astype(np.float16)
    packed = [pack_record(signal) for signal in part.signal_adu]
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as aside_name:
        aside = Path(aside_name)
        np.save(aside / EMBEDDINGS_NAME, embeddings, allow_pickle=False)
        (aside / WAVEFORMS_NAME).write_bytes(b"".join(packed))
        _write_records(aside / RECORDS_NAME, part, packed, ecg_ids)
        names = (EMBEDDINGS_NAME, WAVEFORMS_NAME, RECORDS_NAME)
        manifest = {
            "schema": SCHEMA,
            "fingerprint": model.manifest.fingerprint,
            "model": model.manifest.short_id,
            "n_records": len(part),
            "folds": list(FOLDS),
            "fs_hz": FS_HZ,
            "n_samples": N_SAMPLES,
            "adu_per_mv": ADU_PER_MV,
            "distance": "cosine",
            "limit_percentile": LIMIT_PERCENTILE,
            "limit_distance": round(nearest_distance_percentile(unit(embeddings), LIMIT_PERCENTILE), 6),
            "selection": f"one record a patient, up to {n_per_label} of each statement, rest at random, seed {seed}",
            "attribution": ATTRIBUTION,
            "licence": "CC BY 4.0",
            "sha256": {name: sha256_of(aside / name) for name in names},
        }
        text = json.dumps(manifest, indent=1) + "\n"
        (aside / MANIFEST_NAME).write_text(text, encoding="utf-8", newline="\n")
        for name in (*names, MANIFEST_NAME):
            (aside / name).replace(out / name)


def nearest_distance_percentile(embeddings: npt.NDArray[np.float32], percentile: float) -> float:
    """Return a percentile of the distances between each entry (of length 1) and its nearest other entry."""
    nearest = np.empty(len(embeddings))
    for start in range(0, len(embeddings), 512):
        similarity = embeddings[start : start + 512] @ embeddings.T
        rows = np.arange(len(similarity))
        similarity[rows, start + rows] = -np.inf
        nearest[start : start + 512] = 1.0 - similarity.max(axis=1)
    return float(np.percentile(nearest, percentile))


def _embeddings(part: PtbXl, model: EcgModel) -> npt.NDArray[np.float32]:
    mask = np.ones((1, N_SAMPLES), np.float32)
    start = np.zeros(1)
    rows = []
    for first in range(0, len(part), 32):
        x = model_input(part.signal_adu[first : first + 32].astype(np.float32) / np.float32(ADU_PER_MV))
        rows += [a.embedding for a in model.assess_windows([Windows(window[None], mask, start) for window in x])]
    return np.stack(rows)


def _write_records(path: Path, part: PtbXl, packed: list[bytes], ecg_ids: dict[int, list[int]]) -> None:
    columns = "ecg_id patient_id age_years over_89 sex fold statements other_ecg_ids n_bytes".split()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for index, record in enumerate(packed):
            ecg_id, patient, age = int(part.ecg_id[index]), int(part.patient_id[index]), part.age_years[index]
            is_known = bool(np.isfinite(age)) and age < 300
            writer.writerow(
                [
                    ecg_id,
                    patient,
                    f"{age:g}" if is_known else "",
                    int(age >= 300),
                    {0: "male", 1: "female"}.get(int(part.sex[index]), ""),
                    int(part.fold[index]),
                    " ".join(code for code, is_set in zip(part.codes, part.labels[index], strict=True) if is_set),
                    " ".join(str(other) for other in ecg_ids[patient] if other != ecg_id),
                    len(record),
                ]
            )


def demo_patients(demo: Path) -> set[int]:
    """Return the PTB-XL patients of the bundled demo records."""
    index = json.loads((demo / "index.json").read_text(encoding="utf-8"))
    ids = [entry.get("patient_id") or "" for entry in index]
    return {int(patient.removeprefix("ptbxl:")) for patient in ids if patient.startswith("ptbxl:")}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Build the reference library from PTB-XL with a model bundle.")
    parser.add_argument("ptbxl", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, default=None, help="model bundle (default: the shipped one)")
    parser.add_argument("--demo", type=Path, required=True, help="folder of demo records, whose patients are left out")
    parser.add_argument("--records", type=int, default=2800)
    parser.add_argument("--per-statement", type=int, default=60)
    args = parser.parse_args()
    build_library(
        args.ptbxl,
        args.out,
        EcgModel(args.model),
        args.records,
        args.per_statement,
        demo_patients(args.demo),
        seed=0,
    )


if __name__ == "__main__":
    main()
