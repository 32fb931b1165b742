"""Open a folder in a real window and measure: files a second, and the longest the event loop stood still."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from ecgviewer.app import Application
from ecgviewer.arguments import Options

TICK_MS = 2
LONGEST_START_S = 60.0


class Pulse:
    """A timer that notes how late it was each time."""

    def __init__(self) -> None:
        self.gaps_ms: list[float] = []
        self._last_s = time.perf_counter()
        self._timer = QTimer(interval=TICK_MS)
        self._timer.timeout.connect(self._on_timeout)
        self._timer.start()

    def _on_timeout(self) -> None:
        now_s = time.perf_counter()
        self.gaps_ms.append(1000 * (now_s - self._last_s) - TICK_MS)
        self._last_s = now_s

    def restart(self) -> None:
        """Forget what was measured."""
        self.gaps_ms.clear()
        self._last_s = time.perf_counter()


def main() -> None:
    """Print one JSON object."""
    app = QApplication([])
    application = Application(Options(size_px=(1600, 1000)), None)
    window = application.window
    application.show()
    # The model is loaded first, as it is by the time a person has chosen a folder.
    ends_s = time.monotonic() + LONGEST_START_S
    while application.client.status.kind != "ready" and time.monotonic() < ends_s:
        app.processEvents()
        time.sleep(0.005)
    # The folder is listed only; opening one of its ECGs is another measurement.
    pulse = Pulse()
    began_s = time.perf_counter()
    window.folders.open([Path(sys.argv[1])])
    loop = QEventLoop()
    window.folders.progressed.connect(lambda: None if window.folders.is_reading else loop.quit())
    loop.exec()
    elapsed_s = time.perf_counter() - began_s
    gaps_ms = sorted(pulse.gaps_ms)
    entries = window.folders.list
    result = {
        "elapsed_s": elapsed_s,
        "n_read": entries.count("read"),
        "n_errors": entries.count("error"),
        "longest_stall_ms": gaps_ms[-1],
        "p99_stall_ms": gaps_ms[int(0.99 * len(gaps_ms))],
    }
    sys.stdout.write(json.dumps(result) + "\n")
    application.shutdown()
    window.close()


if __name__ == "__main__":
    main()
