"""Reading in a thread: answers come to the window's thread, faults become sentences."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from ecgviewer.jobs import early_read
from ecgviewer.jobs.early_read import EarlyRead
from ecgviewer.jobs.reading import ThreadedLoader
from physioclr_core.record import EcgRecord


def _load(loader: ThreadedLoader, path: Path, qtbot: QtBot) -> tuple[object, threading.Thread]:
    answers: list[tuple[object, threading.Thread]] = []

    def take(answer: object) -> None:
        answers.append((answer, threading.current_thread()))

    loader.load(path, take, take)
    qtbot.waitUntil(lambda: bool(answers), timeout=20_000)
    return answers[0]


def test_a_record_arrives_in_the_windows_thread(qtbot: QtBot, demo_paths: list[Path]) -> None:
    loader = ThreadedLoader()
    answer, thread = _load(loader, demo_paths[0], qtbot)
    assert isinstance(answer, EcgRecord)
    assert thread is threading.main_thread()
    loader.shutdown()


def test_a_fault_in_a_reader_is_a_sentence(
    qtbot: QtBot, demo_paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import physioclr_core.readers

    def break_down(path: Path) -> EcgRecord:
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr(physioclr_core.readers, "read_record", break_down)
    loader = ThreadedLoader()
    answer, _ = _load(loader, demo_paths[0], qtbot)
    assert str(answer).endswith("reading failed unexpectedly (ZeroDivisionError: by chance).")
    loader.shutdown()


def test_an_early_read_is_used_once_and_for_its_own_path_only(qtbot: QtBot, demo_paths: list[Path]) -> None:
    loader = ThreadedLoader()
    early = EarlyRead(demo_paths[0])
    early.wait()
    loader.use_early(early)
    answers: list[object] = []
    loader.load(demo_paths[0], answers.append, answers.append)
    assert isinstance(answers[0], EcgRecord)
    loader.use_early(EarlyRead(demo_paths[0]))
    answer, _ = _load(loader, demo_paths[1], qtbot)
    assert isinstance(answer, EcgRecord)
    assert answer.name == demo_paths[1].stem
    loader.shutdown()


def test_after_the_end_nothing_is_called(qtbot: QtBot, demo_paths: list[Path]) -> None:
    loader = ThreadedLoader()
    answers: list[object] = []
    loader.load(demo_paths[0], answers.append, answers.append)
    loader.shutdown()
    qtbot.wait(50)
    assert answers == []


def test_no_qt_is_needed_to_begin_reading() -> None:
    assert "PySide6" not in Path(early_read.__file__).read_text().replace("Qt", "")
