"""Findings: candidates with probability and threshold, urgent ones first; never a diagnosis."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QFont, QFontMetricsF, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ecgviewer.jobs.protocol import Finding
from ecgviewer.state.analysis import Analysis, WorkerStatus
from ecgviewer.state.findings import FindingRow, finding_rows, judgement_text, probability_text
from ecgviewer.state.limits import distance_text, limits_text, notice_text
from ecgviewer.state.theme import Theme
from ecgviewer.widgets.answer_panel import AnswerPanel, Index, LinkButton, RowsModel, quiet_small_label
from ecgviewer.widgets.shapes import draw_mark, octagon
from ecgviewer.widgets.style import GRID_PX, small_font, strong_font

ROW_PX = 44
HEADING_PX = 28
LINE_PX = 18
BAR_PX = 4
TICK_PX = 10
PAD_PX = 2 * GRID_PX
INDENT_PX = 14
DOT_PX = 5


class FindingsModel(RowsModel):
    """The rows of the panel."""

    def set_rows(self, rows: list[object]) -> None:
        """Replace all rows; the same rows again change nothing, so that what is chosen stays chosen."""
        if rows != self.rows:
            super().set_rows(rows)

    def text(self, row: object) -> str:  # noqa: D102
        return row.accessible_text if isinstance(row, FindingRow) else ""

    def flags(self, index: Index) -> Qt.ItemFlag:  # noqa: D102
        row = index.data(self.ROW)
        if isinstance(row, FindingRow) and row.kind in ("heading", "urgent heading", "note"):
            return Qt.ItemFlag.ItemIsEnabled
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class FindingsDelegate(QStyledItemDelegate):
    """Paints one row."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: D102
        row = index.data(RowsModel.ROW)
        if row.kind == "finding":
            return QSize(0, ROW_PX)
        if row.kind in ("heading", "urgent heading"):
            return QSize(0, HEADING_PX)
        # Words are never cut: half a number reads as another one.
        view = option.widget
        room_px = view.viewport().width() if isinstance(view, QListView) else 0
        width_px = (room_px or 310) - 2 * PAD_PX - (INDENT_PX if row.kind == "fold" else 0)
        metrics = QFontMetricsF(QApplication.font())
        wrap = Qt.TextFlag.TextWordWrap
        height_px = metrics.boundingRect(QRectF(0, 0, max(120, width_px), 1000), wrap, row.text).height()
        return QSize(0, round(height_px) + {"note": 16, "fold": 16}.get(row.kind, 12))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        row: FindingRow = index.data(RowsModel.ROW)
        rect = QRectF(option.rect)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(self.theme.selected))
        elif option.state & QStyle.StateFlag.State_MouseOver and row.kind in ("finding", "fold", "link"):
            painter.fillRect(rect, QColor(self.theme.hover))
        inner = rect.adjusted(PAD_PX, 0, -PAD_PX, 0)
        if row.is_marked:
            self._paint_dot(painter, rect.left() + PAD_PX / 2, rect.top() + (15 if row.kind == "finding" else 16))
        if row.kind == "finding":
            self._paint_finding(painter, row, inner, option.font)
        else:
            self._paint_words(painter, row, inner, option.font)
        painter.restore()

    def _paint_dot(self, painter: QPainter, x_px: float, y_px: float) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.text_quiet))
        painter.drawEllipse(QRectF(x_px - DOT_PX / 2, y_px - DOT_PX / 2, DOT_PX, DOT_PX))
        painter.restore()

    def _paint_words(self, painter: QPainter, row: FindingRow, rect: QRectF, font: QFont) -> None:
        theme = self.theme
        middle = Qt.AlignmentFlag.AlignVCenter
        match row.kind:
            case "urgent heading":
                mark = QRectF(rect.left(), rect.center().y() - 7, 14, 14)
                draw_mark(painter, octagon(mark), theme.urgent, theme.panel)
                painter.setFont(strong_font(font))
                painter.setPen(QColor(theme.urgent))
                painter.drawText(rect.adjusted(22, 0, 0, 0), middle, row.text)
            case "heading":
                painter.setFont(strong_font(small_font(font)))
                painter.setPen(QColor(theme.text_quiet))
                painter.drawText(rect.adjusted(0, 6, 0, 0), middle, row.text)
            case "fold":
                painter.setFont(font)
                painter.setPen(QColor(theme.text_quiet))
                words = rect.adjusted(INDENT_PX, GRID_PX, 0, 0)
                painter.drawText(rect.adjusted(0, GRID_PX, 0, 0), 0, "▾" if row.is_open else "▸")
                painter.drawText(words, Qt.TextFlag.TextWordWrap, row.text)
            case "link":
                painter.setFont(font)
                painter.setPen(QColor(theme.accent))
                painter.drawText(rect, middle | Qt.TextFlag.TextWordWrap, row.text)
            case _:
                painter.setFont(font)
                painter.setPen(QColor(theme.text_quiet))
                painter.drawText(rect, middle | Qt.TextFlag.TextWordWrap, row.text)

    def _paint_finding(self, painter: QPainter, row: FindingRow, rect: QRectF, font: QFont) -> None:
        finding, theme = row.finding, self.theme
        assert finding is not None
        is_in_front = row.is_candidate or row.is_urgent
        ink = QColor(theme.text if is_in_front else theme.text_quiet)
        line = QRectF(rect.left(), rect.top() + 6, rect.width(), LINE_PX)
        strong = strong_font(font)
        x_px, right_px = line.left(), line.right()
        if row.is_urgent:
            draw_mark(painter, octagon(QRectF(x_px, line.center().y() - 7, 14, 14)), theme.urgent, theme.panel)
            x_px += 20
        x_px = _word(painter, finding.code, strong, ink, x_px, right_px, line)
        _word(painter, finding.description, font, ink, x_px, right_px, line)
        # The figure ends the bar: the name has the whole line, and long names are hardly ever cut.
        below = QRectF(rect.left(), rect.top() + 23, rect.width(), LINE_PX)
        painter.setPen(ink)
        painter.setFont(strong if is_in_front else font)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, probability_text(finding))
        figure_px = QFontMetricsF(strong).horizontalAdvance("0.00") + GRID_PX
        bar = QRectF(rect.left(), below.center().y() - BAR_PX / 2, rect.width() - figure_px, BAR_PX)
        self._paint_bar(painter, row, bar, font)

    def _paint_bar(self, painter: QPainter, row: FindingRow, bar: QRectF, font: QFont) -> None:
        finding, theme = row.finding, self.theme
        assert finding is not None
        if finding.threshold is None:
            painter.setFont(small_font(font))
            painter.setPen(QColor(theme.text_quiet))
            where = QRectF(bar.left(), bar.center().y() - 9, bar.width(), LINE_PX)
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, judgement_text(finding))
            return
        colour = QColor(theme.accent if row.is_candidate else theme.text_quiet)
        if row.is_urgent:
            colour = QColor(theme.urgent)
        painter.fillRect(bar, QColor(theme.skeleton))
        share = min(max(finding.probability, 0.0), 1.0)
        painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * share, bar.height()), colour)
        tick_x_px = bar.left() + bar.width() * finding.threshold
        tick = QRectF(round(tick_x_px) - 1, bar.center().y() - TICK_PX / 2, 2, TICK_PX)
        painter.fillRect(tick.adjusted(-1, 0, 1, 0), QColor(theme.panel))
        painter.fillRect(tick, QColor(theme.text))


