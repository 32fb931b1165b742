"""Start, opening, prediction and pan of the viewer, beside a bare window and pyqtgraph. Never fails on wall time."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import paper_speed
import pytest
from pytestqt.qtbot import QtBot
from report import BenchmarkReport

from ecgviewer.services.demos import list_demos
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]

ENVIRONMENT = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
BARE_WINDOW = """
import numpy, pyqtgraph
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
from ecgviewer.startup import seconds_since_process_start
app = QApplication([])
class Window(QWidget):
    def paintEvent(self, event):
        print(seconds_since_process_start())
        QTimer.singleShot(0, app.quit)
window = Window()
window.resize(1600, 1000)
window.show()
app.exec()
"""


def output_of(*arguments: str | Path) -> str:
    """Run Python and return what it printed."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True).stdout


@pytest.fixture
def twelve_by_5000() -> EcgRecord:
    record = read_record(list_demos()[0].path)
    return replace(record, signal_mv=np.resize(record.signal_mv, (12, 5000)).astype(np.float32), fs_hz=500.0)


def test_first_painted_ecg(report: BenchmarkReport) -> None:
    pairs = [
        (float(output_of("-m", "ecgviewer", "--time-to-first-paint")), float(output_of("-c", BARE_WINDOW)))
        for _ in range(5)
    ]
    ours_s, bare_s = (statistics.median(values) for values in zip(*pairs, strict=True))
    name = "bare window, pyqtgraph imported"
    report.add("process start to painted ECG", ours_s, "s", target="<= 0.8 s", baseline=bare_s, baseline_name=name)


def test_opening_another_record(report: BenchmarkReport) -> None:
    demos = [str(demo.path) for demo in list_demos()]
    timings = json.loads(output_of(Path(__file__).with_name("window_timings.py"), *demos))
    painted_ms, predicted_ms = (statistics.median(timings[key]) for key in ("painted_ms", "predicted_ms"))
    report.add("open another file to painted", painted_ms, "ms", target="<= 50 ms")
    report.add("open to prediction shown, warm worker", predicted_ms, "ms", target="<= 150 ms")


@pytest.mark.parametrize("layout", ["12x1", "3x4+1"])
def test_panning(qtbot: QtBot, twelve_by_5000: EcgRecord, layout: str, report: BenchmarkReport) -> None:
    ours_ms, theirs_ms = paper_speed.pan_ms(twelve_by_5000, layout), paper_speed.baseline_pan_ms(twelve_by_5000)
    figure = f"pan a frame, {layout}, 12 x 5,000 samples, 1600x1000"
    report.add(figure, ours_ms, "ms", target="<= 20 ms", baseline=theirs_ms, baseline_name="pyqtgraph")
