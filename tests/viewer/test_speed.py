"""Measures the paper and the start; reports, and never fails on wall time. Runs with --slow."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import speed
from pytestqt.qtbot import QtBot

from physioclr_core.record import EcgRecord

pytestmark = pytest.mark.benchmark

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


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> object:
    def write(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {text}\n")

    return write


@pytest.fixture
def twelve_by_5000(record: EcgRecord) -> EcgRecord:
    return replace(record, signal_mv=np.resize(record.signal_mv, (12, 5000)).astype(np.float32), fs_hz=500.0)


@pytest.mark.parametrize("layout", ["12x1", "3x4+1"])
def test_pan(qtbot: QtBot, twelve_by_5000: EcgRecord, layout: str, say: object) -> None:
    ours_ms, baseline_ms = speed.pan_ms(twelve_by_5000, layout), speed.baseline_pan_ms(twelve_by_5000)
    say(f"pan {layout}: {ours_ms:.1f} ms a frame, pyqtgraph {baseline_ms:.1f} ms, ratio {ours_ms / baseline_ms:.2f}")


def test_open(qtbot: QtBot, record: EcgRecord, other_record: EcgRecord, say: object) -> None:
    say(f"another record in memory to painted: {speed.open_ms([record, other_record]):.1f} ms")


def test_first_paint(demo_paths: list[Path], say: object) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}

    def seconds(*arguments: str) -> float:
        result = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)
        return float(result.stdout)

    pairs = [(seconds("-m", "ecgviewer", "--time-to-first-paint"), seconds("-c", BARE_WINDOW)) for _ in range(5)]
    ours_s, bare_s = (statistics.median(values) for values in zip(*pairs, strict=True))
    say(f"first painted ECG: {ours_s:.2f} s, bare window {bare_s:.2f} s, ratio {ours_s / bare_s:.2f}")
