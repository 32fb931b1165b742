from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from real_records import real_signal_mv, record_of

from physioclr_core.errors import ModelError
from physioclr_core.infer.manifest import load_manifest
from physioclr_core.infer.model import EcgModel, default_model_dir
from physioclr_core.infer.session import device_of, open_session

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


@pytest.fixture(scope="module")
def network() -> Path:
    return default_model_dir() / load_manifest(default_model_dir()).onnx_file


# --- what is said of the device --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("providers", "is_built_in", "allow_gpu", "platform", "name", "reason"),
    [
        ([CUDA, CPU], True, True, "linux", "CUDA", ""),
        ([CPU], True, True, "linux", "CPU", "no usable CUDA device"),
        ([CPU], True, True, "win32", "CPU", "no usable CUDA device"),
        ([CPU], False, True, "linux", "CPU", "no CUDA: install onnxruntime-gpu"),
        ([CPU], False, True, "darwin", "CPU", "macOS"),
        ([CPU], True, False, "linux", "CPU", "not asked for"),
        ([CPU], False, False, "darwin", "CPU", "not asked for"),
    ],
)
def test_names_the_device_of_the_session_with_the_reason_and_the_remedy(
    providers: list[str], is_built_in: bool, allow_gpu: bool, platform: str, name: str, reason: str
) -> None:
    device = device_of(providers, is_built_in, allow_gpu, platform)
    assert device.name == name
    assert reason in device.reason
    assert bool(device.reason) == (name == "CPU")


def test_a_session_without_gpu_says_cpu_and_runs(network: Path) -> None:
    session, device = open_session(network, n_threads=1, allow_gpu=False)
    assert session.get_providers() == [CPU]
    assert (device.name, device.reason) == ("CPU", "the GPU was not asked for")
    logits, embedding = session.run(
        ["logits", "embedding"], {"ecg": np.zeros((3, 12, 1000), np.float32), "mask": np.ones((3, 1000), np.float32)}
    )
    assert logits.shape == (3, 71)
    assert embedding.shape[0] == 3


def test_the_device_is_read_from_the_session_and_not_from_what_was_built_in(network: Path) -> None:
    session, device = open_session(network, n_threads=1)
    assert device.name == ("CUDA" if CUDA in session.get_providers() else "CPU")


def test_a_network_that_cannot_be_loaded_is_one_sentence(tmp_path: Path) -> None:
    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(b"not a network")
    with pytest.raises(ModelError, match="the network cannot be loaded") as caught:
        open_session(damaged, n_threads=1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("is_damaged", [False, True], ids=["good network", "damaged network"])
def test_looking_for_a_gpu_prints_nothing(network: Path, tmp_path: Path, is_damaged: bool) -> None:
    path = network
    if is_damaged:
        path = tmp_path / "model.onnx"
        path.write_bytes(network.read_bytes()[:-1000])
    code = (
        "import sys; from pathlib import Path; from physioclr_core.errors import ModelError\n"
        "from physioclr_core.infer.session import open_session\n"
        "try: open_session(Path(sys.argv[1]), 1)\n"
        "except ModelError: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- the provider's edge, with a pretended GPU -----------------------------------------------------------------------


class PretendedGpuSession:
    """A CUDA session that fails when it runs."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_providers(self) -> list[str]:
        return [CUDA, CPU]

    def run(self, outputs: list[str], inputs: dict[str, Any]) -> list[Any]:
        raise self.error


def test_a_gpu_that_cannot_be_set_up_gives_way_to_the_cpu(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = onnxruntime.InferenceSession
    asked = []

    def session(path: str, options: Any, providers: list[str], **kwargs: Any) -> Any:
        asked.append(list(providers))
        if CUDA in providers:
            raise RuntimeError("CUDA failure 2: out of memory")
        return real(path, options, providers=providers, **kwargs)

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    _, device = open_session(network, n_threads=1)
    assert asked == [[CUDA, CPU], [CPU]]
    assert device.name == "CPU"
    assert device.reason


# --- a real GPU ------------------------------------------------------------------------------------------------------


@pytest.mark.gpu
def test_gpu_and_cpu_agree() -> None:
    gpu, cpu = EcgModel(), EcgModel(allow_gpu=False)
    assert gpu.device.name == "CUDA"
    for entry in range(20):
        record = record_of(real_signal_mv(entry))
        a, b = gpu.assess(record), cpu.assess(record)
        np.testing.assert_allclose(a.probability, b.probability, atol=1e-3)
        np.testing.assert_allclose(a.embedding, b.embedding, atol=1e-2)
