"""What several trained networks say of the records that they learnt from, for one network to learn from them all.

Two commands::

python -m physioclr_core.train.teachers RUN [RUN ...] --out SOFT.safetensors
physioclr finetune CONFIG soft_labels=SOFT.safetensors
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from physioclr_core.errors import UserFacingError
from physioclr_core.files import sha256_of
from physioclr_core.train.checkpoint import save_tensors
from physioclr_core.train.finetune import load_finetuned
from physioclr_core.train.predict import predict
from physioclr_core.train.records import open_training_data
from physioclr_core.train.run_folder import RunFolder

FloatArray = npt.NDArray[np.float32]


def write_soft_labels(runs: Sequence[Path], out: Path) -> int:
    """Write the mean of several runs' logits of their training records; return the number of records.

    Parameters
    ----------
    runs : sequence of Path
        Fine-tuning runs of one task on the same records.
    out : Path

    Raises
    ------
    UserFacingError
        If a run cannot be read, or the runs learnt from different records or labels.
    """
    total: FloatArray | None = None
    rows: npt.NDArray[np.int64] | None = None
    first: dict[str, object] = {}
    for run in runs:
        classifier, config, record = load_finetuned(run)
        data = open_training_data(config.data, config.task)
        if data.data_sha256 != record["data_sha256"]:
            raise UserFacingError(f"{run}: the prepared records are not those that the run learnt from.")
        own = {"labels": record["labels"], "data_sha256": data.data_sha256}
        if rows is None:
            first, rows = own, data.train.rows
        elif own != first or not np.array_equal(rows, data.train.rows):
            raise UserFacingError(f"{run}: learnt from other records or labels than {runs[0]}.")
        logits = predict(classifier, data.train, config.windows).logits
        total = logits if total is None else total + logits
    assert total is not None
    assert rows is not None
    probability = 1.0 / (1.0 + np.exp(-total / len(runs)))
    save_tensors(
        out,
        {"probability": torch.from_numpy(probability.astype(np.float32)), "row": torch.from_numpy(rows)},
        {**first, "teachers_sha256": [sha256_of(RunFolder(run).best) for run in runs]},
    )
    return len(rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Write what trained networks say of their training records.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="fine-tuning runs of one task and data set")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write")
    args = parser.parse_args(argv)
    try:
        n_records = write_soft_labels(args.runs, args.out)
    except UserFacingError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(f"{args.out}: {n_records} records, {len(args.runs)} networks")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
