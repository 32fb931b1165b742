"""Where one arm of a comparison is ahead of another and where it is behind: label by label and by group."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from physioclr_core.compare.kept_areas import MIN_POSITIVE, SEED
from physioclr_core.compare.runs import PlannedRun
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import auroc
from physioclr_core.evaluate.bootstrap import (
    N_RESAMPLES,
    Interval,
    macro,
    paired_difference,
    patient_weights,
    weighted_auroc,
)
from physioclr_core.evaluate.plots import intervals_figure, save
from physioclr_core.files import replaced
from physioclr_core.statements import statements
from physioclr_core.train.predictions_file import KeptPredictions, read_predictions
from physioclr_core.train.run_folder import CONFIG, read_json

_NAMED = 12
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label, or the mean of a group's.

    Attributes
    ----------
    label, group : str
        ``label`` is empty for a group.
    n_positive : int
        Of a group, the sum.
    n_labels : int
    arm, rival : float
        AUROC, mean over seeds.
    difference : Interval
        From the same resamples of patients.
    """

    label: str
    group: str
    n_positive: int
    n_labels: int
    arm: float
    rival: float
    difference: Interval


def compare_labels(
    runs: Sequence[PlannedRun], evaluation: str, arm: str, rival: str, n_resamples: int = N_RESAMPLES
) -> tuple[LabelRow, ...]:
    """Compare two arms under one evaluation over the seeds that both have; groups come first, then labels.

    Parameters
    ----------
    runs : sequence of PlannedRun
        Finished ones.
    evaluation, arm, rival : str
    n_resamples : int

    Raises
    ------
    UserFacingError
        If one of the arms has no such evaluation, or the two share no seed.
    """
    of_arm = _kept(runs, evaluation, arm, rival)
    first = of_arm[0][0]
    folder = next(run.folder for run in runs if run.what == evaluation and run.arm == arm)
    labels: list[str] = read_json(folder / CONFIG)["labels"]
    weights = patient_weights(first.patient, n_resamples, SEED)
    drawn = [np.mean([weighted_auroc(k.labels, k.logits, weights) for k in kept], axis=0) for kept in of_arm]
    area = [np.mean([auroc(k.labels, k.logits) for k in kept], axis=0) for kept in of_arm]
    group_of = {statement.code: statement.group for statement in statements()}
    groups = [group_of.get(label, "Other") for label in labels]
    n_positive = (first.labels == 1.0).sum(axis=0)
    is_defined = np.isfinite(area[0]) & np.isfinite(area[1])
    rows = []
    for group in dict.fromkeys(groups):
        columns = np.flatnonzero(np.array([name == group for name in groups]) & is_defined)
        if len(columns):
            rows.append(_row("", group, columns, n_positive, area, drawn))
    for column in np.flatnonzero(is_defined):
        rows.append(_row(labels[column], groups[column], np.array([column]), n_positive, area, drawn))
    return tuple(rows)


def write_labels(rows: Sequence[LabelRow], evaluation: str, arm: str, rival: str, out: Path) -> str:
    """Write ``labels-EVALUATION-ARM-RIVAL`` as JSON, Markdown and plot; return the Markdown."""
    stem = f"labels-{evaluation}-{arm}-{rival}"
    text = labels_markdown(rows, evaluation, arm, rival)
    values = json.dumps([asdict(row) for row in rows], indent=1)
    for name, content in ((f"{stem}.json", values + "\n"), (f"{stem}.md", text)):
        with replaced(out / name) as file:
            file.write(content.encode())
    save(_figure(rows, f"{arm} minus {rival}, {evaluation}"), out / f"{stem}.png")
    return text


def _figure(rows: Sequence[LabelRow], title: str) -> Figure:
    """Draw each group's mean and, under it, its labels from the arm's greatest lead to the rival's."""
    drawn: list[LabelRow] = []
    for group in (row for row in rows if not row.label):
        drawn.append(group)
        members = [r for r in rows if r.label and r.group == group.group and r.n_positive >= MIN_POSITIVE]
        drawn += sorted(members, key=lambda row: -(row.difference.value or 0.0))
    drawn.reverse()
    names = [f"{r.label}  ({r.n_positive})" if r.label else f"{r.group}, mean of {r.n_labels}" for r in drawn]
    hollow = [place for place, row in enumerate(drawn) if row.label]
    axis = "difference of AUROC (95 % interval over patients)"
    note = f"hollow: labels with at least {MIN_POSITIVE} positive records (their number)"
    lines = list(zip(names, (row.difference for row in drawn), strict=True))
    return intervals_figure(lines, title, axis, 0.0, note, hollow)


def labels_markdown(rows: Sequence[LabelRow], evaluation: str, arm: str, rival: str) -> str:
    """Return the groups and the labels in which the two differ most."""
    lines = [f"# {arm} minus {rival}, {evaluation}", ""]
    lines += _table([row for row in rows if not row.label], arm, rival)
    named = [row for row in rows if row.label and row.n_positive >= MIN_POSITIVE]
    named.sort(key=lambda row: -(row.difference.value or 0.0))
    most = named if len(named) <= 2 * _NAMED else named[:_NAMED] + named[-_NAMED:]
    lines += ["", f"Labels with at least {MIN_POSITIVE} positive records, the largest differences:", ""]
    lines += _table(most, arm, rival)
    return "\n".join([*lines, "", "AUROC, mean over seeds; 95 % intervals over resampled patients.", ""])


def _table(rows: Sequence[LabelRow], arm: str, rival: str) -> list[str]:
    lines = [f"| label | group | positives | {arm} | {rival} | difference (95 %) |", "|---" * 6 + "|"]
    for row in rows:
        gap = row.difference
        between = "" if gap.low is None else f" ({gap.low:+.3f} to {gap.high:+.3f})"
        name = row.label or f"mean of {row.n_labels}"
        lines.append(
            f"| {name} | {row.group} | {row.n_positive} | {row.arm:.3f} | {row.rival:.3f} | {gap.value:+.3f}{between} |"
        )
    return lines


def _row(
    label: str,
    group: str,
    columns: npt.NDArray[np.int64],
    n_positive: npt.NDArray[np.int64],
    area: Sequence[FloatArray],
    drawn: Sequence[FloatArray],
) -> LabelRow:
    arm, rival = (float(of_arm[columns].mean()) for of_arm in area)
    resampled = [macro(of_arm[:, columns]) for of_arm in drawn]
    return LabelRow(
        label=label,
        group=group,
        n_positive=int(n_positive[columns].sum()),
        n_labels=len(columns),
        arm=arm,
        rival=rival,
        difference=paired_difference(resampled[0], resampled[1], arm - rival),
    )


def _kept(runs: Sequence[PlannedRun], evaluation: str, arm: str, rival: str) -> list[list[KeptPredictions]]:
    of_arm = [{r.seed: r.folder for r in runs if r.what == evaluation and r.arm == name} for name in (arm, rival)]
    for name, folders in zip((arm, rival), of_arm, strict=True):
        if not folders:
            raise UserFacingError(f"There is no evaluation {evaluation} of the arm {name} in this comparison.")
    # Each seed draws its own share of the labels.
    shared = sorted(of_arm[0].keys() & of_arm[1].keys())
    if not shared:
        raise UserFacingError(f"The arms {arm} and {rival} have no seed in common under {evaluation}.")
    return [[read_predictions(folders[seed]) for seed in shared] for folders in of_arm]
