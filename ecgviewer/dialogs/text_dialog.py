"""A dialog that is read: one text with a close button."""

from __future__ import annotations

from PySide6.QtGui import QTextBlockFormat, QTextCursor, QTextDocument, QTextFormat
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
        _space_out_(self.text.document())
        self.text.setAccessibleName(title)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        body = QVBoxLayout(self)
        body.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX)
        body.setSpacing(GRID_PX)
        body.addWidget(self.text)
        body.addWidget(buttons)
        self.resize(760, 640)


def _space_out_(document: QTextDocument) -> None:
    """Give headings and paragraphs room: Qt sets Markdown solid, and its headings large."""
    document.setDocumentMargin(GRID_PX)
    cursor = QTextCursor(document)
    block = document.begin()
    while block.isValid():
        cursor.setPosition(block.position())
        is_cell = cursor.currentTable() is not None
        level = block.blockFormat().headingLevel()
        spacing = QTextBlockFormat()
        spacing.setLineHeight(125.0, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        if level:
            spacing.setTopMargin(2 * GRID_PX if block.position() else 0)
            spacing.setBottomMargin(GRID_PX / 2)
            cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
            smaller = block.charFormat()
            smaller.setProperty(QTextFormat.Property.FontSizeAdjustment, max(0, 3 - level))
            cursor.mergeCharFormat(smaller)
        elif not is_cell:
            spacing.setBottomMargin(GRID_PX if block.textList() is None else GRID_PX / 4)
        cursor.mergeBlockFormat(spacing)
        block = block.next()
