"""Where each lead stands on the page, in millimetres and seconds.

The time axis of a page is the time of the record: column k of "3x4+1" shows seconds 2.5 k to 2.5 (k + 1), so columns
are consecutive in time and every row, the rhythm strip too, is simultaneous at the same horizontal position. Longer
records go on with the next page to the right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ecgviewer.state.paper import Layout
from physioclr_core.leads import STANDARD_LEADS

COLUMN_S = 2.5
SHORTEST_COLUMN_S = 1.0
FEWEST_STANDARD_LEADS = 6
LARGEST_LOST_SHARE = 0.5
ROWS_OF_COLUMNS = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
RHYTHM_LEADS = ("II", "V1", "V5", "I", "V2", "aVF", "III", "V4", "V6", "V3", "aVL", "aVR")

# Distance of two baselines for each gain: wide rows in columns, narrow ones where twelve are stacked.
WIDE_PITCH_MM = {5.0: 30.0, 10.0: 40.0, 20.0: 60.0}
NARROW_PITCH_MM = {5.0: 14.0, 10.0: 17.0, 20.0: 32.0}
TOP_MARGIN_MM = 5.0
# Paper that is added above the first and below the last row where a trace reaches farther than the page.
LARGEST_EXTRA_MM = 40.0
EXTRA_STEP_MM = 5.0


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a row: a lead of the record, or the empty place of one that is missing (``lead_idx`` None)."""

    label: str
    lead_idx: int | None

    @property
    def note(self) -> str:
        """What an empty place says."""
        return "" if self.lead_idx is not None else f"{self.label} not recorded"


@dataclass(frozen=True, slots=True)
class Row:
    """One strip of the page; its cells follow each other every ``cell_s`` and repeat; None is one endless cell."""

    baseline_mm: float
    cells: tuple[Cell, ...]
    cell_s: float | None = None
    is_rhythm: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """All rows of a record in one layout.

    Attributes
    ----------
    rows : tuple of Row
        From top to bottom.
    pitch_mm : float
        Distance of two baselines.
    height_mm : float
        Height of the page.
    column_s : float or None
        Length of a column; None where every row is continuous.
    note : str
        What a reader has to know about the arrangement; may be empty.
    """

    rows: tuple[Row, ...]
    pitch_mm: float
    height_mm: float
    column_s: float | None
    note: str = ""

    @property
    def page_s(self) -> float | None:
        """Time after which the columns repeat; None where every row is continuous."""
        return None if self.column_s is None else 4 * self.column_s


@dataclass(frozen=True, slots=True)
class Span:
    """A cell as it stands in time; ``starts_page`` where the columns begin anew within the record."""

    row_idx: int
    cell: Cell
    start_s: float
    end_s: float
    starts_page: bool = False


def lay_out(
    lead_names: tuple[str, ...],
    duration_s: float,
    layout: Layout,
    gain_mm_mv: float,
    reach_mv: Sequence[tuple[float, float]] = (),
    lost_share: Sequence[float] = (),
) -> Page:
    """Arrange the leads of a record.

    Parameters
    ----------
    lead_names : tuple of str
        Names in the record's order.
    duration_s : float
        Length of the record.
    layout : {"3x4+1", "12x1"}
        The arrangement asked for. Records without at least six standard leads get one row a lead in either, and so do
        records too short for four columns of a second.
    gain_mm_mv : float
        A standard gain; higher gains get wider rows.
    reach_mv : sequence of tuple of float, optional
        How far each lead goes above and below its baseline, in the record's order: nothing of the first row is cut
        off above, nothing of the last one below.
    lost_share : sequence of float, optional
        Share of each lead that is gap or without signal: the rhythm strip is of a lead that has one.

    Returns
    -------
    Page
    """
    page = _arrange(lead_names, duration_s, layout, gain_mm_mv, lost_share)
    top_mm = _extra_mm(page.rows[0], gain_mm_mv, [above for above, _ in reach_mv], page.rows[0].baseline_mm)
    room_mm = page.height_mm - page.rows[-1].baseline_mm
    bottom_mm = _extra_mm(page.rows[-1], gain_mm_mv, [below for _, below in reach_mv], room_mm)
    if top_mm == bottom_mm == 0:
        return page
    rows = tuple(replace(row, baseline_mm=row.baseline_mm + top_mm) for row in page.rows)
    return replace(page, rows=rows, height_mm=page.height_mm + top_mm + bottom_mm)


def _extra_mm(row: Row, gain_mm_mv: float, reach_mv: Sequence[float], room_mm: float) -> float:
    needed_mm = max((reach_mv[c.lead_idx] for c in row.cells if c.lead_idx is not None and reach_mv), default=0.0)
    missing_mm = needed_mm * gain_mm_mv + 1.0 - room_mm
    return min(max(0.0, math.ceil(missing_mm / EXTRA_STEP_MM) * EXTRA_STEP_MM), LARGEST_EXTRA_MM)


