"""A long recording in the window: painted at once, filled as it is looked through, judged only where it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from long_records import write_long_record
from pytestqt.qtbot import QtBot
from viewer_doubles import FakeAnalyst, explanation, findings, predictions

from ecgviewer.dialogs.goto_dialog import GotoDialog
from ecgviewer.jobs.reading import ThreadedLoader
from ecgviewer.main_window import MainWindow
from ecgviewer.services.session import ReviewSession
from ecgviewer.settings import Settings
from ecgviewer.state.paper import Paper
from physioclr_core.recordings.source import LongRecording

DATA = Path(__file__).parents[1] / "data"
DURATION_S = 3 * 3600.0


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = sorted((DATA / "mitdb").glob("*.hea"))
    folder = tmp_path_factory.mktemp("long")
    return write_long_record(folder / "night", sources, DURATION_S, 250.0, ["II", "V5"] * 3, [(5000.0, 5300.0)])


@pytest.fixture
def window(qtbot: QtBot, header: Path) -> Iterator[MainWindow]:
    loader, paper = ThreadedLoader(), Paper()
    session = ReviewSession(loader, FakeAnalyst())
    window = MainWindow(session, paper, Settings(is_kept=False), "light")
    qtbot.addWidget(window)
    window.resize(1400, 900)
    window.show()
    window.open_file(header)
    qtbot.waitUntil(lambda: session.record is not None, timeout=5000)
    session.start_analysis()
    yield window
    window.close()
    loader.shutdown()


def test_it_is_a_long_recording_and_nothing_is_judged_by_itself(window: MainWindow) -> None:
    assert isinstance(window.session.record, LongRecording)
    assert window.session.analysis.job is None
    assert "not judged as a whole" in window.panels.findings.words
    assert not window.panels.events.isHidden()


def test_overview_rates_and_events_come_and_keys_go_from_one_to_the_next(qtbot: QtBot, window: MainWindow) -> None:
    client = window.long.client
    qtbot.waitUntil(lambda: client.state.built_share == 1, timeout=20_000)
    qtbot.waitUntil(lambda: client.state.day is not None or bool(client.state.fault), timeout=90_000)
    assert client.state.fault == ""
    rates = client.state.rates_bpm
    assert rates is not None
    assert np.isnan(rates[84:88]).all()  # the gap
    assert np.isfinite(rates).mean() > 0.8
    events = window.panels.events.shown()
    assert any(event.kind == "gap" and (event.start_s, event.duration_s) == (5000.0, 300.0) for event in events)
    window.paper.pan_to(start_s=0.0)
    seen = []
    for _ in range(3):
        window.long.step_event(1)
        state, extent = window.paper.state, window.paper.extent
        seen.append(next(e.start_s for e in events if state.start_s <= e.start_s <= state.start_s + extent.visible_s))
    assert seen == sorted(seen)
    window.long.step_event(-1)
    assert window.paper.state.start_s <= seen[-1]


def test_wide_views_show_the_whole_and_come_back(qtbot: QtBot, window: MainWindow) -> None:
    paper = window.paper
    page_s = paper.extent.visible_s
    paper.pan_to(start_s=4000.0)
    paper.show_span(3600.0)
    assert paper.extent.visible_s == pytest.approx(3600.0, rel=0.01)
    assert paper.state.start_s < 4000.0 < paper.state.start_s + 3600.0
    paper.set_time_zoom(paper.widest_zoom)
    assert (paper.state.start_s, paper.extent.visible_s) == (0.0, pytest.approx(DURATION_S, rel=0.01))
    paper.set_time_zoom(1.0)
    assert paper.extent.visible_s == pytest.approx(page_s)
    qtbot.waitUntil(lambda: window.long.client.state.built_share == 1, timeout=20_000)


def test_a_time_is_gone_to_and_one_outside_says_so(window: MainWindow) -> None:
    dialog = GotoDialog(window.long.review, window)
    dialog.line.setText("9:30")
    dialog.accept()
    state, extent = window.paper.state, window.paper.extent
    assert state.start_s < 5400.0 < state.start_s + extent.visible_s
    dialog.line.setText("23:00")
    dialog.accept()
    assert "outside the recording" in dialog.fault.text()
    dialog.deleteLater()


def test_a_file_that_goes_away_is_said_over_the_paper(qtbot: QtBot, window: MainWindow, header: Path) -> None:
    client, signal_file = window.long.client, header.with_suffix(".dat")
    qtbot.waitUntil(lambda: client.state.built_share == 1, timeout=20_000)
    aside = signal_file.with_suffix(".away")
    signal_file.rename(aside)
    try:
        window.paper.pan_to(start_s=7000.0)
        qtbot.waitUntil(lambda: bool(window.workspace.main_pane.error_bar.text), timeout=5000)
        assert "night.dat does not exist" in window.workspace.main_pane.error_bar.text.replace(": ", " ")
        window.long.review.judge_in_sight()
        assert window.session.analysis.job is None
    finally:
        aside.rename(signal_file)


def test_ten_seconds_are_judged_where_the_person_looks(window: MainWindow) -> None:
    window.paper.pan_to(start_s=600.0)
    window.long.review.judge_in_sight()
    judged = window.session.judged
    assert judged is not None
    assert judged.duration_s == pytest.approx(10.0)
    middle_s = 600.0 + window.paper.extent.visible_s / 2
    assert window.session.judged_from_s == pytest.approx(middle_s - 5, abs=0.01)
    assert window.session.analysis.job is not None
    assert "Of 10 s from 08:10:" in window.session.analysis.window_text
    first = round(window.session.judged_from_s * 250)
    record = window.session.record
    assert record is not None
    np.testing.assert_array_equal(judged.signal_mv, record.window_mv(first, first + 2500))


def _judge(window: MainWindow, start_s: float) -> None:
    window.paper.pan_to(start_s=start_s)
    window.long.review.judge_in_sight()
    analyst = window.session.analyst
    analyst.answered.emit(predictions(window.session.analysis.job))


def test_what_speaks_for_a_statement_is_tinted_where_it_was_asked_and_goes_with_its_window(
    window: MainWindow, tmp_path: Path
) -> None:
    analyst = window.session.analyst
    _judge(window, 600.0)
    asked_from_s = window.session.judged_from_s
    window.toggle_why()
    job = analyst.asked[-1][0]
    analyst.answered.emit(explanation(job, tmp_path))
    assert window.why.state.kind == "shown"
    # The first wave that speaks for it begins half a second into what was judged.
    assert window.why.state.bands[0].start_s == pytest.approx(asked_from_s + 0.5)
    _judge(window, 900.0)
    assert window.why.state.kind == "off"
    assert window.workspace.why.text == ""


def test_an_answer_that_another_window_has_overtaken_is_not_drawn(window: MainWindow, tmp_path: Path) -> None:
    analyst = window.session.analyst
    _judge(window, 600.0)
    window.why.ask(findings()[3], (600.0, 610.0))
    job = analyst.asked[-1][0]
    _judge(window, 900.0)
    assert job in analyst.forgotten
    analyst.answered.emit(explanation(job, tmp_path))
    assert (window.why.state.kind, window.why.state.bands) == ("off", ())


def test_a_window_that_cannot_be_read_leaves_the_findings_that_are_awaited(window: MainWindow, header: Path) -> None:
    window.paper.pan_to(start_s=600.0)
    window.long.review.judge_in_sight()
    job = window.session.analysis.job
    aside = header.with_suffix(".dat").rename(header.with_suffix(".away"))
    try:
        window.paper.pan_to(start_s=7000.0)
        window.long.review.judge_in_sight()
        assert window.session.analysis.job == job
        assert job not in window.session.analyst.forgotten
    finally:
        aside.rename(header.with_suffix(".dat"))
