"""Which statements a model cannot rule out at the level it promises, and when it abstains from suggesting any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import ModelError
from physioclr_core.infer.manifest import MANIFEST_NAME, ModelManifest

BoolArray = npt.NDArray[np.bool_]

# Why a model abstains: its set is empty or too large, or the ECG unlike those it learnt from. Empty: it does not.
Abstention = Literal["", "empty", "too large", "unlike"]

# With more labels than this, a set of over half of them says too little; a few labels often apply together.
_FEW_LABELS = 10
# Where more known ECGs than this carry no label, an empty set is an ordinary answer.
_MOST_WITHOUT_LABEL = 0.01


# Of fewer labels in sets of a size it is not said how many apply.
_MIN_HELD = 50


@dataclass(frozen=True, slots=True)
class PredictionSets:
    """The rule of a bundle's prediction sets.

    Attributes
    ----------
    level : float
        Promised: the mean share of an ECG's statements that its set holds, for ECGs like those that set the threshold.
    threshold : float
        A statement is in the set where its calibrated probability is over this.
    most : int or None
        A larger set says too little; None with a single label.
    may_be_empty : bool
        Whether ECGs without any of the statements are ordinary.
    right : tuple of (int, float or None)
        From this size on, up to the next, this share of the statements in a set applied, on ECGs that did not set the
        threshold; None where sets held too few to say, empty where it was not measured.
    """

    level: float
    threshold: float
    most: int | None
    may_be_empty: bool
    right: tuple[tuple[int, float | None], ...] = ()

    def share_right(self, size: int) -> float | None:
        """Return the share of statements that apply in sets of this size; None where it is unknown."""
        shares = [share for smallest, share in self.right if smallest <= size]
        return shares[-1] if shares else None

    def members(self, probability: npt.NDArray[np.floating]) -> BoolArray:
        """Return which statements are in the set, shape (n_labels,)."""
        return np.asarray(probability > self.threshold)

    def abstention(self, is_member: BoolArray) -> Abstention:
        """Return why its set makes the model abstain, empty where it does not."""
        size = int(is_member.sum())
        if size == 0 and not self.may_be_empty:
            return "empty"
        return "too large" if self.most is not None and size > self.most else ""


def prediction_sets_of(manifest: ModelManifest) -> PredictionSets | None:
    """Return the rule that a bundle ships; None where it ships none.

    Raises
    ------
    ModelError
        If the manifest's figures of prediction sets are not understood.
    """
    figures: Any = manifest.metrics.get("conformal")
    if figures is None:
        return None
    try:
        level, threshold = float(figures["level"]), float(figures["threshold"])
        largest = figures.get("largest")  # bundles of before it was measured have none
        largest = None if largest is None else int(largest)
        right = _right(figures.get("by_size", ()))
        n, n_records = int(figures["n"]), int(manifest.metrics["n_records"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{manifest.name}: {MANIFEST_NAME} describes its prediction sets badly ({error}).") from None
    if not (0.0 < level < 1.0 and 0.0 <= threshold < 1.0):
        raise ModelError(f"{manifest.name}: {MANIFEST_NAME} gives prediction sets an impossible level or threshold.")
    n_labels = len(manifest.labels)
    may_be_empty = n_labels == 1 or n < (1.0 - _MOST_WITHOUT_LABEL) * n_records
    return PredictionSets(level, threshold, _most(n_labels, largest), may_be_empty, right)


def _right(rows: Any) -> tuple[tuple[int, float | None], ...]:
    """Return sizes with the share of labels that applies, None where sets of that size held few."""
    read = [(int(row["smallest"]), int(row["n_right"]), int(row["n_held"])) for row in rows]
    if any(not 0 <= n_right <= n_held for _, n_right, n_held in read):
        raise ValueError("more labels apply than sets hold")
    return tuple((smallest, n_right / n_held if n_held >= _MIN_HELD else None) for smallest, n_right, n_held in read)


def _most(n_labels: int, largest: int | None) -> int | None:
    """Return how many labels a set may hold; one label alone is no set that could be too large.

    However common they were, sets of everything rule nothing out.
    """
    if n_labels == 1:
        return None
    most = n_labels // 2 if n_labels > _FEW_LABELS else n_labels - 1
    return most if largest is None else min(most, largest)
