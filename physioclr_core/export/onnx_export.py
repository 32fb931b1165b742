"""Write a network as ONNX and check that it computes the same."""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from physioclr_core.errors import ModelError
from physioclr_core.infer.session import open_session
from physioclr_core.models.residual_blocks import ResidualBlock, Shortcut

PARITY_LIMIT = 1e-4


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest absolute difference between torch and ONNX over real records, padded ones included."""

    logits: float
    embedding: float
    probability: float


def export_onnx(model: nn.Module, path: Path, n_samples: int, n_leads: int = 12) -> None:
    """Write ``model`` with inputs ``ecg`` and ``mask`` and outputs ``logits`` and ``embedding``; batch is dynamic.

    Parameters
    ----------
    model : nn.Module
        Takes x (batch, n_leads, n_samples) and mask (batch, n_samples), gives logits and embedding.
    path : Path
    n_samples : int
        Window length.
    n_leads : int
    """
    model = copy.deepcopy(model).eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    _fuse_pooled_shortcuts_(model)
    x = torch.randn(2, n_leads, n_samples)
    mask = torch.ones(2, n_samples)
    batch = torch.export.Dim("batch", min=1)
    with _quiet():
        program = torch.onnx.export(
            model,
            (x, mask),
            dynamo=True,
            input_names=["ecg", "mask"],
            output_names=["logits", "embedding"],
            dynamic_shapes=({0: batch}, {0: batch}),
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise ModelError(f"{path}: the exporter returned no program.")
    drop_metadata_(program.model)
    program.save(str(path), external_data=False)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's warnings of itself, and of packages that it can do without, from a person's terminal."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def drop_metadata_(model: Any) -> None:
    """Remove the exporter's notes: they hold the stack traces, and with them the folders, of whoever exported."""
    model.metadata_props.clear()
    graphs = [model.graph, *(function.graph for function in model.functions.values())]
    for graph in graphs:
        graph.metadata_props.clear()
        for value in (*graph.inputs, *graph.outputs, *graph.initializers.values()):
            value.metadata_props.clear()
        for node in graph:
            node.metadata_props.clear()
            node.doc_string = None
            for value in node.outputs:
                value.metadata_props.clear()


class FusedShortcut(nn.Module):
    """Average pooling by two, 1x1 convolution and batch norm as one strided convolution.

    The runtime's own pooling takes a sixth of the whole network's time; the convolution with halved weights computes
    the same.
    """

    def __init__(self, weight: Tensor, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        assert norm.running_var is not None
        assert norm.running_mean is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        half = (weight * scale[:, None, None, None] / 2).expand(-1, -1, -1, 2)
        self.weight = nn.Parameter(half.contiguous())
        self.bias = nn.Parameter((norm.bias - norm.running_mean * scale)[:, None, None])

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the shortcut of ``x`` (batch, channels, 1, time), which is zero where ``mask`` is."""
        is_odd = x.shape[-1] % 2
        y = nn.functional.conv2d(nn.functional.pad(x, (0, is_odd)), self.weight, stride=(1, 2))
        # Where signal ends, a step is one sample and not the mean of it and the padding.
        mask = nn.functional.pad(mask, (0, is_odd))
        return y * (2.0 / (mask[..., ::2] + mask[..., 1::2]).clamp(min=1.0)) + self.bias


def _fuse_pooled_shortcuts_(model: nn.Module) -> None:
    blocks = [module for module in model.modules() if isinstance(module, ResidualBlock)]
    for block in blocks:
        if block.stride == 2 and isinstance(block.shortcut, Shortcut):
            _, conv, norm = block.shortcut
            assert isinstance(conv, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            block.shortcut = FusedShortcut(conv.weight.detach(), norm)


@torch.inference_mode()
def check_parity(model: nn.Module, path: Path, x: npt.NDArray[np.float32], mask: npt.NDArray[np.float32]) -> Parity:
    """Compare torch and ONNX on prepared windows.

    Parameters
    ----------
    model : nn.Module
    path : Path
        The ONNX file.
    x : ndarray of float32, shape (n_windows, n_leads, n_samples)
    mask : ndarray of float32, shape (n_windows, n_samples)

    Raises
    ------
    ModelError
        If logits, embedding or probabilities differ by more than 1e-4.
    """
    session, _ = open_session(path, n_threads=1, allow_gpu=False)
    logits, embedding = session.run(["logits", "embedding"], {"ecg": x, "mask": mask})
    expected_logits, expected_embedding = (y.numpy() for y in model.eval()(torch.from_numpy(x), torch.from_numpy(mask)))
    parity = Parity(
        logits=float(np.abs(logits - expected_logits).max()),
        embedding=float(np.abs(embedding - expected_embedding).max()),
        probability=float(np.abs(1 / (1 + np.exp(-logits)) - 1 / (1 + np.exp(-expected_logits))).max()),
    )
    worst = max(parity.logits, parity.embedding, parity.probability)
    if not worst <= PARITY_LIMIT:
        raise ModelError(f"{path}: ONNX differs from torch by {worst:.1e}, allowed is {PARITY_LIMIT:.0e}.")
    return parity
