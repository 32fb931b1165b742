"""The main window: wires papers, panels, menus and the review session together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent, QScreen, QShowEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from ecgviewer.jobs.listing_client import ListingClient
from ecgviewer.jobs.own_command import own_command
from ecgviewer.jobs.protocol import Finding, Neighbour
from ecgviewer.jobs.recording_client import RecordingClient
from ecgviewer.menus import build_menus
from ecgviewer.plot.screen import screen_facts
from ecgviewer.services.folders import Folders
from ecgviewer.services.long_review import LongReview
from ecgviewer.services.session import ReviewSession
from ecgviewer.services.why import Why
from ecgviewer.settings import Settings
from ecgviewer.state.analysis import Analysis, WorkerStatus
from ecgviewer.state.header import status_scale_text
from ecgviewer.state.paper import Paper, PaperState
from ecgviewer.state.screen import ScreenFacts, scale_of_screen
from ecgviewer.state.theme import load_theme
from ecgviewer.state.why import WhyState
from ecgviewer.widgets.long_view import LongView
from ecgviewer.widgets.opening_sign import OpeningSign
from ecgviewer.widgets.side_panels import PANELS_PX, SidePanels
from ecgviewer.widgets.status_line import StatusLine
from ecgviewer.widgets.style import apply_theme
from ecgviewer.widgets.worklist_panel import DEFAULT_PX, WorklistPanel
from ecgviewer.widgets.workspace import Workspace
from ecgviewer.window_dialogs import Dialogs
from physioclr_core.recordings.source import AnyRecord, LongRecording

TITLE = "ECG viewer"
MINIMUM_SIZE_PX = (800, 520)


class MainWindow(QMainWindow):
    """Everything the person sees.

    ``facts_of`` says how large a screen is; it is the only thing that is asked about the hardware.
    """

    closing = Signal()

    def __init__(
        self,
        session: ReviewSession,
        paper: Paper,
        settings: Settings,
        theme_name: str,
        facts_of: Callable[[QScreen | None], ScreenFacts | None] = screen_facts,
    ) -> None:
        super().__init__()
        self.session, self.paper, self.settings = session, paper, settings
        self.why = Why(session)
        self.folders = Folders(ListingClient(parent=self))
        self._facts_of = facts_of
        self.theme_name = theme_name
        self._panels_follow_width = True
        self._demo_path: Path | None = None
        self._opens_first = False
        theme = load_theme(theme_name)
        self.setWindowTitle(TITLE)
        self.setMinimumSize(*MINIMUM_SIZE_PX)
        self.setAcceptDrops(True)
        self.workspace = Workspace(paper, theme)
        self.panels = SidePanels(theme)
        self.worklist = WorklistPanel(self.folders, theme, settings.worklist_px or DEFAULT_PX)
        client = RecordingClient(own_command("--recording"), self)
        self.long = LongView(client, session, LongReview(session, paper), self.workspace, self.panels.events, self)
        self.opening_sign = OpeningSign(session, (self.workspace, self.panels), theme)
        self.status = StatusLine()
        self.dialogs = Dialogs(self)
        self._assemble()
        self.menus = build_menus(self)
        self._connect()
        self._show_scale()
        self._on_paper_changed(paper.state)
        self._on_status_changed(session.analyst.status)
        self.menus.groups["theme"][theme_name].setChecked(True)
        self.workspace.main_pane.view.setFocus()

    def _assemble(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.worklist)
        middle.addWidget(self.workspace, 1)
        middle.addWidget(self.panels)
        centre = QWidget()
        body = QVBoxLayout(centre)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(middle, 1)
        body.addWidget(self.status)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        session, panels = self.session, self.panels
        self.paper.changed.connect(self._on_paper_changed)
        session.record_opened.connect(self._on_record_opened)
        session.failed.connect(self.say_error)
        session.facts_missing.connect(self.dialogs.ask_about_table)
        self.opening_sign.cancelled.connect(self.cancel_opening)
        self.workspace.main_pane.error_bar.dismissed.connect(self.return_to_sight)
        session.analysis_changed.connect(self._on_analysis_changed)
        session.beside_changed.connect(self._on_beside_changed)
        session.analyst.status_changed.connect(self._on_status_changed)
        self.workspace.beside_closed.connect(session.close_beside)
        self.workspace.notice.clicked.connect(self.dialogs.show_import_report)
        self.worklist.chosen.connect(self.open_file)
        self.worklist.toggled.connect(self._fit_panels)
        self.worklist.resized.connect(self._on_worklist_resized)
        self.folders.progressed.connect(self._on_folders_progressed)
        panels.device.report_asked.connect(self.dialogs.show_import_report)
        panels.findings.window_chosen.connect(self.paper.show_from)
        panels.findings.cancelled.connect(session.cancel_analysis)
        panels.similar.cancelled.connect(session.cancel_analysis)
        panels.findings.finding_chosen.connect(self._on_finding_chosen)
        panels.findings.add_context_action(self.menus.actions["why"])
        self.why.changed.connect(self._on_why_changed)
        self.workspace.why.closed.connect(self.why.hide)
        panels.findings.asked_again.connect(self.analyse_again)
        panels.findings.card_asked.connect(self.dialogs.show_model_card)
        panels.similar.neighbour_chosen.connect(self._on_neighbour_chosen)
        panels.toggled.connect(self._on_panels_toggled)
        panels.chosen_by_hand.connect(self._on_panels_chosen)

    # --- commands ----------------------------------------------------------------------------------------------------

    def open_file(self, path: Path, *, is_demo: bool = False) -> None:
        """Open an ECG; the one in sight stays until the new one has been read."""
        self._demo_path, self._opens_first = path if is_demo else None, False
        if self.folders.list.entry_of(path) is not None:
            self.folders.current = path
            self.worklist.table.select(path)
        self.session.open_file(path)

    def cancel_opening(self) -> None:
        """Give up what is being read."""
        self.session.cancel_opening()
        self.return_to_sight()

    def return_to_sight(self) -> None:
        """Select the ECG in sight, where another was asked for and will not come."""
        path = self.session.path
        if self.session.opening_path is None and path is not None and self.folders.current != path:
            self.worklist.table.select(path)
            if self.folders.list.entry_of(path) is not None:
                self.folders.current = path

    def open_list(self, paths: Sequence[Path]) -> None:
        """List the ECGs of files and folders; the first is opened where none is in sight, or only a demo."""
        self._opens_first = self.session.record is None or self.session.path == self._demo_path
        self.folders.open(paths)
        self._fit_panels()

    def open_neighbour(self, step: int) -> None:
        """Open the next (1) or previous (-1) ECG of the worklist."""
        path = self.folders.neighbour(step)
        if path is not None:
            self.open_file(path)

    def set_theme(self, name: str) -> None:
        """Change the colours."""
        theme = load_theme(name)
        self.theme_name = name
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, theme)
        self.workspace.set_theme(theme)
        self.panels.set_theme(theme)
        self.worklist.set_theme(theme)
        self.opening_sign.set_theme(theme)
        self.menus.groups["theme"][name].setChecked(True)
        self.settings.theme = name

    def toggle_panels(self) -> None:
        """Open or fold the panels."""
        self._panels_follow_width = False
        self.panels.set_open(not self.panels.is_open)

    def analyse_again(self) -> None:
        """Ask again; of a long recording about what is in sight now."""
        if isinstance(self.session.record, LongRecording):
            self.long.review.judge_in_sight()
        else:
            self.session.analyse_again()

    def toggle_why(self) -> None:
        """Show what speaks for the chosen statement, the first in sight where none is chosen; hide it again."""
        finding, state = self.panels.findings.chosen_finding(), self.why.state
        if state.kind != "off" and (finding is None or finding == state.finding or state.finding is None):
            self.why.hide()
        elif finding is None:
            self.why.refuse("Why: there is no statement to ask about")
        else:
            self._ask_why(finding)

    def _ask_why(self, finding: Finding) -> None:
        start_s = self.paper.state.start_s
        self.why.ask(finding, (start_s, start_s + self.paper.extent.visible_s))

    def dismiss(self) -> None:
        """Give up what is being read, else take the error away, what speaks for a statement, the ECG beside."""
        if self.opening_sign.is_shown:
            self.cancel_opening()
        elif self.workspace.main_pane.error_bar.text:
            self.workspace.main_pane.error_bar.dismiss()
        elif self.why.state.kind != "off":
            self.why.hide()
        else:
            self.session.close_beside()

    def say_error(self, sentence: str) -> None:
        """Say what failed, above the paper; the ECG in sight stays."""
        self.workspace.main_pane.error_bar.say(sentence)

    def show_hints_once(self) -> None:
        """Show the first hints unless they were dismissed before."""
        if not self.settings.has_seen_hints:
            self.workspace.show_hints().dismissed.connect(self.settings.set_hints_seen)

    # --- what the session says ---------------------------------------------------------------------------------------

    def _on_record_opened(self, record: AnyRecord) -> None:
        self.workspace.show_record(record)
        self.setWindowTitle(f"{record.name} - {TITLE}")
        self.worklist.table.mark(self.session.path)
        self.panels.device.set_reading(record.device_reading)
        path = self.session.path
        if path is not None and path != self._demo_path:
            self.settings.add_recent(path)

    def _on_analysis_changed(self, analysis: Analysis) -> None:
        status = self.session.analyst.status
        rate = analysis.heart_rate
        if not analysis.is_on_demand:  # the rate of ten seconds is not that of a day
            self.workspace.main_pane.set_heart_rate(analysis.heart_rate_bpm, rate.reason if rate is not None else "")
        self.panels.findings.set_analysis(analysis, status)
        self.panels.similar.set_analysis(analysis, status)

    def _on_status_changed(self, status: WorkerStatus) -> None:
        self.status.device.set_whole(status.device_text, status.tooltip)
        if self.session.record is not None:
            self._on_analysis_changed(self.session.analysis)

    def _on_finding_chosen(self, finding: Finding) -> None:
        # While one statement is explained, the choice of another asks about that one.
        if self.why.state.kind != "off" and finding != self.why.state.finding:
            self._ask_why(finding)

    def _on_why_changed(self, state: WhyState) -> None:
        ready = self.session.analyst.status.ready
        self.workspace.show_why(state, ready.model if ready is not None else "not known")
        self.menus.actions["why"].setChecked(state.kind != "off")

    def _on_beside_changed(self) -> None:
        if self.session.beside is None:
            self.workspace.close_beside()
        else:
            self.workspace.show_beside(*self.session.beside)

    def _on_neighbour_chosen(self, neighbour: Neighbour) -> None:
        self.session.open_beside(neighbour)

    def _on_folders_progressed(self) -> None:
        first = self.folders.list.first_read(self.folders.is_reading) if self._opens_first else None
        if first is not None:
            self.open_file(first.path)
        self._fit_panels()

    def _on_worklist_resized(self, width_px: int) -> None:
        self.settings.worklist_px = width_px
        self._fit_panels()

    # --- paper and screen --------------------------------------------------------------------------------------------

    def _on_paper_changed(self, state: PaperState) -> None:
        self.menus.show_state(state)
        self.status.scale.setText(status_scale_text(state, self.workspace.main_pane.view.screen_scale))

    def _on_panels_toggled(self, is_open: bool) -> None:
        self.menus.actions["panels"].setChecked(is_open)

    def _on_panels_chosen(self) -> None:
        self._panels_follow_width = False

    def _show_scale(self) -> None:
        self.workspace.set_screen_scale(scale_of_screen(self._facts_of(self.screen())))
        self._on_paper_changed(self.paper.state)
        self._fit_panels()

    def _fit_panels(self) -> None:
        if self._panels_follow_width:
            room_px = self.width() - PANELS_PX - self.worklist.room_px
            self.panels.set_open(room_px >= self.workspace.main_pane.view.page_width_px())
        self.menus.actions["panels"].setChecked(self.panels.is_open)

    # --- Qt ----------------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: D102
        super().showEvent(event)
        handle = self.windowHandle()
        if handle is not None:
            handle.screenChanged.connect(self._on_screen_changed, Qt.ConnectionType.UniqueConnection)
        self._show_scale()

    def _on_screen_changed(self, screen: QScreen) -> None:
        self._show_scale()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._fit_panels()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: D102
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: D102
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if not paths:
            return
        event.acceptProposedAction()
        # A WFDB record may be dropped as its header and its signal file together.
        if len({path.with_suffix("") for path in paths}) > 1 or any(path.is_dir() for path in paths[:1]):
            self.open_list(paths)
        else:
            self.open_file(next((path for path in paths if path.suffix.lower() == ".hea"), paths[0]))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102
        self.settings.window_geometry = self.saveGeometry()
        super().closeEvent(event)
        self.hide()
        self.long.stop()
        self.panels.findings.stop()
        self.panels.similar.stop()
        self.workspace.why.stop()
        self.worklist.stop()
        self.opening_sign.stop()
        self.folders.shutdown()
        self.closing.emit()
