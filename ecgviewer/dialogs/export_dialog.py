"""Export: format, place, and what of the person goes and stays, in sight before anything is written."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ecgviewer.jobs.exporting import Exporter, ExportRequest
from ecgviewer.state.export_choice import ExportChoice
from ecgviewer.state.record_time import RecordClock
from ecgviewer.state.worklist_text import length_text
from ecgviewer.widgets.style import GRID_PX
from physioclr_core.errors import RecordError
from physioclr_core.record import SignalSource
from physioclr_core.writers import OUTPUT_FORMATS, Exported

_COLUMNS = ("", "item", "in this record", "in the exported file")
# States by word and mark, never by colour alone.
_MARKS = {"removed": "\u2715 removed", "replaced": "\u21c4 replaced", "kept": "\u2713 kept"}
_LONGEST_CELL = 160
NOTICE = "For research use only. An ECG can identify a person by itself: a de-identified file is still patient data."


class ExportDialog(QDialog):
    """Writes the ECG in sight in another format; de-identified unless the person says otherwise.

    Of a recording that is longer than what is in sight, ``in_sight_s``, that stretch can be written alone.
    """

    def __init__(
        self,
        record: SignalSource,
        folder: Path,
        in_sight_s: tuple[float, float] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Export {record.name}")
        self.choice = ExportChoice(record, folder, in_sight_s)
        self.exporter = Exporter(self)
        self._written: Path | None = None
        self.format = QComboBox()
        self.about = _quiet("")
        self.part = QComboBox()
        self.folder = QLineEdit(str(folder))
        self.browse = QPushButton("&Browse...")
        self.name = QLineEdit()
        self.suffix = QLabel()
        self.measure = QCheckBox("&Add this program's median beat and measurements, marked as such")
        self.deidentify = QCheckBox("&De-identify: take out names, ids, dates and free text")
        self.dates = QComboBox()
        self.table = QTableWidget(0, len(_COLUMNS))
        self.summary = _quiet("")
        self.fault = QLabel()
        self.progress = QProgressBar()
        self.outcome = QLabel()
        self.show_folder = QPushButton("&Show folder")
        self.close_button = QPushButton("Close")
        self.export = QPushButton("&Export")
        self._assemble()
        self._connect()
        self._refresh()
        self.resize(880, 680)

    # --- parts -------------------------------------------------------------------------------------------------------

    def _assemble(self) -> None:
        for entry in OUTPUT_FORMATS:
            self.format.addItem(entry.title)
        self.format.setCurrentIndex(OUTPUT_FORMATS.index(self.choice.entry))
        self.part.addItems(part_texts(self.choice))
        self.part.setAccessibleName("Part of the recording")
        self.dates.addItems(["Shift dates by a random time", "Remove dates"])
        self.deidentify.setChecked(self.choice.is_deidentified)
        self.format.setAccessibleName("Format")
        self.folder.setAccessibleName("Folder")
        self.name.setAccessibleName("File name")
        self.dates.setAccessibleName("What becomes of dates")
        self.export.setDefault(True)
        for button in (self.browse, self.show_folder, self.close_button):
            button.setAutoDefault(False)
        self.progress.setTextVisible(False)
        self.fault.setProperty("notice", True)
        for label in (self.fault, self.outcome, self.about, self.summary):
            label.setWordWrap(True)
        facts = QGridLayout()
        facts.setHorizontalSpacing(GRID_PX)
        facts.setVerticalSpacing(GRID_PX)
        rows: tuple[tuple[str, QWidget, QWidget], ...] = (
            ("&Format", self.format, self.about),
            ("&Part", self.part, _quiet("")),
            ("Fo&lder", self.folder, self.browse),
            ("File &name", self.name, self.suffix),
        )
        for row, (text, field, last) in enumerate(rows):
            label = QLabel(text)
            label.setBuddy(field)
            facts.addWidget(label, row, 0)
            facts.addWidget(field, row, 1)
            facts.addWidget(last, row, 2)
            for widget in (label, field, last):
                widget.setVisible(field is not self.part or self.part.count() > 1)
        self.browse.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        facts.setColumnStretch(1, 1)
        facts.setColumnMinimumWidth(2, 360)
        switch = QHBoxLayout()
        switch.addWidget(self.deidentify)
        switch.addStretch(1)
        switch.addWidget(self.dates)
        notice = QLabel(NOTICE)
        notice.setProperty("quiet", True)
        notice.setWordWrap(True)
        end = QHBoxLayout()
        end.addWidget(self.outcome, 1)
        for button in (self.show_folder, self.close_button, self.export):
            end.addWidget(button)
        self._prepare_table()
        body = QVBoxLayout(self)
        body.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX)
        body.setSpacing(GRID_PX)
        body.addLayout(facts)
        body.addSpacing(GRID_PX)
        body.addWidget(self.measure)
        body.addLayout(switch)
        body.addWidget(self.summary)
        body.addWidget(self.table, 1)
        body.addWidget(notice)
        body.addWidget(self.fault)
        body.addWidget(self.progress)
        body.addLayout(end)
        self.show_folder.hide()

    def _prepare_table(self) -> None:
        table, header = self.table, self.table.horizontalHeader()
        table.setHorizontalHeaderLabels(list(_COLUMNS))
        table.setAccessibleName("What goes and what stays")
        table.verticalHeader().hide()
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.setWordWrap(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(1, 176)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)

    def _connect(self) -> None:
        self.format.activated.connect(self._on_format_chosen)
        self.part.activated.connect(self._on_part_chosen)
        self.folder.textEdited.connect(self._on_folder_edited)
        self.browse.clicked.connect(self._on_browse)
        self.name.textEdited.connect(self._on_name_edited)
        self.measure.toggled.connect(self._on_measure)
        self.deidentify.toggled.connect(self._on_deidentify)
        self.dates.activated.connect(self._on_dates)
        self.export.clicked.connect(self._on_export)
        self.close_button.clicked.connect(self.reject)
        self.show_folder.clicked.connect(self._on_show_folder)
        self.exporter.progressed.connect(self._on_progressed)
        self.exporter.ended.connect(self._on_ended)

    # --- what the person does ----------------------------------------------------------------------------------------

    def _on_format_chosen(self, index: int) -> None:
        self.choice.entry = OUTPUT_FORMATS[index]
        self._refresh()

    def _on_part_chosen(self, index: int) -> None:
        self.choice.is_stretch = index == 1
        try:
            self._refresh()
        except RecordError as error:
            self.choice.is_stretch = False
            self.part.setCurrentIndex(0)
            self.outcome.setText(str(error))

    def _on_folder_edited(self, text: str) -> None:
        self.choice.folder = Path(text)
        self._refresh()

    def _on_browse(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Export to folder", self.folder.text())
        if name:
            self.folder.setText(name)
            self._on_folder_edited(name)

    def _on_name_edited(self, text: str) -> None:
        self.choice.name = text.strip()
        self._refresh()

    def _on_measure(self, is_on: bool) -> None:
        self.choice.is_measured = is_on

    def _on_deidentify(self, is_on: bool) -> None:
        self.choice.is_deidentified = is_on
        # A name that was chosen for the one is wrong for the other.
        self.choice.name = ""
        self._refresh()

    def _on_dates(self, index: int) -> None:
        self.choice.dates = "remove" if index else "shift"
        self._refresh()

    def _on_export(self) -> None:
        choice = self.choice
        self.show_folder.hide()
        self.outcome.setText(f"Writing {choice.out.name}...")
        self.exporter.start(
            ExportRequest(
                choice.record,
                choice.source,
                choice.out,
                choice.entry,
                choice.options,
                choice.exists,
                choice.is_measured and not choice.cannot_measure,
            )
        )
        self.progress.setRange(0, 0)
        self._refresh()

    def _on_show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.choice.folder.absolute())))

    def reject(self) -> None:
        """Cancel what is running; close where nothing is."""
        if self.exporter.is_running:
            self.exporter.cancel()
            self.outcome.setText("Stopping...")
            return
        super().reject()

    def done(self, result: int) -> None:
        """Close, once nothing is being written any more."""
        self.exporter.shutdown()
        super().done(result)

    # --- what is shown -----------------------------------------------------------------------------------------------

    def _on_progressed(self, share: float) -> None:
        self.progress.setRange(0, 1000)
        self.progress.setValue(round(1000 * share))

    def _on_ended(self, result: object) -> None:
        self.exporter.is_running = False
        self.progress.setRange(0, 1000)
        if isinstance(result, Exported):
            names = " and ".join(path.name for path in result.files)
            self.outcome.setText(" ".join([f"Written: {names}.", *result.notes]))
            self.show_folder.show()
            self._written = self.choice.out
            self.progress.setValue(1000)
        else:
            self.outcome.setText(str(result))
            self.progress.setValue(0)
        self._refresh()

    def _refresh(self) -> None:
        choice, is_running = self.choice, self.exporter.is_running
        self.about.setText(choice.entry.about)
        if not self.name.hasFocus() or not choice.name:
            self.name.setText(choice.name or choice.proposed_name)
        self.suffix.setText(choice.entry.suffix)
        self.dates.setVisible(choice.is_deidentified)
        self.table.setVisible(choice.is_deidentified)
        self._fill()
        fault = choice.fault
        replaces = choice.exists and not fault
        self.fault.setText(fault or ("A file of this name exists and would be replaced." if replaces else ""))
        is_news = bool(fault) or choice.out != self._written
        self.fault.setVisible(bool(self.fault.text()) and is_news and not is_running)
        self.export.setText("&Replace" if replaces else "&Export")
        self.export.setEnabled(not fault and not is_running)
        self.close_button.setText("Cancel" if is_running else "Close")
        self.progress.setVisible(is_running)
        self.measure.setEnabled(not is_running and not choice.cannot_measure)
        self.measure.setToolTip(
            choice.cannot_measure or "The median beat only where the device stored none. For research use only."
        )
        for field in (self.format, self.part, self.folder, self.browse, self.name, self.deidentify, self.dates):
            field.setEnabled(not is_running)

    def _fill(self) -> None:
        if not self.choice.is_deidentified:
            self.summary.setText(
                "Nothing is taken out: name, id, dates and comments are written where the format has a place for them."
            )
            return
        items = self.choice.plan.items
        counts = {fate: sum(item.fate == fate for item in items) for fate in _MARKS}
        self.summary.setText(
            f"{counts['removed']} items are removed, {counts['replaced']} replaced, {counts['kept']} kept. "
            "DICOM PS3.15 basic profile, with age and sex kept."
        )
        self.table.setRowCount(len(items))
        for row, item in enumerate(items):
            becomes = "" if item.fate == "removed" and item.becomes == "removed" else item.becomes
            for column, text in enumerate((_MARKS[item.fate], item.field, item.found, becomes)):
                shown = " ".join(text.split())
                cell = QTableWidgetItem(shown if len(shown) <= _LONGEST_CELL else f"{shown[:_LONGEST_CELL]}...")
                cell.setToolTip(text)
                self.table.setItem(row, column, cell)
        self.table.resizeRowsToContents()


def part_texts(choice: ExportChoice) -> list[str]:
    """Return what may be exported: the whole, and what is in sight where that is less."""
    texts = [f"Whole recording, {length_text(choice.whole.duration_s)}"]
    if choice.in_sight_s is not None:
        start_s, end_s = choice.in_sight_s
        texts.append(f"In sight: {length_text(end_s - start_s)} from {RecordClock.of(choice.whole).text(start_s)}")
    return texts


def _quiet(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("quiet", True)
    return label
