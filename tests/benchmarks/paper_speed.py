"""Measurements of the paper, each beside the same work done by pyqtgraph's own plot in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from ecgviewer.plot.paper_view import PaperView
from ecgviewer.state.paper import Paper, PaperState
from ecgviewer.state.screen import ScreenScale
from ecgviewer.state.theme import load_theme
from physioclr_core.record import EcgRecord

SIZE_PX = (1600, 1000)
SCALE = ScreenScale(96 / 25.4, True)


def make_view(state: PaperState) -> tuple[Paper, PaperView]:
    """Return a shown paper of the size that all measurements use."""
    paper = Paper(state)
    view = PaperView(paper, load_theme("light"))
    view.set_screen_scale(SCALE)
    view.resize(*SIZE_PX)
    view.show()
    QApplication.processEvents()
    return paper, view


def make_baseline(record: EcgRecord) -> pg.PlotWidget:
    """Return pyqtgraph's plot with one PlotDataItem a lead."""
    plot = pg.PlotWidget(background="w")
    plot.resize(*SIZE_PX)
    times_s = np.arange(record.n_samples) / record.fs_hz
    for k, lead in enumerate(record.signal_mv):
        plot.addItem(pg.PlotDataItem(times_s, lead - 3 * k, pen=pg.mkPen("k", width=1)))
    plot.setXRange(0, 5, padding=0)
    plot.setYRange(-36, 3, padding=0)
    plot.show()
    QApplication.processEvents()
    return plot


class _PaintCounter(QObject):
    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.n_paints = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.n_paints += event.type() == QEvent.Type.Paint
        return False


def median_ms(widget: QWidget, step: Callable[[int], object], n: int = 60) -> float:
    """Return the median time of a step with its painting, which has to happen once for every step."""
    counter = _PaintCounter(widget)
    times_s = []
    for k in range(n):
        start_s = time.perf_counter()
        step(k)
        QApplication.processEvents()
        times_s.append(time.perf_counter() - start_s)
    assert n - 2 <= counter.n_paints <= n + 2, f"{n} steps were painted {counter.n_paints} times"
    return 1000 * statistics.median(times_s[5:])


def _discard(widget: QWidget) -> None:
    # pyqtgraph's own close() of a view ends in a null pointer with PySide6.
    widget.hide()
    widget.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def pan_ms(record: EcgRecord, layout: str = "12x1", magnification: float = 2.0) -> float:
    """Return the time of one panned frame of our paper."""
    paper, view = make_view(PaperState(layout=layout, magnification=magnification))  # type: ignore[arg-type]
    view.set_record(record)
    result = median_ms(view.viewport(), lambda k: paper.pan_to(start_s=(k % 40) * 0.05))
    view.release()
    _discard(view)
    return result


def baseline_pan_ms(record: EcgRecord) -> float:
    """Return the time of the same pan by pyqtgraph."""
    plot = make_baseline(record)
    result = median_ms(plot.viewport(), lambda k: plot.setXRange((k % 40) * 0.05, (k % 40) * 0.05 + 5, padding=0))
    _discard(plot)
    return result
