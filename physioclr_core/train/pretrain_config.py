"""Configuration of a pretraining run; nothing here imports PyTorch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from physioclr_core.augment.presets import AUGMENT_PRESETS
from physioclr_core.losses.config import SimClrConfig
from physioclr_core.losses.physioclr.config import PhysioClrConfig
from physioclr_core.models.presets import ENCODER_PRESETS
from physioclr_core.train.choices import AugmentChoice, EncoderChoice, ObjectiveChoice
from physioclr_core.train.data_config import DataConfig
from physioclr_core.train.loop_config import LoopConfig, OptimizerConfig
from physioclr_core.train.run_config import RunConfig


class PretrainConfig(RunConfig):
    """Everything that decides a pretraining run."""

    data: DataConfig
    encoder: EncoderChoice = Field(ENCODER_PRESETS["residual-cnn"], description="The network that is trained")
    objective: ObjectiveChoice = Field(SimClrConfig(), description="What it learns from")
    augment: AugmentChoice = Field(AUGMENT_PRESETS["contrastive"], description="How views of a record differ")
    optimizer: OptimizerConfig = OptimizerConfig()
    loop: LoopConfig = LoopConfig(n_epochs=8, batch_size=256)
    select: Literal["last", "held-out-loss", "probe"] = Field(
        "last", description="Which epoch is kept: the last, or the best by loss or linear probe on what selects"
    )
    probe_task: str | None = Field(None, description="Task of the linear probe; none: no probe")
    probe_every: Annotated[int, Field(ge=1)] = Field(4, description="Epochs from one probe to the next")

    @model_validator(mode="after")
    def _check_time(self) -> PretrainConfig:
        objective = self.objective
        if isinstance(objective, PhysioClrConfig) and objective.needs_time_kept and self.augment.warp_probability > 0.0:
            raise ValueError(
                "an augmentation that warps time moves what is restored or predicted; set "
                "augment.warp_probability to 0 or choose augment: rlm"
            )
        return self
