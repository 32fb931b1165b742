"""Fit the features' scale and principal components to PTB-XL's training folds.

Two commands make the artefact::

    physioclr features PTBXL_FOLDER/records100 --out FEATURES.parquet
    python -m physioclr_core.train.feature_scaling FEATURES.parquet PTBXL_FOLDER OUT_FOLDER
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.physiology.features.scaling import FeatureScaling, fit_scaling
from physioclr_core.physiology.features.table import read_feature_table

TRAIN_FOLDS = (1, 2, 3, 4, 5, 6, 7, 8)
# "00123_lr", or "x/00123_lr" where another folder has a record of that name.
_ECG_ID = re.compile(r"(?:.*/)?(\d{5})_[lh]r")


def folds_of(labels: Sequence[str], database: Path) -> npt.NDArray[np.int64]:
    """Return the fold of each record.

    Parameters
    ----------
    labels : sequence of str
        Names of PTB-XL's files without extension.
    database : Path
        ``ptbxl_database.csv``.

    Raises
    ------
    UserFacingError
        If the database cannot be read, or a record is not in it.
    """
    try:
        with database.open(newline="", encoding="utf-8") as lines:
            fold_of = {int(row["ecg_id"]): int(row["strat_fold"]) for row in csv.DictReader(lines)}
    except OSError as error:
        raise UserFacingError(f"{database}: cannot be read ({error.strerror}).") from None
    except (KeyError, ValueError):
        raise UserFacingError(f"{database}: this is not PTB-XL's database.") from None
    folds = []
    for label in labels:
        name = _ECG_ID.fullmatch(label)
        if name is None or int(name[1]) not in fold_of:
            raise UserFacingError(f"{label}: this record is not in {database}.")
        folds.append(fold_of[int(name[1])])
    return np.array(folds, np.int64)


def fit_to_ptbxl(features: Path, ptbxl: Path, folds: Sequence[int] = TRAIN_FOLDS) -> FeatureScaling:
    """Fit to the records of some folds in which anything was measured.

    Parameters
    ----------
    features : Path
        Table of ``physioclr features``.
    ptbxl : Path
        Folder with ``ptbxl_database.csv``.
    folds : sequence of int

    Raises
    ------
    UserFacingError
        If a file cannot be read, a record is not PTB-XL's, or the folds hold too little to fit to.
    """
    labels, values, is_valid = read_feature_table(features)
    is_used = np.isin(folds_of(labels, ptbxl / "ptbxl_database.csv"), folds) & is_valid.any(axis=1)
    # In the order of the labels, so that the order of a folder's files does not change the hash.
    rows = [row for row in sorted(range(len(labels)), key=labels.__getitem__) if is_used[row]]
    return fit_scaling(values[rows], is_valid[rows])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Fit the scale and principal components of the features to PTB-XL.")
    parser.add_argument("features", type=Path, help="table of `physioclr features`")
    parser.add_argument("ptbxl", type=Path, help="folder with ptbxl_database.csv")
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--folds", type=int, nargs="+", default=list(TRAIN_FOLDS))
    args = parser.parse_args(argv)
    try:
        scaling = fit_to_ptbxl(args.features, args.ptbxl, args.folds)
        args.out.mkdir(parents=True, exist_ok=True)
        scaling.save(args.out)
    except UserFacingError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    share = 100.0 * sum(scaling.explained)
    print(f"{scaling.n_records} records; 50 components hold {share:.1f} % of the variance; {scaling.fingerprint[:8]}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
