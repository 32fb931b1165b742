"""Train the default model: a residual CNN on PTB-XL folds 1-8, selected on fold 9.

One command trains it, or goes on where it was interrupted::

    python -m physioclr_core.train.supervised PTBXL_FOLDER --run RUN_FOLDER

The run folder holds ``config.json``, ``events.jsonl`` (one line an epoch), ``last.safetensors`` (everything needed to
go on) and ``best.safetensors`` (averaged weights of the best epoch on fold 9).
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import nn

from physioclr_core import __version__
from physioclr_core.data.ptbxl import ADU_PER_MV, PtbXl, load_ptbxl
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import macro_auroc
from physioclr_core.infer.preprocess import model_input
from physioclr_core.models.residual_cnn import ResidualCnn, ResidualCnnConfig
from physioclr_core.train.checkpoint import parameter_groups, resume, save_last, save_tensors, update_average_
from physioclr_core.train.schedule import one_cycle_rate

TRAIN_FOLDS = (1, 2, 3, 4, 5, 6, 7, 8)
SELECT_FOLDS = (9,)


@dataclass(frozen=True, slots=True)
class SupervisedConfig:
    """Everything that decides the result, without defaults; times in samples at 100 Hz."""

    model: ResidualCnnConfig
    seed: int
    n_epochs: int
    batch_size: int
    crop_samples: int
    max_learning_rate: float
    warmup_fraction: float
    weight_decay: float
    ema_decay: float
    scale_range: tuple[float, float]
    noise_sd: float
    lead_drop: float


DEFAULT = SupervisedConfig(
    model=ResidualCnnConfig(
        n_leads=12,
        n_labels=71,
        stem_channels=48,
        stem_kernel=15,
        stem_stride=2,
        stages=((64, 1, 2), (96, 2, 2), (192, 2, 2)),
        kernel=5,
        squeeze=8,
        dropout=0.25,
    ),
    seed=0,
    n_epochs=24,
    batch_size=64,
    crop_samples=400,
    max_learning_rate=3e-3,
    warmup_fraction=0.2,
    weight_decay=0.02,
    ema_decay=0.998,
    scale_range=(0.8, 1.25),
    noise_sd=0.04,
    lead_drop=0.1,
)


def learning_rate(step: int, n_steps: int, config: SupervisedConfig) -> float:
    """Return the one-cycle learning rate of a step."""
    return one_cycle_rate(step, n_steps, config.max_learning_rate, config.warmup_fraction)


def augmented_batch(
    signal: npt.NDArray[np.float32], rng: np.random.Generator, config: SupervisedConfig
) -> npt.NDArray[np.float32]:
    """Return random crops of preprocessed records with random gain, noise and dropped leads.

    Parameters
    ----------
    signal : ndarray of float32, shape (batch, n_leads, n_samples)
        Output of ``model_input``.
    """
    n_batch, n_leads, n_samples = signal.shape
    start = rng.integers(0, n_samples - config.crop_samples + 1, n_batch)
    index = start[:, None, None] + np.arange(config.crop_samples)
    crop = np.take_along_axis(signal, np.broadcast_to(index, (n_batch, n_leads, config.crop_samples)), axis=2)
    low, high = np.log(config.scale_range)
    crop = crop * np.exp(rng.uniform(low, high, (n_batch, 1, 1))).astype(np.float32)
    crop += rng.standard_normal(crop.shape, np.float32) * np.float32(config.noise_sd)
    is_kept = rng.random((n_batch, n_leads, 1)) >= config.lead_drop * (rng.random((n_batch, 1, 1)) < 0.5)
    return (crop * is_kept).astype(np.float32)


@torch.inference_mode()
def predict_logits(model: ResidualCnn, signal: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return logits of whole preprocessed records, shape (n_records, n_labels)."""
    model.eval()
    n_samples = signal.shape[-1]
    parts = []
    for start in range(0, len(signal), 64):
        x = torch.from_numpy(signal[start : start + 64])
        parts.append(model(x, torch.ones(len(x), n_samples))[0].numpy())
    return np.concatenate(parts)


