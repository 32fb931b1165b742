"""The worker's answers to "why", by a real worker on real ECGs, up to the bands in the real window."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from real_records import entries_with, long_signal_mv, real_signal_mv
from viewer_doubles import DirectLoader
from worker_process import PATIENCE_S, WorkerProcess

from ecgviewer.jobs.protocol import Cancel, Explain, Explanation, Failed, Message, Predictions, Progress, Ready, decode
from ecgviewer.jobs.worker_client import WorkerClient
from ecgviewer.main_window import MainWindow
from ecgviewer.services.session import ReviewSession
from ecgviewer.settings import Settings
from ecgviewer.state.paper import Paper, PaperState
from ecgviewer.state.screen import ScreenFacts
from physioclr_core.infer.model import EcgModel
from physioclr_core.leads import STANDARD_LEADS

WAIT_MS = 90_000


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    made = WorkerProcess()
    made.receive(Ready)
    yield made
    assert made.close() == 0
    assert made.stderr == []


def ask(
    worker: WorkerProcess, job: int, code: str, signal_mv: np.ndarray, folder: Path, in_sight_s: tuple[float, float]
) -> None:
    path = folder / f"{job}.npy"
    np.save(path, np.asarray(signal_mv, np.float32), allow_pickle=False)
    names = list(STANDARD_LEADS[: len(signal_mv)])
    worker.send(Explain(job, code, str(path), 100.0, names, "test", list(in_sight_s)))


def answer(worker: WorkerProcess) -> tuple[Message, list[Progress]]:
    """Return the next answer and the progress that was told before."""
    told: list[Progress] = []
    while True:
        message = decode(worker.lines.get(timeout=PATIENCE_S))
        if not isinstance(message, Progress):
            return message, told
        told.append(message)


def test_a_real_block_is_explained_by_its_qrs_complexes_in_v1(worker: WorkerProcess, tmp_path: Path) -> None:
    signal = real_signal_mv(entries_with("CRBBB", [9])[2].entry)
    ask(worker, 1, "CRBBB", signal, tmp_path, (0.0, 10.0))
    message, told = answer(worker)
    assert isinstance(message, Explanation)
    assert (message.job, message.code, message.reason, message.n_windows) == (1, "CRBBB", None, 1)
    assert [progress.n_done for progress in told] == sorted(progress.n_done for progress in told)
    assert all(progress.n_done <= progress.n_all for progress in told)
    effects = np.load(message.effects or "", allow_pickle=False)
    assert effects.shape == (12, len(message.waves))
    row, column = np.unravel_index(int(np.nanargmax(effects)), effects.shape)
    assert (message.lead_names[row], message.waves[column].wave) == ("V1", "QRS")
    assert message.probability is not None
    assert message.without_strongest is not None
    assert message.without_strongest < message.probability
    without = {each.waves: each.probability for each in message.without}
    assert without["QRS complexes"] < 0.2 * message.probability


def test_a_second_statement_of_the_same_ecg_asks_the_network_nothing(worker: WorkerProcess, tmp_path: Path) -> None:
    signal = real_signal_mv(5)
    ask(worker, 2, "NORM", signal, tmp_path, (0.0, 10.0))
    first, _ = answer(worker)
    start = time.perf_counter()
    ask(worker, 3, "AFIB", signal, tmp_path, (0.0, 10.0))
    second, told = answer(worker)
    assert isinstance(first, Explanation)
    assert isinstance(second, Explanation)
    assert told == []
    assert time.perf_counter() - start < 5.0
    assert first.waves == second.waves
    assert first.probability != second.probability


def test_a_cancelled_question_ends_early_and_the_next_is_answered(worker: WorkerProcess, tmp_path: Path) -> None:
    ask(worker, 4, "AFIB", real_signal_mv(6), tmp_path, (0.0, 10.0))
    worker.send(Cancel(4))
    message, told = answer(worker)
    assert message == Failed("cancelled", 4)
    assert not told or told[-1].n_done < told[-1].n_all
    ask(worker, 5, "AFIB", real_signal_mv(6), tmp_path, (0.0, 10.0))
    assert isinstance(answer(worker)[0], Explanation)


def test_a_question_that_waits_behind_another_can_be_cancelled_too(worker: WorkerProcess, tmp_path: Path) -> None:
    ask(worker, 6, "AFIB", real_signal_mv(7), tmp_path, (0.0, 10.0))
    ask(worker, 7, "AFIB", real_signal_mv(8), tmp_path, (0.0, 10.0))
    worker.send(Cancel(7))
    assert isinstance(answer(worker)[0], Explanation)
    assert answer(worker)[0] == Failed("cancelled", 7)


def test_of_a_long_record_the_window_in_sight_is_explained(worker: WorkerProcess, tmp_path: Path) -> None:
    signal = long_signal_mv(3000)
    ask(worker, 8, "SR", signal, tmp_path, (14.0, 26.0))
    message, _ = answer(worker)
    assert isinstance(message, Explanation)
    assert (message.window_s, message.n_windows) == ([15.0, 25.0], 5)
    assert all(15.0 <= wave.start_s < wave.end_s <= 25.0 for wave in message.waves)


def test_what_cannot_be_explained_has_a_reason(worker: WorkerProcess, tmp_path: Path) -> None:
    ask(worker, 9, "AFIB", real_signal_mv(0)[:2], tmp_path, (0.0, 10.0))
    message, _ = answer(worker)
    assert isinstance(message, Explanation)
    assert "not recorded" in (message.reason or "")
    assert message.effects is None
    ask(worker, 10, "NONSENSE", real_signal_mv(0), tmp_path, (0.0, 10.0))
    message, _ = answer(worker)
    assert isinstance(message, Failed)
    assert message.job == 10
    assert message.message.startswith("NONSENSE: ")


def test_it_ends_in_the_middle_of_a_question_when_the_window_is_gone(tmp_path: Path) -> None:
    worker = WorkerProcess()
    worker.receive(Ready)
    ask(worker, 1, "AFIB", real_signal_mv(9), tmp_path, (0.0, 10.0))
    assert worker.close() == 0
    assert worker.stderr == []


@pytest.fixture
def window(qtbot: QtBot, demo_paths: list[Path]) -> Iterator[MainWindow]:
    """The real window with the real worker and a real right bundle branch block."""
    client = WorkerClient()
    session = ReviewSession(DirectLoader(), client)
    screen = ScreenFacts(508.0, 285.75, 96.0, 96.0)
    made = MainWindow(
        session, Paper(PaperState(layout="12x1")), Settings(is_kept=False), "light", lambda handle: screen
    )
    qtbot.addWidget(made)
    made.resize(1600, 1000)
    made.show()
    client.start()
    session.start_analysis()
    made.open_file(next(path for path in demo_paths if path.stem == "A0051"))
    qtbot.waitUntil(lambda: isinstance(session.analysis.predictions, Predictions), timeout=WAIT_MS)
    yield made
    made.close()
    client.shutdown()


def test_in_the_window_w_tints_v1_and_another_record_takes_it_away(
    window: MainWindow, qtbot: QtBot, demo_paths: list[Path]
) -> None:
    panel = window.panels.findings
    (row,) = [k for k, each in enumerate(panel.rows()) if each.finding is not None and each.finding.code == "CRBBB"]
    panel.list.setCurrentIndex(panel.model.index(row))
    QTest.keyClick(window.workspace.main_pane.view, Qt.Key.Key_W)
    assert window.why.state.kind == "waiting"
    qtbot.waitUntil(lambda: window.why.state.kind == "shown", timeout=WAIT_MS)
    view = window.workspace.main_pane.view
    strongest = max(view.evidence(), key=lambda pair: pair[0].strength)[0]
    assert strongest.lead == "V1"
    shares = {lead: sum(b.strength for b, _ in view.evidence() if b.lead == lead) for lead in STANDARD_LEADS}
    assert max(shares, key=shares.__getitem__) == "V1"
    assert EcgModel(allow_gpu=False).manifest.short_id in window.workspace.why.text
    assert not [path for path in window.session.analyst.folder.iterdir() if "effects" in path.name]
    window.open_file(demo_paths[0])
    QApplication.processEvents()
    assert view.evidence() == []
    assert window.workspace.why.text == ""


def test_a_question_given_up_is_stopped_in_the_worker_and_the_next_record_is_not_kept_waiting(
    window: MainWindow, qtbot: QtBot, demo_paths: list[Path]
) -> None:
    process = window.session.analyst.process_id
    QTest.keyClick(window.workspace.main_pane.view, Qt.Key.Key_W)
    QTest.keyClick(window.workspace.main_pane.view, Qt.Key.Key_Escape)
    window.open_file(demo_paths[1])
    qtbot.waitUntil(lambda: window.session.analysis.is_complete, timeout=WAIT_MS)
    assert window.session.analysis.failure is None
    assert window.why.state.kind == "off"
    assert window.session.analyst.process_id == process
