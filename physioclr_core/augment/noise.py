"""Electrode noise with the spectrum and the amplitudes of real recordings."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import numpy.typing as npt

from physioclr_core.augment.electrodes import N_ELECTRODES, lead_matrix
from physioclr_core.paths import assets_dir

FloatArray = npt.NDArray[np.float32]

_N_LIMB = 3


def electrode_noise_mv(n_batch: int, n_samples: int, fs_hz: float, rng: np.random.Generator) -> FloatArray:
    """Return noise of twelve leads, shape (batch, 12, n_samples).

    Each electrode has Gaussian noise of the measured spectrum; its amplitude is drawn from the measured distribution
    over records, once for the limb and once for the chest electrodes of a record. Leads are differences of electrodes.

    Parameters
    ----------
    n_batch, n_samples : int
    fs_hz : float
        Above the highest measured rate, the spectrum goes on as it ends.
    rng : Generator
    """
    table = noise_table()
    rate_hz = np.fft.rfftfreq(n_samples, 1.0 / fs_hz)
    shape = np.sqrt(np.interp(rate_hz, table["rate_hz"], table["density"]))
    shape[0] = 0.0
    real, imaginary = rng.standard_normal((2, n_batch, N_ELECTRODES, len(rate_hz)), np.float32)
    spectrum = (real + 1j * imaginary) * shape.astype(np.float32)
    noise = np.fft.irfft(spectrum, n_samples, axis=2).astype(np.float32)
    # The measured amplitude is that of the band up to the table's end, even where this record's band ends before.
    measured_hz = np.arange(1, int(table["rate_hz"][-1] * n_samples / fs_hz + 1e-9) + 1) * (fs_hz / n_samples)
    measured = np.interp(measured_hz, table["rate_hz"], table["density"])
    noise *= n_samples / np.sqrt(4.0 * measured.sum())
    rms_mv = np.stack([_drawn(table[name], n_batch, rng) for name in ("limb_rms_mv", "chest_rms_mv")], axis=1)
    per_electrode = np.repeat(rms_mv, (_N_LIMB, N_ELECTRODES - _N_LIMB), axis=1)
    noise *= per_electrode[:, :, None].astype(np.float32)
    leads: FloatArray = np.matmul(lead_matrix(), noise)
    return leads


@cache
def noise_table() -> dict[str, npt.NDArray[np.float64]]:
    """Return the measured table: rates, density, and quantiles 0 to 1 of the electrodes' amplitudes."""
    text = (assets_dir() / "augment" / "noise.json").read_text(encoding="utf-8")
    values = json.loads(text)
    return {name: np.array(values[name]) for name in ("rate_hz", "density", "limb_rms_mv", "chest_rms_mv")}


def _drawn(quantiles: npt.NDArray[np.float64], n: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.interp(rng.random(n), np.linspace(0.0, 1.0, len(quantiles)), quantiles)
