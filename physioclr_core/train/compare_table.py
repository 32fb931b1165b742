"""The table of a comparison, from the run folders alone: means over seeds and paired intervals over patients."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from physioclr_core.evaluate.plots import intervals_figure, save
from physioclr_core.evaluate.report import text_of
from physioclr_core.files import replaced
from physioclr_core.train.compare import PRETRAIN, PlannedRun
from physioclr_core.train.predictions_file import KeptPredictions, read_predictions
from physioclr_core.train.run_folder import EVENTS

SEED = 0


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
    pretrain_minutes, minutes : float
        Mean over seeds of the time in training.
    n_records, n_labels : int
    """

    arm: str
    evaluation: str
    macro_auroc: Interval
    of_seeds: tuple[float, ...]
    difference: Interval | None
    pretrain_minutes: float
    minutes: float
    n_records: int
    n_labels: int


def compare_table(
    runs: Sequence[PlannedRun], reference: str | None, n_resamples: int = N_RESAMPLES
) -> tuple[TableRow, ...]:
    """Measure all finished runs of a comparison.

    Parameters
    ----------
    runs : sequence of PlannedRun
        All finished.
    reference : str or None
    n_resamples : int

    Raises
    ------
    UserFacingError
        If runs of one evaluation were judged on different records.
    """
    rows: list[TableRow] = []
    evaluations = dict.fromkeys(run.what for run in runs if run.what != PRETRAIN)
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
        for arm, group in of_arm.items():
            value = float(np.mean(each[arm]))
            difference = None
            if reference in each and arm != reference:
                gap = value - float(np.mean(each[reference]))
                difference = paired_difference(drawn[arm], drawn[reference], gap)
            rows.append(
                TableRow(
                    arm=arm,
                    evaluation=evaluation,
                    macro_auroc=interval(value, drawn[arm]),
                    of_seeds=each[arm],
                    difference=difference,
                    pretrain_minutes=_mean([_minutes(r.folder.parent / PRETRAIN) for r in group]),
                    minutes=_mean([_minutes(r.folder) for r in group]),
                    n_records=len(first.row),
                    n_labels=int(_has_both(first.labels).sum()),
                )
            )
    return tuple(rows)


def write_table(rows: Sequence[TableRow], reference: str | None, title: str, out: Path) -> str:
    """Write ``table.json``, ``table.md`` and ``table.png``; return the Markdown."""
    text = table_markdown(rows, reference, title)
    values = json.dumps({"reference": reference, "rows": [asdict(row) for row in rows]}, indent=1)
    for name, content in (("table.json", values + "\n"), ("table.md", text)):
        with replaced(out / name) as file:
            file.write(content.encode())
    lines = [(f"{row.evaluation}: {row.arm}", row.macro_auroc) for row in reversed(rows)]
    save(
        intervals_figure(lines, title, "macro AUROC, mean over seeds (95 % interval over patients)"), out / "table.png"
    )
    return text


def table_markdown(rows: Sequence[TableRow], reference: str | None, title: str) -> str:
    """Return the table for people."""
    compared = f" | minus {reference} |" if reference else " |"
    lines = [f"# {title}", ""]
    head = f"| evaluation | arm | macro AUROC (95 %) | each seed{compared} pretraining, minutes | training, minutes |"
    lines += [head, "|---" * (head.count("|") - 1) + "|"]
    for row in rows:
        cells = [row.evaluation, row.arm, text_of(row.macro_auroc), ", ".join(f"{v:.3f}" for v in row.of_seeds)]
        if reference:
            cells.append(_signed(row.difference))
        cells += [f"{row.pretrain_minutes:.0f}" if row.pretrain_minutes else "-", f"{row.minutes:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    first = rows[0]
    lines += [
        "",
        f"{first.n_records} records, {first.n_labels} labels with positive and negative records; "
        f"{_n_seeds(rows)}. Mean over seeds; intervals are percentiles of resampled patients, the same "
        "resamples for all arms.",
        "",
    ]
    return "\n".join(lines)


def _n_seeds(rows: Sequence[TableRow]) -> str:
    numbers = sorted({len(row.of_seeds) for row in rows})
    return f"{' or '.join(map(str, numbers))} seed{'' if numbers == [1] else 's'}"


def _signed(difference: Interval | None) -> str:
    if difference is None or difference.value is None or difference.low is None or difference.high is None:
        return "-"
    return f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"


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


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
