"""Crops of marked ECGs with the wave network's targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.data.ludb import MarkedRecord
from physioclr_core.data.synthetic_noise import NoiseConfig, synthetic_noise
from physioclr_core.physiology.network_input import NETWORK_FS_HZ, network_signal, rms_scaled

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

N_TARGETS = 6
PEAK_SD_S = 0.012
_TARGET_FS_HZ = 1000.0
_P, _QRS, _T = 0.0, 1.0, 2.0


@dataclass(frozen=True, slots=True)
class WaveCropConfig:
    """How crops are made; shares are probabilities.

    Attributes
    ----------
    n_samples : int
        Length at 250 Hz.
    n_crops : int
        Of twelve leads in a batch; of fewer leads more, so that a batch costs the same.
    n_leads : tuple of int
        Numbers of leads, one drawn for each batch.
    stretch : float
        Largest change of the time scale, as a logarithm.
    low_pass_share : float
        Share of crops below 40 Hz, as from a record at 100 Hz.
    longer_pr : tuple of float
        Share of crops, and largest time in s by which the segment from P to QRS is drawn out.
    diastole : tuple of float
        Share of crops, smallest and largest factor of the time between T and the next P or QRS.
    flip_share : float
        Share of leads turned over.
    gain_sd : float
        Standard deviation of the logarithm of a lead's gain.
    taught_share : float
        Share of crops from taught records, where there are any.
    """

    n_samples: int
    n_crops: int
    n_leads: tuple[int, ...]
    stretch: float
    low_pass_share: float
    longer_pr: tuple[float, float]
    diastole: tuple[float, float, float]
    flip_share: float
    gain_sd: float
    taught_share: float
    noise: NoiseConfig


@dataclass(frozen=True, slots=True, eq=False)
class TaughtRecord:
    """A record without marks, whose targets are another network's probabilities.

    Attributes
    ----------
    signal : ndarray of float32, shape (n_leads, n_samples)
        At 250 Hz, as from ``network_signal``.
    target : ndarray of uint8, shape (n_leads, 6, n_samples)
        Probabilities times 255.
    weight : ndarray of float32, shape (6,)
        0 for what the other network is not believed in.
    """

    signal: FloatArray
    target: npt.NDArray[np.uint8]
    weight: FloatArray


class _Source:
    """One record at 250 Hz in two bandwidths, with targets every millisecond to look up."""

    def __init__(self, record: MarkedRecord) -> None:
        wide = network_signal(record.signal_mv, record.fs_hz)
        self.signals = (wide, _below_40_hz(wide))
        self.span_s = record.span_s
        self.segments_s = _segments(record)
        self.target, self.is_known = _targets(record)


class WaveCrops:
    """Makes batches of crops.

    Parameters
    ----------
    records : list of MarkedRecord
    taught : list of TaughtRecord
        May be empty.
    config : WaveCropConfig
    """

    def __init__(self, records: list[MarkedRecord], taught: list[TaughtRecord], config: WaveCropConfig) -> None:
        self._sources = [_Source(record) for record in records]
        self._taught = taught
        self._config = config

    def batch(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return input (batch, leads, time), target and weight (batch, leads, 6, time)."""
        config = self._config
        n_leads = int(rng.choice(config.n_leads))
        n_crops = max(1, min(config.n_crops * 12 // n_leads, config.n_crops * 3))
        crops = [self._crop(rng, n_leads) for _ in range(n_crops)]
        ecg, target, weight = (np.stack(parts) for parts in zip(*crops, strict=True))
        return ecg, target, weight

    def _crop(self, rng: np.random.Generator, n_leads: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        config = self._config
        if self._taught and rng.random() < config.taught_share:
            return self._taught_crop(rng, n_leads)
        source = self._sources[int(rng.integers(len(self._sources)))]
        signal = source.signals[int(rng.random() < config.low_pass_share)]
        leads = rng.choice(len(signal), n_leads, replace=False)
        source_s = _warped(rng, source, config.n_samples, config)
        at = np.clip(np.round(source_s * _TARGET_FS_HZ).astype(np.int64), 0, source.target.shape[2] - 1)
        is_there = (source_s >= 0) & (source_s < signal.shape[1] / NETWORK_FS_HZ)
        target = source.target[leads][:, :, at].astype(np.float32) / np.float32(255.0)
        weight = (source.is_known[leads][:, :, at] & is_there).astype(np.float32)
        return self._dressed(rng, _sampled(signal[leads], source_s)), target, weight

    def _taught_crop(self, rng: np.random.Generator, n_leads: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        record = self._taught[int(rng.integers(len(self._taught)))]
        n, duration_s = self._config.n_samples, record.signal.shape[1] / NETWORK_FS_HZ
        leads = rng.choice(len(record.signal), n_leads, replace=False)
        steps = _steps(rng, n, self._config)
        source_s = rng.uniform(-0.5, max(duration_s - steps[-1] + 0.5, -0.499)) + steps
        is_there = (source_s >= 0) & (source_s < duration_s)
        at = np.clip(np.round(source_s * NETWORK_FS_HZ).astype(np.int64), 0, record.signal.shape[1] - 1)
        target = record.target[leads][:, :, at].astype(np.float32) / np.float32(255.0)
        weight = np.broadcast_to(record.weight[:, None] * is_there, target.shape).astype(np.float32)
        return self._dressed(rng, _sampled(record.signal[leads], source_s)), target, weight

    def _dressed(self, rng: np.random.Generator, signal: FloatArray) -> FloatArray:
        """Scale as in use, then add noise and change gain and polarity."""
        config = self._config
        n_leads, n = signal.shape
        gain = np.exp(rng.normal(0.0, config.gain_sd, (n_leads, 1)))
        gain *= np.where(rng.random((n_leads, 1)) < config.flip_share, -1.0, 1.0)
        noise = synthetic_noise(rng, n_leads, n, NETWORK_FS_HZ, config.noise)
        return ((rms_scaled(signal) + noise) * gain).astype(np.float32)


def _below_40_hz(signal: FloatArray) -> FloatArray:
    from scipy.signal import butter, sosfiltfilt

    sections = butter(4, 40.0, "lowpass", fs=NETWORK_FS_HZ, output="sos")
    return np.asarray(sosfiltfilt(sections, signal, axis=-1), np.float32)


def _segments(record: MarkedRecord) -> Float64Array:
    """Return PR segments and diastoles of a record as (kind, start, end) in s, in order; 0 PR segment, 1 diastole.

    Marks are those of all leads: a segment is what no lead has a wave in.
    """
    waves = np.concatenate([w for w in record.waves_s if len(w)])
    waves = waves[np.isfinite(waves).all(axis=1)]
    order = np.argsort(waves[:, 1])
    segments = []
    end_s, kind = -np.inf, -1.0
    for wave, onset, _, offset in waves[order]:
        if onset > end_s + 0.016 and np.isfinite(end_s):
            if kind == _P and wave == _QRS:
                segments.append((0.0, end_s, onset))
            elif kind == _T and wave in (_P, _QRS):
                segments.append((1.0, end_s, onset))
        if offset > end_s:
            end_s, kind = offset, wave
    return np.array(segments, np.float64).reshape(-1, 3)


def _steps(rng: np.random.Generator, n: int, config: WaveCropConfig) -> Float64Array:
    stretch = np.exp(rng.uniform(-config.stretch, config.stretch)) if rng.random() < 0.7 else 1.0
    steps: Float64Array = np.arange(n) / (NETWORK_FS_HZ * stretch)
    return steps


def _warped(rng: np.random.Generator, source: _Source, n: int, config: WaveCropConfig) -> Float64Array:
    """Return for each sample of a crop the time in the record, with PR segments and diastoles drawn out or in."""
    longer_s = rng.uniform(0.0, config.longer_pr[1]) if rng.random() < config.longer_pr[0] else 0.0
    share, low, high = config.diastole
    factor = np.exp(rng.uniform(np.log(low), np.log(high))) if rng.random() < share else 1.0
    available_s = source.signals[0].shape[1] / NETWORK_FS_HZ
    knots, warped = [-2.0], [-2.0]
    for kind, start_s, end_s in source.segments_s:
        warped += [warped[-1] + start_s - knots[-1]]
        length_s = end_s - start_s
        warped += [warped[-1] + (length_s + longer_s if kind == 0.0 else length_s * factor)]
        knots += [start_s, end_s]
    warped += [warped[-1] + available_s + 2.0 - knots[-1]]
    knots += [available_s + 2.0]
    to_warped = np.interp([0.0, available_s, source.span_s[:, 0].min(), source.span_s[:, 1].max()], knots, warped)
    steps = _steps(rng, n, config)
    # Most of the crop lies where marks are.
    low_s = max(to_warped[0], to_warped[2] - 1.0) - 0.5
    high_s = min(to_warped[1], to_warped[3] + 1.0) - steps[-1] + 0.5
    start_s = rng.uniform(low_s, max(high_s, low_s + 1e-3))
    source_s: Float64Array = np.interp(start_s + steps, warped, knots)
    return source_s


def _sampled(signal: FloatArray, source_s: Float64Array) -> FloatArray:
    """Return the signal at given times between samples; held at the ends."""
    position = np.clip(source_s * NETWORK_FS_HZ, 0.0, signal.shape[1] - 1.001)
    left = position.astype(np.int64)
    part = (position - left).astype(np.float32)
    sampled: FloatArray = signal[:, left] * (1 - part) + signal[:, left + 1] * part
    return sampled


def _targets(record: MarkedRecord) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Return targets times 255 and whether they are known, shape (n_leads, 6, n_ms).

    A boundary is soft over one sample of the network, so that it is learned between samples.
    """
    n_leads, n = len(record.waves_s), round(1000.0 * record.signal_mv.shape[1] / record.fs_hz)
    target = np.zeros((n_leads, N_TARGETS, n))
    is_known = np.zeros((n_leads, N_TARGETS, n), bool)
    t_s = np.arange(n) / _TARGET_FS_HZ
    for lead, (waves, (first_s, last_s)) in enumerate(zip(record.waves_s, record.span_s.tolist(), strict=True)):
        is_known[lead] = (t_s >= first_s - 0.01) & (t_s <= last_s + 0.01)
        for wave, onset_s, peak_s, offset_s in waves.tolist():
            inside, at_peak = int(wave), 3 + int(wave)
            if not np.isfinite([onset_s, offset_s]).all():
                is_known[lead, [inside, at_peak]] &= np.abs(t_s - peak_s) > 0.1
                continue
            near = slice(max(0, round(1000 * onset_s) - 50), round(1000 * offset_s) + 51)
            x_s = t_s[near]
            rise = np.clip((x_s - onset_s) * NETWORK_FS_HZ + 0.5, 0, 1)
            fall = np.clip((offset_s - x_s) * NETWORK_FS_HZ + 0.5, 0, 1)
            bump = np.exp(-0.5 * ((x_s - peak_s) / PEAK_SD_S) ** 2)
            target[lead, inside, near] = np.maximum(target[lead, inside, near], rise * fall)
            target[lead, at_peak, near] = np.maximum(target[lead, at_peak, near], bump)
    return np.round(255.0 * target).astype(np.uint8), is_known
