"""Objectives by name: every objective with its defaults, and the recipes of PhysioCLR."""

from __future__ import annotations

from physioclr_core.losses.config import ObjectiveConfig
from physioclr_core.losses.physioclr.config import PhysioClrConfig

OBJECTIVE_PRESETS: dict[str, ObjectiveConfig] = {
    # The text of Maghsoodi et al., 2025; random lead masking is the augmentation's.
    "paper": PhysioClrConfig(),
    "physio+": PhysioClrConfig(
        second_view="crop",
        shuffle="second-view",
        shuffle_gate=True,
        shuffle_probability=0.5,
        cut_place="before-p",
        pairs="blocks",
        same_patient="ignored",
        negatives="all-views",
        anchors="all-views",
        contrast="info-nce",
        reconstruction_weight=0.0,
        peak_weight=0.0,
        feature_weight=20.0,
        feature_targets="scores-and-magnitudes",
        rr_weight=0.2,
    ),
    "masked": PhysioClrConfig(
        second_view="crop",
        shuffle="second-view",
        shuffle_gate=True,
        shuffle_probability=0.5,
        cut_place="before-p",
        pairs="blocks",
        same_patient="ignored",
        negatives="all-views",
        anchors="all-views",
        contrast="info-nce",
        reconstruction_weight=0.0,
        peak_weight=0.0,
        mask_weight=1.0,
    ),
}
