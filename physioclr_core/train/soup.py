"""Several fine-tuned networks of one start as one: the mean of their weights (Wortsman et al., arXiv 2203.05482, 2022).

One command, which makes the folder of a run that can be evaluated and exported like any other::

python -m physioclr_core.train.soup RUN RUN [RUN ...] --run OUT
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from physioclr_core.data.segments import network_input
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import macro_auroc
from physioclr_core.files import sha256_of
from physioclr_core.models.classifier import Classifier
from physioclr_core.train.checkpoint import read_tensors, save_tensors
from physioclr_core.train.finetune import load_finetuned
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.predict import predict
from physioclr_core.train.predictions_file import KeptPredictions
from physioclr_core.train.records import TrainingRecords, open_training_data
from physioclr_core.train.run_folder import RunFolder
from physioclr_core.train.run_record import places_of, recorded_config

# Records that statistics of normalisation are measured on anew, those of each network being of its own activations.
_N_STATISTICS = 2048
_BATCH = 64
# What has to be the same for weights to be of one start and one purpose.
_ALIKE = ("labels", "data_sha256", "pretrained_sha256")


def average_runs(runs: Sequence[Path], out: Path) -> float:
    """Average the weights of several runs; return the macro AUROC on the records that selected.

    Statistics of batch normalisation are measured anew on training records.

    Parameters
    ----------
    runs : sequence of Path
        Finished fine-tuning runs from one pretraining, on one task and one data set; two at least.
    out : Path
        A folder that does not exist yet.

    Raises
    ------
    UserFacingError
        If a run cannot be read, the runs do not fit each other, or the folder exists.
    """
    if out.exists():
        raise UserFacingError(f"{out}: is there already; name a new folder.")
    records = [recorded_config(FinetuneConfig, RunFolder.existing(run), "finetune")[1] for run in runs]
    for run, record in zip(runs, records, strict=True):
        differing = [key for key in _ALIKE if record.get(key) != records[0].get(key)]
        if differing:
            raise UserFacingError(f"{run}: differs from {runs[0]} in {', '.join(differing)}; their mean means nothing.")
    classifier, config, record = load_finetuned(runs[0])
    data = open_training_data(config.data, config.task)
    if data.data_sha256 != record["data_sha256"]:
        raise UserFacingError(f"{config.data.prepared[0]}: is not the data set that {runs[0]} was trained on.")
    tensors = [read_tensors(RunFolder(run).best) for run in runs]
    mean = {
        name: torch.stack([own[name].double() for own in tensors]).mean(0).to(first.dtype)
        if first.is_floating_point()
        else first
        for name, first in tensors[0].items()
    }
    prefix = "classifier."
    classifier.load_state_dict({k.removeprefix(prefix): v for k, v in mean.items() if k.startswith(prefix)})
    measure_statistics(classifier, data.train, config)
    mean |= {f"{prefix}{name}": tensor for name, tensor in classifier.state_dict().items()}
    logits = predict(classifier.eval(), data.select, config.windows).logits
    labels = data.select.known_labels
    area = macro_auroc(labels, logits)
    folder = RunFolder(out)
    averaged = [sha256_of(RunFolder(run).best) for run in runs]
    with folder.owned({**record, "averaged_sha256": averaged}, (), places_of(config)):
        save_tensors(folder.best, mean, {})
        rows = data.select.rows
        KeptPredictions(logits, labels, data.select.dataset.patient[rows], rows).write(out)
        folder.event(event="averaged", step=0, n_runs=len(runs), macro_auroc=area)
    return area


@torch.no_grad()
def measure_statistics(classifier: Classifier, records: TrainingRecords, config: FinetuneConfig) -> None:
    """Measure mean and variance of every batch normalisation on training records, every batch alike."""
    norms = [module for module in classifier.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    momentum = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over batches
        norm.train()
    chosen = np.random.default_rng(0).permutation(len(records))[:_N_STATISTICS]
    n_samples = round(config.windows.window_s * records.fs_hz)
    for start in range(0, len(chosen), _BATCH):
        segments = records.segments(chosen[start : start + _BATCH])
        x = network_input(segments.signal_mv[..., :n_samples], segments.mask[:, :n_samples])
        classifier(torch.from_numpy(x), torch.from_numpy(segments.mask[:, :n_samples].astype(np.float32)))
    for norm, before in zip(norms, momentum, strict=True):
        norm.momentum = before
        norm.eval()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Average the weights of fine-tuned networks of one pretraining.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="finished fine-tuning runs, two at least")
    parser.add_argument("--run", type=Path, required=True, metavar="OUT", help="folder to make")
    args = parser.parse_args(argv)
    if len(args.runs) < 2:
        parser.error("two runs at least have a mean")
    try:
        area = average_runs(args.runs, args.run)
    except UserFacingError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(f"{args.run}: {len(args.runs)} networks, macro AUROC {area:.4f} where they were selected")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
