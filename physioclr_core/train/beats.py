"""Train the beat network on MIT-BIH and LUDB, whole or leaving one fold out.

    python -m physioclr_core.train.beats MITDB LUDB --run RUN --part all      # the network that ships
    python -m physioclr_core.train.beats MITDB LUDB --run RUN --part 0        # ... 4: without one fifth of the records

Each part is a run of its own in RUN/PART and goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from physioclr_core.data.beat_crops import BeatCropConfig, BeatCrops, beats_of_marks
from physioclr_core.data.ludb import FOLDS, fold_of, load_ludb
from physioclr_core.data.mitdb import BeatRecord, beats_sha256, load_mitdb
from physioclr_core.data.synthetic_noise import NoiseConfig
from physioclr_core.models.beat_network import BeatNetwork, BeatNetworkConfig
from physioclr_core.train.marking import LoopConfig, load_network, train_network, weighted_bce

PARTS = ("all", *map(str, range(FOLDS)))


@dataclass(frozen=True, slots=True)
class BeatTrainConfig:
    """Everything that decides the result."""

    model: BeatNetworkConfig
    crops: BeatCropConfig
    loop: LoopConfig


DEFAULT = BeatTrainConfig(
    model=BeatNetworkConfig(channels=(12, 24), trunk_channels=40, trunk_dilations=(1, 2, 4, 8, 16, 1), dropout=0.05),
    crops=BeatCropConfig(
        n_samples=2496,
        n_crops=24,
        n_leads=(1, 1, 1, 2, 2, 3, 12),
        long_share=0.6,
        stretch=0.3,
        flip_share=0.3,
        gain_sd=0.3,
        dead_lead_share=0.2,
        no_beat_share=0.03,
        tachycardia_share=0.08,
        noise=NoiseConfig(muscle=(0.6, 0.25), motion=(0.35, 1.0), wander=(0.3, 0.8), mains=(0.2, 0.3)),
    ),
    loop=LoopConfig(
        seed=0, n_steps=3200, max_learning_rate=4e-3, warmup_fraction=0.15, weight_decay=0.02, ema_decay=0.998
    ),
)


def train_beats(
    long_records: list[BeatRecord], short_records: list[BeatRecord], run: Path, part: str, config: BeatTrainConfig
) -> nn.Module:
    """Train one part, or go on; return the network."""
    long_chosen = [r for i, r in enumerate(long_records) if part == "all" or i % FOLDS != int(part)]
    short_chosen = [r for r in short_records if part == "all" or fold_of(r.name) != int(part)]
    crops = BeatCrops(long_chosen, short_chosen, config.crops)
    torch.manual_seed(config.loop.seed)
    recorded = {
        "config": asdict(config),
        "part": part,
        "mitdb": [record.name for record in long_chosen],
        "ludb": [record.name for record in short_chosen],
        "mitdb_sha256": beats_sha256(long_records),
        "ludb_sha256": beats_sha256(short_records),
    }
    return train_network(BeatNetwork(config.model), crops.batch, weighted_bce, config.loop, run / part, recorded)


def load_beats(run: Path, part: str, config: BeatTrainConfig = DEFAULT) -> nn.Module:
    """Load a finished part."""
    return load_network(BeatNetwork(config.model), run / part)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("mitdb", type=Path, help="folder of MIT-BIH records with .atr annotations")
    parser.add_argument("ludb", type=Path, help="folder of LUDB: 1.hea, 1.dat, 1.i ... 1.v6")
    parser.add_argument("--run", type=Path, required=True, help="folder of this run")
    parser.add_argument("--part", choices=PARTS, nargs="+", default=list(PARTS), help="default: all of them in turn")
    args = parser.parse_args()
    torch.set_num_threads(1)
    long_records = load_mitdb(args.mitdb)
    short_records = [beats_of_marks(record) for record in load_ludb(args.ludb)]
    for part in args.part:
        train_beats(long_records, short_records, args.run, part, DEFAULT)


if __name__ == "__main__":
    main()
