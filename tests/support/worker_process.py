"""The analysis worker as a real child process, spoken to over its pipes as the window does."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np

from ecgviewer.jobs.protocol import Analyse, Failed, Message, decode, encode
from physioclr_core.leads import STANDARD_LEADS

Kind = TypeVar("Kind")
# A cold start on a busy machine imports a dozen libraries.
PATIENCE_S = 90.0


class WorkerProcess:
    """Start a worker; every line of its stdout is decoded, and one that is no message fails the test that waits."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ecgviewer", "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: queue.Queue[bytes] = queue.Queue()
        self.stderr: list[bytes] = []
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.lines.put), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.stderr.append), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(pipe: IO[bytes], take: Any) -> None:
        for line in pipe:
            take(line)

    def send(self, message: Message | bytes) -> None:
        """Send a message, or any bytes."""
        assert self.process.stdin is not None
        self.process.stdin.write(message if isinstance(message, bytes) else encode(message))
        self.process.stdin.flush()

    def receive(self, kind: type[Kind]) -> Kind:
        """Return the next message, which must be of a kind."""
        try:
            message = decode(self.lines.get(timeout=PATIENCE_S))
        except queue.Empty:
            raise AssertionError(f"no {kind.__name__} in {PATIENCE_S:g} s; stderr: {self.stderr}") from None
        assert isinstance(message, kind), message
        return message

    def analyse(
        self,
        signal_mv: np.ndarray,
        folder: Path,
        job: int,
        fs_hz: float = 100.0,
        lead_names: tuple[str, ...] = STANDARD_LEADS,
        **kwargs: Any,
    ) -> None:
        """Write a signal and ask for its analysis."""
        path = folder / f"{job}.npy"
        np.save(path, np.asarray(signal_mv, np.float32), allow_pickle=False)
        self.send(Analyse(job, str(path), fs_hz, list(lead_names), kwargs.pop("record", "test"), **kwargs))

    def failure(self) -> Failed:
        """Return the next message, which must be a failure."""
        return self.receive(Failed)

    def close(self) -> int:
        """Close stdin, as a window that ends does, and return the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            code = self.process.wait(timeout=30)
        finally:
            self.process.kill()
            for thread in self._threads:
                thread.join(timeout=10)
            assert self.process.stdout is not None
            assert self.process.stderr is not None
            self.process.stdout.close()
            self.process.stderr.close()
        return code
