"""The one table of all benchmarks, printed at the end of the run."""

from __future__ import annotations

from dataclasses import dataclass

HEADER = ("figure", "measured", "target", "baseline", "ratio")


@dataclass(frozen=True)
class Row:
    """One measured figure.

    ``ratio`` is measured over baseline: times of one run on one machine are comparable, absolute ones are not.
    """

    figure: str
    measured: float
    unit: str
    target: str = ""
    baseline: float | None = None
    baseline_name: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the row's cells as text."""
        if self.baseline is None:
            return (self.figure, f"{self.measured:.4g} {self.unit}", self.target or "--", "--", "--")
        return (
            self.figure,
            f"{self.measured:.4g} {self.unit}",
            self.target or "--",
            f"{self.baseline:.4g} {self.unit} ({self.baseline_name})",
            f"{self.measured / self.baseline:.2f}",
        )


class BenchmarkReport:
    """Collects rows; nothing in it fails a test."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(
        self,
        figure: str,
        measured: float,
        unit: str,
        *,
        target: str = "",
        baseline: float | None = None,
        baseline_name: str = "",
    ) -> None:
        """Add one figure.

        Parameters
        ----------
        figure : str
            What was measured, e.g. "predict, 2,000 records".
        measured : float
        unit : str
            E.g. "ms" or "records/s".
        target : str, optional
            In words, e.g. ">= 300 records/s".
        baseline : float, optional
            The same work by the best peer in the same run, in the same unit.
        baseline_name : str, optional
        """
        self.rows.append(Row(figure, measured, unit, target, baseline, baseline_name))

    def table(self) -> str:
        """Return the table as text, columns aligned."""
        lines = [HEADER, *(row.cells() for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join(line.rstrip() for line in (text[0], "  ".join("-" * w for w in widths), *text[1:]))
