"""Open an ONNX network on the best device there is, and say truthfully which one that was."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from physioclr_core.errors import ModelError

_FATAL = 4


@dataclass(frozen=True, slots=True)
class Device:
    """What really runs the network.

    ``name`` is "CUDA" or "CPU", read from the session. ``reason`` says why it is not the GPU and what would help;
    empty on a GPU.
    """

    name: str
    reason: str


def open_session(path: Path, n_threads: int, allow_gpu: bool = True) -> tuple[Any, Device]:
    """Return an onnxruntime session and the device that it really runs on.

    CUDA is tried first where the runtime was built with it, then the CPU. The list of available providers says only
    what was built in, so the device is read from the session.

    Parameters
    ----------
    path : Path
        ONNX file.
    n_threads : int
        Threads inside one run on the CPU; small 100 Hz networks are fastest with 1.
    allow_gpu : bool

    Raises
    ------
    ModelError
        If the file is not a network that this runtime can load.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    is_built_in = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    providers = ["CPUExecutionProvider"]
    if allow_gpu and is_built_in:
        providers.insert(0, "CUDAExecutionProvider")
        # The probe for a missing driver writes errors that would only alarm.
        onnxruntime.set_default_logger_severity(_FATAL)
        _preload_cuda(onnxruntime)
    while True:
        try:
            # The runtime's own fallback prints to stdout and keeps quiet about the device that it went to.
            session = onnxruntime.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
            break
        except Exception as error:  # noqa: BLE001 (the runtime's own exception types are not public)
            if len(providers) == 1:
                cause = (str(error).splitlines() or [type(error).__name__])[0][:160]
                raise ModelError(f"{path}: the network cannot be loaded ({cause}).") from None
            providers.pop(0)
    return session, device_of(session.get_providers(), is_built_in, allow_gpu, sys.platform)


def device_of(session_providers: list[str], is_built_in: bool, allow_gpu: bool, platform: str) -> Device:
    """Return the device of a session's own provider list, with the reason where it is not the GPU."""
    if "CUDAExecutionProvider" in session_providers:
        return Device("CUDA", "")
    if not allow_gpu:
        return Device("CPU", "the GPU was not asked for")
    if platform == "darwin":
        return Device("CPU", "CUDA does not exist on macOS")
    if not is_built_in:
        return Device("CPU", "this onnxruntime has no CUDA: install onnxruntime-gpu")
    return Device("CPU", "no usable CUDA device: install the NVIDIA driver and physioclr[gpu]")


def _preload_cuda(onnxruntime: Any) -> None:
    """Load NVIDIA's libraries from the wheels of the ``gpu`` extra where they are installed."""
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is None:
        return
    import contextlib
    import io

    # It prints each library that it does not find; the session itself tells us what came of it.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(OSError):
        preload()
