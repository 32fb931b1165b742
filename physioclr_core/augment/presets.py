"""Augmentations by name."""

from __future__ import annotations

from physioclr_core.augment.config import AugmentConfig

AUGMENT_PRESETS: dict[str, AugmentConfig] = {
    "none": AugmentConfig(),
    # What the shipped model is trained with.
    "light": AugmentConfig(gain_probability=1.0, white_probability=1.0, lead_mask_probability=0.5, lead_mask_share=0.1),
    "contrastive": AugmentConfig(
        warp_probability=0.3,
        gain_probability=1.0,
        gain_factor=1.5,
        bandwidth_probability=0.3,
        noise_probability=0.5,
        white_probability=0.5,
        wander_probability=0.5,
        lead_mask_probability=0.5,
        lead_mask_share=0.3,
    ),
    # Gopal et al., 2021: rotation and scaling of the vectorcardiogram, of which alone leads are made again, and a span
    # of time hidden in every lead. The rest of the leads, if kept, would be the same in both views: too easy a pair.
    "3kg": AugmentConfig(
        rotate_probability=1.0, rotate_keep_rest=False, lead_span_probability=1.0, lead_span_share=0.5
    ),
    # Random lead masking of Oh et al., CHIL 2022: every lead with a probability of one half.
    "rlm": AugmentConfig(lead_mask_probability=1.0, lead_mask_share=0.5),
}
