"""Palette, style sheet and fonts of the window, made from a theme."""

from __future__ import annotations

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from ecgviewer.state.theme import Theme

BASE_PX = 13
SMALL_PX = 11
GRID_PX = 8
# Where the system names no font of its own, a face with good figures is better than the fallback.
GENERIC_FAMILIES = ("Sans Serif", "Sans", "DejaVu Sans")
PREFERRED_FAMILY = "Inter"

_SHEET = """
QMainWindow, QDialog {{ background: {panel}; }}
QMenuBar {{ background: {panel}; color: {text}; padding: 2px 4px; }}
QMenuBar::item {{ padding: 4px 8px; border-radius: 4px; background: transparent; }}
QMenuBar::item:selected {{ background: {hover}; }}
QMenu {{ background: {raised}; color: {text}; border: 1px solid {line}; padding: 4px; }}
QMenu::item {{ padding: 5px 28px 5px 24px; border-radius: 4px; }}
QMenu::item:selected {{ background: {selected}; color: {text}; }}
QMenu::item:disabled {{ color: {text_quiet}; }}
QMenu::separator {{ height: 1px; background: {line}; margin: 4px 8px; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {line}; padding: 4px; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {line}; border-radius: 3px; min-height: 32px; margin: 2px; }}
QScrollBar::handle:vertical:hover {{ background: {text_quiet}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QListView {{ background: transparent; border: none; outline: none; }}
QTextBrowser {{ background: {raised}; color: {text}; border: 1px solid {line}; border-radius: 4px; padding: 8px; }}
QToolButton, QPushButton {{ color: {text}; background: transparent; border: 1px solid transparent; border-radius: 4px;
    padding: 4px 8px; }}
QPushButton {{ border-color: {line}; background: {raised}; padding: 5px 14px; }}
QPushButton:disabled {{ color: {line}; background: {panel}; }}
QToolButton:hover, QPushButton:hover {{ background: {hover}; }}
QToolButton:focus, QPushButton:focus {{ border-color: {accent}; }}
QToolButton[link="true"] {{ color: {accent}; padding: 2px 6px; }}
QProgressBar {{ background: {line}; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 2px; }}
QSplitter::handle {{ background: {line}; }}
QTableView {{ background: transparent; border: none; outline: none; }}
QHeaderView {{ background: transparent; }}
QHeaderView::section {{ background: {panel}; color: {text_quiet}; border: none; border-bottom: 1px solid {line};
    padding: 4px 8px; }}
QHeaderView::section:first {{ padding-left: 16px; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: {line}; border-radius: 3px; min-width: 32px; margin: 2px; }}
QScrollBar::handle:horizontal:hover {{ background: {text_quiet}; }}
QScrollBar::add-line:horizontal, QScrollBar::sub-line:horizontal {{ width: 0; height: 0; }}
QScrollBar::add-page:horizontal, QScrollBar::sub-page:horizontal {{ background: transparent; }}
QLineEdit {{ background: {raised}; color: {text}; border: 1px solid {line}; border-radius: 4px; padding: 3px 6px; }}
QLineEdit:focus {{ border-color: {accent}; }}
QToolButton[choice="true"] {{ padding: 2px 8px; }}
QToolButton[choice="true"]:checked {{ background: {selected}; }}
#leftPanel, #leftRail {{ background: {panel}; border-right: 1px solid {line}; }}
#panels, #rail {{ background: {panel}; border-left: 1px solid {line}; }}
#status {{ background: {panel}; border-top: 1px solid {line}; }}
#header, #whyLine, #noticeLine, #hintLine, #overview {{ background: {panel}; }}
#header {{ border-bottom: 1px solid {line}; }}
#noticeLine {{ border-bottom: 1px solid {line}; }}
#devicePanel, #findingsFoot {{ border-top: 1px solid {line}; }}
#devicePanel QScrollArea, #deviceBody {{ background: transparent; border: none; }}
#whyLine, #hintLine, #overview {{ border-top: 1px solid {line}; }}
#openingCard {{ background: {raised}; border: 1px solid {line}; border-radius: 4px; }}
#errorBar {{ background: {raised}; border: 1px solid {urgent}; border-left: 4px solid {urgent}; border-radius: 4px; }}
QLabel {{ color: {text}; background: transparent; }}
QLabel[quiet="true"] {{ color: {text_quiet}; }}
QLabel[heading="true"] {{ color: {text_quiet}; font-weight: 600; }}
QLabel[notice="true"] {{ color: {notice}; }}
QLabel[urgent="true"] {{ color: {urgent}; font-weight: 600; }}
"""


def style_sheet(theme: Theme) -> str:
    """Return the style sheet of a theme."""
    names = ("panel", "raised", "text", "text_quiet", "line", "hover", "selected", "accent", "notice", "urgent")
    return _SHEET.format(**{name: getattr(theme, name) for name in names})


def palette(theme: Theme) -> QPalette:
    """Return the palette of a theme, for everything that the style sheet does not name."""
    colours = QPalette()
    role = QPalette.ColorRole
    for roles, colour in (
        ((role.Window, role.Button, role.AlternateBase), theme.panel),
        ((role.Base, role.ToolTipBase), theme.raised),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText), theme.text),
        ((role.PlaceholderText,), theme.text_quiet),
        ((role.Highlight, role.Link, role.Accent), theme.accent),
        ((role.HighlightedText,), theme.on_accent),
        ((role.Mid, role.Midlight, role.Dark), theme.line),
    ):
        for each in roles:
            colours.setColor(each, QColor(colour))
    return colours


def base_font(app: QApplication) -> QFont:
    """Return the system's UI font at 13 px with tabular figures."""
    font = QFont(app.font())
    if font.family() in GENERIC_FAMILIES and QFontDatabase.hasFamily(PREFERRED_FAMILY):
        font.setFamily(PREFERRED_FAMILY)
    font.setPixelSize(BASE_PX)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def small_font(font: QFont) -> QFont:
    """Return a font for footnotes."""
    small = QFont(font)
    small.setPixelSize(SMALL_PX)
    return small


def strong_font(font: QFont) -> QFont:
    """Return a font for what is read first."""
    strong = QFont(font)
    strong.setWeight(QFont.Weight.DemiBold)
    return strong


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Dress the whole application."""
    app.setPalette(palette(theme))
    app.setStyleSheet(style_sheet(theme))
