"""Asks what a table of numbers holds: rate, unit and leads, with the trace that follows from them in sight."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ecgviewer.state.table_choice import UNITS, TableChoice
from ecgviewer.state.theme import Theme
from ecgviewer.widgets.style import GRID_PX
from ecgviewer.widgets.trace_preview import TracePreview
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers.table_options import LEFT_OUT, Orientation, TableOptions

_CHOOSE = "Choose"
_LEAVE_OUT = "Leave out"
_COLUMNS = ("", "in the file", "lead", "first samples")


class TableDialog(QDialog):
    """Opens with what the table states filled in; nothing else is, and OK waits for the rest."""

    def __init__(self, path: Path, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"What does {path.name} hold?")
        self._path = path
        self.choice = TableChoice.of(path)
        self.rate = QLineEdit()
        self.unit = QComboBox()
        self.direction = QComboBox()
        self.in_order = QPushButton("&Standard order")
        self.table = QTableWidget(0, len(_COLUMNS))
        self.preview = TracePreview(theme)
        self.doubt = QLabel()
        self.reason = QLabel()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        self._shown = next(iter(self.choice.leads), 1)
        self._lead_boxes: dict[int, QComboBox] = {}
        self._assemble()
        self._fill()
        self._connect()
        self._refresh()
        self.resize(720, 640)

    @property
    def options(self) -> TableOptions:
        """What was said; once the dialog is accepted."""
        return self.choice.options

    # --- parts -------------------------------------------------------------------------------------------------------

    def _assemble(self) -> None:
        intro = QLabel("A table has no format of its own. What it states is filled in; nothing is guessed.")
        intro.setProperty("quiet", True)
        self.doubt.setProperty("notice", True)
        self.reason.setProperty("quiet", True)
        self.reason.setWordWrap(True)
        self.rate.setPlaceholderText("Hz")
        self.rate.setAccessibleName("Sampling rate in Hz")
        self.unit.addItems([_CHOOSE, *UNITS])
        self.unit.setAccessibleName("Unit of the samples")
        self.direction.addItems(["columns", "rows"])
        self.direction.setAccessibleName("Whether leads are columns or rows")
        self.in_order.setToolTip(
            "Name those that are not left out I, II, III, aVR, aVL, aVF, V1 to V6, if that is their order in the file"
        )
        self.in_order.setAutoDefault(False)
        facts = QGridLayout()
        facts.setHorizontalSpacing(GRID_PX)
        for column, (text, field, unit) in enumerate(
            (("Sampling &rate", self.rate, "Hz"), ("&Unit", self.unit, ""), ("Leads are &in", self.direction, ""))
        ):
            label = QLabel(text)
            label.setBuddy(field)
            facts.addWidget(label, 0, 2 * column)
            facts.addWidget(field, 1, 2 * column)
            if unit:
                facts.addWidget(QLabel(unit), 1, 2 * column + 1)
        facts.setColumnStretch(6, 1)
        facts.addWidget(self.in_order, 1, 7)
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
        self.table.setAccessibleName("Leads")
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        # Tab leads from lead to lead, which are widgets of their own, and on to the buttons.
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        body = QVBoxLayout(self)
        body.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX)
        body.setSpacing(GRID_PX)
        for part in (intro, facts, self.table, self.preview, self.doubt):
            body.addLayout(part) if isinstance(part, QGridLayout) else body.addWidget(part)
        end = QHBoxLayout()
        end.addWidget(self.reason, 1)
        end.addWidget(self.buttons)
        body.addLayout(end)

    def _connect(self) -> None:
        self.rate.textEdited.connect(self._on_rate_edited)
        self.unit.activated.connect(self._on_unit_chosen)
        self.direction.activated.connect(self._on_direction_chosen)
        self.in_order.clicked.connect(self._on_in_order)
        self.table.currentCellChanged.connect(self._on_row_chosen)
        self.buttons.accepted.connect(self._on_accepted)
        self.buttons.rejected.connect(self.reject)

    def _fill(self) -> None:
        """Show the table's channels and what is known of them."""
        choice = self.choice
        self.rate.setText(choice.rate_text)
        if choice.unit and self.unit.findText(choice.unit) < 0:
            self.unit.addItem(choice.unit)
        self.unit.setCurrentIndex(max(0, self.unit.findText(choice.unit)))
        self.unit.setEnabled(not choice.has_mixed_units)
        self.direction.setCurrentText(choice.proposal.orientation)
        self.direction.setEnabled(choice.can_turn)
        self._lead_boxes = {}
        self.table.setRowCount(0)
        self.table.setRowCount(len(choice.proposal.channels))
        for row, channel in enumerate(choice.proposal.channels):
            cells = (str(channel.number), choice.heading(channel.number), "")
            for column, text in enumerate((*cells, choice.first_samples(channel.number))):
                self.table.setItem(row, column, QTableWidgetItem(text))
            if channel.is_axis:
                self.table.setItem(row, 2, QTableWidgetItem(channel.left_out))
            else:
                self.table.setCellWidget(row, 2, self._lead_box(channel.number))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.resizeSection(2, 128)
        header.setStretchLastSection(True)

    def _lead_box(self, number: int) -> QComboBox:
        box = QComboBox()
        box.addItems([_CHOOSE, *STANDARD_LEADS, _LEAVE_OUT])
        box.setEditable(True)
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        box.setAccessibleName(f"Lead of {self.choice.proposal.orientation[:-1]} {number}")
        box.setToolTip("Choose a lead, or type another name")
        box.setCurrentText(_shown_lead(self.choice.leads[number]))
        box.currentTextChanged.connect(lambda text: self._on_lead_changed(number, text))
        box.installEventFilter(self)
        self._lead_boxes[number] = box
        return box

    # --- what the person does ----------------------------------------------------------------------------------------

    def _on_rate_edited(self, text: str) -> None:
        self.choice.rate_text = text
        self._refresh()

    def _on_unit_chosen(self, index: int) -> None:
        self.choice.unit = self.unit.itemText(index) if index else ""
        self._refresh()

    def _on_direction_chosen(self, index: int) -> None:
        orientation: Orientation = "rows" if index else "columns"
        if orientation != self.choice.proposal.orientation:
            before = self.choice
            self.choice = TableChoice.of(self._path, orientation)
            self.choice.rate_text, self.choice.unit = before.rate_text, before.unit
            self._shown = next(iter(self.choice.leads), 1)
            self._fill()
            self._refresh()

    def _on_in_order(self) -> None:
        self.choice.set_in_order()
        for number, box in self._lead_boxes.items():
            box.setCurrentText(_shown_lead(self.choice.leads[number]))
        self._refresh()

    def _on_lead_changed(self, number: int, text: str) -> None:
        self.choice.leads[number] = {_CHOOSE: "", _LEAVE_OUT: LEFT_OUT}.get(text, text)
        self._shown = number
        self._refresh()

    def _on_row_chosen(self, row: int, *_: int) -> None:
        if row >= 0 and (row + 1) in self._lead_boxes:
            self._shown = row + 1
            self._refresh()

    def _on_accepted(self) -> None:
        if not self.choice.missing:
            self.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        # Wherever Tab leads, the trace of that lead is in sight.
        if event.type() == QEvent.Type.FocusIn:
            for number, box in self._lead_boxes.items():
                if box is watched:
                    self.table.selectRow(number - 1)
        return super().eventFilter(watched, event)

    def _refresh(self) -> None:
        missing = self.choice.missing
        self.in_order.setEnabled(self.choice.can_be_in_order)
        self.reason.setText(missing)
        self.buttons.button(QDialogButtonBox.StandardButton.Open).setEnabled(not missing)
        signal_mv, fs_hz = self.choice.preview_mv(self._shown), self.choice.fs_hz
        if signal_mv is None or fs_hz is None:
            self.preview.say("The trace appears here once rate and unit are known.")
            self.doubt.setText("")
            return
        lead = self.choice.leads.get(self._shown, "")
        called = lead if lead not in ("", LEFT_OUT) else f"{self.choice.proposal.orientation[:-1]} {self._shown}"
        self.preview.show_trace(signal_mv, fs_hz, f"{called}, 25 mm/s, 10 mm/mV")
        self.doubt.setText(self.choice.doubt(signal_mv))


def _shown_lead(lead: str) -> str:
    return {"": _CHOOSE, LEFT_OUT: _LEAVE_OUT}.get(lead, lead)
