from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.calibration import sigmoid
from physioclr_core.evaluate.plots import write_plots
from physioclr_core.evaluate.predictions import evaluate_predictions
from physioclr_core.evaluate.report import Report

NAMES = ("a", "b", "c")


def simulated(n: int = 240, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1.0, 2.0, (n, 3))
    labels = (rng.random(logits.shape) < sigmoid(logits)).astype(np.float32)
    return labels, logits, rng.integers(0, max(n // 2, 1), n)


def report_of(labels: np.ndarray, logits: np.ndarray, patient: np.ndarray, task: str = "mine") -> Report:
    return evaluate_predictions(task, "test", NAMES, labels, logits, patient, n_resamples=40)


def numbers_in(values: Any) -> list[float]:
    if isinstance(values, dict):
        return [number for part in values.values() for number in numbers_in(part)]
    if isinstance(values, list | tuple):
        return [number for part in values for number in numbers_in(part)]
    return [values] if isinstance(values, float) else []


def label_absent() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, logits, patient = simulated()
    labels[:, 1] = 0
    return labels, logits, patient


def only_positives() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, logits, patient = simulated()
    labels[:, 1] = 1
    return labels, logits, patient


def label_all_unknown() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, logits, patient = simulated()
    labels[:, 1] = np.nan
    return labels, logits, patient


def some_unknown() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, logits, patient = simulated()
    labels[np.random.default_rng(1).random(labels.shape) < 0.3] = np.nan
    return labels, logits, patient


def everything_unknown() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, logits, patient = simulated()
    return np.full_like(labels, np.nan), logits, patient


def nothing_positive() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, logits, patient = simulated()
    return np.zeros_like(labels), logits, patient


def constant_scores() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, logits, patient = simulated()
    return labels, np.zeros_like(logits), patient


def huge_scores() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, logits, patient = simulated()
    return labels, logits * 1e6, patient


def few_patients() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, logits, patient = simulated()
    return labels, logits, patient % 3


def one_record() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return simulated(1)


def few_records() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, logits, _ = simulated(12)
    return labels, logits, np.arange(12)


CASES = [label_absent, only_positives, label_all_unknown, some_unknown, everything_unknown, nothing_positive]
CASES += [constant_scores, huge_scores, few_patients, one_record, few_records]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_case_gives_a_report_of_finite_numbers_the_same_each_time(case: Any, tmp_path: Path) -> None:
    labels, logits, patient = case()
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        report_of(labels, logits, patient).write(folder)
    text = (folders[0] / "report.json").read_text()
    assert text == (folders[1] / "report.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert all(math.isfinite(number) for number in numbers_in(json.loads(text)))
    markdown = (folders[0] / "report.md").read_text()
    assert "nan" not in markdown
    assert "None" not in markdown


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_case_can_be_drawn(case: Any, tmp_path: Path) -> None:
    labels, logits, patient = case()
    write_plots(report_of(labels, logits, patient), labels, logits, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "labels.png"]


def test_a_label_that_is_absent_is_unknown_and_out_of_the_means() -> None:
    labels, logits, patient = label_absent()
    report = report_of(labels, logits, patient)
    assert report.n_labels == 2
    assert report.labels[1].auroc.value is None
    kept = [report.labels[0].auroc.value, report.labels[2].auroc.value]
    assert report.macro_auroc.value == pytest.approx(np.mean(kept))
    row = next(line for line in report.markdown().splitlines() if line.startswith("| b "))
    assert "unknown" in row


def test_too_few_patients_leave_calibration_and_thresholds_unknown_and_say_so() -> None:
    report = report_of(*few_patients())
    assert report.macro_auroc.value is not None
    assert report.macro_f1.value is None
    assert report.brier.value is None
    assert report.conformal is None
    assert any("3 patients" in note for note in report.notes)
    assert "| Brier score | unknown |" in report.markdown()


def test_unknown_labels_do_not_count() -> None:
    labels, logits, patient = some_unknown()
    report = report_of(labels, logits, patient)
    for index, label in enumerate(report.labels):
        assert label.n == np.isfinite(labels[:, index]).sum()
        assert label.n_positive == (labels[:, index] == 1).sum()


def test_the_values_at_unknown_labels_move_nothing_of_that_label() -> None:
    labels, logits, patient = some_unknown()
    moved = np.where(np.isnan(labels), logits + 3.0, logits)
    for one, other in zip(
        report_of(labels, logits, patient).labels, report_of(labels, moved, patient).labels, strict=True
    ):
        assert (one.auroc, one.average_precision) == (other.auroc, other.average_precision)


def test_the_interval_of_each_figure_holds_the_figure() -> None:
    report = report_of(*simulated())
    for figure in (report.macro_auroc, report.macro_average_precision, report.expected_calibration_error):
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < figure.value < figure.high


def test_no_record_and_a_damaged_output_are_refused() -> None:
    labels, logits, patient = simulated()
    with pytest.raises(UserFacingError, match="no record"):
        report_of(labels[:0], logits[:0], patient[:0])
    logits[3, 1] = np.nan
    with pytest.raises(UserFacingError, match="not finite"):
        report_of(labels, logits, patient)
