"""A comparison: every run of every arm in a folder of its own, then one table of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from physioclr_core.compare.config import CompareConfig
from physioclr_core.errors import UserFacingError
from physioclr_core.train.finetune import finetune
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.kept_embeddings import NAME as EMBEDDINGS
from physioclr_core.train.pretrain import OnStep, pretrain
from physioclr_core.train.pretrain_config import PretrainConfig
from physioclr_core.train.run_folder import CONFIG, STATUS, RunBusyError, read_json

PRETRAIN = "pretrain"


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a comparison.

    Attributes
    ----------
    arm, what : str
        ``what`` is "pretrain" or the name of an evaluation.
    seed : int
    folder : Path
    config : PretrainConfig or FinetuneConfig
    """

    arm: str
    what: str
    seed: int
    folder: Path
    config: PretrainConfig | FinetuneConfig

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended well."""
        status = self.folder / STATUS
        return status.is_file() and read_json(status).get("state") == "finished"

    @property
    def has_begun(self) -> bool:
        """Whether the run has a folder."""
        return (self.folder / CONFIG).is_file()


def planned_runs(config: CompareConfig, out: Path) -> list[PlannedRun]:
    """Return all runs in an order in which each finds what it needs, seed by seed."""
    return list(_planned(config, out))


def _planned(config: CompareConfig, out: Path) -> Iterator[PlannedRun]:
    for seed in sorted({seed for name in config.arms for seed in config.seeds_of(name)}):
        for name, arm in config.arms.items():
            if seed not in config.seeds_of(name):
                continue
            folder = out / name / f"seed-{seed}"
            start = None
            if arm.pretrain is not None:
                start = folder / PRETRAIN
                yield PlannedRun(name, PRETRAIN, seed, start, config.pretraining(name, seed))
            for evaluation in arm.evaluations:
                tuned = config.finetuning(evaluation, seed, start, name)
                yield PlannedRun(name, evaluation, seed, folder / evaluation, tuned)


def run_comparison(
    config: CompareConfig, out: Path, on_run: Callable[[PlannedRun, int, int], OnStep], allow_gpu: bool = True
) -> list[PlannedRun]:
    """Do what is not finished yet; interrupted runs go on where they were.

    Several processes may work on one comparison: a run that another one is at is left to it.

    Parameters
    ----------
    config : CompareConfig
    out : Path
    on_run : callable
        Called with (run, its number from 1, all runs) before each; returns what is called after each step.
    allow_gpu : bool

    Returns
    -------
    list of PlannedRun
        Those that are not finished, because another process is at them or at what they need.
    """
    runs = planned_runs(config, out)
    for number, run in enumerate(runs, start=1):
        if run.is_finished or not _is_ready(run):
            continue
        on_step = on_run(run, number, len(runs))
        try:
            if isinstance(run.config, PretrainConfig):
                pretrain(run.config, run.folder, on_step, allow_gpu)
            else:
                finetune(run.config, run.folder, on_step, allow_gpu, run.folder.parent / EMBEDDINGS)
        except RunBusyError:
            continue
    return [run for run in runs if not run.is_finished]


def _is_ready(run: PlannedRun) -> bool:
    if isinstance(run.config, PretrainConfig) or run.config.pretrained is None:
        return True
    start = run.config.pretrained / STATUS
    return start.is_file() and read_json(start).get("state") == "finished"


def require_finished(runs: list[PlannedRun]) -> None:
    """Refuse a table of runs that are not all there.

    Raises
    ------
    UserFacingError
        Naming the first that is missing.
    """
    missing = [run for run in runs if not run.is_finished]
    if missing:
        raise UserFacingError(f"{missing[0].folder}: is not finished, nor are {len(missing) - 1} other runs.")
