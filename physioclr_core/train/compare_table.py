"""The table of a comparison, from the run folders alone: means over seeds and paired intervals over patients."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import macro_auroc
from physioclr_core.evaluate.bootstrap import (
    N_RESAMPLES,
    Interval,
    interval,
    macro,
    paired_difference,
    patient_weights,
    weighted_auroc,
)
from physioclr_core.train.compare import PRETRAIN, PlannedRun
from physioclr_core.train.predictions_file import KeptPredictions, read_predictions
from physioclr_core.train.run_folder import EVENTS

SEED = 0
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lead:
    """How far an arm is ahead of its best rival; the rival is chosen by its figure on the same records."""

    rival: str
    difference: Interval


@dataclass(frozen=True, slots=True)
class TableRow:
    """One arm under one evaluation.

    Attributes
    ----------
    arm, evaluation : str
    macro_auroc : Interval
        Mean over seeds; the interval is over patients, the seeds' mean in every resample.
    of_seeds : tuple of float
        Each seed's own.
    difference : Interval or None
        To the reference arm under the same evaluation, from the same resamples.
    over_best, over_best_pretrained : Lead or None
        Of the arms that the question is about: over the best rival, and over the best one with a pretraining.
    label_fraction : float
        Share of the training labels that the evaluation uses.
    pretrain_minutes, minutes : float
        Median over seeds of the time in training.
    n_records, n_labels : int
    """

    arm: str
    evaluation: str
    macro_auroc: Interval
    of_seeds: tuple[float, ...]
    difference: Interval | None
    over_best: Lead | None
    over_best_pretrained: Lead | None
    label_fraction: float
    pretrain_minutes: float
    minutes: float
    n_records: int
    n_labels: int


def compare_table(
    runs: Sequence[PlannedRun], reference: str | None, own: Sequence[str] = (), n_resamples: int = N_RESAMPLES
) -> tuple[TableRow, ...]:
    """Measure all finished runs of a comparison.

    Parameters
    ----------
    runs : sequence of PlannedRun
        All finished.
    reference : str or None
    own : sequence of str
        Arms that the question is about.
    n_resamples : int

    Raises
    ------
    UserFacingError
        If runs of one evaluation were judged on different records.
    """
    rows: list[TableRow] = []
    evaluations = dict.fromkeys(run.what for run in runs if run.what != PRETRAIN)
    pretrained = {run.arm for run in runs if run.what == PRETRAIN}
    for evaluation in evaluations:
        of_arm: dict[str, list[PlannedRun]] = {}
        for run in runs:
            if run.what == evaluation:
                of_arm.setdefault(run.arm, []).append(run)
        kept = {arm: [read_predictions(run.folder) for run in group] for arm, group in of_arm.items()}
        first = next(iter(kept.values()))[0]
        _check_alike(kept, first, of_arm)
        weights = patient_weights(first.patient, n_resamples, SEED)
        drawn = {
            arm: np.mean([macro(weighted_auroc(k.labels, k.logits, weights)) for k in group], axis=0)
            for arm, group in kept.items()
        }
        each = {arm: tuple(macro_auroc(k.labels, k.logits) for k in group) for arm, group in kept.items()}
        means = {arm: float(np.mean(values)) for arm, values in each.items()}
        rivals = [arm for arm in of_arm if arm not in own]
        for arm, group in of_arm.items():
            difference = None
            if reference in each and arm != reference:
                difference = paired_difference(drawn[arm], drawn[reference], means[arm] - means[reference])
            met = rivals if arm in own else []
            rows.append(
                TableRow(
                    arm=arm,
                    evaluation=evaluation,
                    macro_auroc=interval(means[arm], drawn[arm]),
                    of_seeds=each[arm],
                    difference=difference,
                    over_best=_lead(arm, met, means, drawn),
                    over_best_pretrained=_lead(arm, [name for name in met if name in pretrained], means, drawn),
                    label_fraction=group[0].config.data.label_fraction,
                    pretrain_minutes=_median([_minutes(r.folder.parent / PRETRAIN) for r in group]),
                    minutes=_median([_minutes(r.folder) for r in group]),
                    n_records=len(first.row),
                    n_labels=int(_has_both(first.labels).sum()),
                )
            )
    return tuple(rows)


def _lead(arm: str, rivals: Sequence[str], means: dict[str, float], drawn: dict[str, FloatArray]) -> Lead | None:
    if not rivals:
        return None
    best = max(rivals, key=lambda name: means[name])
    return Lead(best, paired_difference(drawn[arm], drawn[best], means[arm] - means[best]))


def _check_alike(
    kept: dict[str, list[KeptPredictions]], first: KeptPredictions, of_arm: dict[str, list[PlannedRun]]
) -> None:
    for arm, group in kept.items():
        for run, predictions in zip(of_arm[arm], group, strict=True):
            if not (
                np.array_equal(predictions.row, first.row)
                and np.array_equal(predictions.labels, first.labels, equal_nan=True)
            ):
                raise UserFacingError(
                    f"{run.folder}: was judged on other records than the first run; it cannot compare."
                )


def _has_both(labels: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    both: npt.NDArray[np.bool_] = (labels == 1.0).any(axis=0) & (labels == 0.0).any(axis=0)
    return both


def _minutes(folder: Path) -> float:
    """Return the time that a run spent in training, from its events; 0 where there is no run."""
    path = folder / EVENTS
    if not path.is_file():
        return 0.0
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sum(float(event.get("seconds", 0.0)) for event in events) / 60.0


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else 0.0
