"""The table of a comparison, from the run folders alone: means over seeds and paired intervals over patients."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physioclr_core.compare.kept_areas import Areas, AreasOfRuns, FloatArray, RunAreas
from physioclr_core.compare.runs import PRETRAIN, PlannedRun
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.bootstrap import N_RESAMPLES, Interval, interval, paired_difference
from physioclr_core.train.run_folder import EVENTS


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
    areas = AreasOfRuns(n_resamples)
    for evaluation in evaluations:
        of_arm: dict[str, list[PlannedRun]] = {}
        for run in runs:
            if run.what == evaluation:
                of_arm.setdefault(run.arm, []).append(run)
        kept = {arm: {run.seed: areas.of(run.folder) for run in group} for arm, group in of_arm.items()}
        first = next(iter(next(iter(kept.values())).values()))
        _check_alike(kept, first, of_arm)
        everything = _Measured({arm: {seed: run.every for seed, run in of.items()} for arm, of in kept.items()})
        common = _Measured({arm: {seed: run.common for seed, run in of.items()} for arm, of in kept.items()})
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
                    of_seeds=tuple(run.every.value for run in kept[arm].values()),
                    difference=difference,
                    over_best=_lead(arm, met, everything),
                    over_best_pretrained=_lead(arm, trained, everything),
                    common=None
                    if not first.common.n_labels
                    else CommonLabels(
                        n_labels=first.common.n_labels,
                        macro_auroc=common.interval(arm),
                        over_best=_lead(arm, met, common),
                        over_best_pretrained=_lead(arm, trained, common),
                    ),
                    label_fraction=group[0].config.data.label_fraction,
                    pretrain_minutes=_median([_minutes(r.folder.parent / PRETRAIN) for r in group]),
                    minutes=_median([_minutes(r.folder) for r in group]),
                    n_records=first.n_records,
                    n_labels=first.every.n_labels,
                )
            )
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class _Measured:
    """Each arm's figures over some labels by seed."""

    of: dict[str, dict[int, Areas]]

    def interval(self, arm: str) -> Interval:
        """Return the mean over the arm's seeds, and its interval."""
        return interval(*self._mean(arm, self.of[arm].keys()))

    def difference(self, arm: str, other: str) -> Interval | None:
        """Return how far an arm is ahead over the seeds that both have; None where they share none."""
        seeds = self.of[arm].keys() & self.of[other].keys()
        if not seeds:
            return None
        (value, drawn), (value_other, drawn_other) = self._mean(arm, seeds), self._mean(other, seeds)
        return paired_difference(drawn, drawn_other, value - value_other)

    def _mean(self, arm: str, seeds: Collection[int]) -> tuple[float, FloatArray]:
        chosen = [self.of[arm][seed] for seed in sorted(seeds)]
        return float(np.mean([areas.value for areas in chosen])), np.mean([areas.drawn for areas in chosen], axis=0)


def _lead(arm: str, rivals: Sequence[str], measured: _Measured) -> Lead | None:
    leads = [Lead(rival, ahead) for rival in rivals if (ahead := measured.difference(arm, rival)) is not None]
    known = [lead for lead in leads if lead.difference.value is not None]
    return min(known, key=lambda lead: lead.difference.value or 0.0, default=None)


def _check_alike(kept: dict[str, dict[int, RunAreas]], first: RunAreas, of_arm: dict[str, list[PlannedRun]]) -> None:
    for arm, group in of_arm.items():
        for run in group:
            if kept[arm][run.seed].judged != first.judged:
                raise UserFacingError(
                    f"{run.folder}: was judged on other records than the first run; it cannot compare."
                )


def _minutes(folder: Path) -> float:
    """Return the time that a run spent in training, from its events; 0 where there is no run."""
    path = folder / EVENTS
    if not path.is_file():
        return 0.0
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sum(float(event.get("seconds", 0.0)) for event in events) / 60.0


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else 0.0
