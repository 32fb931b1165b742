"""What this program measures for an export comes from a process of its own, and equals what the command measures."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from ecgviewer.jobs import measuring
from ecgviewer.jobs.measuring import NotMeasuredError, measure
from physioclr_core.physiology.exported import computed_reading
from physioclr_core.record import EcgRecord


def test_the_process_measures_what_the_library_measures(record: EcgRecord) -> None:
    found, expected = measure(record), computed_reading(record)
    assert found is not None
    assert found.measurements == expected.measurements
    assert len(found.measurements) > 5
    assert found.how == expected.how
    assert found.median is not None
    assert expected.median is not None
    assert found.median.lead_names == expected.median.lead_names
    np.testing.assert_array_equal(found.median.signal_mv, expected.median.signal_mv)


def test_nothing_of_hours_is_measured(record: EcgRecord) -> None:
    found = measure(replace(record, signal_mv=np.tile(record.signal_mv, (1, 100))))
    assert found is not None
    assert found.measurements == ()
    assert "nothing was measured" in found.how


def test_it_can_be_cancelled(record: EcgRecord) -> None:
    minutes = replace(record, signal_mv=np.tile(record.signal_mv, (1, 20)))
    assert measure(minutes, lambda: True) is None


@pytest.mark.parametrize("code", ["import sys; sys.exit(3)", "import sys; sys.stdin.buffer.read(); print('no')"])
def test_a_process_without_an_answer_is_one_sentence(
    record: EcgRecord, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(measuring, "own_command", lambda process: [sys.executable, "-c", code])
    with pytest.raises(NotMeasuredError, match="ended unexpectedly"):
        measure(record)
