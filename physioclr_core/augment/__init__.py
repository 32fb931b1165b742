"""Augmentations of ECGs in mV, deterministic by seed."""
