"""The recipes of PhysioCLR by name."""

from __future__ import annotations

from physioclr_core.losses.physioclr.config import PhysioClrConfig

_OURS = PhysioClrConfig(
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
)

OBJECTIVE_PRESETS: dict[str, PhysioClrConfig] = {
    # The text of Maghsoodi et al., 2025; random lead masking is the augmentation's.
    "paper": PhysioClrConfig(),
    "physio+": _OURS.model_copy(
        update={
            "feature_weight": 20.0,
            "feature_targets": "scores-and-magnitudes",
            "rr_weight": 0.2,
            "median_weight": 10.0,
        }
    ),
    "masked": _OURS.model_copy(update={"mask_weight": 1.0}),
}
