"""Tests that leave something behind, one kind each. Not collected by name: test_leak_check.py runs them."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from PySide6.QtCore import QRunnable, QThread, QThreadPool, QTimer
from PySide6.QtWidgets import QWidget

kept: list[object] = []
release = threading.Event()


def test_tidy(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    timer = QTimer(widget)
    timer.start(1000)
    widget.show()


def test_timer(qapp):
    timer = QTimer()
    timer.setObjectName("blinking")
    timer.start(1000)
    kept.append(timer)


def test_qthread(qapp):
    thread = QThread()
    thread.setObjectName("reading")
    thread.start()
    kept.append(thread)


def test_pool_task(qapp):
    class Task(QRunnable):
        def run(self):
            release.wait(60)

    QThreadPool.globalInstance().start(Task())


def test_python_thread(qapp):
    release.set()
    threading.Thread(target=threading.Event().wait, name="waiting", daemon=True).start()


def test_child_process(qapp):
    kept.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))


def test_window(qapp):
    window = QWidget()
    window.setObjectName("forgotten")
    kept.append(window)


@pytest.mark.usefixtures("qapp")
def test_window_in_a_cycle():
    window = QWidget()
    window.me = window


def test_failing_for_its_own_reason(qapp):
    kept.append(QWidget())
    pytest.fail("its own reason")