def rhythm_lead(lead_names: tuple[str, ...], lost_share: Sequence[float] = ()) -> int | None:
    """Return the lead that shows the rhythm, None where there is no standard one.

    The first in the usual order that is there for most of the time; where none is, the one that is there longest.
    """
    present = [lead_names.index(name) for name in RHYTHM_LEADS if name in lead_names]
    if not lost_share or not present:
        return present[0] if present else None
    return min(present, key=lambda idx: max(0.0, lost_share[idx] - LARGEST_LOST_SHARE))


def _arrange(
    lead_names: tuple[str, ...], duration_s: float, layout: Layout, gain_mm_mv: float, lost_share: Sequence[float]
) -> Page:
    where = {name: idx for idx, name in reversed(list(enumerate(lead_names)))}
    n_standard = sum(name in where for name in STANDARD_LEADS)
    others = [Cell(name, idx) for idx, name in enumerate(lead_names) if name not in STANDARD_LEADS]
    repeated = [Cell(name, idx) for idx, name in enumerate(lead_names) if name in STANDARD_LEADS and where[name] != idx]
    if n_standard < FEWEST_STANDARD_LEADS:
        cells = [Cell(name, idx) for idx, name in enumerate(lead_names)]
        return _stack(sorted(cells, key=_conventional_place), gain_mm_mv)
    column_s = min(COLUMN_S, duration_s / 4)
    if layout == "12x1" or column_s < SHORTEST_COLUMN_S:
        note = "" if layout == "12x1" else "too short for columns, one row a lead"
        cells = [Cell(name, where.get(name)) for name in STANDARD_LEADS]
        return _stack([*cells, *repeated, *others], gain_mm_mv, note)
    columns = [tuple(Cell(name, where.get(name)) for name in names) for names in ROWS_OF_COLUMNS]
    rhythm_idx = rhythm_lead(lead_names, lost_share)
    assert rhythm_idx is not None
    strips = [Cell(lead_names[rhythm_idx], rhythm_idx), *repeated, *others]
    pitch_mm = WIDE_PITCH_MM[gain_mm_mv]
    rows = [Row(_baseline_mm(i, pitch_mm), cells, column_s) for i, cells in enumerate(columns)]
    rows += [
        Row(_baseline_mm(i, pitch_mm), (cell,), None, is_rhythm=i == len(columns))
        for i, cell in enumerate(strips, start=len(columns))
    ]
    note = f"columns consecutive, {column_s:.3g} s each"
    return Page(tuple(rows), pitch_mm, _height_mm(len(rows), pitch_mm), column_s, note)


def spans_between(page: Page, start_s: float, end_s: float, duration_s: float, anchor_s: float) -> list[Span]:
    """Return every cell that is at least partly in [start_s, end_s), clipped to the record.

    Parameters
    ----------
    page : Page
    start_s, end_s : float
        The visible time.
    duration_s : float
        Length of the record.
    anchor_s : float
        A time at which a first column starts.

    Returns
    -------
    list of Span
        Row by row, from left to right; spans keep their full length within the record.
    """
    start_s, end_s = max(start_s, 0.0), min(end_s, duration_s)
    spans: list[Span] = []
    for row_idx, row in enumerate(page.rows):
        if row.cell_s is None:
            if end_s > start_s:
                spans.append(Span(row_idx, row.cells[0], 0.0, duration_s))
            continue
        first = math.floor((start_s - anchor_s) / row.cell_s + 1e-9)
        last = math.ceil((end_s - anchor_s) / row.cell_s - 1e-9)
        for k in range(first, last):
            left_s = max(anchor_s + k * row.cell_s, 0.0)
            right_s = min(anchor_s + (k + 1) * row.cell_s, duration_s)
            if right_s > left_s:
                n = len(row.cells)
                spans.append(Span(row_idx, row.cells[k % n], left_s, right_s, k % n == 0 and left_s > 0))
    return spans


def _conventional_place(cell: Cell) -> int:
    # Modified limb leads (MLII) stand where the lead that they stand for does; all others come last, in their order.
    name = cell.label.removeprefix("ML")
    return STANDARD_LEADS.index(name) if name in STANDARD_LEADS else len(STANDARD_LEADS)


def _stack(cells: list[Cell], gain_mm_mv: float, note: str = "") -> Page:
    pitches = WIDE_PITCH_MM if len(cells) <= 4 else NARROW_PITCH_MM
    pitch_mm = pitches[gain_mm_mv]
    rows = tuple(Row(_baseline_mm(i, pitch_mm), (cell,)) for i, cell in enumerate(cells))
    return Page(rows, pitch_mm, _height_mm(len(rows), pitch_mm), None, note)


def _baseline_mm(row_idx: int, pitch_mm: float) -> float:
    return TOP_MARGIN_MM + pitch_mm * row_idx + math.ceil(pitch_mm / 2)


def _height_mm(n_rows: int, pitch_mm: float) -> float:
    return TOP_MARGIN_MM + n_rows * pitch_mm
