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
# Of labels with fewer positive records a figure is largely luck.
MIN_POSITIVE = 20
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lead:
    """How far an arm is ahead of its best rival, over the seeds that both have: the same draws of the labels.

    The rival is chosen by its figure on the same records.
    """

    rival: str
    difference: Interval


@dataclass(frozen=True, slots=True)
class CommonLabels:
    """The same figures over the labels with at least ``MIN_POSITIVE`` positive records among those judged."""

    n_labels: int
    macro_auroc: Interval
    over_best: Lead | None
    over_best_pretrained: Lead | None


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
        To the reference arm under the same evaluation, over the seeds that both have, from the same resamples.
    over_best, over_best_pretrained : Lead or None
        Of the arms that the question is about: over the best rival, and over the best one with a pretraining.
    common : CommonLabels or None
        None where no label has so many positive records.
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
    common: CommonLabels | None
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
        seeds = {arm: [run.seed for run in group] for arm, group in of_arm.items()}
        everything = _measured(kept, seeds, weights, np.arange(first.labels.shape[1]))
        often = np.flatnonzero((first.labels == 1.0).sum(axis=0) >= MIN_POSITIVE)
        common = _measured(kept, seeds, weights, often) if len(often) else None
        rivals = [arm for arm in of_arm if arm not in own]
        for arm, group in of_arm.items():
            difference = None
            if reference is not None and reference in of_arm and arm != reference:
                difference = everything.difference(arm, reference)
            met = rivals if arm in own else []
            trained = [name for name in met if name in pretrained]
            rows.append(
                TableRow(
                    arm=arm,
                    evaluation=evaluation,
                    macro_auroc=everything.interval(arm),
                    of_seeds=tuple(everything.each[arm].values()),
                    difference=difference,
                    over_best=_lead(arm, met, everything),
                    over_best_pretrained=_lead(arm, trained, everything),
                    common=None
                    if common is None
                    else CommonLabels(
                        n_labels=len(often),
                        macro_auroc=common.interval(arm),
                        over_best=_lead(arm, met, common),
                        over_best_pretrained=_lead(arm, trained, common),
                    ),
                    label_fraction=group[0].config.data.label_fraction,
                    pretrain_minutes=_median([_minutes(r.folder.parent / PRETRAIN) for r in group]),
                    minutes=_median([_minutes(r.folder) for r in group]),
                    n_records=len(first.row),
                    n_labels=int(_has_both(first.labels).sum()),
                )
            )
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class _Measured:
    """Each arm's macro AUROC over some labels by seed, and that of every resample."""

    each: dict[str, dict[int, float]]
    drawn: dict[str, dict[int, FloatArray]]

    def interval(self, arm: str) -> Interval:
        """Return the mean over the arm's seeds, and its interval."""
        return interval(float(np.mean(list(self.each[arm].values()))), np.mean(list(self.drawn[arm].values()), axis=0))

    def difference(self, arm: str, other: str) -> Interval | None:
        """Return how far an arm is ahead over the seeds that both have; None where they share none."""
        seeds = self.each[arm].keys() & self.each[other].keys()
        if not seeds:
            return None
        value = float(np.mean([self.each[arm][seed] - self.each[other][seed] for seed in seeds]))
        drawn, drawn_other = (np.mean([self.drawn[name][seed] for seed in seeds], axis=0) for name in (arm, other))
        return paired_difference(drawn, drawn_other, value)


def _measured(
    kept: dict[str, list[KeptPredictions]],
    seeds: dict[str, list[int]],
    weights: npt.NDArray[np.float32],
    columns: npt.NDArray[np.int64],
) -> _Measured:
    measured = _Measured({arm: {} for arm in kept}, {arm: {} for arm in kept})
    for arm, group in kept.items():
        for seed, predictions in zip(seeds[arm], group, strict=True):
            labels, logits = predictions.labels[:, columns], predictions.logits[:, columns]
            measured.each[arm][seed] = macro_auroc(labels, logits)
            measured.drawn[arm][seed] = macro(weighted_auroc(labels, logits, weights))
    return measured


def _lead(arm: str, rivals: Sequence[str], measured: _Measured) -> Lead | None:
    leads = [Lead(rival, ahead) for rival in rivals if (ahead := measured.difference(arm, rival)) is not None]
    known = [lead for lead in leads if lead.difference.value is not None]
    return min(known, key=lambda lead: lead.difference.value or 0.0, default=None)


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
