"""A small prepared data set of real ECGs and configurations that train on it within seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from real_records import entries_with, tiny_selection, write_ptbxl_tree

from physioclr_core.data.prepare import prepare
from physioclr_core.data.sources.ptbxl import ptbxl_source

SMALL_ENCODER: dict[str, Any] = {
    "kind": "residual-cnn",
    "stem_channels": 8,
    "stages": [[8, 1, 2], [16, 1, 2]],
    "kernel": 5,
    "squeeze": 4,
}


def small_dataset(folder: Path) -> Path:
    """Prepare about 150 real ECGs of folds 1 to 9, atrial fibrillation in several folds among them."""
    chosen = {entry.entry: entry for entry in tiny_selection()}
    for fold in range(1, 10):
        chosen |= {entry.entry: entry for entry in entries_with("AFIB", [fold])[:4]}
    tree = write_ptbxl_tree(folder / "tree", list(chosen.values()))
    prepare(ptbxl_source(tree, 100.0), folder / "prepared", 100.0)
    return folder / "prepared"


def pretraining(prepared: Path, **changes: Any) -> dict[str, Any]:
    """Return settings of a pretraining of seconds."""
    return {
        "data": {"prepared": [str(prepared)]},
        "encoder": SMALL_ENCODER,
        "objective": {"kind": "simclr", "crop_s": 2.5, "n_hidden": 16, "n_projection": 8},
        "loop": {"n_epochs": 2, "batch_size": 32, "n_loader_threads": 0, "seed": 1},
        **changes,
    }


def finetuning(prepared: Path, **changes: Any) -> dict[str, Any]:
    """Return settings of a fine-tuning of seconds."""
    return {
        "data": {"prepared": [str(prepared)]},
        "encoder": SMALL_ENCODER,
        "loop": {"n_epochs": 2, "batch_size": 32, "n_loader_threads": 0, "seed": 1},
        **changes,
    }


def quiet(done: int, total: int, loss: float) -> None:
    """Take the progress of a training and check that it makes sense."""
    assert 0 < done <= total
    assert np.isfinite(loss)
