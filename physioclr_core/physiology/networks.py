"""The two small networks of the physiology engine: where they are, that they are whole, and running them."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import ModelError
from physioclr_core.infer.session import open_session
from physioclr_core.paths import assets_dir

FloatArray = npt.NDArray[np.float32]

MANIFEST = "networks.json"
NETWORKS = ("beats", "waves")
FORMAT_VERSION = 1


def networks_dir() -> Path:
    """Return the folder of the shipped networks."""
    return assets_dir() / "physiology"


class Network(Protocol):
    """What beats and waves are found with."""

    def logits(self, ecg: FloatArray) -> FloatArray:
        """Return logits for (batch, leads, time) at 250 Hz."""


class OnnxNetwork:
    """One ONNX network with input ``ecg`` (batch, leads, time) and output ``logits``, on one thread of the CPU.

    A record takes it a few milliseconds: less than a GPU needs to be asked.

    Raises
    ------
    ModelError
        If the file is missing, is not the one of the manifest, or cannot be loaded.
    """

    def __init__(self, folder: Path, name: str) -> None:
        manifest = read_manifest(folder)
        path = folder / f"{name}.onnx"
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise ModelError(f"{path}: the network cannot be read ({error.strerror}).") from None
        if digest != manifest["networks"].get(name, {}).get("sha256"):
            raise ModelError(f"{path}: this is not the network that {MANIFEST} describes.")
        self.sha256 = digest
        self._session, _ = open_session(path, n_threads=1, allow_gpu=False)

    def logits(self, ecg: FloatArray) -> FloatArray:
        """Run the network on (batch, leads, time)."""
        result: FloatArray = self._session.run(["logits"], {"ecg": ecg})[0]
        return result


def sigmoid(logits: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-x)) without overflow."""
    result: FloatArray = np.tanh(logits * np.float32(0.5))
    result += 1.0
    result *= 0.5
    return result


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what is known of the networks: hashes, training data, figures.

    Raises
    ------
    ModelError
        If it is missing or damaged, or its format is another.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["format_version"]
        _ = [manifest["networks"][name]["sha256"] for name in manifest["networks"]]
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelError(f"{path}: is damaged.") from None
    if version != FORMAT_VERSION:
        raise ModelError(f"{path}: format {version} is not known to this version.")
    return manifest


@cache
def shipped_network(name: str) -> OnnxNetwork:
    """Return a shipped network, opened once in this process."""
    return OnnxNetwork(networks_dir(), name)
