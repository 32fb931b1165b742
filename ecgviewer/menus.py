"""Every command of the window with its key: one table that menus, shortcuts and the list of keys are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from ecgviewer.services.demos import list_demos
from ecgviewer.state.paper import GAINS_MM_MV, LAYOUTS, MAGNIFICATIONS, SPANS_S, SPEEDS_MM_S, PaperState
from ecgviewer.state.theme import THEME_NAMES, load_theme

if TYPE_CHECKING:
    from ecgviewer.main_window import MainWindow

PAPER_KEYS = (
    ("Pan", "Left, Right, Up, Down, wheel, or drag"),
    ("Page back and forth", "Page Up, Page Down"),
    ("Start and end of the record", "Home, End"),
    ("Paper speed, and beyond it the time in sight", "Ctrl+wheel"),
    ("Gain", "Shift+wheel"),
    ("Lay a similar ECG beside", "Enter or double click on it"),
)


@dataclass(slots=True)
class Menus:
    """The window's actions by name, and the groups of those of which one is checked."""

    actions: dict[str, QAction] = field(default_factory=dict)
    groups: dict[str, dict[object, QAction]] = field(default_factory=dict)

    def show_state(self, state: PaperState) -> None:
        """Check what is in force."""
        for name, value in (
            ("layout", state.layout),
            ("speed", state.speed_mm_s),
            ("gain", state.gain_mm_mv),
            ("magnifier", state.magnification),
        ):
            self.groups[name][value].setChecked(True)

    def shortcuts(self) -> list[tuple[str, str]]:
        """Return every command that has a key, with its keys."""
        native = QKeySequence.SequenceFormat.NativeText
        rows = []
        for action in self.actions.values():
            keys = ", ".join(key.toString(native) for key in action.shortcuts())
            if keys:
                rows.append((action.text().replace("&", "").rstrip("."), keys))
        return rows + list(PAPER_KEYS)


class _Builder:
    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.menus = Menus()

    def add(self, menu: QMenu, name: str, text: str, slot: Callable[[], object], *keys: str) -> QAction:
        action = QAction(text, self.window)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.triggered.connect(lambda _checked=False: slot())
        menu.addAction(action)
        self.menus.actions[name] = action
        return action

    def add_choice(
        self, menu: QMenu, name: str, choices: list[tuple[object, str, str]], slot: Callable[[object], object]
    ) -> None:
        group = QActionGroup(self.window)
        self.menus.groups[name] = {}
        for value, text, key in choices:
            keys = (key,) if key else ()
            action = self.add(menu, f"{name} {value}", text, partial(slot, value), *keys)
            action.setCheckable(True)
            group.addAction(action)
            self.menus.groups[name][value] = action


def build_menus(window: MainWindow) -> Menus:
    """Fill the window's menu bar."""
    builder = _Builder(window)
    _build_file(builder)
    _build_view(builder)
    _build_go(builder)
    _build_help(builder)
    return builder.menus


def _build_file(builder: _Builder) -> None:
    window = builder.window
    menu = window.menuBar().addMenu("&File")
    builder.add(menu, "open", "&Open...", window.dialogs.choose_file, "Ctrl+O")
    builder.add(menu, "open folder", "Open &folder...", window.dialogs.choose_folder, "Ctrl+Shift+O")
    recent = menu.addMenu("Open &recent")
    recent.aboutToShow.connect(lambda: _fill_recent(recent, window))
    demos = menu.addMenu("&Demo ECGs")
    demos.aboutToShow.connect(lambda: _fill_demos(demos, window))
    menu.addSeparator()
    builder.add(menu, "import report", "&Import report", window.dialogs.show_import_report, "I")
    builder.add(menu, "export", "&Export...", window.dialogs.show_export, "Ctrl+E")
    builder.add(menu, "save picture", "&Save picture...", window.dialogs.choose_picture, "Ctrl+Shift+S")
    text = "Save picture &without patient data..."
    builder.add(menu, "save de-identified picture", text, window.dialogs.choose_deidentified_picture)
    menu.addSeparator()
    builder.add(menu, "quit", "&Quit", window.close, "Ctrl+Q")


def _fill_recent(menu: QMenu, window: MainWindow) -> None:
    menu.clear()
    for text in window.settings.recent:
        path = Path(text)
        menu.addAction(path.name).triggered.connect(lambda _checked=False, path=path: window.open_file(path))
        menu.actions()[-1].setToolTip(text)
    if menu.isEmpty():
        menu.addAction("No file opened yet").setEnabled(False)
    menu.setToolTipsVisible(True)


def _fill_demos(menu: QMenu, window: MainWindow) -> None:
    menu.clear()
    for demo in list_demos():
        action = menu.addAction(demo.title)
        action.setToolTip(demo.source)
        action.triggered.connect(lambda _checked=False, path=demo.path: window.open_file(path, is_demo=True))
    if menu.isEmpty():
        menu.addAction("No demo ECGs installed").setEnabled(False)
    menu.setToolTipsVisible(True)


