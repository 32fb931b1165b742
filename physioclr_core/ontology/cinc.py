"""The 26 classes of the CinC Challenge 2021: its 30 scored codes with the four pairs it takes as equal merged."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from physioclr_core.paths import assets_dir

SINUS_RHYTHM = "426783006"
_SEPARATOR = "|"


@cache
def cinc_classes() -> tuple[tuple[str, ...], ...]:
    """Return the SNOMED CT codes of each class, in the order of the challenge's weights."""
    return tuple(tuple(cell.split(_SEPARATOR)) for cell in _rows()[0][1:])


@cache
def _class_of_code() -> dict[str, int]:
    return {code: index for index, codes in enumerate(cinc_classes()) for code in codes}


def cinc_labels(snomed_codes: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Return which of the 26 classes codes belong to, shape (26,); codes that are not scored count for none."""
    labels = np.zeros(len(cinc_classes()), np.bool_)
    for code in snomed_codes:
        index = _class_of_code().get(code)
        if index is not None:
            labels[index] = True
    return labels


def cinc_weights() -> npt.NDArray[np.float64]:
    """Return the reward of predicting class j where class i is true, shape (26, 26)."""
    return np.array([[float(cell) for cell in row[1:]] for row in _rows()[1:]])


def _rows() -> list[list[str]]:
    with (assets_dir() / "statements" / "cinc" / "weights.csv").open(newline="", encoding="utf-8-sig") as lines:
        return list(csv.reader(lines))
