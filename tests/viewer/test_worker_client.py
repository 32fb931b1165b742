"""The worker client against a real child process that crashes, hangs, refuses and talks nonsense."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from ecgviewer.jobs import worker_client
from ecgviewer.jobs.protocol import Failed, HeartRate, LibraryRecord, Message, Predictions, Similar
from ecgviewer.jobs.worker_client import MOST_RESTARTS, WorkerClient
from physioclr_core.record import EcgRecord

FAKE = Path(__file__).parent / "fake_worker.py"
WAIT_MS = 20_000


class Client:
    """A client, what it said, and what its worker noted."""

    def __init__(self, mode: str, folder: Path) -> None:
        self.client = WorkerClient([sys.executable, str(FAKE), mode, str(folder)])
        self.folder = folder
        self.messages: list[Message] = []
        self.statuses: list[str] = []
        self.client.answered.connect(self.messages.append)
        self.client.status_changed.connect(lambda status: self.statuses.append(status.kind))

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def make_client(qtbot: QtBot, tmp_path: Path) -> Iterator[Callable[[str], Client]]:
    clients = []

    def make(mode: str) -> Client:
        clients.append(Client(mode, tmp_path))
        return clients[-1]

    yield make
    for each in clients:
        each.client.shutdown()


def test_a_job_is_answered_and_its_files_are_removed(make_client: Callable, record: EcgRecord, qtbot: QtBot) -> None:
    each = make_client("ok")
    each.client.start()
    job = each.client.analyse(record)
    folder = each.client.folder
    assert [path.suffix for path in folder.iterdir()] == [".npy"]
    qtbot.waitUntil(lambda: len(each.messages) == 3, timeout=WAIT_MS)
    assert {type(message) for message in each.messages} == {HeartRate, Predictions, Similar}
    assert {message.job for message in each.messages} == {job}
    assert each.statuses == ["starting", "ready"]
    assert list(folder.iterdir()) == []
    each.client.shutdown()
    assert not folder.exists()


def test_jobs_asked_before_the_start_are_not_lost(make_client: Callable, record: EcgRecord, qtbot: QtBot) -> None:
    each = make_client("ok")
    each.client.analyse(record)
    each.client.start()
    qtbot.waitUntil(lambda: len(each.messages) == 3, timeout=WAIT_MS)


def test_an_entry_of_the_library_is_fetched(make_client: Callable, qtbot: QtBot) -> None:
    each = make_client("ok")
    each.client.start()
    each.client.fetch(4)
    qtbot.waitUntil(lambda: len(each.messages) == 1, timeout=WAIT_MS)
    message = each.messages[0]
    assert isinstance(message, LibraryRecord)
    assert message.neighbour.record == "PTB-XL 104"


def test_forgotten_jobs_are_not_answered(make_client: Callable, record: EcgRecord, qtbot: QtBot) -> None:
    each = make_client("slow")
    each.client.start()
    first = each.client.analyse(record)
    each.client.forget(first)
    second = each.client.analyse(record)
    qtbot.waitUntil(lambda: len(each.messages) == 3, timeout=WAIT_MS)
    assert {message.job for message in each.messages} == {second}


def test_after_a_crash_the_worker_is_started_again_and_asked_again(
    make_client: Callable, record: EcgRecord, qtbot: QtBot
) -> None:
    each = make_client("crashes once")
    each.client.start()
    job = each.client.analyse(record)
    qtbot.waitUntil(lambda: len(each.messages) == 3, timeout=WAIT_MS)
    assert each.statuses == ["starting", "ready", "restarting", "ready"]
    assert {message.job for message in each.messages} == {job}


def test_restarts_are_bounded_and_the_crash_becomes_a_sentence(
    make_client: Callable, record: EcgRecord, qtbot: QtBot
) -> None:
    each = make_client("crashes")
    each.client.start()
    job = each.client.analyse(record)
    qtbot.waitUntil(lambda: bool(each.messages), timeout=WAIT_MS)
    assert each.messages == [Failed(message="the analysis crashed (SIGSEGV) (about to crash)", job=job)]
    assert each.client.status.kind == "stopped"
    assert len(each.lines("starts")) == 1 + MOST_RESTARTS
    later = each.client.analyse(record)
    qtbot.waitUntil(lambda: len(each.messages) == 2, timeout=WAIT_MS)
    assert each.messages[1].job == later
    assert len(each.lines("starts")) == 1 + MOST_RESTARTS


def test_a_worker_that_says_why_it_cannot_work_is_not_started_again(
    make_client: Callable, record: EcgRecord, qtbot: QtBot
) -> None:
    each = make_client("refuses")
    each.client.start()
    each.client.analyse(record)
    qtbot.waitUntil(lambda: bool(each.messages), timeout=WAIT_MS)
    assert each.messages[0].message == "the model is missing: install it"
    assert len(each.lines("starts")) == 1
    each.client.retry()
    qtbot.waitUntil(lambda: len(each.lines("starts")) == 2, timeout=WAIT_MS)


def test_a_program_that_is_not_there_is_a_sentence(qtbot: QtBot, tmp_path: Path, record: EcgRecord) -> None:
    client, messages = WorkerClient([str(tmp_path / "no-such-program")]), []
    client.answered.connect(messages.append)
    client.start()
    client.analyse(record)
    qtbot.waitUntil(lambda: bool(messages), timeout=WAIT_MS)
    assert messages[0].message.startswith("the analysis could not be started")
    client.shutdown()


def test_a_line_that_is_no_message_ends_the_worker(make_client: Callable, record: EcgRecord, qtbot: QtBot) -> None:
    each = make_client("prints")
    each.client.start()
    each.client.analyse(record)
    qtbot.waitUntil(lambda: len(each.messages) == 3, timeout=WAIT_MS)
    assert "restarting" in each.statuses
    assert len(each.lines("starts")) == 2


def test_a_cancelled_job_that_does_not_end_is_ended(
    make_client: Callable, record: EcgRecord, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_client, "GRACE_MS", 200)
    each = make_client("hangs once")
    each.client._cancel_timer.setInterval(200)
    each.client.start()
    job = each.client.analyse(record)
    qtbot.waitUntil(lambda: bool(each.lines("jobs")), timeout=WAIT_MS)
    first_pid = each.client.process_id
    each.client.cancel(job)
    qtbot.waitUntil(lambda: len(each.lines("starts")) == 2, timeout=WAIT_MS)
    assert not psutil.pid_exists(first_pid) or psutil.Process(first_pid).status() == psutil.STATUS_ZOMBIE
    each.client.analyse(record)
    qtbot.waitUntil(lambda: len(each.messages) == 3, timeout=WAIT_MS)
    assert job not in {message.job for message in each.messages}
    assert "restarting" not in each.statuses


def test_a_cancelled_job_that_ends_in_time_costs_nothing(
    make_client: Callable, record: EcgRecord, qtbot: QtBot
) -> None:
    each = make_client("slow")
    each.client.start()
    each.client.cancel(each.client.analyse(record))
    last = each.client.analyse(record)
    qtbot.waitUntil(lambda: len(each.messages) == 3, timeout=WAIT_MS)
    assert {message.job for message in each.messages} == {last}
    assert len(each.lines("starts")) == 1
    assert not each.client._cancel_timer.isActive()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal to ignore")
def test_closing_ends_even_a_worker_that_does_not_want_to(
    make_client: Callable, record: EcgRecord, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_client, "GRACE_MS", 200)
    each = make_client("ignores the end")
    each.client.start()
    each.client.analyse(record)
    qtbot.waitUntil(lambda: len(each.messages) == 3, timeout=WAIT_MS)
    pid, folder = each.client.process_id, each.client.folder
    each.client.shutdown()
    assert not psutil.pid_exists(pid)
    assert not folder.exists()
