"""One test of each mark. Not collected by name: test_fixtures.py runs them."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_slow():
    pass


@pytest.mark.benchmark
def test_benchmark():
    pass


@pytest.mark.gpu
def test_gpu():
    pytest.fail("ran without a CUDA device")
