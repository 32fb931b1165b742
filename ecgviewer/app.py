"""The application: what is made in which order, so that the ECG is on the screen before anything else is loaded."""

from __future__ import annotations

import gc
import signal
import socket
import sys

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from ecgviewer.arguments import SNAPSHOT_SIZE_PX, Options
from ecgviewer.jobs.early_read import EarlyRead
from ecgviewer.jobs.reading import ThreadedLoader
from ecgviewer.jobs.worker_client import WorkerClient, worker_command
from ecgviewer.main_window import MainWindow
from ecgviewer.services.session import ReviewSession
from ecgviewer.settings import Settings
from ecgviewer.startup import seconds_since_process_start
from ecgviewer.state.paper import Paper, PaperState
from ecgviewer.state.theme import load_theme
from ecgviewer.widgets.style import apply_theme, base_font
from physioclr_core.paths import assets_dir

DEFAULT_SIZE_PX = (1440, 900)


class Application:
    """Owns what lives as long as the window: loader, worker client, session, paper and window."""

    def __init__(self, options: Options, early: EarlyRead | None) -> None:
        self.options = options
        self.settings = Settings(is_kept=options.snapshot is None and not options.measures_first_paint)
        self.loader = ThreadedLoader()
        self.client = WorkerClient(worker_command(options.model))
        self.session = ReviewSession(self.loader, self.client)
        self.paper = Paper(_paper_state(options))
        theme_name = options.theme or self.settings.theme
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.setFont(base_font(app))
        apply_theme(app, load_theme(theme_name))
        self.window = MainWindow(self.session, self.paper, self.settings, theme_name)
        self._place_window()
        self.window.closing.connect(self.shutdown)
        self._has_painted = False
        self.window.workspace.main_pane.view.record_painted.connect(self._on_record_painted)
        self.early = early

    def show(self) -> None:
        """Show the window with the record that is being read."""
        early = self.early
        if early is not None:
            self.loader.use_early(early)
            self.window.open_file(early.path, is_demo=self.options.file is None)
        self.window.show()
        if self.options.listed:
            self.window.open_list(self.options.listed)
        if early is None:
            QTimer.singleShot(0, self.window, self._on_record_painted)

    def start_analysis(self) -> None:
        """Start the worker and have the ECG in sight analysed."""
        self.client.start()
        self.session.start_analysis()

    def _finish(self) -> None:
        """Do what nobody waits for."""
        # What is here now stays: looking through it for garbage, a tenth of a second each time, finds nothing.
        gc.freeze()
        icon = QIcon()
        for path in sorted((assets_dir() / "icons").glob("ecgviewer-*.png")):
            icon.addFile(str(path))
        self.window.setWindowIcon(icon)
        self.window.show_hints_once()

    def shutdown(self) -> None:
        """End what runs beside the window."""
        self.window.folders.shutdown()
        self.loader.shutdown()
        self.client.shutdown()

    def _place_window(self) -> None:
        size_px = self.options.size_px or (SNAPSHOT_SIZE_PX if self.options.snapshot is not None else None)
        geometry = self.settings.window_geometry
        if size_px is not None:
            self.window.resize(*size_px)
        elif geometry is None or not self.window.restoreGeometry(geometry):
            room = self.window.screen().availableSize()
            self.window.resize(min(DEFAULT_SIZE_PX[0], room.width()), min(DEFAULT_SIZE_PX[1], room.height()))

    def _on_record_painted(self) -> None:
        if self._has_painted:
            return
        self._has_painted = True
        if self.options.measures_first_paint:
            sys.stdout.write(f"{seconds_since_process_start():.3f}\n")
            sys.stdout.flush()
            QTimer.singleShot(0, self.window, self.window.close)
            return
        QTimer.singleShot(0, self.window, self.start_analysis)
        QTimer.singleShot(0, self.window, self._finish)


def _paper_state(options: Options) -> PaperState:
    default = PaperState()
    return PaperState(
        speed_mm_s=options.speed_mm_s or default.speed_mm_s,
        gain_mm_mv=options.gain_mm_mv or default.gain_mm_mv,
        layout=options.layout or default.layout,
    )


class _Interrupts:
    """Lets Ctrl+C and a termination close the window in the ordinary way."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._reading.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._on_activated)
        self._previous_fd = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)

    def _on_activated(self) -> None:
        self._reading.recv(64)
        self._window.close()

    def release(self) -> None:
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._previous_fd)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        self._reading.close()
        self._writing.close()


def run(options: Options, early: EarlyRead | None) -> int:
    """Show the window until it is closed; return the exit code."""
    app = QApplication.instance() or QApplication([sys.argv[0]])
    assert isinstance(app, QApplication)
    app.setApplicationName("ecgviewer")
    app.setApplicationDisplayName("")
    application = Application(options, early)
    interrupts = _Interrupts(application.window)
    try:
        if options.snapshot is not None:
            from ecgviewer.snapshot import take_snapshot

            return take_snapshot(application, options.snapshot)
        application.show()
        return app.exec()
    finally:
        application.shutdown()
        interrupts.release()
