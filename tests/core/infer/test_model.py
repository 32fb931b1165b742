from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_records import entries_with, long_signal_mv, real_signal_mv, record_of

from physioclr_core.errors import ModelError
from physioclr_core.infer.manifest import load_manifest
from physioclr_core.infer.model import EcgModel, default_model_dir
from physioclr_core.infer.session import Device
from physioclr_core.infer.windows import NotAssessedError, windows_of


@pytest.fixture(scope="module")
def model() -> EcgModel:
    return EcgModel(allow_gpu=False)


def logits_of(model: EcgModel, probability: np.ndarray) -> np.ndarray:
    """Undo the calibration."""
    p = probability.astype(np.float64)
    return np.log(p / (1 - p)) * [label.temperature for label in model.manifest.labels]


def test_ten_seconds_give_a_probability_for_each_statement_and_one_embedding(model: EcgModel) -> None:
    for entry in range(10):
        assessment = model.assess(record_of(real_signal_mv(entry)))
        assert assessment.probability.shape == (71,)
        assert ((assessment.probability > 0) & (assessment.probability < 1)).all()
        assert assessment.embedding.shape == (model.manifest.embedding_size,)
        assert np.isfinite(assessment.embedding).all()
        assert (assessment.n_windows, assessment.most_abnormal_window_s) == (1, None)


def test_the_same_record_gives_the_same_answer(model: EcgModel) -> None:
    a, b = (model.assess(record_of(real_signal_mv(3))) for _ in range(2))
    np.testing.assert_array_equal(a.probability, b.probability)
    np.testing.assert_array_equal(a.embedding, b.embedding)


def test_a_batch_of_records_of_any_length_equals_one_at_a_time(model: EcgModel) -> None:
    records = [record_of(long_signal_mv(n, first)) for first, n in enumerate((1000, 2600, 700, 1000, 500, 1100))]
    together = model.assess_windows([windows_of(record, model.manifest.input) for record in records])
    for assessment, record in zip(together, records, strict=True):
        alone = model.assess(record)
        np.testing.assert_allclose(assessment.probability, alone.probability, atol=2e-6)
        np.testing.assert_allclose(assessment.embedding, alone.embedding, atol=1e-4)
        assert assessment.n_windows == alone.n_windows
        assert assessment.most_abnormal_window_s == alone.most_abnormal_window_s
    assert model.assess_windows([]) == []


def test_a_long_record_is_the_calibrated_mean_logit_of_its_windows(model: EcgModel) -> None:
    signal = long_signal_mv(3000)
    alone = [model.assess(record_of(signal[:, s : s + 1000])) for s in range(0, 2001, 500)]
    temperature = np.array([label.temperature for label in model.manifest.labels])
    mean_logit = np.mean([logits_of(model, a.probability) for a in alone], axis=0)
    assessment = model.assess(record_of(signal))
    assert assessment.n_windows == 5
    np.testing.assert_allclose(assessment.probability, 1 / (1 + np.exp(-mean_logit / temperature)), rtol=2e-3)
    np.testing.assert_allclose(assessment.embedding, np.mean([a.embedding for a in alone], axis=0), atol=1e-4)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_most_abnormal_window_is_the_one_with_most_abnormal_statements_expected(
    model: EcgModel, place: int
) -> None:
    is_abnormal = np.array([code not in {"NORM", "SR"} for code in model.manifest.codes])

    def n_expected(signal: np.ndarray) -> float:
        return float(model.assess(record_of(signal)).probability[is_abnormal].sum())

    normal = sorted((real_signal_mv(entry.entry) for entry in entries_with("NORM", [9])[:12]), key=n_expected)[:2]
    abnormal = max((real_signal_mv(entry.entry) for entry in entries_with("CLBBB")[:5]), key=n_expected)
    signal = np.concatenate([*normal[:place], abnormal, *normal[place:]], axis=1)
    expected = [n_expected(signal[:, s : s + 1000]) for s in range(0, 2001, 500)]
    start_s = 5.0 * int(np.argmax(expected))
    assert model.assess(record_of(signal)).most_abnormal_window_s == (start_s, start_s + 10.0)
    assert abs(start_s - 10.0 * place) <= 5.0


