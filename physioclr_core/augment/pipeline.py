"""All changes of a batch in their order: time, heart, amplifier, electrodes, and at last what is hidden."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physioclr_core.augment.bandwidth import band_limited
from physioclr_core.augment.config import AugmentConfig
from physioclr_core.augment.lead_mask import kept_leads
from physioclr_core.augment.noise import electrode_noise_mv
from physioclr_core.augment.time_mask import hidden_in_leads, visible_time
from physioclr_core.augment.time_warp import warped
from physioclr_core.augment.vcg_rotation import rotated
from physioclr_core.augment.wander import wander_mv

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


def augment(
    signal_mv: FloatArray,
    mask: BoolArray,
    has_lead: BoolArray,
    fs_hz: float,
    config: AugmentConfig,
    rng: np.random.Generator,
) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Change a batch of segments at random; what is given stays as it is.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (batch, n_leads, n_samples)
        Leads in the standard order where a vectorcardiogram, electrode noise or wander is asked for.
    mask : ndarray of bool, shape (batch, n_samples)
        Where there is signal.
    has_lead : ndarray of bool, shape (batch, n_leads)
    fs_hz : float
    config : AugmentConfig
    rng : Generator
        Everything random comes from it.

    Returns
    -------
    ndarray of float32, ndarray of bool, ndarray of bool
        Signal, mask and leads; zero where there is no signal or no lead.
    """
    n_batch = len(signal_mv)
    signal_mv = signal_mv.astype(np.float32, copy=True)
    n_samples = signal_mv.shape[-1]

    def chosen(probability: float) -> npt.NDArray[np.int64]:
        if probability <= 0.0:
            return np.empty(0, np.int64)
        return np.flatnonzero(rng.random(n_batch) < probability)

    def at(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | slice:
        # All records at once are changed in place, without a copy.
        return slice(None) if len(rows) == n_batch else rows

    rows = chosen(config.warp_probability)
    if len(rows):
        mask = mask.copy()
        signal_mv[rows], mask[rows] = warped(signal_mv[rows], mask[rows], config.warp_share, rng)
    rows = chosen(config.rotate_probability)
    if len(rows):
        signal_mv[rows] = rotated(
            signal_mv[rows], has_lead[rows], config.rotate_degrees, config.rotate_scale, config.rotate_keep_rest, rng
        )
    rows = chosen(config.gain_probability)
    if len(rows):
        log_gain = np.log(config.gain_factor) * rng.uniform(-1.0, 1.0, (len(rows), 1, 1))
        signal_mv[at(rows)] *= np.exp(log_gain).astype(np.float32)
    rows = chosen(config.noise_probability)
    if len(rows):
        signal_mv[at(rows)] += config.noise_scale * electrode_noise_mv(len(rows), n_samples, fs_hz, rng)
    rows = chosen(config.wander_probability)
    if len(rows):
        signal_mv[at(rows)] += wander_mv(len(rows), n_samples, fs_hz, config.wander_mv, rng)
    rows = chosen(config.bandwidth_probability)
    if len(rows):
        centred = _without_level(signal_mv[rows], mask[rows])
        signal_mv[rows] = band_limited(centred, fs_hz, config.high_pass_hz, config.low_pass_hz, rng)
    rows = chosen(config.white_probability)
    if len(rows):
        # float32 from the start: this is the largest array that is drawn.
        noise = rng.standard_normal((len(rows), *signal_mv.shape[1:]), np.float32)
        noise *= np.float32(config.white_mv)
        signal_mv[at(rows)] += noise
    rows = chosen(config.time_mask_probability)
    if len(rows):
        mask = mask.copy()
        mask[rows] = visible_time(mask[rows], config.time_mask_share, rng)
    rows = chosen(config.lead_span_probability)
    if len(rows):
        hidden = hidden_in_leads((len(rows), *signal_mv.shape[1:]), config.lead_span_share, rng)
        signal_mv[at(rows)] *= ~hidden
    rows = chosen(config.lead_mask_probability)
    if len(rows):
        has_lead = has_lead.copy()
        has_lead[rows] = kept_leads(has_lead[rows], config.lead_mask_share, rng)
    signal_mv[~has_lead] = 0.0
    if not mask.all():
        signal_mv *= mask[:, None, :]
    return signal_mv, mask, has_lead


def _without_level(signal_mv: FloatArray, mask: BoolArray) -> FloatArray:
    """Remove each lead's mean where time is hidden: a filter answers to the step at its edge for a second."""
    partly = np.flatnonzero(~mask.all(axis=1) & mask.any(axis=1))
    if len(partly):
        visible = mask[partly, None, :].astype(np.float32)
        part = signal_mv[partly]
        mean = (part * visible).sum(axis=2, keepdims=True) / visible.sum(axis=2, keepdims=True)
        signal_mv[partly] = (part - mean) * visible
    return signal_mv
