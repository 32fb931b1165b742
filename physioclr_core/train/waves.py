"""Train the wave network on LUDB, whole or leaving one fold out, in three stages.

    python -m physioclr_core.train.waves LUDB PTBXL --run RUN --part all      # the network that ships
    python -m physioclr_core.train.waves LUDB PTBXL --run RUN --part 0        # ... 4: without one fifth of the records

The teacher learns from LUDB's marks alone. What it makes of some PTB-XL records (folds 1-8) is the second source of the
network proper: other hospitals, other rhythms. In atrial fibrillation P is absent whatever the teacher says, and where
it finds few P waves in a sinus rhythm it is not believed in P. The last stage goes on from there for a short while with
the loss near boundaries counted more. No stage of a part has seen that part's records. Each part and stage is a run of
its own in RUN and goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from physioclr_core.data.ludb import FOLDS, MarkedRecord, fold_of, load_ludb, ludb_sha256
from physioclr_core.data.ptbxl import ADU_PER_MV, FS_HZ, PtbXl, load_ptbxl
from physioclr_core.data.synthetic_noise import NoiseConfig
from physioclr_core.data.wave_crops import TaughtRecord, WaveCropConfig, WaveCrops
from physioclr_core.models.delineation_network import TIME_MULTIPLE, DelineationNetwork, DelineationNetworkConfig
from physioclr_core.physiology.network_input import network_signal, rms_scaled
from physioclr_core.train.marking import BEST, LoopConfig, load_network, train_network, weighted_bce

PARTS = ("all", *map(str, range(FOLDS)))
TAUGHT_FOLDS = (1, 2, 3, 4, 5, 6, 7, 8)
_SINUS = ("SR", "NORM", "STACH", "SBRAD", "SARRH", "1AVB")
_NO_SINUS = ("AFIB", "AFLT", "PACE", "SVTAC", "PSVT", "SVARR", "2AVB", "3AVB", "TRIGU", "BIGU")
_DIVERSE = ("1AVB", "PAC", "PVC", "CLBBB", "CRBBB", "STACH", "SBRAD", "LVH", "IMI", "AMI", "LAFB", "WPW")
_N_SINUS, _N_EACH, _N_FIBRILLATION = 500, 60, 500
_MIN_P_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class WaveTrainConfig:
    """Everything that decides the result."""

    model: DelineationNetworkConfig
    crops: WaveCropConfig
    loop: LoopConfig
    peak_weight: float
    n_teacher_steps: int
    refine_crops: WaveCropConfig
    refine_loop: LoopConfig
    boundary_weight: float
    boundary_reach: int


_CROPS = WaveCropConfig(
    n_samples=1024,
    n_crops=16,
    n_leads=(12, 12, 8, 6, 3, 2, 1),
    stretch=0.22,
    low_pass_share=0.4,
    longer_pr=(0.25, 0.2),
    diastole=(0.5, 0.3, 1.4),
    flip_share=0.15,
    gain_sd=0.25,
    taught_share=0.3,
    noise=NoiseConfig(muscle=(0.5, 0.2), motion=(0.05, 0.3), wander=(0.3, 0.4), mains=(0.2, 0.12)),
)
DEFAULT = WaveTrainConfig(
    model=DelineationNetworkConfig(
        channels=(16, 32, 48), trunk_channels=64, trunk_dilations=(1, 2, 4, 8, 16), kernel=5, dropout=0.1
    ),
    crops=_CROPS,
    loop=LoopConfig(
        seed=0, n_steps=4000, max_learning_rate=3e-3, warmup_fraction=0.15, weight_decay=0.02, ema_decay=0.998
    ),
    peak_weight=0.5,
    n_teacher_steps=2000,
    refine_crops=replace(
        _CROPS,
        n_leads=(12, 12, 12, 6, 3),
        stretch=0.15,
        longer_pr=(0.15, 0.2),
        diastole=(0.3, 0.5, 1.3),
        taught_share=0.2,
    ),
    refine_loop=LoopConfig(
        seed=0, n_steps=1200, max_learning_rate=8e-4, warmup_fraction=0.0, weight_decay=0.02, ema_decay=0.995
    ),
    boundary_weight=3.0,
    boundary_reach=7,
)


def train_waves(records: list[MarkedRecord], ptbxl: Path, run: Path, part: str, config: WaveTrainConfig) -> nn.Module:
    """Train all stages of one part, or go on; return the network."""
    if (run / part / BEST).exists():
        return load_waves(run, part, config)
    part_of_ptbxl = load_ptbxl(ptbxl, TAUGHT_FOLDS)
    student_run = run / f"student-{part}"
    if (student_run / BEST).exists():
        student = load_network(DelineationNetwork(config.model), student_run)
    else:
        short = replace(config, loop=replace(config.loop, n_steps=config.n_teacher_steps))
        teacher = _train_stage(records, [], run / f"teacher-{part}", part, short, None)
        taught = taught_records(teacher, part_of_ptbxl)
        student = _train_stage(records, taught, student_run, part, config, part_of_ptbxl.data_sha256)
    last = replace(config, crops=config.refine_crops, loop=config.refine_loop)
    taught = taught_records(student, part_of_ptbxl)
    return _train_stage(records, taught, run / part, part, last, part_of_ptbxl.data_sha256, student)


def _train_stage(
    records: list[MarkedRecord],
    taught: list[TaughtRecord],
    run: Path,
    part: str,
    config: WaveTrainConfig,
    ptbxl_sha256: str | None,
    refined: nn.Module | None = None,
) -> nn.Module:
    """Train one stage; a network that is refined starts from its weights and counts boundaries more."""
    chosen = [record for record in records if part == "all" or fold_of(record.name) != int(part)]
    crops = WaveCrops(chosen, taught, config.crops)
    channel_weight = torch.tensor([1.0, 1.0, 1.0] + 3 * [config.peak_weight])[:, None]

    def loss_of(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        weight = weight * channel_weight
        if refined is not None:
            weight = weight * boundary_weight(target, config.boundary_weight, config.boundary_reach)
        return weighted_bce(logits, target, weight)

    torch.manual_seed(config.loop.seed)
    model = DelineationNetwork(config.model)
    if refined is not None:
        model.load_state_dict(refined.state_dict())
    recorded = {
        "config": asdict(config),
        "part": part,
        "records": [record.name for record in chosen],
        "ludb_sha256": ludb_sha256(records),
        "n_taught": len(taught),
        "ptbxl_sha256": ptbxl_sha256,
    }
    return train_network(model, crops.batch, loss_of, config.loop, run, recorded)


def boundary_weight(target: Tensor, extra: float, reach: int) -> Tensor:
    """Return weights of 1, and up to 1 + ``extra`` within ``reach`` samples of where a wave begins or ends.

    Parameters
    ----------
    target : Tensor, shape (batch, leads, 6, time)
    extra : float
    reach : int
    """
    step = nn.functional.pad((target[:, :, :3, 1:] - target[:, :, :3, :-1]).abs(), (1, 0))
    flat = step.reshape(-1, 1, step.shape[-1])
    near = nn.functional.max_pool1d(flat, 2 * reach + 1, 1, reach).reshape(step.shape)
    return torch.cat([1.0 + extra * near, torch.ones_like(target[:, :, 3:])], dim=2)


def load_waves(run: Path, part: str, config: WaveTrainConfig = DEFAULT) -> nn.Module:
    """Load a finished part."""
    return load_network(DelineationNetwork(config.model), run / part)


@torch.inference_mode()
def taught_records(teacher: nn.Module, part: PtbXl) -> list[TaughtRecord]:
    """Return a teacher's probabilities for chosen records of PTB-XL."""
    has = {code: part.labels[:, part.codes.index(code)] for code in part.codes}
    sinus = np.logical_or.reduce([has[code] for code in _SINUS])
    fibrillates = has["AFIB"] & ~sinus & ~has["AFLT"] & ~has["PACE"]
    sinus &= ~np.logical_or.reduce([has[code] for code in _NO_SINUS])
    rng = np.random.default_rng(0)
    rows = {"sinus": _some(rng, sinus, _N_SINUS), "fibrillation": _some(rng, fibrillates, _N_FIBRILLATION)}
    rows["sinus"] = np.unique(
        np.concatenate([rows["sinus"], *(_some(rng, sinus & has[code], _N_EACH) for code in _DIVERSE)])
    )
    taught = []
    for kind, chosen in rows.items():
        for row in chosen.tolist():
            signal = network_signal(part.signal_adu[row].astype(np.float32) / np.float32(ADU_PER_MV), FS_HZ)
            n_time = signal.shape[1]
            padded = np.pad(rms_scaled(signal), ((0, 0), (0, -n_time % TIME_MULTIPLE)), mode="edge")
            target = torch.sigmoid(teacher(torch.from_numpy(padded)[None]))[0, :, :, :n_time].numpy()
            weight = np.ones(6, np.float32)
            if kind == "fibrillation":
                target[:, [0, 3]] = 0.0
            elif _share_with_p(target) < _MIN_P_SHARE:
                weight[[0, 3]] = 0.0
            taught.append(TaughtRecord(signal, np.round(target * 255.0).astype(np.uint8), weight))
    return taught


def _some(rng: np.random.Generator, mask: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.int64]:
    rows = np.flatnonzero(mask)
    return np.sort(rng.permutation(rows)[:n])


def _share_with_p(target: npt.NDArray[np.float32]) -> float:
    """Return the number of P waves over that of QRS complexes, over all leads together."""
    n_p, n_qrs = (int(np.count_nonzero(np.diff(target[:, wave].mean(axis=0) > 0.5))) for wave in (0, 1))
    return n_p / max(n_qrs, 1)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("ludb", type=Path, help="folder of LUDB: 1.hea, 1.dat, 1.i ... 1.v6")
    parser.add_argument("ptbxl", type=Path, help="PTB-XL's folder: ptbxl_database.csv and records100/")
    parser.add_argument("--run", type=Path, required=True, help="folder of this run")
    parser.add_argument("--part", choices=PARTS, nargs="+", default=list(PARTS), help="default: all of them in turn")
    args = parser.parse_args()
    torch.set_num_threads(1)
    records = load_ludb(args.ludb)
    for part in args.part:
        train_waves(records, args.ptbxl, args.run, part, DEFAULT)


if __name__ == "__main__":
    main()