def test_more_windows_than_one_run_holds(model: EcgModel) -> None:
    signal = np.tile(real_signal_mv(0), (1, 36))  # 71 windows
    assessment = model.assess(record_of(signal))
    assert assessment.n_windows == 71
    assert np.isfinite(assessment.probability).all()


def test_a_record_padded_to_a_window_is_close_to_the_whole(model: EcgModel) -> None:
    # Half a record is another piece of evidence, not another kind of input.
    differences = []
    for entry in range(20):
        signal = real_signal_mv(entry)
        whole, half = (model.assess(record_of(s)).probability for s in (signal, signal[:, :600]))
        differences.append(np.abs(whole - half).mean())
    assert np.mean(differences) < 0.02


def test_a_record_that_the_model_does_not_allow_is_not_assessed(model: EcgModel) -> None:
    with pytest.raises(NotAssessedError):
        model.assess(record_of(real_signal_mv(0)[:, :400]))


# --- a GPU that fails on the way -------------------------------------------------------------------------------------


class FailingSession:
    """A session whose device fails in its first run; ``barrier`` lets several threads fail together."""

    def __init__(self, barrier: threading.Barrier | None = None) -> None:
        self._barrier = barrier

    def run(self, outputs: list[str], inputs: dict[str, Any]) -> list[Any]:
        if self._barrier is not None:
            self._barrier.wait(timeout=30)
        raise RuntimeError("CUDA failure 700: an illegal memory access was encountered")


def test_a_gpu_that_fails_in_a_run_hands_over_to_the_cpu_for_good() -> None:
    model, record = EcgModel(allow_gpu=False), record_of(real_signal_mv(0))
    expected = model.assess(record).probability
    model._session, model.device = FailingSession(), Device("CUDA", "")
    np.testing.assert_array_equal(model.assess(record).probability, expected)
    assert model.device.name == "CPU"
    assert "failed" in model.device.reason
    np.testing.assert_array_equal(model.assess(record).probability, expected)


def test_a_gpu_that_fails_in_several_threads_at_once_hands_over_in_all() -> None:
    model, record = EcgModel(allow_gpu=False), record_of(real_signal_mv(0))
    expected = model.assess(record).probability
    model._session, model.device = FailingSession(threading.Barrier(4)), Device("CUDA", "")
    answers: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: answers.append(model.assess(record).probability)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)


def test_a_cpu_that_fails_is_an_error_that_names_the_bundle() -> None:
    model = EcgModel(allow_gpu=False)
    model._session = FailingSession()
    with pytest.raises(ModelError, match="the network failed"):
        model.assess(record_of(real_signal_mv(0)))


@pytest.mark.parametrize("change", ["a label fewer", "another embedding size"])
def test_a_manifest_of_another_network_is_refused(tmp_path: Path, change: str) -> None:
    shutil.copytree(default_model_dir(), tmp_path / "model")
    manifest = load_manifest(default_model_dir())
    if change == "a label fewer":
        manifest = replace(manifest, labels=manifest.labels[1:])
    else:
        # Without its distance, which is refused before for the same reason.
        metrics = {**manifest.metrics, "out_of_distribution": {"file": None, "reason": "none made"}}
        manifest = replace(manifest, embedding_size=manifest.embedding_size + 1, metrics=metrics)
    manifest.write(tmp_path / "model")
    with pytest.raises(ModelError, match="outputs are not those of its manifest"):
        EcgModel(tmp_path / "model")


def test_no_bundle_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model bundle"):
        EcgModel(tmp_path)
    assert default_model_dir().is_dir()
