"""A dialog that is read: one text with a close button."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from ecgviewer.widgets.style import GRID_PX


class TextDialog(QDialog):
    """Shows Markdown; links open nothing and nothing is fetched."""

    def __init__(self, title: str, markdown: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.text = QTextBrowser()
        self.text.setOpenLinks(False)
        self.text.setMarkdown(markdown)
        self.text.setAccessibleName(title)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        body = QVBoxLayout(self)
        body.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX)
        body.setSpacing(GRID_PX)
        body.addWidget(self.text)
        body.addWidget(buttons)
        self.resize(760, 640)
