"""The result of an evaluation: every figure with its interval and numbers, as JSON and as a Markdown table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from physioclr_core.evaluate.bootstrap import Interval
from physioclr_core.evaluate.calibration_figures import CalibrationFigures
from physioclr_core.evaluate.conformal import ConformalFigures, SetSizeFigures
from physioclr_core.files import replaced

SCHEMA = 1
# Under this, resampling positives says less than the truth.
FEW_POSITIVES = 10


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """Of one label; None is undefined.

    Attributes
    ----------
    label : str
    n, n_positive : int
        Records whose label is known, and those that carry it.
    auroc, average_precision : Interval
    f1 : Interval
        At thresholds that have not seen the record's patient; undefined where the label has none.
    n_found : int or None
        Positives that were decided so; None without a threshold.
    found_low, found_high : float or None
        Exact interval of their share.
    calibration : CalibrationFigures
    """

    label: str
    n: int
    n_positive: int
    auroc: Interval
    average_precision: Interval
    f1: Interval
    n_found: int | None
    found_low: float | None
    found_high: float | None
    calibration: CalibrationFigures


@dataclass(frozen=True, slots=True)
class Report:
    """Of a network on one part of a data set.

    Attributes
    ----------
    task, part : str
    n_records, n_patients, n_labels : int
        Labels with positive and negative records; only they are in the means.
    macro_auroc, macro_average_precision : Interval
    macro_f1 : Interval
    n_labels_f1, n_labels_undecided : int
    expected_calibration_error : Interval
        Mean over the labels with at least twenty positives.
    n_labels_calibration : int
    brier : Interval
        Mean over the labels in the macro figures.
    challenge_metric : Interval or None
        Only of the task of that name's classes.
    conformal : ConformalFigures or None
    n_resamples : int
    labels : tuple of LabelFigures
    notes : tuple of str
        What could not be measured, and why.
    thresholds : str
        Where thresholds and temperatures come from.
    """

    task: str
    part: str
    n_records: int
    n_patients: int
    n_labels: int
    macro_auroc: Interval
    macro_average_precision: Interval
    macro_f1: Interval
    n_labels_f1: int
    n_labels_undecided: int
    expected_calibration_error: Interval
    n_labels_calibration: int
    brier: Interval
    challenge_metric: Interval | None
    conformal: ConformalFigures | None
    n_resamples: int
    labels: tuple[LabelFigures, ...]
    notes: tuple[str, ...]
    thresholds: str = "cross-fitted thresholds"

    def values(self) -> dict[str, Any]:
        """Return JSON values; numbers have six digits, undefined ones are null."""
        return {"schema": SCHEMA, **_rounded(asdict(self))}

    def write(self, folder: Path) -> None:
        """Write ``report.json`` and ``report.md``."""
        texts = {"report.json": json.dumps(self.values(), indent=1) + "\n", "report.md": self.markdown()}
        for name, text in texts.items():
            with replaced(folder / name) as file:
                file.write(text.encode())

    def markdown(self, names: Mapping[str, str] | None = None) -> str:
        """Return the report for people.

        Parameters
        ----------
        names : mapping of str to str, optional
            What labels are called in plain words, where they are codes.
        """
        names = names or {}
        lines = [
            f"# {self.task} on {self.part}",
            "",
            f"{self.n_records} records of {self.n_patients} patients; {self.n_labels} of {len(self.labels)} labels "
            "have positive and negative records. Intervals: 95 %, percentile bootstrap over patients, "
            f"{self.n_resamples} resamples.",
            "",
            "| figure | value (95 % interval) | over |",
            "|---|---|---|",
            f"| macro AUROC | {text_of(self.macro_auroc)} | {self.n_labels} labels |",
            f"| macro AUPRC | {text_of(self.macro_average_precision)} | {self.n_labels} labels |",
            f"| macro F1, {self.thresholds} | {text_of(self.macro_f1)} | {self.n_labels_f1} labels; "
            f"{self.n_labels_undecided} have too few positives for a threshold |",
            f"| expected calibration error | {text_of(self.expected_calibration_error)} | "
            f"{self.n_labels_calibration} labels with at least 20 positives |",
            f"| Brier score | {text_of(self.brier, 4)} | {self.n_labels} labels |",
        ]
        if self.challenge_metric is not None:
            lines.append(f"| Challenge metric | {text_of(self.challenge_metric)} | 26 classes |")
        if self.conformal is not None:
            sets = self.conformal
            lines.append(
                f"| prediction sets, {sets.level:.0%} of a record's labels promised | {number(sets.recall)} found, "
                f"{sets.n_whole} of {sets.n} whole ({sets.whole_low:.3f}-{sets.whole_high:.3f}) | "
                f"{sets.mean_size:.1f} labels in a set |"
            )
            for row in sets.by_size:
                lines.append(
                    f"| right in sets of {_sizes(row)} | {row.n_right / row.n_held:.2f} | "
                    f"{row.n_right} of {row.n_held} labels, {row.n_records} records |"
                )
        lines += ["", "| label | n | positive | found (exact 95 %) | AUROC | AUPRC | F1 | ECE | Brier | slope |"]
        lines.append("|---|---|---|---|---|---|---|---|---|---|")
        for label in self.labels:
            name = f"{names[label.label]} ({label.label})" if label.label in names else label.label
            cells = [name, str(label.n), str(label.n_positive), found_text(label), text_of(label.auroc)]
            cells += [text_of(label.average_precision), text_of(label.f1)]
            fit = label.calibration
            cells += [number(fit.expected_calibration_error), number(fit.brier, 4), number(fit.slope, 2)]
            lines.append("| " + " | ".join(cells) + " |")
        lines += [f"\n{note}" for note in self.notes]
        return "\n".join([*lines, ""])


def _sizes(row: SetSizeFigures) -> str:
    """Return how many labels sets hold, in words."""
    if row.largest is None:
        return f"{row.smallest} or more labels"
    return f"{row.smallest} {'or' if row.largest == row.smallest + 1 else 'to'} {row.largest} labels"


def text_of(interval: Interval, digits: int = 3) -> str:
    """Return a figure with its interval, or "unknown"."""
    if interval.value is None:
        return "unknown"
    if interval.low is None or interval.high is None:
        return number(interval.value, digits)
    return f"{interval.value:.{digits}f} ({interval.low:.{digits}f}-{interval.high:.{digits}f})"


def found_text(label: LabelFigures) -> str:
    """Return how many positives were found, with the exact interval of the share."""
    if label.n_found is None:
        return "no threshold"
    if label.found_low is None or label.found_high is None:
        return "no positive"
    return f"{label.n_found} ({label.found_low:.2f}-{label.found_high:.2f})"


def number(value: float | None, digits: int = 3) -> str:
    """Return a figure, or "unknown"."""
    return "unknown" if value is None else f"{value:.{digits}f}"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return round(value, 6) if isinstance(value, float) else value
