"""A model bundle with prediction sets and a distance to known ECGs, made of real ECGs by training of seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from real_records import entries_with, shipped_library, tiny_selection, write_ptbxl_tree
from small_training import finetuning, quiet

N_SELECT = 90


def export_small_model(folder: Path) -> Path:
    """Train a small network on about 180 real ECGs, export it as the training machine does and return the bundle.

    Fold 9 selects; it has enough ECGs for a distance, which needs fifty on each side.
    """
    from physioclr_core.data.prepare import prepare
    from physioclr_core.data.sources.ptbxl import ptbxl_source
    from physioclr_core.export.run_bundle import export_run
    from physioclr_core.train.finetune import finetune
    from physioclr_core.train.finetune_config import FinetuneConfig

    chosen = {entry.entry: entry for entry in tiny_selection(N_SELECT)}
    for code in ("NORM", "AFIB", "CLBBB"):
        chosen |= {entry.entry: entry for entry in entries_with(code, range(1, 9))[:30]}
    tree = write_ptbxl_tree(folder / "tree", list(chosen.values()))
    prepare(ptbxl_source(tree, 100.0), folder / "prepared", 100.0)
    settings = finetuning(folder / "prepared", loop={"n_epochs": 6, "batch_size": 32, "n_loader_threads": 0, "seed": 1})
    finetune(FinetuneConfig.model_validate(settings), folder / "run", quiet, allow_gpu=False)
    export_run(folder / "run", folder / "model", "small", "1", "test", n_resamples=20)
    return folder / "model"


def changed_model(source: Path, folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Return a copy of a bundle with a manifest that ``change`` has edited."""
    shutil.copytree(source, folder)
    path = folder / "manifest.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(json.dumps(values), encoding="utf-8")
    return folder


def without_limits(values: dict[str, Any]) -> None:
    """Take prediction sets and distance from a manifest, as where too few records were there to make them."""
    reason = {"file": None, "reason": "too few records"}
    values["metrics"].update(conformal=None, out_of_distribution=reason)


def held_out_entries() -> list[int]:
    """Return entries of the library that had no part in the small model."""
    used = {entry.entry for entry in tiny_selection(N_SELECT)}
    return [entry.entry for entry in shipped_library().entries if entry.fold == 9 and entry.entry not in used]
