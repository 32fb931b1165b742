"""Configuration of a comparison: arms, evaluations and seeds; nothing here imports PyTorch."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from physioclr_core.models.presets import ENCODER_PRESETS
from physioclr_core.train.choices import EncoderChoice
from physioclr_core.train.data_config import DataConfig
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.pretrain_config import PretrainConfig

Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")]


class Arm(BaseModel):
    """One way to get an encoder, and how it is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pretrain: dict[str, Any] | None = Field(
        None, description="Settings of the pretraining besides data, encoder and seed; none: random weights"
    )
    evaluations: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="Which of the evaluations")
    seeds: Seeds | None = Field(None, description="More or fewer than the comparison's")
    finetune: dict[str, Any] = Field(
        default_factory=dict, description="Settings in which this arm's evaluations differ, such as mode"
    )


class CompareConfig(BaseModel):
    """Arms that differ in nothing but what they say: same data, encoder, evaluations and seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: DataConfig
    task: str = Field("ptbxl-all", description="Labels of all evaluations that name none")
    encoder: EncoderChoice = Field(ENCODER_PRESETS["residual-cnn"], description="The network of all arms")
    seeds: Seeds = Field(
        (0, 1, 2),
        description="Each arm is run once with each; where a share of the labels is used, each seed draws its own",
    )
    reference: Name | None = Field(None, description="Arm that the others are compared with")
    own: tuple[Name, ...] = Field((), description="Arms that the question is about; the others are their rivals")
    arms: Annotated[dict[Name, Arm], Field(min_length=1)] = Field(description="By name, in the order of the table")
    evaluations: Annotated[dict[Name, dict[str, Any]], Field(min_length=1)] = Field(
        description="Settings of the fine-tuning besides data, encoder and seed, by name"
    )

    @model_validator(mode="after")
    def _check(self) -> CompareConfig:
        if self.reference is not None and self.reference not in self.arms:
            raise ValueError(f"the reference {self.reference} is no arm")
        strangers = [name for name in self.own if name not in self.arms]
        if strangers:
            raise ValueError(f"own names {strangers[0]}, which is no arm")
        for name, arm in self.arms.items():
            unknown = [evaluation for evaluation in arm.evaluations if evaluation not in self.evaluations]
            if unknown:
                raise ValueError(f"the arm {name} names the evaluation {unknown[0]}, which is not there")
            if arm.pretrain is not None:
                self.pretraining(name, self.seeds[0])
            for evaluation in arm.evaluations:
                self.finetuning(evaluation, self.seeds[0], None, name)
        for evaluation in self.evaluations:
            self.finetuning(evaluation, self.seeds[0], None)
        return self

    def seeds_of(self, arm: str) -> tuple[int, ...]:
        """Return the seeds that an arm is run with."""
        return self.arms[arm].seeds or self.seeds

    def pretraining(self, arm: str, seed: int) -> PretrainConfig:
        """Return the configuration of an arm's pretraining."""
        settings = dict(self.arms[arm].pretrain or {})
        loop = {**settings.pop("loop", {}), "seed": seed}
        shared = {"data": self.data.model_dump(), "encoder": self.encoder.model_dump()}
        return PretrainConfig.model_validate({**shared, **settings, "loop": loop})

    def finetuning(self, evaluation: str, seed: int, pretrained: Any, arm: str | None = None) -> FinetuneConfig:
        """Return the configuration of an evaluation, with what an arm changes of it."""
        settings = dict(self.evaluations[evaluation])
        if arm is not None:
            settings |= self.arms[arm].finetune
        loop = {**settings.pop("loop", {}), "seed": seed}
        data = {**self.data.model_dump(), **settings.pop("data", {})}
        if self.data.split == "folds":  # where it decides the share of the labels alone, never who judges
            data["split_seed"] = seed
        shared = {"data": data, "task": self.task, "encoder": self.encoder.model_dump(), "pretrained": pretrained}
        return FinetuneConfig.model_validate({**shared, **settings, "loop": loop})
