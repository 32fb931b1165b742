"""Regression test for a fault of PySide6 6.12.0 on Python 3.10 and 3.11.

There, every Qt call that returns None dropped a reference to None, and after some 8,500 calls the interpreter ended
with "none_dealloc".
"""

from __future__ import annotations

import sys

from PySide6.QtWidgets import QWidget

N_CALLS = 1_000


def test_qt_calls_do_not_eat_references_to_none(qtbot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    before = sys.getrefcount(None)
    for _ in range(N_CALLS):
        widget.update()
    after = sys.getrefcount(None)
    # Other code may drop a few of its own meanwhile; the fault drops one a call.
    assert after > before - N_CALLS // 10
