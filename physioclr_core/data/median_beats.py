"""The median beat of each record as a few numbers: what an embedding can be asked to hold of shape."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.data.physiology_cache import PhysiologyCache
from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.physiology.marks import BeatClass

BEFORE_S, AFTER_S = 0.35, 0.55
N_COMPONENTS = 64
# Before QRS, after most P waves: the level that a beat is measured against.
_LEVEL_S = (-0.08, -0.05)
# Where leads hardly differ, such as before P, noise must not be blown up.
_LEAST_SD_MV, _LARGEST_MV = 0.02, 3.0
_LARGEST_SCORE = 4.0
# More records give no better components.
_MAX_FITTED = 6000

FloatArray = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


def median_beats_mv(dataset: PreparedDataset, cache: PhysiologyCache) -> FloatArray:
    """Return the median of each record's dominant beats that are whole, every lead against its level before QRS.

    Plainer than ``physiology.median_beat``, which aligns beats and leaves out noisy ones: a target for training that
    takes under half a millisecond a record.

    Parameters
    ----------
    dataset : PreparedDataset
    cache : PhysiologyCache
        Of the same records.

    Returns
    -------
    ndarray of float32, shape (n_records, n_leads, n)
        From 0.35 s before R to 0.55 s after it; NaN where there is no whole beat, or no signal in it.
    """
    before, after = round(BEFORE_S * dataset.fs_hz), round(AFTER_S * dataset.fs_hz)
    first, last = (before + round(edge_s * dataset.fs_hz) for edge_s in _LEVEL_S)
    offsets = np.arange(-before, after)
    beats_mv = np.full((len(dataset), len(dataset.lead_names), len(offsets)), np.nan, np.float32)
    for row in range(len(dataset)):
        beats = cache.beats_of(row)
        r = cache.r_sample[beats]
        is_dominant = cache.beat_class[beats] == BeatClass.DOMINANT
        if is_dominant.any():
            r = r[is_dominant]
        r = r[(r >= before) & (r + after <= dataset.n_samples[row])]
        if len(r):
            stack = dataset.record_mv(row)[:, r[:, None] + offsets]
            stack -= stack[:, :, first : max(last, first + 1)].mean(axis=2, keepdims=True)
            beats_mv[row] = np.median(stack, axis=1)
    return beats_mv


@dataclass(frozen=True, eq=False)
class MedianScaling:
    """Principal components of standardised median beats.

    Attributes
    ----------
    mean_mv, sd_mv : ndarray of float32, shape (n_leads * n,)
    components : ndarray of float32, shape (n_components, n_leads * n)
        Of unit variance over the records they were fitted to.
    """

    mean_mv: FloatArray
    sd_mv: FloatArray
    components: FloatArray

    def scores_of(self, beats_mv: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Return the components' scores, clipped at 4 and zero where unknown, and which records' are known.

        Parameters
        ----------
        beats_mv : ndarray of float32, shape (n_records, n_leads, n)
        """
        flat = beats_mv.reshape(len(beats_mv), -1)
        is_known = np.asarray(np.isfinite(flat).all(axis=1))
        scores = np.zeros((len(flat), len(self.components)), np.float32)
        standard = (np.clip(flat[is_known], -_LARGEST_MV, _LARGEST_MV) - self.mean_mv) / self.sd_mv
        scores[is_known] = np.clip(standard @ self.components.T, -_LARGEST_SCORE, _LARGEST_SCORE)
        return scores, is_known

    @property
    def fingerprint(self) -> str:
        """Hash of what it does."""
        return hashlib.sha256(b"".join(a.tobytes() for a in (self.mean_mv, self.sd_mv, self.components))).hexdigest()


def fit_median_scaling(beats_mv: FloatArray, n_components: int = N_COMPONENTS) -> MedianScaling | None:
    """Fit the components to median beats.

    Parameters
    ----------
    beats_mv : ndarray of float32, shape (n_records, n_leads, n)
    n_components : int

    Returns
    -------
    MedianScaling or None
        None where fewer records than components have a median beat in all leads.
    """
    flat = beats_mv.reshape(len(beats_mv), -1)
    flat = np.clip(flat[np.isfinite(flat).all(axis=1)], -_LARGEST_MV, _LARGEST_MV)
    if len(flat) <= n_components:
        return None
    mean_mv = flat.mean(axis=0)
    sd_mv = np.maximum(flat.std(axis=0), np.float32(_LEAST_SD_MV))
    standard = (flat - mean_mv) / sd_mv
    fitted = standard[:: -(-len(standard) // _MAX_FITTED)]
    _, _, directions = np.linalg.svd(fitted, full_matrices=False)
    directions = directions[:n_components]
    sd = np.maximum((standard @ directions.T).std(axis=0), np.float32(1e-6))
    return MedianScaling(mean_mv, sd_mv, (directions / sd[:, None]).astype(np.float32))
