"""Configuration of a fine-tuning run; nothing here imports PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from physioclr_core.augment.presets import AUGMENT_PRESETS
from physioclr_core.models.presets import ENCODER_PRESETS
from physioclr_core.train.choices import AugmentChoice, EncoderChoice
from physioclr_core.train.data_config import DataConfig
from physioclr_core.train.loop_config import LoopConfig, OptimizerConfig
from physioclr_core.train.run_config import RunConfig


class WindowConfig(BaseModel):
    """How whole records are assessed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_s: Annotated[float, Field(gt=0.0)] = Field(10.0, description="Seconds that the network sees at once")
    overlap: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(0.5, description="Share that neighbouring windows share")
    aggregate: Literal["mean", "max"] = Field("mean", description="How a record's windows make one logit")


class FinetuneConfig(RunConfig):
    """Everything that decides a fine-tuning run, a probe or supervised training from scratch."""

    data: DataConfig
    task: str = Field("ptbxl-all", description="Labels that are learnt")
    pretrained: Path | None = Field(None, description="Run folder of the pretraining; none: from random weights")
    encoder: EncoderChoice | None = Field(
        None, description="The network; none: that of the pretraining, or the residual CNN"
    )
    mode: Literal["full", "frozen", "linear-probe", "nearest-neighbours", "features-logistic", "features-boosting"] = (
        Field(
            "full",
            description="full: all weights; frozen: the head by gradient steps; linear-probe: a penalised logistic "
            "regression on the embeddings; nearest-neighbours: the votes of the nearest embeddings; features-...: no "
            "network, a logistic regression or boosted trees on the 150 features",
        )
    )
    choose_in: Literal["selecting", "training"] = Field(
        "selecting",
        description="Which records choose penalty, neighbours and epoch: those that select, or held-out training "
        "records (of epochs the last is kept), so that the selecting ones only judge",
    )
    feature_inputs: Literal["scores", "scores-and-magnitudes"] = Field(
        "scores", description="What features-logistic sees: z-scores, or also their magnitudes and which are unknown"
    )
    head: Literal["linear", "linear-spread", "attention"] = Field(
        "linear",
        description="What labels are read from: the tokens' mean, their mean and standard deviation, or what attention "
        "gathers from them",
    )
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(0.25, description="Before the last layer")
    crop_s: Annotated[float, Field(gt=0.0)] = Field(4.0, description="Seconds of a record in a training step")
    class_weights: Literal["none", "root", "balanced"] = Field(
        "none", description="Weight of positive records: 1, or (negatives / positives) to the power of a half or one"
    )
    soft_labels: Path | None = Field(
        None, description="File of train.teachers: labels are mixed with what trained networks say of the records"
    )
    soft_share: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        0.5, description="Share of these networks in the mixture"
    )
    soft_logit_weight: Annotated[float, Field(ge=0.0)] = Field(
        0.0, description="Weight of the distance between the network's logits and these networks' besides the labels"
    )
    mixup: Annotated[float, Field(ge=0.0)] = Field(
        0.0, description="Records are averaged in pairs, with a weight from Beta(mixup, mixup); 0: not"
    )
    augment: AugmentChoice = Field(AUGMENT_PRESETS["light"], description="How records are changed in training")
    encoder_rate: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        1.0, description="Learning rate of the encoder relative to the head's"
    )
    windows: WindowConfig = WindowConfig()
    optimizer: OptimizerConfig = OptimizerConfig(max_learning_rate=3e-3, warmup_fraction=0.2)
    loop: LoopConfig = LoopConfig(n_epochs=24, batch_size=64)

    @model_validator(mode="after")
    def _check(self) -> FinetuneConfig:
        if self.crop_s > self.data.record_s or self.windows.window_s > self.data.record_s:
            raise ValueError("crop_s and windows.window_s must not be longer than data.record_s")
        if self.soft_logit_weight and self.mixup:
            raise ValueError("soft_logit_weight and mixup exclude each other: a mean of records has no logits")
        if self.mode == "linear-probe" and not self.head.startswith("linear"):
            raise ValueError("a linear probe has a linear head")
        return self

    @property
    def has_network(self) -> bool:
        """Whether the run makes a network that can be evaluated and exported."""
        return self.mode in ("full", "frozen", "linear-probe")

    def encoder_or_default(self) -> EncoderChoice:
        """Return the encoder's configuration of a run that starts from random weights."""
        return self.encoder or ENCODER_PRESETS["residual-cnn"]
