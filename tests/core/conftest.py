"""A small prepared data set, made once for all tests of training and comparisons."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_training import small_dataset


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the prepared data set."""
    return small_dataset(tmp_path_factory.mktemp("data"))
