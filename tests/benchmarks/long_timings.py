"""Opens a long recording in the real window and prints figures as JSON; or pyqtgraph alone with ``--plain``."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication


def spin(seconds: float) -> None:
    """Run the event loop for a while."""
    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()


def milliseconds(work: Callable[[], object], prepare: Callable[[], object] = lambda: None, n: int = 9) -> float:
    """Return the median time of some work."""
    times = []
    for _ in range(n):
        prepare()
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def uss_mb() -> float:
    """Return the memory that is this process's alone."""
    return float(psutil.Process().memory_full_info().uss) / 2**20


def ours(path: Path) -> dict[str, float]:
    """Measure the window."""
    from ecgviewer.app import Application
    from ecgviewer.arguments import parse
    from ecgviewer.jobs.early_read import EarlyRead

    options = parse([str(path), "--size", "1600x1000"])
    start = time.perf_counter()
    application = Application(options, EarlyRead(path))
    window, paper = application.window, application.paper
    view, found = window.workspace.main_pane.view, {}
    view.record_painted.connect(lambda: found.setdefault("painted_ms", (time.perf_counter() - start) * 1000))
    application.start_analysis = lambda: None  # type: ignore[method-assign]
    application.show()
    most = 0.0
    while window.long.client.state.built_share < 1:
        spin(0.05)
        most = max(most, uss_mb())
    found["pyramid_s"] = time.perf_counter() - start
    window.long.client.stop()  # what is measured from here on has the cores to itself
    view.set_pyramid(None)
    window.long.client.start(window.session.record)  # type: ignore[arg-type]
    while window.long.client.state.built_share < 1:
        spin(0.05)
    window.long.client._process.kill()  # type: ignore[union-attr]
    spin(0.3)

    def repaint() -> None:
        view.viewport().repaint()

    def forget() -> None:
        view._traces._kept_key = ()
        view.signals._bins_key = ()  # type: ignore[union-attr]

    middle_s = paper.extent.duration_s / 2
    paper.pan_to(start_s=middle_s)
    spin(0.1)
    found["pan_10s_ms"] = milliseconds(repaint, lambda: paper.pan_by(shift_s=0.2), 25)
    found["jump_10s_ms"] = milliseconds(repaint, lambda: paper.pan_by(shift_s=61.7))
    paper.show_span(3600.0)
    found["jump_1h_ms"] = milliseconds(repaint, lambda: paper.pan_by(shift_s=4000.3))
    paper.set_time_zoom(paper.widest_zoom)
    repaint()
    found["whole_ms"] = milliseconds(repaint)
    found["whole_afresh_ms"] = milliseconds(repaint, forget)
    found["uss_mb"] = max(most, uss_mb())
    window.close()
    application.shutdown()
    return found


def plain(path: Path) -> dict[str, float]:
    """Measure pyqtgraph with one lead in memory."""
    import pyqtgraph

    from physioclr_core.recordings.opening import open_long

    recording = open_long(path, 0)
    assert recording is not None
    step = 2**20
    lead_mv = np.concatenate([recording.window_mv(at, at + step, [0])[0] for at in range(0, recording.n_samples, step)])
    start = time.perf_counter()
    plot = pyqtgraph.PlotWidget()
    plot.resize(1100, 700)
    curve = pyqtgraph.PlotDataItem(lead_mv)
    plot.addItem(curve)
    curve.setDownsampling(auto=True, method="peak")
    curve.setClipToView(True)
    plot.show()
    plot.viewport().repaint()
    painted_ms = (time.perf_counter() - start) * 1000
    spin(0.5)

    def afresh() -> None:
        curve._datasetDisplay = None
        curve.updateItems(styleUpdate=False)
        plot.viewport().repaint()

    return {"painted_ms": painted_ms, "whole_afresh_ms": milliseconds(afresh, n=3), "uss_mb": uss_mb()}


if __name__ == "__main__":
    app = QApplication([])
    sys.stdout.write(json.dumps((plain if "--plain" in sys.argv else ours)(Path(sys.argv[1]))) + "\n")
