"""Noise to train against: muscle, loose electrodes, wandering baselines and mains, in units of a lead's own scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NoiseConfig:
    """How often (share of crops) and how strong (largest amplitude in units of the lead's scale) each noise is."""

    muscle: tuple[float, float]
    motion: tuple[float, float]
    wander: tuple[float, float]
    mains: tuple[float, float]


def synthetic_noise(
    rng: np.random.Generator, n_leads: int, n_samples: int, fs_hz: float, config: NoiseConfig
) -> FloatArray:
    """Return noise of shape (n_leads, n_samples).

    Muscle noise is white or brownish, in half of the cases for a part of the crop only. Motion is a few bumps of 50 to
    400 ms in most leads. Wander is a sine of 0.2 to 1.5 Hz with its own size and phase in each lead; mains is one of 50
    or 60 Hz.
    """
    noise = np.zeros((n_leads, n_samples), np.float32)
    t_s = np.arange(n_samples, dtype=np.float32) / np.float32(fs_hz)
    if rng.random() < config.muscle[0]:
        muscle = rng.standard_normal((n_leads, n_samples), np.float32)
        if rng.random() < 0.3:
            smooth = np.cumsum(muscle, axis=1)
            smooth -= smooth.mean(axis=1, keepdims=True)
            muscle = np.diff(smooth, axis=1, n=2, prepend=0, append=0) * 0.4
        if rng.random() < 0.5:
            start, end = np.sort(rng.uniform(0, n_samples / fs_hz, 2))
            muscle = muscle * ((t_s >= start) & (t_s <= end))
        noise += muscle * np.float32(config.muscle[1] * rng.random() ** 2)
    if rng.random() < config.motion[0]:
        for _ in range(int(rng.integers(1, 4))):
            centre, width = rng.uniform(0, n_samples / fs_hz), rng.uniform(0.05, 0.4)
            size = rng.normal(0, config.motion[1], (n_leads, 1)) * (rng.random((n_leads, 1)) < 0.7)
            shape = np.exp(-0.5 * ((t_s - centre) / width) ** 2) * np.cos(rng.uniform(0, 2) * (t_s - centre) / width)
            noise += (size * shape).astype(np.float32)
    if rng.random() < config.wander[0]:
        size, phase = config.wander[1] * rng.random((n_leads, 1)), rng.random((n_leads, 1))
        noise += (size * np.sin(2 * np.pi * (rng.uniform(0.2, 1.5) * t_s + phase))).astype(np.float32)
    if rng.random() < config.mains[0]:
        size = config.mains[1] * rng.random() * rng.random((n_leads, 1))
        noise += (size * np.sin(2 * np.pi * (rng.choice([50.0, 60.0]) * t_s + rng.random()))).astype(np.float32)
    return noise
