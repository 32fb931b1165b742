"""The views of a batch of records that PhysioCLR contrasts, and what it knows of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from physioclr_core.augment.heartbeat_shuffle import reorderings
from physioclr_core.data.physiology_tracks import WAVE_BITS, WAVES_TRACK
from physioclr_core.data.segments import Segments, network_input
from physioclr_core.losses.cmsc import adjacent_segments
from physioclr_core.losses.crops import random_crop
from physioclr_core.losses.objective import Views
from physioclr_core.losses.physioclr.config import PhysioClrConfig

Augment = Callable[[Segments, np.random.Generator], Segments]
FloatArray = npt.NDArray[np.float32]

# Arrays of what was measured that go with the views as they are.
SIDE = ("scores", "is_known", "components", "official", "is_measured", "median", "has_median")


def make_views(records: Segments, config: PhysioClrConfig, augment: Augment, rng: np.random.Generator) -> Views:
    """Make the anchor (``x1``), the shuffled view (``x2``) and the second view (``x3``) of each record.

    ``whole1`` is the anchor before leads were hidden or noise was added, ``waves1`` has a bit for each peak in it and
    ``rr1`` the RR interval of each moment.

    Parameters
    ----------
    records : Segments
        Whole records with what was measured (``train.physiology``).
    config : PhysioClrConfig
    augment : callable
        Segments, random generator -> segments; must not move samples in time.
    rng : Generator
    """
    if config.second_view in ("adjacent", "next-in-batch"):
        anchor, second = adjacent_segments(records, config.segment_s, rng)
    else:
        anchor, second = (random_crop(records, config.segment_s, rng) for _ in range(2))
    parts: dict[int, Segments] = {1: anchor}
    if config.shuffle == "view":
        parts[2] = _in_another_order(anchor, records, config, rng)
    if config.second_view != "none":
        parts[3] = _in_another_order(second, None, config, rng) if config.shuffle == "second-view" else second
    views: Views = {"patient": records.patient}
    views |= {name: records.side[name] for name in SIDE if name in records.side}
    for number, part in parts.items():
        changed = augment(part, rng)
        views[f"x{number}"] = network_input(changed.signal_mv, changed.mask)
        views[f"mask{number}"] = changed.mask.astype(np.float32)
    if config.reconstruction_weight > 0.0 or config.peak_weight > 0.0 or config.mask_weight > 0.0:
        views["whole1"] = network_input(anchor.signal_mv, anchor.mask)
        views["has_lead"] = anchor.has_lead.astype(np.float32)
    if config.peak_weight > 0.0:
        views["near_peak"] = near_peaks(anchor, config).astype(np.float32)
    if config.rr_weight > 0.0:
        for number, part in parts.items():
            views[f"rr{number}"] = rr_track(waves_of(part) & WAVE_BITS["R"] > 0, part.fs_hz)
    return views


def _in_another_order(
    segment: Segments, instead_of: Segments | None, config: PhysioClrConfig, rng: np.random.Generator
) -> Segments:
    """Return segments with their beats in another order.

    Segments that may not be shuffled are crops of ``instead_of``, or stay as they are where that is None.
    """
    is_allowed = np.ones(len(segment), np.bool_)
    if config.shuffle_gate:
        is_allowed = segment.side["may_shuffle"].astype(np.bool_)
    is_chosen = is_allowed & (rng.random(len(segment)) < config.shuffle_probability)
    order = reorderings(
        waves_of(segment) & WAVE_BITS["R"] > 0,
        is_chosen,
        segment.fs_hz,
        rng,
        kind=config.shuffle_kind,
        place=config.cut_place,
        fade_ms=config.fade_ms,
    )
    result = replace(
        segment,
        signal_mv=order.of_signal(segment.signal_mv),
        # A zero that the published code puts at the end is signal to it.
        mask=order.of_track(segment.mask).astype(np.bool_) | (order.index < 0),
        tracks={name: order.of_track(track) for name, track in segment.tracks.items()},
    )
    if instead_of is None or is_allowed.all():
        return result
    crop = random_crop(instead_of, config.segment_s, rng)
    return _where(is_allowed, result, crop)


def _where(condition: npt.NDArray[np.bool_], first: Segments, second: Segments) -> Segments:
    """Return segments of the first where a condition holds, else of the second."""
    return replace(
        first,
        signal_mv=np.where(condition[:, None, None], first.signal_mv, second.signal_mv),
        mask=np.where(condition[:, None], first.mask, second.mask),
        tracks={name: np.where(condition[:, None], first.tracks[name], second.tracks[name]) for name in first.tracks},
    )


def waves_of(segment: Segments) -> npt.NDArray[np.uint8]:
    """Return the bits of ``WAVE_BITS`` at each sample, shape (batch, n_samples)."""
    track: npt.NDArray[np.uint8] = segment.tracks[WAVES_TRACK].astype(np.uint8, copy=False)
    return track


def near_peaks(segment: Segments, config: PhysioClrConfig) -> npt.NDArray[np.bool_]:
    """Return where a peak of ``config.peak_waves`` is within ``config.peak_window_ms``, shape (batch, n_samples)."""
    bits = 0
    for wave in config.peak_waves:
        bits |= WAVE_BITS[wave]
    is_peak = (waves_of(segment) & bits) > 0
    reach = round(config.peak_window_ms * segment.fs_hz / 1000.0)
    n_peaks = np.cumsum(np.pad(is_peak, ((0, 0), (reach + 1, reach))), axis=1)
    near: npt.NDArray[np.bool_] = n_peaks[:, 2 * reach + 1 :] > n_peaks[:, : -2 * reach - 1]
    return near


def rr_track(is_r_peak: npt.NDArray[np.bool_], fs_hz: float) -> FloatArray:
    """Return the RR interval, in seconds, in which each sample lies; NaN before the first peak and after the last.

    Parameters
    ----------
    is_r_peak : ndarray of bool, shape (batch, n_samples)
    fs_hz : float
    """
    rr_s = np.full(is_r_peak.shape, np.nan, np.float32)
    for row, peaks in enumerate(is_r_peak):
        r = np.flatnonzero(peaks)
        if len(r) > 1:
            rr_s[row, r[0] : r[-1]] = np.repeat(np.diff(r) / fs_hz, np.diff(r))
    return rr_s