def train(ptbxl: Path, run: Path, config: SupervisedConfig) -> float:
    """Train, or resume at the last finished epoch; return the best macro AUROC on fold 9.

    Raises
    ------
    UserFacingError
        If the run folder belongs to another configuration, there is no full batch, or the loss is no longer finite.
    """
    run.mkdir(parents=True, exist_ok=True)
    train_part = load_ptbxl(ptbxl, TRAIN_FOLDS)
    select_part = load_ptbxl(ptbxl, SELECT_FOLDS)
    if len(train_part) < config.batch_size:
        raise UserFacingError(f"{ptbxl}: {len(train_part)} records to train on, a batch takes {config.batch_size}.")
    _claim_run_folder(run, config, train_part, select_part)
    train_signal, train_labels = _prepared(train_part)
    select_signal, _ = _prepared(select_part)

    torch.manual_seed(config.seed)
    model = ResidualCnn(config.model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = ResidualCnn(config.model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average.load_state_dict(model.state_dict())
    with torch.no_grad():  # start from the labels' base rates, not from one half
        rate = train_labels.mean(axis=0).clip(1e-4)
        model.head.bias.copy_(torch.from_numpy(np.log(rate / (1 - rate))))
    optimizer = torch.optim.AdamW(parameter_groups(model, config.weight_decay), lr=0.0, betas=(0.9, 0.95))
    loss_function = nn.BCEWithLogitsLoss()

    n_batches = len(train_signal) // config.batch_size
    n_steps = n_batches * config.n_epochs
    last = resume(run, model, average, optimizer)
    first_epoch, best = (last["epoch"] + 1, last["best"]) if last else (0, float("-inf"))
    for epoch in range(first_epoch, config.n_epochs):
        started = time.monotonic()
        # Data order and dropout depend on seed and epoch only: a resumed run is the uninterrupted one.
        rng = np.random.default_rng((config.seed, epoch))
        torch.manual_seed(config.seed * 10_007 + epoch)
        order = rng.permutation(len(train_signal))
        model.train()
        total_loss = 0.0
        for batch in range(n_batches):
            step = epoch * n_batches + batch
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, n_steps, config)
            rows = np.sort(order[batch * config.batch_size : (batch + 1) * config.batch_size])
            x = torch.from_numpy(augmented_batch(train_signal[rows], rng, config))
            y = torch.from_numpy(train_labels[rows])
            logits, _ = model(x, torch.ones(len(x), config.crop_samples))
            loss = loss_function(logits, y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            update_average_(average, model, min(config.ema_decay, (step + 1) / (step + 10)))
            total_loss += loss.item()
        if not np.isfinite(total_loss):
            raise UserFacingError(f"{run}: the loss is not finite in epoch {epoch}; the last good epoch is kept.")
        auroc = macro_auroc(select_part.labels, predict_logits(average, select_signal))
        if auroc > best:
            best = auroc
            save_tensors(run / "best.safetensors", average.state_dict(), {"epoch": epoch, "macro_auroc": auroc})
        save_last(run, model, average, optimizer, {"epoch": epoch, "best": best})
        event = {
            "epoch": epoch,
            "loss": total_loss / n_batches,
            "macro_auroc": auroc,
            "seconds": round(time.monotonic() - started, 1),
        }
        with (run / "events.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(event) + "\n")
        print(json.dumps(event), flush=True)  # noqa: T201 (the progress of a command)
    return best


def load_best(run: Path) -> tuple[ResidualCnn, SupervisedConfig, dict[str, Any]]:
    """Return the selected network of a run, its configuration and what ``config.json`` records beside it."""
    recorded = json.loads((run / "config.json").read_text(encoding="utf-8"))
    values = dict(recorded["config"])
    shape = dict(values.pop("model"))
    shape["stages"] = tuple(tuple(stage) for stage in shape["stages"])
    values["scale_range"] = tuple(values["scale_range"])
    config = SupervisedConfig(model=ResidualCnnConfig(**shape), **values)
    model = ResidualCnn(config.model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.load_state_dict(load_file(run / "best.safetensors"))
    return model.eval(), config, recorded


def _prepared(part: PtbXl) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    signal = np.empty(part.signal_adu.shape, np.float32)
    for start in range(0, len(part), 1024):
        rows = slice(start, start + 1024)
        signal[rows] = model_input(part.signal_adu[rows].astype(np.float32) / np.float32(ADU_PER_MV))
    return signal, part.labels.astype(np.float32)


def _claim_run_folder(run: Path, config: SupervisedConfig, train_part: PtbXl, select_part: PtbXl) -> None:
    recorded = {
        "config": asdict(config),
        "train_folds": TRAIN_FOLDS,
        "select_folds": SELECT_FOLDS,
        "n_train": len(train_part),
        "n_select": len(select_part),
        "train_data_sha256": train_part.data_sha256,
        "select_data_sha256": select_part.data_sha256,
        "code_version": __version__,
        "torch": torch.__version__.split("+")[0],
    }
    path = run / "config.json"
    text = json.dumps(recorded, indent=2) + "\n"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if any(before[key] != json.loads(text)[key] for key in ("config", "train_data_sha256", "select_data_sha256")):
            raise UserFacingError(f"{run}: this folder holds a run of another configuration or other data.")
        return
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Train the default model on PTB-XL folds 1-8, selected on fold 9.")
    parser.add_argument("ptbxl", type=Path, help="PTB-XL's folder: ptbxl_database.csv and records100/")
    parser.add_argument("--run", type=Path, required=True, help="folder of this run; an interrupted run goes on")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (1 where anything else is running)")
    parser.add_argument("--epochs", type=int, default=DEFAULT.n_epochs)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    from dataclasses import replace

    best = train(args.ptbxl, args.run, replace(DEFAULT, n_epochs=args.epochs))
    print(f"best macro AUROC on fold 9: {best:.4f}")  # noqa: T201


if __name__ == "__main__":
    main()
