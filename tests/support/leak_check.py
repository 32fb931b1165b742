"""Find what a test that uses Qt leaves running: threads, pool tasks, timers, child processes and windows.

A leak does its harm later, in a test that has nothing to do with it, or as a crash at exit. Here the test that made it
fails and the leak is named, with the line that started it where Qt lets us know.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

# Things that are ending get this long; a test without leaks does not wait.
GRACE_S = 2.0

# Helpers of libraries that live as long as the process on purpose.
LONG_LIVED_THREADS = ("tqdm_monitor", "pytest_timeout")
LONG_LIVED_CHILDREN = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


@dataclass
class _Starts:
    """Qt objects that were started since the list was last emptied, each with the place that started it."""

    hooked: bool = False
    items: list[tuple[weakref.ref[Any], str]] = field(default_factory=list)

    def of_type(self, kind: type) -> Iterator[tuple[Any, str]]:
        """Yield the objects of one class that still exist."""
        import shiboken6

        seen = set()
        for reference, place in self.items:
            item = reference()
            if isinstance(item, kind) and id(item) not in seen and shiboken6.isValid(item):
                seen.add(id(item))
                yield item, place


_starts = _Starts()


def _hook_starts() -> None:
    """Note every start of a thread, timer or pool task from Python. Done once; the classes stay hooked."""
    if _starts.hooked:
        return
    from PySide6.QtCore import QThread, QThreadPool, QTimer

    for kind, names in ((QThread, ("start",)), (QTimer, ("start",)), (QThreadPool, ("start", "tryStart"))):
        for name in names:
            setattr(kind, name, _noting(getattr(kind, name)))
    _starts.hooked = True


def _noting(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1)
        _starts.items.append((weakref.ref(self), f"{Path(caller.f_code.co_filename).name}:{caller.f_lineno}"))
        return original(self, *args, **kwargs)

    return start


@dataclass(frozen=True)
class Leak:
    """Something alive that should not be: what it is, and how to end it so that the next test starts clean."""

    what: str
    end: Callable[[], Any]


class LeakCheck:
    """Take stock before a test; compare after it."""

    def __init__(self) -> None:
        _hook_starts()
        _starts.items.clear()
        self._threads = set(threading.enumerate())
        self._children = {child.pid for child in psutil.Process().children()}
        # Kept by their addresses: a reference from here would itself keep a window alive.
        self._windows = {_address(window) for window in _parentless_windows()}

    def leaks(self) -> list[Leak]:
        """Return what the test left behind, after giving it the time to end."""
        deadline = time.monotonic() + GRACE_S
        collected = False
        while True:
            _process_events()
            found = [
                *_qt_threads(),
                *_pool_tasks(),
                *_timers(),
                *self._python_threads(),
                *self._child_processes(),
                *self._new_windows(),
            ]
            if not found or (collected and time.monotonic() > deadline):
                return found
            del found  # it would keep alive what it names
            if not collected:
                gc.collect()  # a window in a reference cycle is garbage, not a leak
                collected = True
            time.sleep(0.01)

    def _python_threads(self) -> Iterator[Leak]:
        for thread in threading.enumerate():
            # A dummy stands for a native thread that once ran Python; the native one is looked at elsewhere.
            if thread in self._threads or isinstance(thread, threading._DummyThread):
                continue
            if not thread.name.startswith(LONG_LIVED_THREADS) and type(thread).__name__ != "TMonitor":
                yield Leak(f"Python thread {thread.name!r}", lambda: None)

    def _child_processes(self) -> Iterator[Leak]:
        for child in psutil.Process().children():
            if child.pid in self._children:
                continue
            try:
                command = " ".join(child.cmdline())
                is_over = child.status() == psutil.STATUS_ZOMBIE
            except psutil.NoSuchProcess:
                continue
            if not is_over and not any(name in command for name in LONG_LIVED_CHILDREN):
                yield Leak(f"child process {child.pid}: {command[:200]}", child.kill)

    def _new_windows(self) -> Iterator[Leak]:
        for window in _parentless_windows():
            if _address(window) not in self._windows:
                name = window.objectName() or window.windowTitle()
                yield Leak(f"top-level widget {type(window).__name__} {name!r}", window.deleteLater)


def _process_events() -> None:
    from PySide6.QtCore import QCoreApplication, QEvent

    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QCoreApplication.processEvents()


def _address(item: Any) -> int:
    import shiboken6

    return shiboken6.getCppPointer(item)[0]


def _parentless_windows() -> list[Any]:
    from PySide6.QtWidgets import QApplication

    if not isinstance(QApplication.instance(), QApplication):
        return []
    # Qt keeps one label for all tool tips.
    return [
        window
        for window in QApplication.topLevelWidgets()
        if window.parentWidget() is None and window.metaObject().className() != "QTipLabel"
    ]


def _qt_threads() -> Iterator[Leak]:
    from PySide6.QtCore import QThread

    for thread, place in _starts.of_type(QThread):
        if thread.isRunning():
            name = thread.objectName() or type(thread).__name__
            yield Leak(f"QThread {name!r}, started at {place}", lambda thread=thread: _end_thread(thread))


def _end_thread(thread: Any) -> None:
    thread.requestInterruption()
    thread.quit()
    thread.wait(1000)


def _pool_tasks() -> Iterator[Leak]:
    from PySide6.QtCore import QThreadPool

    pools = dict(_starts.of_type(QThreadPool))
    # Python's view of the global pool comes and goes, so the weak reference to it is usually dead.
    places = [place for reference, place in _starts.items if reference() is None]
    pools.setdefault(QThreadPool.globalInstance(), places[-1] if places else "an unknown place")
    for pool, place in pools.items():
        n_tasks = pool.activeThreadCount()
        if n_tasks:
            yield Leak(f"{n_tasks} QThreadPool task(s), last started at {place}", pool.clear)


def _timers() -> Iterator[Leak]:
    from PySide6.QtCore import QTimer

    for timer, place in _starts.of_type(QTimer):
        if timer.isActive():
            name = timer.objectName() or f"{timer.interval()} ms"
            yield Leak(f"active QTimer {name!r}, started at {place}", timer.stop)
