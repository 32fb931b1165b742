"""Train the wave network on LUDB, whole or leaving one fold out.

    python -m physioclr_core.train.waves LUDB PTBXL --run RUN --part all      # the network that ships
    python -m physioclr_core.train.waves LUDB PTBXL --run RUN --part 0        # ... 4: without one fifth of the records

LUDB gives the marks. PTB-XL's records with atrial fibrillation (folds 1-8) only teach that there is no P wave. Each
part is a run of its own in RUN/PART and goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from physioclr_core.data.ludb import FOLDS, MarkedRecord, fold_of, load_ludb, ludb_sha256
from physioclr_core.data.ptbxl import ADU_PER_MV, FS_HZ, load_ptbxl
from physioclr_core.data.synthetic_noise import NoiseConfig
from physioclr_core.data.wave_crops import WaveCropConfig, WaveCrops
from physioclr_core.models.delineation_network import DelineationNetwork, DelineationNetworkConfig
from physioclr_core.train.marking import LoopConfig, load_network, train_network, weighted_bce

PARTS = ("all", *map(str, range(FOLDS)))
NO_P_FOLDS = (1, 2, 3, 4, 5, 6, 7, 8)
# A second rhythm in the same record could have P waves.
_NOT_ALWAYS_FIBRILLATION = ("SR", "NORM", "STACH", "SBRAD", "SARRH", "AFLT", "PACE")


@dataclass(frozen=True, slots=True)
class WaveTrainConfig:
    """Everything that decides the result."""

    model: DelineationNetworkConfig
    crops: WaveCropConfig
    loop: LoopConfig
    peak_weight: float


DEFAULT = WaveTrainConfig(
    model=DelineationNetworkConfig(
        channels=(16, 32, 48), trunk_channels=96, trunk_dilations=(1, 2, 4, 8, 1), kernel=5, dropout=0.1
    ),
    crops=WaveCropConfig(
        n_samples=1024,
        n_crops=16,
        n_leads=(12, 12, 8, 6, 3, 2, 1),
        stretch=0.22,
        low_pass_share=0.4,
        longer_pr=(0.25, 0.2),
        diastole=(0.5, 0.3, 1.4),
        flip_share=0.15,
        gain_sd=0.25,
        no_p_share=0.12,
        noise=NoiseConfig(muscle=(0.5, 0.2), motion=(0.05, 0.3), wander=(0.3, 0.4), mains=(0.2, 0.12)),
    ),
    loop=LoopConfig(
        seed=0, n_steps=4000, max_learning_rate=3e-3, warmup_fraction=0.15, weight_decay=0.02, ema_decay=0.998
    ),
    peak_weight=0.5,
)


def train_waves(
    records: list[MarkedRecord], no_p_mv: npt.NDArray[np.float32], run: Path, part: str, config: WaveTrainConfig
) -> nn.Module:
    """Train one part, or go on; return the network."""
    chosen = [record for record in records if part == "all" or fold_of(record.name) != int(part)]
    crops = WaveCrops(chosen, no_p_mv, FS_HZ, config.crops)
    channel_weight = torch.tensor([1.0, 1.0, 1.0] + 3 * [config.peak_weight])[:, None]

    def loss_of(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        return weighted_bce(logits, target, weight * channel_weight)

    torch.manual_seed(config.loop.seed)
    recorded = {
        "config": asdict(config),
        "part": part,
        "records": [record.name for record in chosen],
        "ludb_sha256": ludb_sha256(records),
        "n_without_p": len(no_p_mv),
    }
    return train_network(DelineationNetwork(config.model), crops.batch, loss_of, config.loop, run / part, recorded)


def load_waves(run: Path, part: str, config: WaveTrainConfig = DEFAULT) -> nn.Module:
    """Load a finished part."""
    return load_network(DelineationNetwork(config.model), run / part)


def records_without_p(ptbxl: Path) -> npt.NDArray[np.float32]:
    """Return PTB-XL's records that are in atrial fibrillation throughout, folds 1-8, (n, 12, 1000) in mV."""
    part = load_ptbxl(ptbxl, NO_P_FOLDS)
    is_af = part.labels[:, part.codes.index("AFIB")]
    for code in _NOT_ALWAYS_FIBRILLATION:
        is_af = is_af & ~part.labels[:, part.codes.index(code)]
    return part.select(is_af).signal_adu.astype(np.float32) / np.float32(ADU_PER_MV)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("ludb", type=Path, help="folder of LUDB: 1.hea, 1.dat, 1.i ... 1.v6")
    parser.add_argument("ptbxl", type=Path, help="PTB-XL's folder: ptbxl_database.csv and records100/")
    parser.add_argument("--run", type=Path, required=True, help="folder of this run")
    parser.add_argument("--part", choices=PARTS, nargs="+", default=list(PARTS), help="default: all of them in turn")
    args = parser.parse_args()
    torch.set_num_threads(1)
    records, no_p_mv = load_ludb(args.ludb), records_without_p(args.ptbxl)
    for part in args.part:
        train_waves(records, no_p_mv, args.run, part, DEFAULT)


if __name__ == "__main__":
    main()
