"""Plots of a comparison: each evaluation's arms with intervals, and what they reach with a share of the labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from physioclr_core.compare.table import TableRow
from physioclr_core.evaluate.plots import ACCENT, INK, QUIET, quieten, save

_COLUMNS = 5
_MARKERS = "osD^vP"
_ROUNDS = 200


def write_compare_plots(rows: Sequence[TableRow], arms: Sequence[str], title: str, out: Path) -> None:
    """Write ``table.png``, and ``shares.png`` where an evaluation was made with several shares of the labels.

    Parameters
    ----------
    rows : sequence of TableRow
        Arms that the question is about, those with a lead over rivals, are drawn in the accent colour.
    arms : sequence of str
        In the order of the plots.
    title : str
    out : Path
    """
    save(_panels(rows, arms, title), out / "table.png")
    families = _families(rows)
    if families:
        save(_shares(rows, arms, families, title), out / "shares.png")


def _panels(rows: Sequence[TableRow], arms: Sequence[str], title: str) -> Figure:
    evaluations = list(dict.fromkeys(row.evaluation for row in rows))
    columns = min(_COLUMNS, len(evaluations))
    n_rows = math.ceil(len(evaluations) / columns)
    figure = Figure(figsize=(1.0 + 2.1 * columns, 0.5 + n_rows * (0.55 + 0.2 * len(arms))), layout="constrained")
    grid = figure.subplots(n_rows, columns, sharey=True, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(evaluations):
            axes.set_axis_off()
            continue
        for row in rows:
            if row.evaluation == evaluations[place]:
                _draw_row(axes, row, len(arms) - 1 - arms.index(row.arm))
        axes.set_yticks(range(len(arms)), arms[::-1])
        axes.set_ylim(-0.7, len(arms) - 0.3)
        quieten(axes)
        axes.set_title(evaluations[place], loc="left", fontsize=8, color=INK)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, color=INK)
    figure.supxlabel(
        "macro AUROC: mean over seeds, 95 % interval over patients; small: each seed", fontsize=8, color=INK
    )
    return figure


def _draw_row(axes: Axes, row: TableRow, place: int) -> None:
    value = row.macro_auroc
    if value.value is None:
        return
    if value.low is not None and value.high is not None:
        axes.plot([value.low, value.high], [place, place], color=QUIET, linewidth=2.5, solid_capstyle="round")
    if len(row.of_seeds) > 1:
        axes.plot(row.of_seeds, [place] * len(row.of_seeds), "|", color=_colour(row), markersize=5, markeredgewidth=0.7)
    axes.plot([value.value], [place], "o", color=_colour(row), markersize=4)


def _families(rows: Sequence[TableRow]) -> dict[str, list[str]]:
    """Return evaluations that differ in the share of the labels: NAME, and NAME-1 or NAME-10 with fewer."""
    share = {row.evaluation: row.label_fraction for row in rows}
    families: dict[str, list[str]] = {}
    for name in share:
        stem = name.rpartition("-")[0]
        if stem in share and share[name] < share[stem]:
            families.setdefault(stem, [stem]).append(name)
    return families


def _shares(rows: Sequence[TableRow], arms: Sequence[str], families: dict[str, list[str]], title: str) -> Figure:
    figure = Figure(figsize=(4.2 * len(families), 3.8), layout="constrained")
    panels = figure.subplots(1, len(families), squeeze=False)[0]
    for axes, (stem, members) in zip(panels, families.items(), strict=True):
        ends: list[tuple[float, str, str]] = []
        counts = {ACCENT: 0, INK: 0}
        for arm in arms:
            drawn = sorted(
                (row.label_fraction, row.macro_auroc.value, row)
                for row in rows
                if row.arm == arm and row.evaluation in members and row.macro_auroc.value is not None
            )
            if not drawn:
                continue
            colour = _colour(drawn[0][2])
            marker = _MARKERS[counts[colour] % len(_MARKERS)]
            counts[colour] += 1
            values = [value for _, value, _ in drawn]
            axes.plot(
                [100.0 * share for share, _, _ in drawn],
                values,
                marker=marker,
                color=colour,
                linewidth=1.1,
                markersize=3.5,
                markerfacecolor=colour if colour == ACCENT else "white",
            )
            ends.append((values[-1], arm, colour))
        _name_ends(axes, ends)
        axes.set_xscale("log")
        shares = sorted({100.0 * row.label_fraction for row in rows if row.evaluation in members})
        axes.set_xticks(shares, [f"{share:g} %" for share in shares])
        axes.set_xticks([], minor=True)
        axes.set_xlim(shares[0] * 0.85, shares[-1] * (shares[-1] / shares[0]) ** 0.28)
        quieten(axes)
        axes.set_title(stem, loc="left", fontsize=8, color=INK)
        axes.set_xlabel("training labels", fontsize=8, color=INK)
    panels[0].set_ylabel("macro AUROC, mean over seeds", fontsize=8, color=INK)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, color=INK)
    return figure


def _name_ends(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Name each line at its end, names pushed apart where lines end close together."""
    low, high = axes.get_ylim()
    least = (high - low) * 0.037
    ordered = sorted(ends)
    heights = [value for value, _, _ in ordered]
    for _ in range(_ROUNDS):
        for below in range(len(heights) - 1):
            lacking = least - (heights[below + 1] - heights[below])
            if lacking > 0.0:
                heights[below] -= lacking / 2.0
                heights[below + 1] += lacking / 2.0
    for height, (_, arm, colour) in zip(heights, ordered, strict=True):
        axes.text(112.0, height, arm, fontsize=7, color=colour, va="center")


def _colour(row: TableRow) -> str:
    return INK if row.over_best is None else ACCENT