def _build_view(builder: _Builder) -> None:
    window, paper = builder.window, builder.window.paper
    menu = window.menuBar().addMenu("&View")
    layouts = [(layout, f"Layout {layout}", str(k)) for k, layout in enumerate(LAYOUTS, start=1)]
    builder.add_choice(menu, "layout", layouts, paper.set_layout)  # type: ignore[arg-type]
    menu.addSeparator()
    speed = menu.addMenu("&Speed")
    builder.add_choice(speed, "speed", [(v, f"{v:g} mm/s", "") for v in SPEEDS_MM_S], paper.set_speed)  # type: ignore[arg-type]
    speed.addSeparator()
    builder.add(speed, "slower", "Slower paper", lambda: paper.step_speed(-1), "[")
    builder.add(speed, "faster", "Faster paper", lambda: paper.step_speed(1), "]")
    gain = menu.addMenu("&Gain")
    builder.add_choice(gain, "gain", [(v, f"{v:g} mm/mV", "") for v in GAINS_MM_MV], paper.set_gain)  # type: ignore[arg-type]
    gain.addSeparator()
    builder.add(gain, "gain up", "More gain", lambda: paper.step_gain(1), "+", "=")
    builder.add(gain, "gain down", "Less gain", lambda: paper.step_gain(-1), "-")
    magnifier = menu.addMenu("&Magnifier")
    choices = [(v, f"x{v:g}", "") for v in MAGNIFICATIONS]
    builder.add_choice(magnifier, "magnifier", choices, paper.set_magnification)  # type: ignore[arg-type]
    magnifier.addSeparator()
    builder.add(magnifier, "magnify", "Magnify", lambda: paper.step_magnification(1), "Ctrl++", "Ctrl+=")
    builder.add(magnifier, "reduce", "Reduce", lambda: paper.step_magnification(-1), "Ctrl+-")
    builder.add(magnifier, "true size", "True size", lambda: paper.set_magnification(1.0), "Ctrl+0")
    menu.addSeparator()
    theme = menu.addMenu("&Theme")
    themes = [(name, load_theme(name).title, "") for name in THEME_NAMES]
    builder.add_choice(theme, "theme", themes, window.set_theme)  # type: ignore[arg-type]
    menu.addSeparator()
    builder.add(menu, "worklist", "&Worklist", window.worklist.reveal, "L")
    builder.add(menu, "next", "&Next ECG of the worklist", lambda: window.open_neighbour(1), "J")
    builder.add(menu, "previous", "&Previous ECG of the worklist", lambda: window.open_neighbour(-1), "K")
    menu.addSeparator()
    builder.add(menu, "findings", "&Findings", lambda: window.panels.reveal("findings"), "A")
    builder.add(menu, "similar", "Similar &ECGs", lambda: window.panels.reveal("similar"), "S")
    why = builder.add(menu, "why", "&Why: show what speaks for the statement", window.toggle_why, "W")
    why.setCheckable(True)
    panels = builder.add(menu, "panels", "&Panels", window.toggle_panels, "Ctrl+B")
    panels.setCheckable(True)
    builder.add(menu, "dismiss", "Stop reading, &dismiss error, hide why, close ECG beside", window.dismiss, "Esc")


def _build_go(builder: _Builder) -> None:
    window, paper = builder.window, builder.window.paper
    menu = window.menuBar().addMenu("&Go")
    builder.add(menu, "go to time", "Go to &time...", window.dialogs.choose_time, "Ctrl+G")
    builder.add(menu, "next event", "&Next event", lambda: window.long.step_event(1), "N")
    builder.add(menu, "previous event", "&Previous event", lambda: window.long.step_event(-1), "Shift+N")
    menu.addSeparator()
    builder.add(
        menu, "judge", "&Judge the 10 s in sight (long recordings)", window.long.review.judge_in_sight, "Shift+J"
    )
    menu.addSeparator()
    builder.add(menu, "wider", "&Wider: more time in sight", lambda: paper.step_time_zoom(2), ",")
    builder.add(menu, "closer", "&Closer: less time in sight", lambda: paper.step_time_zoom(-2), ".")
    builder.add(menu, "page", "Paper's own speed", lambda: paper.set_time_zoom(1.0), "0")
    for span_s, name in zip(SPANS_S, ("1 minute", "10 minutes", "1 hour", "6 hours", "24 hours"), strict=True):
        builder.add(menu, f"span {name}", name, partial(paper.show_span, span_s))
    builder.add(menu, "span all", "Whole recording", lambda: paper.set_time_zoom(paper.widest_zoom), "9")


def _build_help(builder: _Builder) -> None:
    window = builder.window
    menu = window.menuBar().addMenu("&Help")
    menu.addAction(builder.menus.actions["import report"])
    builder.add(menu, "model card", "&Model card", window.dialogs.show_model_card, "Shift+A")
    builder.add(menu, "shortcuts", "&Keyboard shortcuts", window.dialogs.show_shortcuts, "F1", "?")
    menu.addSeparator()
    builder.add(menu, "about", "&About", window.dialogs.show_about)
