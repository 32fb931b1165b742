"""Time the real window with its real worker; prints JSON. Run as a process of its own: ``window_timings.py RECORD...``.

For each record, after one round that is not counted: milliseconds from the request to open it until it is painted, and
until its predictions are shown.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

from ecgviewer.app import Application
from ecgviewer.arguments import Options

LIMIT_S = 60.0


def main() -> None:
    """Open the records one after the other."""
    qt = QApplication([])
    application = Application(Options(size_px=(1600, 1000)), None)
    application.show()
    application.start_analysis()
    session, painted = application.session, []
    application.window.workspace.main_pane.view.record_painted.connect(lambda: painted.append(time.perf_counter()))

    def run_until(is_done: object) -> float:
        limit = time.perf_counter() + LIMIT_S
        while not is_done():  # type: ignore[operator]
            qt.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
            if time.perf_counter() > limit:
                raise TimeoutError("the window did not answer within a minute")
        return time.perf_counter()

    run_until(lambda: session.analyst.status.ready is not None)
    rows = []
    paths = [Path(path) for path in sys.argv[1:]]
    for path in [*paths, *paths]:
        painted.clear()
        started = time.perf_counter()
        application.window.open_file(path)
        run_until(lambda: painted)
        predicted = run_until(lambda: session.analysis.predictions is not None)
        run_until(lambda: session.analysis.is_complete)
        rows.append((1000 * (painted[0] - started), 1000 * (predicted - started)))
    rows = rows[len(paths) :]
    application.window.close()
    application.shutdown()
    sys.stdout.write(
        json.dumps({"painted_ms": [row[0] for row in rows], "predicted_ms": [row[1] for row in rows]}) + "\n"
    )


if __name__ == "__main__":
    main()
