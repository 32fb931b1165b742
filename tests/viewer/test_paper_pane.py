"""The header over a paper: what it says of the ECG in sight is never left over from the one before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from wfdb_files import write_signals

from ecgviewer.state.paper import Paper
from ecgviewer.state.theme import load_theme
from ecgviewer.widgets.paper_pane import PaperPane
from physioclr_core.record import EcgRecord
from physioclr_core.recordings.opening import open_long


@pytest.fixture
def pane(qtbot: QtBot) -> Iterator[PaperPane]:
    """Return an empty pane."""
    made = PaperPane(Paper(), load_theme("light"))
    qtbot.addWidget(made)
    yield made
    made.release()


def test_a_reason_for_no_heart_rate_goes_with_its_ecg(
    pane: PaperPane, record: EcgRecord, other_record: EcgRecord
) -> None:
    pane.show_record(record)
    pane.set_heart_rate(None, "fewer than two beats")
    assert "Heart rate: fewer than two beats" in pane.header.toolTip()
    pane.show_record(other_record)
    assert "fewer than two beats" not in pane.header.toolTip()
    assert "HR --" in pane.header.text()


def test_a_long_recording_says_where_its_heart_rate_is(pane: PaperPane, record: EcgRecord, tmp_path: Path) -> None:
    pane.show_record(record)
    pane.set_heart_rate(None, "fewer than two beats")
    adu = np.tile(np.round(np.array(record.signal_mv[:2]) * 1000).astype(np.int64), (1, 5))
    recording = open_long(write_signals(tmp_path, "r", adu, 16, leads=["MLII", "V1"], fs="500"), 0)
    assert recording is not None
    pane.show_record(recording)
    assert "fewer than two beats" not in pane.header.toolTip()
    assert "Heart rate: by the minute in the trend below" in pane.header.toolTip()
    pane.show_record(record)
    assert "trend" not in pane.header.toolTip()


def test_a_low_rate_is_said_in_the_tooltip_beside_the_other_remark(pane: PaperPane, record: EcgRecord) -> None:
    pane.show_record(replace(record, fs_hz=100.0))
    assert "pacing spikes cannot be assessed" in pane.header.toolTip()
    pane.set_heart_rate(None, "fewer than two beats")
    assert "pacing spikes cannot be assessed" in pane.header.toolTip()
    assert "Heart rate: fewer than two beats" in pane.header.toolTip()
    pane.show_record(record)
    assert "pacing" not in pane.header.toolTip()
