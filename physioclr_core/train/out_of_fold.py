"""Predict every training record with the networks that have not seen it.

    python -m physioclr_core.train.out_of_fold beats MITDB LUDB BEATS_RUN WAVES_RUN --leads first --json OUT
    python -m physioclr_core.train.out_of_fold waves MITDB LUDB BEATS_RUN WAVES_RUN --json OUT

The files are those of ``physioclr beats`` and ``physioclr delineate``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from physioclr_core.data.ludb import FOLDS, fold_of, load_ludb
from physioclr_core.data.mitdb import load_mitdb
from physioclr_core.files import replaced
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.analysis import find_waves
from physioclr_core.physiology.beats import detect_beats
from physioclr_core.physiology.marks_json import as_samples
from physioclr_core.train.beats import load_beats
from physioclr_core.train.waves import load_waves

FloatArray = npt.NDArray[np.float32]


class TorchNetwork:
    """A network in PyTorch in the place of a shipped one."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    @torch.inference_mode()
    def logits(self, ecg: FloatArray) -> FloatArray:
        """Return logits for (batch, leads, time) at 250 Hz."""
        logits: FloatArray = self._model(torch.from_numpy(ecg)).numpy()
        return logits


def beats_out_of_fold(mitdb: Path, beats_run: Path, n_leads: int | None) -> dict[str, list[int]]:
    """Return R peaks of MIT-BIH's records from their first ``n_leads`` leads, all where it is None."""
    networks = [TorchNetwork(load_beats(beats_run, str(fold))) for fold in range(FOLDS)]
    return {
        record.name: detect_beats(record.signal_mv[:n_leads], record.fs_hz, networks[index % FOLDS]).r_samples.tolist()
        for index, record in enumerate(load_mitdb(mitdb))
    }


def waves_out_of_fold(ludb: Path, beats_run: Path, waves_run: Path) -> dict[str, Any]:
    """Return the marks of all leads of LUDB's records."""
    beats = [TorchNetwork(load_beats(beats_run, str(fold))) for fold in range(FOLDS)]
    waves = [TorchNetwork(load_waves(waves_run, str(fold))) for fold in range(FOLDS)]
    marks = {}
    for record in load_ludb(ludb):
        fold = fold_of(record.name)
        found = find_waves(record.signal_mv, record.fs_hz, STANDARD_LEADS, beats[fold], waves[fold])
        marks[record.name] = as_samples(found, record.fs_hz)
    return marks


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("what", choices=("beats", "waves"))
    parser.add_argument("mitdb", type=Path)
    parser.add_argument("ludb", type=Path)
    parser.add_argument("beats_run", type=Path)
    parser.add_argument("waves_run", type=Path)
    parser.add_argument("--leads", choices=("first", "all"), default="first", help="of MIT-BIH (default: first)")
    parser.add_argument("--json", type=Path, required=True, metavar="OUT")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, Any]
    if args.what == "beats":
        found = beats_out_of_fold(args.mitdb, args.beats_run, 1 if args.leads == "first" else None)
    else:
        found = waves_out_of_fold(args.ludb, args.beats_run, args.waves_run)
    with replaced(args.json) as file:
        file.write(json.dumps(found).encode())


if __name__ == "__main__":
    main()
