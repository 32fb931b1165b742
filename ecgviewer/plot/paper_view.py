"""The view of one ECG on paper: scene, mouse wheel, dragging and keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyqtgraph.widgets.GraphicsView import GraphicsView
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QGraphicsView, QWidget

from ecgviewer.plot.evidence_item import EvidenceItem
from ecgviewer.plot.furniture_item import GutterItem, LabelItem, Scene
from ecgviewer.plot.grid_item import GridItem
from ecgviewer.plot.time_axis import TimeLabelsItem, TimeLinesItem
from ecgviewer.plot.trace_item import TraceItem
from ecgviewer.state.geometry import Geometry
from ecgviewer.state.header import neutral_lead_names
from ecgviewer.state.layout import Page, lay_out
from ecgviewer.state.paper import SPEEDS_MM_S, Extent, Paper, PaperState
from ecgviewer.state.screen import UNKNOWN_SCALE, ScreenScale
from ecgviewer.state.signals import LongSignals, Signals, signals_of
from ecgviewer.state.theme import Theme
from ecgviewer.state.why import Band
from physioclr_core.record import EcgRecord
from physioclr_core.recordings.pyramid import Pyramid
from physioclr_core.recordings.source import LongRecording

WHEEL_NOTCH = 120
MM_A_NOTCH = 15.0
MM_A_KEY = 5.0
RIGHT_MARGIN_MM = 3.0


class PaperView(GraphicsView):
    """ECG paper that shows a record as the shared ``Paper`` says.

    The scene's coordinates are the view's pixels; nothing is ever stretched. ``record_painted`` is emitted after a
    record has been painted for the first time, ``page_changed`` when the arrangement has changed, ``read_failed`` once
    where a long recording's file can no longer be read.
    """

    record_painted = Signal()
    read_failed = Signal(str)
    page_changed = Signal()

    def __init__(self, paper: Paper, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=None)
        self._paper = paper
        self._scale = UNKNOWN_SCALE
        self._record: EcgRecord | LongRecording | None = None
        self._signals: Signals | None = None
        self._page: Page | None = None
        self._is_unpainted = False
        self._are_names_neutral = False
        self._said_fault = ""
        self._is_leading = True
        self._drag_from: QPointF | None = None
        self._wheel_rest = 0.0
        self.setObjectName("paper")
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheNone)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setAccessibleName("ECG paper")
        # The scene would accept every drag and then no drop; files are for the window.
        self.setAcceptDrops(False)
        self.viewport().setAcceptDrops(False)
        self._grid = GridItem(theme)
        self._evidence = EvidenceItem(theme)
        self._axis, self._times = TimeLinesItem(theme), TimeLabelsItem(theme, self.font())
        self._labels = LabelItem(theme, self.font())
        self._traces = TraceItem(theme)
        self._gutter = GutterItem(theme, self._grid)
        # In the order in which they are painted.
        self._items: tuple[Any, ...] = (
            self._grid,
            self._axis,
            self._evidence,
            self._labels,
            self._traces,
            self._times,
            self._gutter,
        )
        for item in self._items:
            self.addItem(item)
        paper.changed.connect(self._on_paper_changed)

    def release(self) -> None:
        """Let go of the shared paper; called before the view is thrown away."""
        self._paper.changed.disconnect(self._on_paper_changed)

    def close(self) -> bool:
        """Close as every widget does; pyqtgraph's own way takes the viewport away under PySide6."""
        return QGraphicsView.close(self)

    @property
    def record(self) -> EcgRecord | LongRecording | None:
        """The record that is shown."""
        return self._record

    @property
    def signals(self) -> Signals | None:
        """What is drawn of it."""
        return self._signals

    @property
    def page(self) -> Page | None:
        """The arrangement in force."""
        return self._page

    @property
    def screen_scale(self) -> ScreenScale:
        """Pixels a millimetre, and whether that is known."""
        return self._scale

    @property
    def geometry_px(self) -> Geometry:
        """Where things are."""
        state = self._paper.state
        return Geometry(self._scale.px_per_mm * state.magnification, self.devicePixelRatioF(), state)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        for item in self._items:
            item.set_theme(theme)

    def set_leading(self, is_leading: bool) -> None:
        """Whether this view tells the paper how much of it is seen; of two, the first does."""
        self._is_leading = is_leading

    def set_screen_scale(self, scale: ScreenScale) -> None:
        """Draw for another screen."""
        self._scale = scale
        self._lay_out()

    def set_record(self, record: EcgRecord | LongRecording | None) -> None:
        """Show another record."""
        self._record = record
        self._signals = None if record is None else signals_of(record)
        self._is_unpainted = record is not None
        self._said_fault = ""
        self._evidence.set_bands(())
        self._traces.set_record(record, self._signals)
        self._lay_out()

    def set_neutral_names(self, are_neutral: bool) -> None:
        """Show leads of unusual names, which may say anything, by numbers."""
        self._are_names_neutral = are_neutral
        self._lay_out()

    def set_pyramid(self, pyramid: Pyramid | None) -> None:
        """Draw from a long recording's extremes, or from more of them than before."""
        if isinstance(self._signals, LongSignals):
            self._signals.pyramid = pyramid
            self.viewport().update()

    def set_evidence(self, bands: Sequence[Band]) -> None:
        """Tint what speaks for a statement; no bands clear the paper."""
        self._evidence.set_bands(bands)

    def evidence(self) -> list[tuple[Band, QRectF]]:
        """Return the tinted bands in sight and where they are."""
        return self._evidence.boxes()

    def hides_strongest_evidence(self) -> bool:
        """Whether the layout shows the lead of the strongest band at other times only."""
        return self._evidence.hides_strongest()

    def page_width_px(self) -> float:
        """Return the width that shows the record, or ten seconds of it, whole."""
        state = self._paper.state
        duration_s = 10.0 if self._record is None else min(10.0, self._record.duration_s)
        geometry = Geometry(self._scale.px_per_mm, self.devicePixelRatioF(), state)
        return geometry.gutter_px + duration_s * geometry.px_per_s + RIGHT_MARGIN_MM * geometry.px_per_mm

    def labels(self) -> list[tuple[str, QPointF]]:
        """Return the labels in sight and where they stand."""
        return self._labels.labels()

    def _lay_out(self) -> None:
        state = self._paper.state
        page = None
        if self._record is not None and self._signals is not None:
            record = self._record
            # Columns of seconds say nothing of hours.
            layout = state.layout if state.time_zoom <= 1 else "12x1"
            signals = self._signals
            names = neutral_lead_names(record.lead_names) if self._are_names_neutral else record.lead_names
            page = lay_out(names, record.duration_s, layout, state.gain_mm_mv, signals.reach_mv, signals.lost_share)
        has_changed = page != self._page
        self._page = page
        self._tell_extent()
        self._place()
        if has_changed:
            self.page_changed.emit()

    def _tell_extent(self) -> None:
        if not self._is_leading or self._record is None or self._page is None:
            return
        geometry = self.geometry_px
        self._paper.set_extent(
            Extent(
                duration_s=self._record.duration_s,
                visible_s=geometry.visible_s(self.width() - RIGHT_MARGIN_MM * geometry.px_per_mm),
                height_mm=self._page.height_mm,
                visible_mm=self.height() / geometry.px_per_mm,
            )
        )

    def _place(self) -> None:
        geometry = self.geometry_px
        rect = QRectF(0, 0, self.width(), self.height())
        self._grid.set_geometry(geometry, rect)
        scene = None
        if self._record is not None and self._page is not None and self._signals is not None:
            self._traces.set_geometry(geometry, self._page, rect)
            scene = Scene(self._record, self._page, geometry, self._signals)
        self._axis.set_scene(scene, rect)
        self._times.set_scene(scene, rect)
        self._evidence.set_scene(scene, rect)
        self._labels.set_scene(scene, rect)
        self._gutter.set_scene(scene, rect)

    def _on_paper_changed(self, state: PaperState) -> None:
        self._lay_out()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: D102
        super().resizeEvent(event)
        if hasattr(self, "_gutter"):
            self._tell_extent()
            self._place()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        self._traces.prepare()
        super().paintEvent(event)
        fault = self._signals.fault if isinstance(self._signals, LongSignals) else ""
        if fault and fault != self._said_fault:
            self._said_fault = fault
            # Not within painting: the bar over the paper is painted too.
            QTimer.singleShot(0, self, lambda: self.read_failed.emit(fault))
        if self._is_unpainted:
            self._is_unpainted = False
            self.record_painted.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: D102
        event.accept()
        modifiers = event.modifiers()
        delta = event.angleDelta()
        if modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier):
            steps = self._whole_notches(delta.y() or delta.x())
            if steps and modifiers & Qt.KeyboardModifier.ControlModifier:
                self._step_time(steps, event.position().x())
            elif steps:
                self._paper.step_gain(steps)
            return
        geometry = self.geometry_px
        pixels = event.pixelDelta()
        if not pixels.isNull():
            along_px, down_px = float(pixels.x()), float(pixels.y())
        else:
            px_a_unit = MM_A_NOTCH * geometry.px_per_mm / WHEEL_NOTCH
            along_px, down_px = delta.x() * px_a_unit, delta.y() * px_a_unit
        if self._paper.extent.last_start_s > 0:
            self._paper.pan_by(shift_s=-(along_px + down_px) / geometry.px_per_s)
        else:
            self._paper.pan_by(shift_mm=-down_px / geometry.px_per_mm)

    def _step_time(self, steps: int, x_px: float) -> None:
        """Change the speed, and beyond the slowest one the time in sight, around the pointer."""
        paper, geometry = self._paper, self.geometry_px
        state, extent = paper.state, paper.extent
        if state.time_zoom > 1 or (steps < 0 and state.speed_mm_s == SPEEDS_MM_S[0] and extent.last_start_s > 0):
            share = (x_px - geometry.gutter_px) / max(1.0, extent.visible_s * geometry.px_per_s)
            paper.step_time_zoom(-steps, min(max(share, 0.0), 1.0))
        else:
            paper.step_speed(steps)

    def _whole_notches(self, delta: int) -> int:
        if self._wheel_rest * delta < 0:
            self._wheel_rest = 0.0
        self._wheel_rest += delta / WHEEL_NOTCH
        steps = int(self._wheel_rest)
        self._wheel_rest -= steps
        return steps

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag_from = event.position()
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self._drag_from is not None:
            shift = event.position() - self._drag_from
            self._drag_from = event.position()
            geometry = self.geometry_px
            self._paper.pan_by(-shift.x() / geometry.px_per_s, -shift.y() / geometry.px_per_mm)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._drag_from = None
        self.viewport().unsetCursor()
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        paper, extent = self._paper, self._paper.extent
        step_s = MM_A_KEY / paper.state.speed_mm_s * paper.state.time_zoom
        page_s = max(extent.visible_s, step_s)
        if self._page is not None and self._page.page_s is not None:
            page_s = min(page_s, self._page.page_s)
        match event.key():
            case Qt.Key.Key_Left:
                paper.pan_by(shift_s=-step_s)
            case Qt.Key.Key_Right:
                paper.pan_by(shift_s=step_s)
            case Qt.Key.Key_Up:
                paper.pan_by(shift_mm=-MM_A_KEY)
            case Qt.Key.Key_Down:
                paper.pan_by(shift_mm=MM_A_KEY)
            case Qt.Key.Key_PageUp:
                paper.pan_by(shift_s=-page_s)
            case Qt.Key.Key_PageDown:
                paper.pan_by(shift_s=page_s)
            case Qt.Key.Key_Home:
                paper.pan_to(start_s=0.0, top_mm=0.0)
            case Qt.Key.Key_End:
                paper.pan_to(start_s=extent.last_start_s)
            case _:
                event.ignore()
                return
        event.accept()
