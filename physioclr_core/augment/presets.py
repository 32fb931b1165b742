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
    # Gopal et al., 2021: random rotation and scaling of the vectorcardiogram, and masked time.
    "3kg": AugmentConfig(rotate_probability=1.0, time_mask_probability=1.0, time_mask_share=0.2),
    # Random lead masking of Oh et al., CHIL 2022: every lead with a probability of one half.
    "rlm": AugmentConfig(lead_mask_probability=1.0, lead_mask_share=0.5),
}
