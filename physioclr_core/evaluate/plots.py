"""Plots of a report: labels with their intervals, ROC and precision-recall curves, and reliability."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from physioclr_core.evaluate.bootstrap import Interval
from physioclr_core.evaluate.calibration import sigmoid
from physioclr_core.evaluate.report import FEW_POSITIVES, Report

ACCENT, INK, QUIET = "#0b6bcb", "#2b2f36", "#b9c0ca"
# Told apart by the colour-blind too (Okabe and Ito, 2008).
CURVES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")
_MAX_LABELS = 40
_DPI = 150


def write_plots(
    report: Report, labels: npt.NDArray[np.floating], logits: npt.NDArray[np.floating], folder: Path
) -> None:
    """Write ``labels.png`` and ``curves.png``.

    Parameters
    ----------
    report : Report
    labels, logits : ndarray, shape (n_records, n_labels)
        What the report was made from; NaN labels are unknown.
    folder : Path
    """
    drawn = [f for f in report.labels if f.auroc.value is not None]
    drawn.sort(key=lambda f: f.auroc.value or 0.0)
    note = f"hollow: under {FEW_POSITIVES} positives, the interval is too narrow"
    if len(drawn) > _MAX_LABELS:
        kept = np.linspace(0, len(drawn) - 1, _MAX_LABELS).astype(int)
        note += f"\n{_MAX_LABELS} of {len(drawn)} labels, evenly from the lowest to the highest; all are in the table"
        drawn = [drawn[index] for index in kept]
    rows = [(f"{f.label}  ({f.n_positive})", f.auroc) for f in drawn]
    hollow = [place for place, f in enumerate(drawn) if f.n_positive < FEW_POSITIVES]
    title = f"AUROC of each label (positives), {report.part}"
    save(intervals_figure(rows, title, "AUROC", 0.5, note, hollow), folder / "labels.png")
    save(_curves(report, labels, logits), folder / "curves.png")


def intervals_figure(
    rows: Sequence[tuple[str, Interval]],
    title: str,
    axis: str,
    reference: float | None = None,
    note: str = "",
    hollow: Sequence[int] = (),
) -> Figure:
    """Return a plot of figures with their intervals, one line each, the last at the top.

    Parameters
    ----------
    rows : sequence of (str, Interval)
    title, axis, note : str
        The note is under the axis.
    reference : float, optional
        Where a dashed line is drawn.
    hollow : sequence of int
        Rows whose marker is not filled.
    """
    figure = Figure(figsize=(7.0, 0.9 + 0.24 * max(len(rows), 3)), layout="constrained")
    axes = figure.add_subplot()
    for place, (_, value) in enumerate(rows):
        if value.value is None:
            continue
        if value.low is not None and value.high is not None:
            axes.plot([value.low, value.high], [place, place], color=QUIET, linewidth=2.5, solid_capstyle="round")
        filling = "white" if place in hollow else ACCENT
        axes.plot([value.value], [place], "o", color=ACCENT, markerfacecolor=filling, markersize=4.5)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_ylim(-0.7, max(len(rows), 1) - 0.3)
    if reference is not None:
        axes.axvline(reference, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    quieten(axes)
    axes.set_xlabel(axis + (f"\n{note}" if note else ""), color=INK, fontsize=8)
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    return figure


def _curves(report: Report, labels: npt.NDArray[np.floating], logits: npt.NDArray[np.floating]) -> Figure:
    figure = Figure(figsize=(10.5, 3.7), layout="constrained")
    roc, pr, reliability = figure.subplots(1, 3)
    drawn = sorted((f for f in report.labels if f.auroc.value is not None), key=lambda f: -f.n_positive)[: len(CURVES)]
    names = [f.label for f in report.labels]
    for number, label in enumerate(drawn):
        column = names.index(label.label)
        is_known = np.isfinite(labels[:, column])
        order = np.argsort(-logits[is_known, column], kind="stable")
        positive = labels[is_known, column][order] == 1.0
        ordered = logits[is_known, column][order]
        # Equal scores are one point: the order among them is chance.
        is_end = np.append(ordered[1:] != ordered[:-1], True)
        hits, alarms = np.cumsum(positive)[is_end], np.cumsum(~positive)[is_end]
        style = {"color": CURVES[number], "linewidth": 1.2}
        roc.plot(np.append(0, alarms / alarms[-1]), np.append(0, hits / hits[-1]), **style, label=label.label)
        pr.plot(hits / hits[-1], hits / (hits + alarms), **style)
        probability = sigmoid(ordered.astype(np.float64))
        parts = [part for part in np.array_split(np.arange(len(order)), 10) if len(part)]
        reliability.plot(
            [probability[part].mean() for part in parts], [positive[part].mean() for part in parts], **style
        )
    for axes, title, across, up in (
        (roc, "ROC, the most frequent labels", "1 - specificity", "sensitivity"),
        (pr, "Precision and recall", "recall", "precision"),
        (reliability, "Reliability before calibration, tenths", "mean probability", "share positive"),
    ):
        axes.set_xlim(-0.01, 1.01)  # a line along the edge keeps its width
        axes.set_ylim(-0.01, 1.01)
        axes.set_aspect("equal")
        quieten(axes)
        axes.set_title(title, loc="left", fontsize=10, color=INK)
        axes.set_xlabel(across, fontsize=8, color=INK)
        axes.set_ylabel(up, fontsize=8, color=INK)
    for axes in (roc, reliability):
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    if drawn:
        roc.legend(fontsize=7, frameon=False, loc="lower right")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, without a window and without the program's name in it."""
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=_DPI, metadata={"Software": None})


def quieten(axes: Axes) -> None:
    """Give axes the plots' quiet look: no box, small grey ticks."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET)
    axes.tick_params(colors=INK, labelsize=7, length=2.5, color=QUIET)
