"""Pictures of what is in sight: as large in print as on paper, and never without the notice and the version."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QPoint, QRect, QSaveFile, Qt
from PySide6.QtGui import QColor, QImage, QImageWriter, QPainter
from PySide6.QtWidgets import QWidget

from ecgviewer.state.theme import Theme
from ecgviewer.widgets.status_line import RESEARCH_NOTICE
from ecgviewer.widgets.style import GRID_PX
from ecgviewer.widgets.workspace import Workspace
from physioclr_core import __version__

FOOTER_PX = 28


def picture_of(widget: QWidget, px_per_mm: float) -> QImage:
    """Return a picture of a widget that is printed at ``px_per_mm`` of the widget's own pixels."""
    image = widget.grab().toImage()
    return _at_true_size(image, px_per_mm)


def workspace_picture(workspace: Workspace, theme: Theme, *, is_deidentified: bool = False) -> QImage:
    """Return a picture of the papers, with a line below that says what it is.

    Parameters
    ----------
    workspace : Workspace
    theme : Theme
        Colours of the line.
    is_deidentified : bool
        Leave out who it is, the date, the record's name, every sentence of the import and unusual names of leads, as
        the export does. Sex and age stay, and times of day where the paper has them.
    """
    px_per_mm = workspace.main_pane.view.screen_scale.px_per_mm
    if not is_deidentified:
        return _with_footer(picture_of(workspace, px_per_mm), workspace, theme)
    panes = workspace.panes()
    with_error = [pane.error_bar for pane in panes if pane.error_bar.isVisible()]
    for bar in with_error:
        bar.hide()
    for pane in panes:
        pane.set_deidentified(True)
    try:
        image = picture_of(workspace, px_per_mm)
    finally:
        for pane in panes:
            pane.set_deidentified(False)
        for bar in with_error:
            bar.show()
    if workspace.notice.isVisible():
        # Its sentence may name a file; the paper keeps its place.
        painter = QPainter(image)
        painter.fillRect(_place_of(workspace.notice, workspace), QColor(theme.panel))
        painter.end()
    return _with_footer(image, workspace, theme)


def save_picture(image: QImage, path: Path) -> bool:
    """Save a picture as PNG, written aside and moved into place; return whether that worked."""
    file = QSaveFile(str(path))
    if not file.open(QSaveFile.OpenModeFlag.WriteOnly):
        return False
    if not QImageWriter(file, QByteArray(b"png")).write(image):
        file.cancelWriting()
        return False
    return file.commit()


def _place_of(widget: QWidget, ancestor: QWidget) -> QRect:
    return QRect(widget.mapTo(ancestor, QPoint(0, 0)), widget.size())


def _at_true_size(image: QImage, px_per_mm: float) -> QImage:
    dots_per_metre = round(px_per_mm * image.devicePixelRatio() * 1000)
    image.setDotsPerMeterX(dots_per_metre)
    image.setDotsPerMeterY(dots_per_metre)
    return image


def _with_footer(image: QImage, widget: QWidget, theme: Theme) -> QImage:
    dpr = image.devicePixelRatio()
    whole = QImage(image.width(), image.height() + round(FOOTER_PX * dpr), QImage.Format.Format_RGB32)
    whole.setDevicePixelRatio(dpr)
    whole.setDotsPerMeterX(image.dotsPerMeterX())
    whole.setDotsPerMeterY(image.dotsPerMeterY())
    whole.fill(QColor(theme.panel))
    height, width = image.height() / dpr, image.width() / dpr
    painter = QPainter(whole)
    painter.drawImage(QPoint(0, 0), image)
    painter.fillRect(0, round(height), round(width), 1, QColor(theme.line))
    line = QRect(2 * GRID_PX, round(height), round(width) - 4 * GRID_PX, FOOTER_PX)
    painter.setFont(widget.font())
    painter.setPen(QColor(theme.notice))
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, RESEARCH_NOTICE)
    painter.setPen(QColor(theme.text_quiet))
    painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"ECG viewer {__version__}")
    painter.end()
    return whole
