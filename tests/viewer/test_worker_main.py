"""The worker as a real child process; none of its parts are stood in for."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from real_records import long_signal_mv, real_signal_mv, record_of, shipped_library
from worker_process import WorkerProcess

from ecgviewer.jobs.protocol import (
    Analyse,
    HeartRate,
    LibraryRecord,
    Neighbour,
    OpenLibraryRecord,
    Predictions,
    Ready,
    Similar,
    decode,
    encode,
)
from ecgviewer.jobs.worker_main import Worker
from physioclr_core.infer.manifest import load_manifest
from physioclr_core.infer.model import EcgModel, default_model_dir
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.heart_rate import mean_heart_rate
from physioclr_core.signal.resample import resample
from physioclr_core.statements import GROUPS, statements


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[WorkerProcess, Ready]]:
    worker = WorkerProcess()
    yield worker, worker.receive(Ready)
    assert worker.close() == 0
    assert worker.lines.empty()
    assert worker.stderr == []


@pytest.fixture
def worker(started: tuple[WorkerProcess, Ready]) -> WorkerProcess:
    return started[0]


def answers(worker: WorkerProcess) -> tuple[Predictions, Similar, HeartRate]:
    """Return the three answers to a request; they come in the order predictions, heart rate, similar."""
    found, rate, near = worker.receive(Predictions), worker.receive(HeartRate), worker.receive(Similar)
    return found, near, rate


# --- start -----------------------------------------------------------------------------------------------------------


def test_neighbours_come_with_what_they_measure_alike(worker: WorkerProcess, tmp_path: Path) -> None:
    signal = tmp_path / "1.npy"
    np.save(signal, shipped_library().signal_mv(11), allow_pickle=False)
    worker.send(Analyse(901, str(signal), 100.0, list(STANDARD_LEADS), "e", None, 3))
    near = answers(worker)[1]
    assert len(near.neighbours) == 3
    for neighbour in near.neighbours:
        assert neighbour.likeness is not None
        assert list(neighbour.likeness.blocks) == ["rhythm", "conduction", "repolarisation", "morphology"]


def test_it_says_what_it_runs_on_and_with(started: tuple[WorkerProcess, Ready]) -> None:
    ready, manifest = started[1], load_manifest(default_model_dir())
    assert (ready.model, ready.fingerprint) == (manifest.short_id, manifest.fingerprint)
    assert ready.device in {"CPU", "CUDA"}
    assert bool(ready.device_reason) == (ready.device == "CPU")
    assert ready.n_library == len(shipped_library())
    assert "PTB-XL" in ready.attribution
    assert Path(ready.model_card).read_text(encoding="utf-8").startswith("# Model card")


def test_it_knows_no_qt_and_no_torch() -> None:
    code = (
        "import io, sys, ecgviewer.jobs.worker_main as w\n"
        "w.Worker(io.BytesIO()).announce(); w._import_slow_libraries()\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'PySide6', 'pyqtgraph', 'torch', 'wfdb', 'pandas'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- answers ---------------------------------------------------------------------------------------------------------


def test_predictions_are_those_of_the_model_in_the_order_of_the_panel(worker: WorkerProcess, tmp_path: Path) -> None:
    signal = real_signal_mv(11)
    worker.analyse(signal, tmp_path, job=1)
    predictions, _, rate = answers(worker)
    expected = EcgModel(allow_gpu=False).assess(record_of(signal))
    manifest = load_manifest(default_model_dir())
    probability = dict(zip(manifest.codes, expected.probability, strict=True))
    labels = {label.code: label for label in manifest.labels}
    assert (predictions.job, predictions.reason, predictions.n_windows) == (1, None, 1)
    assert predictions.most_abnormal_window_s is None
    assert len(predictions.findings) == 71
    order = [GROUPS.index(finding.group) for finding in predictions.findings]
    assert order == sorted(order)
    known = {statement.code: statement for statement in statements()}
    for finding in predictions.findings:
        assert finding.probability == pytest.approx(float(probability[finding.code]), abs=1e-4)
        assert finding.threshold == labels[finding.code].threshold
        assert finding.n_positive == labels[finding.code].n_positive
        statement = known[finding.code]
        assert (finding.description, finding.group, finding.is_urgent) == (
            statement.description,
            statement.group,
            statement.is_urgent,
        )
    bpm = mean_heart_rate(signal, 100.0).bpm
    assert rate.bpm == (None if bpm is None else pytest.approx(bpm))


def test_neighbours_come_with_thumbnails_of_lead_ii(worker: WorkerProcess, tmp_path: Path) -> None:
    worker.analyse(real_signal_mv(11), tmp_path, job=2, k=5)
    _, similar, _ = answers(worker)
    assert (similar.job, similar.reason, len(similar.neighbours)) == (2, None, 5)
    assert len(similar.left_out) == 1
    assert similar.left_out[0].endswith("the same signal")
    assert similar.limit_distance == shipped_library().limit_distance
    assert similar.is_close == (similar.neighbours[0].distance <= similar.limit_distance)
    assert similar.thumbnails is not None
    assert Path(similar.thumbnails).parent == tmp_path
    thumbnails = np.load(similar.thumbnails, allow_pickle=False)
    assert thumbnails.dtype == np.int16
    assert similar.thumbnail_fs_hz == 100.0
    for thumbnail, neighbour in zip(thumbnails, similar.neighbours, strict=True):
        assert isinstance(neighbour, Neighbour)
        np.testing.assert_array_equal(thumbnail, np.round(1000 * real_signal_mv(neighbour.entry)[1]))


def test_the_same_patient_is_left_out(worker: WorkerProcess, tmp_path: Path) -> None:
    worker.analyse(real_signal_mv(11), tmp_path, job=3)
    nearest = shipped_library().entries[answers(worker)[1].neighbours[0].entry]
    worker.analyse(real_signal_mv(11), tmp_path, job=4, patient_id=f"ptbxl:{nearest.patient_id}")
    _, similar, _ = answers(worker)
    assert f"{nearest.record}: the same patient" in similar.left_out
    assert nearest.entry not in [neighbour.entry for neighbour in similar.neighbours]


@pytest.mark.parametrize("fs_hz", [500.0, 257.0, 1000.0])
def test_any_sampling_rate_is_answered(worker: WorkerProcess, tmp_path: Path, fs_hz: float) -> None:
    worker.analyse(resample(real_signal_mv(11), 100.0, fs_hz), tmp_path, job=4, fs_hz=fs_hz)
    predictions, similar, rate = answers(worker)
    assert (predictions.reason, similar.reason) == (None, None)
    assert rate.bpm is not None


def test_a_long_record_has_a_most_abnormal_window(worker: WorkerProcess, tmp_path: Path) -> None:
    worker.analyse(long_signal_mv(6000), tmp_path, job=5)
    predictions, _, _ = answers(worker)
    assert predictions.n_windows == 11
    assert predictions.most_abnormal_window_s is not None
    start_s, end_s = predictions.most_abnormal_window_s
    assert end_s - start_s == 10.0
    assert 0.0 <= start_s <= 50.0


def test_a_record_of_two_leads_has_reasons_and_a_heart_rate(worker: WorkerProcess, tmp_path: Path) -> None:
    worker.analyse(real_signal_mv(11)[:2], tmp_path, job=6, lead_names=("MLII", "V5"))
    predictions, similar, rate = answers(worker)
    assert predictions.reason is not None
    assert "not recorded" in predictions.reason
    assert predictions.findings == []
    assert similar.reason == predictions.reason
    assert (similar.neighbours, similar.thumbnails) == ([], None)
    assert rate.bpm is not None


def test_a_flat_record_has_reasons_only(worker: WorkerProcess, tmp_path: Path) -> None:
    worker.analyse(np.full((12, 1000), 0.1), tmp_path, job=7)
    predictions, similar, rate = answers(worker)
    assert predictions.reason == similar.reason == "all leads are flat"
    assert (rate.bpm, rate.reason) == (None, "all leads are flat")


def test_a_library_record_is_written_where_it_was_asked_for(worker: WorkerProcess, tmp_path: Path) -> None:
    path = tmp_path / "neighbour.npy"
    worker.send(OpenLibraryRecord(8, 42, str(path)))
    answer = worker.receive(LibraryRecord)
    assert (answer.job, answer.signal, answer.fs_hz) == (8, str(path), 100.0)
    assert answer.lead_names == list(STANDARD_LEADS)
    assert answer.neighbour.record == shipped_library().entries[42].record
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), real_signal_mv(42))


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [b"nonsense\n", b"\n", b"{}\n", b'{"kind": []}\n', b"\xff\xfe\n", b'{"kind": "analyse", "job": 1}\n', b"[]\n"],
)
def test_a_line_that_is_no_message_is_answered_and_survived(worker: WorkerProcess, tmp_path: Path, line: bytes) -> None:
    worker.send(line)
    assert worker.failure().job is None
    worker.analyse(real_signal_mv(0), tmp_path, job=9)
    assert answers(worker)[0].reason is None


def test_a_job_that_fails_says_so_under_its_number_and_the_next_one_is_done(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    worker.send(Analyse(10, str(tmp_path / "missing.npy"), 100.0, list(STANDARD_LEADS), "x"))
    assert worker.failure().job == 10
    (tmp_path / "objects.npy").write_bytes(b"\x80\x04no array")
    worker.send(Analyse(11, str(tmp_path / "objects.npy"), 100.0, list(STANDARD_LEADS), "x"))
    assert worker.failure().job == 11
    worker.analyse(real_signal_mv(0)[:3], tmp_path, job=12)
    assert worker.failure().job == 12
    worker.send(OpenLibraryRecord(13, 10**6, str(tmp_path / "x.npy")))
    assert worker.failure().job == 13
    worker.analyse(real_signal_mv(0), tmp_path, job=14)
    assert [answer.job for answer in answers(worker)] == [14, 14, 14]


def test_an_array_of_objects_is_never_opened(worker: WorkerProcess, tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    worker.send(Analyse(15, str(tmp_path / "objects.npy"), 100.0, list(STANDARD_LEADS), "x"))
    assert "allow_pickle" in worker.failure().message


def test_requests_that_wait_are_answered_in_their_order(worker: WorkerProcess, tmp_path: Path) -> None:
    for job in (20, 21, 22):
        worker.analyse(real_signal_mv(job), tmp_path, job=job)
    assert [answers(worker)[0].job for _ in range(3)] == [20, 21, 22]


def test_a_library_of_another_model_costs_the_neighbours_only(tmp_path: Path) -> None:
    output = io.BytesIO()
    worker = Worker(output)
    worker._library.fingerprint = "0" * 64
    np.save(tmp_path / "1.npy", real_signal_mv(0))
    worker.answer(Analyse(1, str(tmp_path / "1.npy"), 100.0, list(STANDARD_LEADS), "x"))
    predictions, rate, similar = (decode(line) for line in output.getvalue().splitlines())
    assert isinstance(predictions, Predictions)
    assert isinstance(similar, Similar)
    assert isinstance(rate, HeartRate)
    assert predictions.reason is None
    assert similar.reason is not None
    assert "rebuild it" in similar.reason


# --- end -------------------------------------------------------------------------------------------------------------


def test_it_ends_when_the_window_is_gone() -> None:
    worker = WorkerProcess()
    worker.receive(Ready)
    assert worker.close() == 0
    assert worker.stderr == []


def test_it_ends_when_nobody_reads_its_answers(tmp_path: Path) -> None:
    np.save(tmp_path / "1.npy", real_signal_mv(0))
    request = encode(Analyse(1, str(tmp_path / "1.npy"), 100.0, list(STANDARD_LEADS), "x"))
    command = [sys.executable, "-m", "ecgviewer", "--worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert isinstance(decode(process.stdout.readline()), Ready)
        process.stdout.close()
        process.stdin.write(request)
        process.stdin.flush()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


def test_a_request_sent_before_it_is_ready_is_answered(tmp_path: Path) -> None:
    worker = WorkerProcess()
    worker.analyse(resample(real_signal_mv(3), 100.0, 500.0), tmp_path, job=1, fs_hz=500.0)
    worker.receive(Ready)
    predictions, similar, rate = answers(worker)
    assert (predictions.reason, similar.reason, rate.reason) == (None, None, "")
    assert worker.close() == 0
