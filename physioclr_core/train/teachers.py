"""What several trained networks say of the records that they learnt from, for one network to learn from them all.

Two commands::

python -m physioclr_core.train.teachers RUN [RUN ...] --out SOFT.safetensors
physioclr finetune CONFIG soft_labels=SOFT.safetensors

A network knows the records that it learnt from by heart. ``RUN+RUN`` is one teacher of several runs, each of which
learnt from a part of the records and says what it thinks of those that it was judged on: train folds 1-4, judge 5-8,
and the other way round.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize

from physioclr_core.errors import UserFacingError
from physioclr_core.files import sha256_of
from physioclr_core.train.checkpoint import read_metadata, read_tensors, save_tensors
from physioclr_core.train.finetune import load_finetuned
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.fixed_inputs import boosting_out_of_fold
from physioclr_core.train.predict import predict
from physioclr_core.train.predictions_file import NAME as PREDICTIONS
from physioclr_core.train.predictions_file import read_predictions
from physioclr_core.train.records import TrainingData, open_training_data, with_physiology
from physioclr_core.train.run_folder import RunFolder
from physioclr_core.train.run_record import recorded_config

FloatArray = npt.NDArray[np.float32]

TRAINING_LOGITS = "training_logits.safetensors"
_LEAST_SD = 1e-6


def write_soft_labels(teachers: Sequence[Sequence[Path]], out: Path) -> int:
    """Write what several teachers say together of training records; return the number of records.

    Logits of different kinds of models have different scales, label by label, so the mean is of standardised ones; a
    logistic regression on the training labels makes probabilities of it. Each run's logits stay in its folder.

    Parameters
    ----------
    teachers : sequence of sequence of Path
        Fine-tuning runs of one task. A single one says what it thinks of its own training records, boosted trees on
        features out of fold; of several, each speaks of the records that it was judged on.
    out : Path

    Raises
    ------
    UserFacingError
        If a run cannot be read, or the teachers speak of different records or labels.
    """
    said = [_opinion(runs) for runs in teachers]
    first = said[0]
    for runs, opinion in zip(teachers, said, strict=True):
        if opinion.of != first.of or not np.array_equal(opinion.row, first.row):
            raise UserFacingError(f"{runs[0]}: speaks of other records or labels than {teachers[0][0]}.")
    scores: FloatArray = np.stack([opinion.scores for opinion in said]).mean(axis=0)
    probability = calibrated(scores, first.labels)
    save_tensors(
        out,
        {"probability": torch.from_numpy(probability), "row": torch.from_numpy(first.row)},
        {**first.of, "teachers_sha256": [_identity(run) for runs in teachers for run in runs]},
    )
    return len(first.row)


@dataclass(frozen=True, slots=True, eq=False)
class _Opinion:
    """Standardised logits of records, in the order of ``row``, and what they are of."""

    scores: FloatArray
    labels: FloatArray
    row: npt.NDArray[np.int64]
    of: dict[str, Any]


def _opinion(runs: Sequence[Path]) -> _Opinion:
    parts, of = [], []
    for run in runs:
        config, record = recorded_config(FinetuneConfig, RunFolder.existing(run), "finetune")
        of.append({"labels": record["labels"], "data_sha256": record["data_sha256"]})
        if of[-1] != of[0]:
            raise UserFacingError(f"{run}: learnt from other data or labels than {runs[0]}.")
        if len(runs) > 1:
            kept = read_predictions(run)
            parts.append((_standardised(kept.logits), kept.labels, kept.row))
        else:
            data = open_training_data(config.data, config.task)
            if data.data_sha256 != record["data_sha256"]:
                raise UserFacingError(f"{run}: the prepared records are not those that the run learnt from.")
            parts.append((_standardised(_logits(run, config, data)), data.train.known_labels, data.train.rows))
    scores, labels, row = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(row)
    if len(np.unique(row)) < len(row):
        raise UserFacingError(f"{runs[0]}: was judged on records that another part of the same teacher was judged on.")
    return _Opinion(scores[order], labels[order], row[order], of[0])


def _standardised(logits: FloatArray) -> FloatArray:
    scores: FloatArray = (logits - logits.mean(axis=0)) / np.maximum(logits.std(axis=0), _LEAST_SD)
    return scores


def _logits(run: Path, config: FinetuneConfig, data: TrainingData) -> FloatArray:
    """Return what a run's model says of its training records.

    A network is asked as it is. Boosted trees know their records by heart, so that others are fitted to other patients.
    """
    kept = run / TRAINING_LOGITS
    if kept.is_file() and read_metadata(kept).get("model") == _identity(run):
        return read_tensors(kept)["logits"].numpy()
    if config.mode == "features-boosting":
        measured = with_physiology(data, config.data).train.physiology
        assert measured is not None
        logits = boosting_out_of_fold(measured, data.train, config.loop.seed)
    else:
        classifier, _, _ = load_finetuned(run)
        logits = predict(classifier, data.train, config.windows).logits
    save_tensors(kept, {"logits": torch.from_numpy(logits)}, {"model": _identity(run)})
    return logits


def calibrated(scores: FloatArray, labels: FloatArray) -> FloatArray:
    """Return probabilities by a logistic regression of each label on its score alone (Platt, 1999).

    The counts are smoothed as there: of n positive records the target is (n + 1) / (n + 2), of n negative ones
    1 / (n + 2), so that a score that tells all apart does not become certainty.

    Parameters
    ----------
    scores : ndarray of float32, shape (n_records, n_labels)
    labels : ndarray of float32, shape (n_records, n_labels)
        NaN is unknown.
    """
    probability = np.empty(scores.shape, np.float32)
    for column in range(scores.shape[1]):
        is_known = np.isfinite(labels[:, column])
        x, y = scores[is_known, column].astype(np.float64), labels[is_known, column].astype(np.float64)
        n_positive, n_negative = y.sum(), (1.0 - y).sum()
        target = np.where(y == 1.0, (n_positive + 1.0) / (n_positive + 2.0), 1.0 / (n_negative + 2.0))

        def loss(parameters: npt.NDArray[np.float64], x: Any = x, target: Any = target) -> tuple[float, Any]:
            logit = parameters[0] * x + parameters[1]
            gap = 1.0 / (1.0 + np.exp(-logit)) - target
            return float(np.mean(np.logaddexp(0.0, logit) - target * logit)), np.array([(gap * x).mean(), gap.mean()])

        start = np.array([1.0, np.log((n_positive + 0.5) / (n_negative + 0.5))])
        slope, offset = minimize(loss, start, jac=True, method="L-BFGS-B").x
        probability[:, column] = 1.0 / (1.0 + np.exp(-(slope * scores[:, column] + offset)))
    return probability


def _identity(run: Path) -> str:
    """Return the hash of a run's weights, or of its predictions where it has no network."""
    best = RunFolder(run).best
    return sha256_of(best if best.exists() else run / PREDICTIONS)


def _runs(text: str) -> list[Path]:
    """Return the runs of one teacher; a folder that has a plus in its name is a run of its own."""
    return [Path(text)] if Path(text).exists() else [Path(part) for part in text.split("+")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Write what trained networks say of their training records.")
    parser.add_argument(
        "teachers", type=_runs, nargs="+", metavar="RUN[+RUN...]", help="fine-tuning runs of one task and data set"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write")
    args = parser.parse_args(argv)
    try:
        n_records = write_soft_labels(args.teachers, args.out)
    except UserFacingError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(f"{args.out}: {n_records} records, {len(args.teachers)} teachers")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
