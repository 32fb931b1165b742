"""Every dialog that the main window opens, each imported when it is first asked for: the window paints without them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog

from ecgviewer.state.theme import load_theme
from ecgviewer.widgets.picture import save_picture, workspace_picture
from physioclr_core.recordings.source import AnyRecord

if TYPE_CHECKING:
    from ecgviewer.main_window import MainWindow


class Dialogs(QObject):
    """What the window asks for and tells in windows of their own."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    def ask_about_table(self, path: Path) -> None:
        """Ask what a table holds, and open it by the answer."""
        from ecgviewer.dialogs.table_dialog import TableDialog
        from physioclr_core.errors import UserFacingError

        try:
            dialog = TableDialog(path, load_theme(self._window.theme_name), self._window)
        except UserFacingError as error:
            self._window.say_error(str(error))
            return
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._window.session.open_file(path, dialog.options))
        dialog.rejected.connect(self._window.return_to_sight)
        dialog.open()

    def choose_file(self) -> None:
        """Ask for a file and open it."""
        start = str(self._window.session.path.parent) if self._window.session.path is not None else ""
        name, _ = QFileDialog.getOpenFileName(self._window, "Open an ECG", start, _file_filters())
        if name:
            self._window.open_file(Path(name))

    def choose_folder(self) -> None:
        """Ask for a folder and list its ECGs."""
        start = str(self._window.folders.roots[0]) if self._window.folders.is_open else ""
        name = QFileDialog.getExistingDirectory(self._window, "Open a folder of ECGs", start)
        if name:
            self._window.open_list([Path(name)])

    def show_export(self) -> None:
        """Ask how the ECG in sight is to be exported, and write it."""
        record = self._window.session.record
        if record is None:
            return
        from ecgviewer.dialogs.export_dialog import ExportDialog

        start_s = max(0.0, self._window.paper.state.start_s)
        end_s = min(record.duration_s, start_s + self._window.paper.extent.visible_s)
        is_part = 0 < end_s - start_s < record.duration_s - 1 / record.fs_hz
        dialog = ExportDialog(record, Path.home(), (start_s, end_s) if is_part else None, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def choose_picture(self) -> None:
        """Ask for a name and save a picture of the papers."""
        record = self._window.session.record
        self._save_picture("Save picture", record.name if record is not None else "ecg", is_deidentified=False)

    def choose_deidentified_picture(self) -> None:
        """Ask for a name and save a picture of the papers that does not say whose they are."""
        self._save_picture("Save picture without patient data", "ecg", is_deidentified=True)

    def _save_picture(self, title: str, suggestion: str, *, is_deidentified: bool) -> None:
        name, _ = QFileDialog.getSaveFileName(self._window, title, f"{suggestion}.png", "PNG picture (*.png)")
        if not name:
            return
        theme = load_theme(self._window.theme_name)
        image = workspace_picture(self._window.workspace, theme, is_deidentified=is_deidentified)
        if not save_picture(image, Path(name)):
            self._window.say_error(f"{Path(name).name}: the picture could not be written.")

    def choose_time(self) -> None:
        """Ask for a time and go there."""
        if self._window.session.record is not None:
            from ecgviewer.dialogs.goto_dialog import GotoDialog

            dialog = GotoDialog(self._window.long.review, self._window)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

    def show_import_report(self) -> None:
        """Show what the reader found out about the ECG in sight."""
        if self._window.session.record is not None:
            self._show_text("Import report", _import_report(self._window.session.record))

    def show_model_card(self) -> None:
        """Show what the model is and what it is worth."""
        status = self._window.session.analyst.status
        self._show_text("Model card", _documents().model_card(status.ready, status.message))

    def show_shortcuts(self) -> None:
        """Show the list of keys."""
        self._show_text("Keyboard shortcuts", _documents().shortcuts(self._window.menus.shortcuts()))

    def show_about(self) -> None:
        """Show who and what this program is."""
        self._show_text("About", _documents().about(self._window.session.analyst.status.ready))

    def _show_text(self, title: str, markdown: str) -> None:
        from ecgviewer.dialogs.text_dialog import TextDialog

        dialog = TextDialog(title, markdown, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()


def _documents() -> ModuleType:
    from ecgviewer.services import documents

    return documents


def _import_report(record: AnyRecord) -> str:
    from ecgviewer.services.import_report import import_report

    return import_report(record)


def _file_filters() -> str:
    from physioclr_core.readers import FORMATS

    patterns = [f"*{suffix}" for entry in FORMATS for suffix in entry.suffixes]
    return f"ECG files ({' '.join(patterns)});;All files (*)"
