"""Benchmarks share one table; run them with ``pytest tests/benchmarks --slow``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from report import BenchmarkReport  # noqa: E402

_report = pytest.StashKey[BenchmarkReport]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> BenchmarkReport:
    """Collect figures with ``report.add(...)``; the table is printed when all benchmarks are over."""
    return pytestconfig.stash.setdefault(_report, BenchmarkReport())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    collected = config.stash.get(_report, None)
    if collected is not None and collected.rows:
        terminalreporter.section("benchmarks")
        terminalreporter.write_line(collected.table())
