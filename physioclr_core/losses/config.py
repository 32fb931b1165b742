"""Objectives of pretraining and their settings; nothing here imports PyTorch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from physioclr_core.losses.contrastive_config import Amount, ContrastiveConfig, Count, Positive
from physioclr_core.losses.physioclr.config import PhysioClrConfig

Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class SimClrConfig(ContrastiveConfig):
    """Two augmented crops of a record lie close, those of others far (Chen et al., 2020)."""

    kind: Literal["simclr"] = "simclr"
    crop_s: Positive = Field(5.0, description="Seconds of each crop")
    same_patient_is_negative: bool = Field(False, description="Take other records of a patient as negatives")


class CmscConfig(ContrastiveConfig):
    """Adjacent segments of a record, and all of one patient, lie close (CLOCS: Kiyasseh et al., 2021)."""

    kind: Literal["cmsc"] = "cmsc"
    segment_s: Positive = Field(5.0, description="Seconds of each of the two segments; a record must hold both")


class ThreeKgConfig(ContrastiveConfig):
    """Two augmentations of one segment, and all segments of a patient, lie close (Gopal et al., 2021)."""

    kind: Literal["3kg"] = "3kg"
    crop_s: Positive = Field(5.0, description="Seconds of each segment")
    same_crop: bool = Field(True, description="Augment one and the same crop twice, rather than two random crops")


class MaskedReconstructionConfig(BaseModel):
    """Hidden spans of time are restored, sample by sample, from what is seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["masked-reconstruction"] = "masked-reconstruction"
    crop_s: Positive = Field(5.0, description="Seconds of a segment")
    mask_level: Literal["samples", "features"] = Field(
        "samples", description="Hide samples from the encoder, or local features from its context"
    )
    mask_share: Share = Field(0.5, description="Expected share of the tokens that is hidden")
    mask_span: Count = Field(2, description="Tokens in a hidden span")
    n_hidden: Count = Field(256, description="Width of the decoder's hidden layer")
    normalise_patches: bool = Field(
        True, description="Restore each patch of a lead in units of its own standard deviation, without its mean"
    )


class QuantisedPredictionConfig(BaseModel):
    """What objectives have that predict quantised features of hidden tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: Positive = Field(0.1, description="Divides similarities of tokens with quantised targets")
    mask_start_share: Share = Field(0.065, description="Share of the tokens at which a hidden span starts")
    mask_span: Count = Field(10, description="Tokens in a hidden span; spans may overlap")
    n_distractors: Count = Field(100, description="Other hidden tokens of the segment that each target is told from")
    n_projection: Count = Field(256, description="Length of what the loss compares")
    n_groups: Count = Field(2, description="Codebooks of the quantiser")
    n_codes: Annotated[int, Field(ge=2)] = Field(320, description="Entries of each codebook")
    diversity_weight: Amount = Field(0.1, description="Weight of the penalty on codebooks that are used in part")
    feature_weight: Amount = Field(10.0, description="Weight of the mean square of the local features")
    feature_gradient: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        0.1, description="Factor of the gradient that reaches the encoder's local stage"
    )
    gumbel_start: Positive = Field(2.0, description="Temperature of the quantiser's choice at the start")
    gumbel_end: Positive = Field(0.5, description="Lowest temperature of the quantiser's choice")
    gumbel_segments: Positive = Field(
        1e6, description="Training segments over which that temperature falls by a factor of e"
    )


class Wav2Vec2Config(QuantisedPredictionConfig):
    """Which quantised feature is behind a hidden token is told from distractors (Baevski et al., 2020)."""

    kind: Literal["wav2vec2"] = "wav2vec2"
    crop_s: Positive = Field(5.0, description="Seconds of a segment")


class EcgFmConfig(QuantisedPredictionConfig):
    """Both wav2vec 2.0 and CMSC on two adjacent segments with random leads hidden (McKeen et al., 2024)."""

    kind: Literal["ecg-fm"] = "ecg-fm"
    segment_s: Positive = Field(5.0, description="Seconds of each of the two segments; a record must hold both")
    lead_mask_probability: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.5, description="Probability of each lead of a segment to be hidden; 0 leaves it to the augmentation"
    )
    cmsc_weight: Amount = Field(1.0, description="Weight of the loss between segments")


ObjectiveConfig = Annotated[
    SimClrConfig
    | CmscConfig
    | ThreeKgConfig
    | MaskedReconstructionConfig
    | Wav2Vec2Config
    | EcgFmConfig
    | PhysioClrConfig,
    Field(discriminator="kind"),
]
