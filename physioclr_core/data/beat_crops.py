"""Crops of ECGs with known beats and the beat network's targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.data.ludb import MarkedRecord
from physioclr_core.data.mitdb import BeatRecord
from physioclr_core.data.synthetic_noise import NoiseConfig, synthetic_noise
from physioclr_core.physiology.network_input import NETWORK_FS_HZ, network_signal, range_scaled

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

OUTPUT_STRIDE = 2
PEAK_SD = 5.0  # samples at 250 Hz
# R marks of different leads that are this near are one beat.
_SAME_BEAT_S = 0.15
_VENTRICULAR_CODES = "VE"
_TACHYCARDIA_RR_S = (0.26, 0.46)


@dataclass(frozen=True, slots=True)
class BeatCropConfig:
    """How crops are made; shares are probabilities.

    Attributes
    ----------
    n_samples : int
        Length at 250 Hz.
    n_crops : int
        In a batch of up to three leads; a third of it where there are more.
    n_leads : tuple of int
        Numbers of leads, one drawn for each batch.
    long_share : float
        Share of crops of up to two leads that come from the long records; half of it for three leads.
    stretch : float
        Largest change of the time scale, as a logarithm.
    flip_share : float
        Share of leads turned over.
    gain_sd : float
        Standard deviation of the logarithm of a lead's gain.
    dead_lead_share : float
        Share of crops of several leads in which one holds only noise.
    no_beat_share : float
        Share of crops without any beat: asystole, or electrodes on nobody.
    tachycardia_share : float
        Share of crops in which one beat, ventricular where there is one, follows upon itself 130 to 230 times a minute.
    """

    n_samples: int
    n_crops: int
    n_leads: tuple[int, ...]
    long_share: float
    stretch: float
    flip_share: float
    gain_sd: float
    dead_lead_share: float
    no_beat_share: float
    tachycardia_share: float
    noise: NoiseConfig


class _Source:
    def __init__(self, record: BeatRecord) -> None:
        self.signal = network_signal(record.signal_mv, record.fs_hz)
        self.beats_s = record.beats_s
        is_ventricular = np.isin(record.codes, list(_VENTRICULAR_CODES))
        self.ventricular_s = record.beats_s[is_ventricular]
        self.is_known = np.ones(self.signal.shape[1], bool)
        for start_s, end_s in record.unknown_s:
            self.is_known[max(0, int(start_s * NETWORK_FS_HZ)) : max(0, int(end_s * NETWORK_FS_HZ))] = False


class BeatCrops:
    """Makes batches of crops from long records of few leads and short records of many."""

    def __init__(self, long_records: list[BeatRecord], short_records: list[BeatRecord], config: BeatCropConfig) -> None:
        self._long = [_Source(record) for record in long_records]
        self._short = [_Source(record) for record in short_records]
        self._config = config

    def batch(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return input (batch, leads, time), target and weight (batch, time / 2)."""
        config = self._config
        n_leads = int(rng.choice(config.n_leads))
        n_crops = config.n_crops if n_leads <= 3 else max(1, config.n_crops // 3)
        share = config.long_share if n_leads <= 2 else config.long_share / 2 if n_leads == 3 else 0.0
        crops = []
        for _ in range(n_crops):
            if rng.random() < config.no_beat_share:
                crops.append(self._crop_without_beats(rng, n_leads))
                continue
            sources = self._long if rng.random() < share else self._short
            source = sources[int(rng.integers(len(sources)))]
            make = self._tachycardia if rng.random() < config.tachycardia_share else self._crop
            crops.append(make(rng, source, n_leads))
        ecg, target, weight = (np.stack(parts) for parts in zip(*crops, strict=True))
        return ecg, target, weight

    def _crop_without_beats(self, rng: np.random.Generator, n_leads: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return noise of any colour, scaled as a signal would be."""
        n = self._config.n_samples
        noise = rng.standard_normal((n_leads, n)).astype(np.float32)
        # Slower waves than these could be a ventricular tachycardia.
        kernel = np.hanning(2 * int(rng.integers(1, 8)) + 1)
        smooth = np.stack([np.convolve(row, kernel / kernel.sum(), "same") for row in noise])
        noise = smooth + noise * np.float32(rng.random() ** 3)
        if rng.random() < 0.5:
            noise = noise + rng.random() * noise.mean(axis=0)  # the same in all leads
        ecg = range_scaled(noise.astype(np.float32)) * np.float32(np.exp(rng.normal(0.0, self._config.gain_sd)))
        return ecg, np.zeros(n // OUTPUT_STRIDE, np.float32), np.ones(n // OUTPUT_STRIDE, np.float32)

    def _tachycardia(
        self, rng: np.random.Generator, source: _Source, n_leads: int
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return one beat upon the other, each fading into the next."""
        n, signal = self._config.n_samples, source.signal
        beats_s = source.ventricular_s if len(source.ventricular_s) and rng.random() < 0.7 else source.beats_s
        beat = int(beats_s[int(rng.integers(len(beats_s)))] * NETWORK_FS_HZ)
        low, high = _TACHYCARDIA_RR_S
        rr = NETWORK_FS_HZ * rng.uniform(low, high)
        leads = rng.choice(len(signal), n_leads, replace=len(signal) < n_leads)
        fade = max(4, int(0.3 * rr))
        before = int(rng.uniform(0.3, 0.5) * rr) + fade // 2
        length = int(rr) + fade
        index = np.clip(beat - before + np.arange(length), 0, signal.shape[1] - 1)
        window = np.ones(length, np.float32)
        ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
        window[:fade], window[-fade:] = ramp, ramp[::-1]
        piece = signal[leads][:, index]
        piece = (piece - piece.mean(axis=1, keepdims=True)) * window
        ecg = np.zeros((n_leads, n + 2 * length), np.float32)
        at, places = int(rng.integers(0, int(rr))), []
        while at + length <= ecg.shape[1]:
            ecg[:, at : at + length] += piece * np.float32(np.exp(rng.normal(0.0, 0.05)))
            places.append(at + before - length)
            at += int(round(rr * np.exp(rng.normal(0.0, 0.02))))
        target = _target(np.array(places, float), n)
        return (
            self._dressed(rng, range_scaled(ecg[:, length : length + n])),
            target,
            np.ones(n // OUTPUT_STRIDE, np.float32),
        )

    def _crop(
        self, rng: np.random.Generator, source: _Source, n_leads: int
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        config = self._config
        n, n_there = config.n_samples, source.signal.shape[1]
        leads = rng.choice(len(source.signal), n_leads, replace=len(source.signal) < n_leads)
        stretch = np.exp(rng.uniform(-config.stretch, config.stretch)) if rng.random() < 0.7 else 1.0
        start = int(rng.integers(0, max(1, n_there - int(n / stretch))))
        position = start + np.arange(n) / stretch
        left = np.minimum(position, n_there - 1.001).astype(np.int64)
        part = (np.minimum(position, n_there - 1.001) - left).astype(np.float32)
        chosen = source.signal[leads]
        signal = range_scaled(chosen[:, left] * (1 - part) + chosen[:, left + 1] * part)
        is_known = source.is_known[left] & (position < n_there)
        target = _target((source.beats_s * NETWORK_FS_HZ - start) * stretch, n)
        return self._dressed(rng, signal), target, is_known[::OUTPUT_STRIDE].astype(np.float32)

    def _dressed(self, rng: np.random.Generator, signal: FloatArray) -> FloatArray:
        """Add noise to scaled leads, change gain and polarity, lose a lead."""
        config = self._config
        n_leads, n = signal.shape
        signal = signal + synthetic_noise(rng, n_leads, n, NETWORK_FS_HZ, config.noise)
        if n_leads > 1 and rng.random() < config.dead_lead_share:
            signal[rng.integers(n_leads)] = rng.standard_normal(n) * rng.uniform(0.0, 0.5)
        gain = np.exp(rng.normal(0.0, config.gain_sd, (n_leads, 1)))
        gain *= np.where(rng.random((n_leads, 1)) < config.flip_share, -1.0, 1.0)
        return np.clip(signal * gain, -3.0, 3.0).astype(np.float32)


def _target(places: Float64Array, n: int) -> FloatArray:
    """Return bumps at R peaks, which are given in samples at 250 Hz."""
    step = np.arange(n // OUTPUT_STRIDE) * OUTPUT_STRIDE
    target = np.zeros(n // OUTPUT_STRIDE, np.float32)
    for beat in places.tolist():
        if -20 < beat < n + 20:
            near = slice(max(0, int(beat / OUTPUT_STRIDE) - 16), max(0, int(beat / OUTPUT_STRIDE) + 17))
            target[near] = np.maximum(target[near], np.exp(-0.5 * ((step[near] - beat) / PEAK_SD) ** 2))
    return target


def beats_of_marks(record: MarkedRecord) -> BeatRecord:
    """Return a record whose QRS complexes are marked in every lead as one with beats: the median of the leads' marks.

    Nothing is known before the first beat and after the last.
    """
    marks_s = np.sort(np.concatenate([waves[waves[:, 0] == 1.0, 2] for waves in record.waves_s]))
    groups = np.split(marks_s, np.flatnonzero(np.diff(marks_s) > _SAME_BEAT_S) + 1)
    beats_s = np.array([np.median(group) for group in groups if len(group)])
    duration_s = record.signal_mv.shape[1] / record.fs_hz
    unknown = ((0.0, beats_s[0] - 0.2), (beats_s[-1] + 0.25, duration_s)) if len(beats_s) else ((0.0, duration_s),)
    return BeatRecord(
        name=record.name,
        signal_mv=record.signal_mv,
        fs_hz=record.fs_hz,
        beats_s=beats_s,
        codes=("N",) * len(beats_s),
        unknown_s=unknown,
    )
