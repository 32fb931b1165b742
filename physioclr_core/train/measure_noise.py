"""Measure the noise of real recordings for ``augment.noise``: spectrum and amplitudes between T and P waves.

One command, on a prepared data set::

    python -m physioclr_core.train.measure_noise PREPARED --out assets/augment/noise.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import detrend

from physioclr_core.data.prepared import PreparedDataset, open_prepared
from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced
from physioclr_core.physiology.beats import detect_beats

FloatArray = npt.NDArray[np.float64]

WINDOW_S = 0.24
# In slow rhythms nothing of the heart is seen after the T wave and before the P wave, between these times from R peaks.
AFTER_R_S = 0.45
BEFORE_R_S = 0.26
MIN_CYCLES = 5
N_RECORDS = 1000
N_QUANTILES = 21
SEED = 0


def residuals_mv(signal_mv: npt.NDArray[np.float32], fs_hz: float) -> FloatArray | None:
    """Return what is left between T and P waves after the record's mean cycle, shape (n_cycles, n_leads, n_window).

    The mean over cycles removes the ends of T and P waves that are alike in all of them, and with it 1 / n of the
    noise, which is made good; a line is removed from each window. None where the rhythm leaves too few windows.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
    fs_hz : float
    """
    beats = detect_beats(signal_mv, fs_hz)
    if beats.reason:
        return None
    length = round(WINDOW_S * fs_hz)
    peaks = beats.r_samples
    ends = peaks[1:] - round(BEFORE_R_S * fs_hz)
    starts = [
        int(end) - length
        for peak, end in zip(peaks[:-1], ends, strict=True)
        if end - length >= peak + AFTER_R_S * fs_hz
    ]
    starts = [start for start in starts if start + length <= signal_mv.shape[1]]
    if len(starts) < MIN_CYCLES:
        return None
    windows = detrend(np.stack([signal_mv[:, s : s + length] for s in starts]).astype(np.float64), axis=2)
    n = len(windows)
    rest: FloatArray = (windows - windows.mean(axis=0)) * np.sqrt(n / (n - 1))
    return rest


def measure(dataset: PreparedDataset, n_records: int, seed: int) -> dict[str, object]:
    """Return the table of ``augment.noise.noise_table`` with its provenance.

    A bipolar limb lead has the noise of two limb electrodes, a chest lead that of its own and a third of one limb
    electrode's (Wilson's terminal is the mean of three), electrodes taken as independent.

    Raises
    ------
    UserFacingError
        If under fifty records have windows to measure.
    """
    rows = np.random.default_rng(seed).permutation(len(dataset))[:n_records]
    limb_rms, chest_rms, power = [], [], []
    for row in rows:
        segment = dataset.segments(np.array([row]), int(dataset.n_samples[row]))
        rest = residuals_mv(segment.signal_mv[0], dataset.fs_hz)
        if rest is None or not segment.has_lead.all():
            continue
        variance = rest.var(axis=2).mean(axis=0)
        limb = variance[:2].mean() / 2.0
        limb_rms.append(np.sqrt(limb))
        chest_rms.append(np.sqrt(np.maximum(variance[6:] - limb / 3.0, 0.0).mean()))
        window = np.hanning(rest.shape[2])
        spectrum = np.abs(np.fft.rfft(rest * window, axis=2)) ** 2
        power.append((spectrum / spectrum.sum(axis=2, keepdims=True)).mean(axis=(0, 1)))
    if len(power) < 50:
        raise UserFacingError(
            f"{dataset.folder}: only {len(power)} records have a pause that noise can be measured in."
        )
    density = np.median(power, axis=0)
    density[0] = density[1]  # the line that was removed is baseline wander, not noise
    rate_hz = np.fft.rfftfreq(round(WINDOW_S * dataset.fs_hz), 1.0 / dataset.fs_hz)
    quantiles = np.linspace(0.0, 1.0, N_QUANTILES)
    # The last percent are electrodes that have come off.
    cut = np.clip(quantiles, 0.01, 0.99)
    return {
        "source": f"{dataset.manifest['datasets']}, {len(power)} of {len(rows)} records drawn with seed {seed}",
        "data_sha256": dataset.data_sha256,
        "window_s": WINDOW_S,
        "rate_hz": np.round(rate_hz, 4).tolist(),
        "density": np.round(density / density.max(), 5).tolist(),
        "limb_rms_mv": np.round(np.quantile(limb_rms, cut), 5).tolist(),
        "chest_rms_mv": np.round(np.quantile(chest_rms, cut), 5).tolist(),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure the noise of real recordings.")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    table = measure(open_prepared(args.prepared), N_RECORDS, SEED)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with replaced(args.out) as file:
        file.write((json.dumps(table, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