def _word(
    painter: QPainter, text: str, font: QFont, colour: QColor, x_px: float, right_px: float, line: QRectF
) -> float:
    metrics = QFontMetricsF(font)
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0.0, right_px - x_px))
    painter.setFont(font)
    painter.setPen(colour)
    painter.drawText(QRectF(x_px, line.top(), right_px - x_px, line.height()), Qt.AlignmentFlag.AlignVCenter, shown)
    return x_px + metrics.horizontalAdvance(shown) + GRID_PX


class FindingsPanel(AnswerPanel):
    """The panel; ``window_chosen`` carries the start of the most abnormal window in seconds.

    ``finding_chosen`` carries the statement that becomes the current one. ``card_asked`` is emitted where the person
    wants to know what the model is worth.
    """

    window_chosen = Signal(float)
    finding_chosen = Signal(object)
    card_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        self._delegate = FindingsDelegate(theme)
        super().__init__("Findings", FindingsModel(), self._delegate, theme, ROW_PX + 4)
        self.setObjectName("findings")
        self._open_folds: frozenset[str] = frozenset()
        self._analysis: Analysis | None = None
        self._limits = quiet_small_label()
        self.card_button = LinkButton("Model card", "What the model is and what it is worth (Shift+A)")
        self.card_button.clicked.connect(self.card_asked)
        # A line above it: where the rows go on below the fold, a row that is cut must not run into the words.
        below = QWidget()
        below.setObjectName("findingsFoot")
        below.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        foot = QHBoxLayout(below)
        foot.setContentsMargins(PAD_PX, 4, GRID_PX, 4)
        foot.setSpacing(GRID_PX)
        foot.addWidget(self._limits, 1)
        foot.addWidget(self.card_button, 0, Qt.AlignmentFlag.AlignBottom)
        self.body.addWidget(below)
        self.list.clicked.connect(self._on_activated)
        self.list.selectionModel().currentChanged.connect(self._on_current_changed)
        self.list.installEventFilter(self)

    def set_theme(self, theme: Theme) -> None:  # noqa: D102
        self._delegate.theme = theme
        super().set_theme(theme)

    def set_analysis(self, analysis: Analysis, status: WorkerStatus) -> None:
        """Show what is known."""
        if analysis is not self._analysis:
            self._analysis = analysis
            self.model.set_rows([])  # what was chosen of another ECG is not chosen of this one
            self._stop_waiting()
            self._open_folds = frozenset()
            self._say_limits("", "")
        if analysis.predictions is not None:
            self._show()
        elif analysis.is_on_demand and analysis.job is None:
            words = "A long recording is not judged as a whole."
            self.fail(words, can_retry=True, button="Judge the 10 s in sight (Shift+J)")
        elif analysis.failure is not None:
            self.fail(f"not assessed: {analysis.failure}", can_retry=True)
        else:
            is_loading = status.ready is None
            self.wait("loading the model" if is_loading else "analysing this ECG")

    @property
    def footnote(self) -> str:
        """What is said below the rows of the prediction set, or of what is unknown."""
        return self._limits.text()

    def _say_limits(self, text: str, tooltip: str) -> None:
        self._limits.setText(text)
        self._limits.setToolTip(tooltip)

    def chosen_finding(self) -> Finding | None:
        """Return the statement that is chosen, the first in sight where none is; None where there is none."""
        row = self.list.currentIndex().data(RowsModel.ROW)
        if isinstance(row, FindingRow) and row.finding is not None:
            return row.finding
        return next((row.finding for row in self.rows() if row.finding is not None), None)

    def add_context_action(self, action: QAction) -> None:
        """Offer a command where a statement is clicked with the right button."""
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.list.addAction(action)

    def rows(self) -> list[FindingRow]:
        """Return the rows in sight."""
        return [row for row in self.model.rows if isinstance(row, FindingRow)]

    def _show(self) -> None:
        if self._analysis is None or self._analysis.predictions is None:
            return
        predictions = self._analysis.predictions
        reason, more = predictions.reason, distance_text(predictions)
        self._say_limits(limits_text(predictions), more)
        if reason is not None:
            self.show_rows([], words=f"not assessed: {reason}")
            return
        position, current = self.list.verticalScrollBar().value(), self._key(self.list.currentIndex())
        rows: list[object] = list(finding_rows(predictions, self._open_folds))
        notice = notice_text(predictions)
        words = " ".join(text for text in (self._analysis.window_text, notice) if text)
        self.show_rows(rows, detail="candidates, not a diagnosis", words=words, is_notice=bool(notice), tooltip=more)
        if current and self._key(self.list.currentIndex()) != current:
            places = (self.model.index(k) for k in range(self.model.rowCount()))
            self.list.setCurrentIndex(next((place for place in places if self._key(place) == current), QModelIndex()))
        self.list.verticalScrollBar().setValue(position)

    def _key(self, index: QModelIndex) -> tuple[str, str] | None:
        """Return what a row is known by, whatever stands above it."""
        row = index.data(RowsModel.ROW)
        return (row.kind, row.fold or row.text) if isinstance(row, FindingRow) else None

    def _on_current_changed(self, index: QModelIndex, before: QModelIndex) -> None:
        row = index.data(RowsModel.ROW)
        if isinstance(row, FindingRow) and row.finding is not None:
            self.finding_chosen.emit(row.finding)

    def _on_activated(self, index: QModelIndex) -> None:
        row = index.data(RowsModel.ROW)
        if not isinstance(row, FindingRow):
            return
        if row.kind == "fold":
            self._open_folds = self._open_folds ^ {row.fold}
            self._show()
            self.list.setCurrentIndex(self.model.index(index.row()))
        elif row.kind == "link" and row.start_s is not None:
            self.window_chosen.emit(row.start_s)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._on_activated(self.list.currentIndex())
            return True
        return False
