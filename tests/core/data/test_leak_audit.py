"""The leak audit finds what was put into two splits, by name or by samples, and nothing among different records."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prepared_sets import prepared_set
from real_records import real_signal_mv
from scipy.signal import resample_poly

from physioclr_core.data.leak_audit import LeakReport, audit
from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.readers import read_record

N = 60


def whole(dataset: PreparedDataset) -> tuple[PreparedDataset, Any]:
    return dataset, np.arange(len(dataset))


def train(n: int = N) -> PreparedDataset:
    return prepared_set([{"record_id": f"a:{row}", "patient_id": f"a:p{row // 2}"} for row in range(n)])


def against(signal_mv: Any, fs_hz: float = 100.0, **row: Any) -> LeakReport:
    test = prepared_set([{"record_id": "b:0", **row}], [signal_mv], fs_hz)
    return audit({"train": whole(train()), "test": whole(test)})


def test_different_records_of_different_patients_are_clean() -> None:
    dataset = train(200)
    report = audit({"train": (dataset, np.arange(100)), "test": (dataset, np.arange(100, 200))})
    assert report.is_clean
    assert report.summary == "No record, recording or patient is in two of the splits train (100), test (100)."


def test_a_patient_in_two_splits_is_named_and_one_that_is_unknown_is_nobody_else() -> None:
    dataset = train()
    report = audit({"train": (dataset, np.arange(31)), "test": (dataset, np.arange(31, N))})
    assert [shared.patient_id for shared in report.patients] == ["a:p15"]
    assert "1 shared patients" in report.summary
    assert against(real_signal_mv(N)).is_clean


def test_the_same_record_and_its_patient_are_found_by_name_across_data_sets() -> None:
    report = against(real_signal_mv(N), record_id="a:7")
    assert [(pair.kind, pair.first_record, pair.second_record) for pair in report.pairs] == [("record", "a:7", "a:7")]
    assert [shared.patient_id for shared in report.patients] == ["a:p3"]


def test_another_record_of_a_patient_is_found_through_a_record_that_is_in_no_split() -> None:
    known = train()
    test = prepared_set([{"record_id": "a:7"}], [real_signal_mv(7)])
    report = audit({"train": (known, np.array([0, 6])), "test": whole(test)})
    assert [shared.patient_id for shared in report.patients] == ["a:p3"]
    assert not report.pairs


def test_equal_samples_are_an_exact_duplicate() -> None:
    report = against(real_signal_mv(5))
    assert [(pair.kind, pair.first_record) for pair in report.pairs] == [("exact", "a:5")]


@pytest.mark.parametrize("row", [0, 11, 42])
def test_a_copy_at_another_rate_with_gain_noise_and_offset_is_a_near_duplicate(row: int) -> None:
    signal_mv = real_signal_mv(row)
    noise = np.random.default_rng(row).normal(0.0, 0.05 * signal_mv.std(), signal_mv.shape)
    copy = resample_poly(0.8 * signal_mv + noise, 5, 1, axis=1) + 0.3
    report = against(copy, fs_hz=500.0)
    assert [(pair.kind, pair.first_record) for pair in report.pairs] == [("near", f"a:{row}")]
    assert report.pairs[0].correlation is not None
    assert report.pairs[0].correlation > 0.95


@pytest.mark.parametrize("value_mv", [0.0, 0.7])
def test_records_without_signal_are_no_duplicates(value_mv: float) -> None:
    flat = prepared_set([{"record_id": "a"}], [np.full((12, 1000), value_mv)])
    other = prepared_set([{"record_id": "b"}], [np.full((12, 1000), value_mv)])
    report = audit({"train": whole(flat), "test": whole(other)})
    assert report.is_clean
    assert report.n_blank == {"train": 1, "test": 1}


def test_the_report_is_json() -> None:
    found = json.loads(json.dumps(against(real_signal_mv(5)).to_json()))
    assert not found["is_clean"]
    assert found["pairs"][0]["first_record"] == "a:5"


def test_challenge_records_are_the_near_duplicates_of_ptbxls_own(test_data: Callable[..., Path]) -> None:
    headers = sorted(test_data("ptb-xl-500hz-cinc").glob("HR*.hea"))
    at_500_hz = [np.nan_to_num(read_record(str(path.with_suffix(""))).signal_mv) for path in headers]
    names = [{"record_id": f"other:{path.stem}"} for path in headers]
    # A decimated copy, shifted by a sample of 500 Hz, stands for PTB-XL's own of 100 Hz.
    at_100_hz = [resample_poly(np.roll(signal, 1, axis=1), 1, 5, axis=1) for signal in at_500_hz]
    first = prepared_set([{"record_id": path.stem} for path in headers], at_100_hz)
    report = audit({"first": whole(first), "second": whole(prepared_set(names, at_500_hz, 500.0))})
    assert report.count("near") == len(report.pairs) == len(headers) > 0
    assert all(pair.second_record == f"other:{pair.first_record}" for pair in report.pairs)
