"""Settings of PhysioCLR; every part of the method, of its published code and of ours beyond it is an option.

``paper`` is the recipe of the text (Maghsoodi et al., arXiv 2509.08116, 2025), ``physio+`` and ``masked`` are ours
(``presets``). Options named "official" do what the published code does, for comparison.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from physioclr_core.losses.contrastive_config import Amount, ContrastiveConfig, Count, Positive

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Cosine = Annotated[float, Field(ge=-1.0, le=1.0)]
Wave = Literal["P", "R", "T"]


class PhysioClrConfig(ContrastiveConfig):
    """Pairs by physiology, heartbeats in another order, peaks restored (Maghsoodi et al., 2025)."""

    kind: Literal["physioclr"] = "physioclr"

    # Views
    segment_s: Positive = Field(5.0, description="Seconds of a segment")
    second_view: Literal["adjacent", "crop", "none", "next-in-batch"] = Field(
        "adjacent",
        description="A positive beside the shuffled one: the segment that follows, another crop of the record, none, "
        "or what the published code takes, the segment of the next record in the batch",
    )
    shuffle: Literal["view", "second-view", "none"] = Field(
        "view",
        description="Heartbeats in another order: as a view of its own, as a change of the second view, or not at all",
    )
    shuffle_kind: Literal["complete-beats", "official"] = Field(
        "complete-beats", description="Which beats take part: complete ones, or the last, cut off one too"
    )
    shuffle_gate: bool = Field(
        False, description="Shuffle regular rhythms only; of others take another crop instead of the shuffled view"
    )
    shuffle_probability: Share = Field(1.0, description="Of a segment that may be shuffled to be")
    cut_place: Literal["before-p", "r-peak"] = Field("r-peak", description="Where beats are cut apart")
    fade_ms: Amount = Field(20.0, description="Cross-fade of a seam; 0: none")

    # Pairs
    contrast_weight: Amount = Field(1.0, description="Weight of the contrast; 0 trains the other parts alone")
    pairs: Literal["cosine", "blocks", "none"] = Field(
        "cosine",
        description="Which other records are like an anchor: by the cosine of principal components and a threshold, by "
        "the mean cosine of the blocks, softly, or none",
    )
    features: Literal["components", "scores", "official"] = Field(
        "components",
        description="What the cosine is of: principal components of z-scores, z-scores, or raw values with zero for "
        "what is unknown, as in the published code",
    )
    similarity_threshold: Cosine = Field(0.25, description="Records at least this similar are positives")
    unknown_pairs: Literal["ignored", "typical"] = Field(
        "ignored", description="A record without any feature: neither like nor unlike others, or taken as typical"
    )
    same_patient: Literal["by-features", "ignored", "positive"] = Field(
        "by-features", description="Other records of the anchor's patient"
    )
    self_is_positive: bool = Field(False, description="As in the published code: the anchor is its own positive")
    negatives: Literal["anchors", "all-views"] = Field(
        "anchors", description="Negatives are other records' anchors only, or all their views"
    )
    anchors: Literal["first", "all-views"] = Field("first", description="Which views are anchors")
    contrast: Literal["ratio", "info-nce"] = Field(
        "ratio",
        description="ratio: the log of all positives over all negatives, as in the published code; info-nce: each "
        "positive against the negatives",
    )
    lonely_anchors: Literal["left-out", "official"] = Field(
        "left-out", description="An anchor without a negative: left out, or with the published code's -10000 for one"
    )
    soft_share: Share = Field(0.5, description="blocks: share of an anchor's target that goes to similar records")
    soft_temperature: Positive = Field(0.1, description="blocks: divides the similarities of records in the target")

    # Reconstruction
    reconstruction_weight: Amount = Field(0.2, description="Weight of the mean square error of the whole segment")
    peak_weight: Amount = Field(0.1, description="Weight of the mean square error around peaks")
    peak_waves: tuple[Wave, ...] = Field(("R",), min_length=1, description="Which peaks")
    peak_window_ms: Positive = Field(50.0, description="Half the width of the window around a peak")
    decoder_channels: Count = Field(64, description="Width of the decoder's first layer, halved from layer to layer")
    decoder_reach: Literal["full", "official"] = Field(
        "full", description="Restore the whole segment, or its first part in four times the tokens' rate"
    )
    mask_weight: Amount = Field(0.0, description="Weight of restoring hidden patches of the anchor")
    mask_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(0.5, description="Share of the tokens that is hidden")
    mask_span: Count = Field(4, description="Tokens in a hidden span")

    # What the embedding is to hold
    feature_weight: Amount = Field(0.0, description="Weight of predicting the 150 features from the embedding")
    feature_targets: Literal["scores", "scores-and-magnitudes"] = Field(
        "scores", description="What is predicted of a feature: its z-score, or also its magnitude and if it is unknown"
    )
    median_weight: Amount = Field(
        0.0, description="Weight of predicting 64 components of the median beat, and their magnitudes"
    )
    rr_weight: Amount = Field(0.0, description="Weight of predicting each moment's RR interval from its token")
    pooling: Literal["mean", "mean-and-spread", "first-token"] = Field(
        "mean",
        description="What is compared and predicted from: the tokens' mean, their mean and standard deviation, or the "
        "first token, as in the published code",
    )

    @model_validator(mode="after")
    def _check(self) -> PhysioClrConfig:
        if self.second_view == "none" and self.shuffle != "view":
            raise ValueError("without a second view there is no positive; set shuffle: view")
        if self.pairs == "blocks" and (self.anchors != "all-views" or self.negatives != "all-views"):
            raise ValueError("pairs: blocks compares all views; set anchors and negatives to all-views")
        return self

    @property
    def needs_time_kept(self) -> bool:
        """Whether a sample of a view must stay at its time: something is restored or predicted sample by sample."""
        return max(self.reconstruction_weight, self.peak_weight, self.mask_weight, self.rr_weight) > 0.0

    @property
    def needs_physiology(self) -> bool:
        """Whether beats and features of the records are needed."""
        return (
            self.shuffle != "none"
            or self.pairs != "none"
            or self.peak_weight > 0.0
            or self.feature_weight > 0.0
            or self.median_weight > 0.0
            or self.rr_weight > 0.0
        )
