"""Which records are trained on, which select, and which leads the network sees; nothing here imports PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Lead = Literal["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]


class DataConfig(BaseModel):
    """Prepared data sets and their split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prepared: Annotated[tuple[Path, ...], Field(min_length=1)] = Field(
        description="Folders of prepared data sets; several are taken as one"
    )
    split: Literal["folds", "random"] = Field(
        "folds", description="folds: those of the data set; random: patients dealt by select_fraction"
    )
    train_folds: tuple[int, ...] = Field((1, 2, 3, 4, 5, 6, 7, 8), description="Folds that are trained on")
    select_folds: tuple[int, ...] = Field((9,), description="Folds that select the epoch and set thresholds")
    select_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.2, description="Share of patients that select, where the split is random"
    )
    label_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        1.0, description="Share of the training patients whose labels are used, stratified and nested"
    )
    split_seed: Annotated[int, Field(ge=0)] = Field(0, description="Decides a random split and the share of labels")
    record_s: Annotated[float, Field(gt=0.0)] = Field(
        10.0, description="Seconds of each record that are used, from its start; shorter records are padded"
    )
    leads: Annotated[tuple[Lead, ...], Field(min_length=1)] = Field(
        ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"),
        description="Leads that the network sees; the others are zero",
    )

    @model_validator(mode="after")
    def _check(self) -> DataConfig:
        shared = sorted({*self.train_folds} & {*self.select_folds})
        if self.split == "folds" and shared:
            raise ValueError(f"fold {shared[0]} is both trained on and selected with")
        if len({*self.leads}) < len(self.leads):
            raise ValueError("a lead is named twice")
        return self
