"""What every training run keeps: weights, their running average and the optimiser; nothing half-written stays."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from physioclr_core.errors import UserFacingError


def parameter_groups(
    model: nn.Module, weight_decay: float, slower: nn.Module | None = None, slower_rate: float = 1.0
) -> list[dict[str, Any]]:
    """Return the parameters in groups: weights with decay, biases and norms without.

    Parameters
    ----------
    model : nn.Module
    weight_decay : float
    slower : nn.Module, optional
        Part of the model whose learning rate is multiplied by ``slower_rate``; its groups come last.
    slower_rate : float
    """
    apart = {id(p) for p in slower.parameters()} if slower is not None and slower_rate != 1.0 else set()
    groups = []
    for is_apart in (False, True) if apart else (False,):
        part = [p for p in model.parameters() if (id(p) in apart) == is_apart]
        rate = {"rate": slower_rate if is_apart else 1.0}
        groups.append({"params": [p for p in part if p.ndim > 1], "weight_decay": weight_decay, **rate})
        groups.append({"params": [p for p in part if p.ndim <= 1], "weight_decay": 0.0, **rate})
    return groups


@torch.no_grad()
def update_average_(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move a running average of the weights towards the model's; counters are copied."""
    for mean, value in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1.0 - decay)
        else:
            mean.copy_(value)


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write tensors and metadata as one safetensors file, aside first.

    Raises
    ------
    UserFacingError
        If the disk is full or cannot be written; what was there before stays.
    """
    aside = path.with_suffix(".partial")
    texts = {k: json.dumps(v) for k, v in metadata.items()}
    try:
        # One file for both: weights and their epoch cannot part.
        save_file({k: v.contiguous() for k, v in tensors.items()}, aside, texts)
        with aside.open("r+b") as file:  # Windows syncs only what may be written
            os.fsync(file.fileno())
        aside.replace(path)
    except (OSError, SafetensorError) as error:
        raise UserFacingError(f"{path}: cannot be written ({_cause(error)}); what was saved before is kept.") from None
    finally:
        aside.unlink(missing_ok=True)


def save_last(
    run: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, metadata: dict[str, Any]
) -> None:
    """Write ``last.safetensors``: everything that is needed to go on."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": v for k, v in state.items()}
    save_tensors(run / "last.safetensors", tensors, metadata)


def resume(run: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Load ``last.safetensors`` into model, average and optimiser; return its metadata, None where there is none.

    Raises
    ------
    UserFacingError
        If the file is damaged or holds another network.
    """
    path = run / "last.safetensors"
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = {k: json.loads(v) for k, v in file.metadata().items()}
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserFacingError(f"{path}: cannot be read as a checkpoint ({_cause(error)}).") from None
    for prefix, module in (("model.", model), ("average.", average)):
        part = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        load_weights(module, part, path)
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return metadata


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the weights that a run kept.

    Raises
    ------
    UserFacingError
        If there are none yet, or the file is damaged.
    """
    if not path.exists():
        raise UserFacingError(f"{path.parent}: this run has kept no weights yet; start it again to go on.")
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserFacingError(f"{path}: cannot be read as weights ({_cause(error)}).") from None
    return tensors


def read_metadata(path: Path) -> dict[str, Any]:
    """Read what ``save_tensors`` was told of its tensors.

    Raises
    ------
    UserFacingError
        If the file cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {k: json.loads(v) for k, v in (file.metadata() or {}).items()}
    except (OSError, SafetensorError, ValueError) as error:
        raise UserFacingError(f"{path}: cannot be read ({_cause(error)}).") from None


def load_weights(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Load weights into a network.

    Raises
    ------
    UserFacingError
        If names or shapes are not those of the network; ``path`` is the file that they came from.
    """
    expected = module.state_dict()
    differing = sorted({*expected} ^ {*tensors})
    differing += [name for name in expected if name in tensors and expected[name].shape != tensors[name].shape]
    if differing:
        raise UserFacingError(
            f"{path}: these are weights of another network; {len(differing)} tensors differ, {differing[0]} among them."
        )
    module.load_state_dict(tensors)


def _cause(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
