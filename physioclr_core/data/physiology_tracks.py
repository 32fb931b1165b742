"""Beats of records as tracks along their samples, and which records' beats may change places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physioclr_core.data.physiology_cache import PhysiologyCache
from physioclr_core.physiology.features.schema import NAMES
from physioclr_core.physiology.marks import BeatClass

WAVES_TRACK = "waves"
WAVE_BITS = {"R": 1, "P": 2, "T": 4}

# A rhythm is regular where the RR intervals' standard deviation is under a tenth of their mean.
MAX_RR_CV = 0.1
MIN_RR = 3
# P waves without a beat, or PR intervals of many lengths, are a block whose order matters.
_MAX_OTHER_P = 0.1
_MAX_PR_IQR_MS = 40.0
_OTHER_P, _PR_IQR_MS = NAMES.index("other_p_per_beat"), NAMES.index("pr_iqr_ms")


def waves_track(cache: PhysiologyCache, rows: npt.NDArray[np.int64], n_samples: int) -> npt.NDArray[np.uint8]:
    """Return the bits of ``WAVE_BITS`` at each sample of records, shape (n_rows, n_samples)."""
    track = np.zeros((len(rows), n_samples), np.uint8)
    for place, row in enumerate(rows.tolist()):
        beats = cache.beats_of(row)
        for wave, samples in (("R", cache.r_sample), ("P", cache.p_sample), ("T", cache.t_sample)):
            at = samples[beats]
            track[place, at[(at >= 0) & (at < n_samples)]] |= WAVE_BITS[wave]
    return track


def may_shuffle(cache: PhysiologyCache, fs_hz: float) -> npt.NDArray[np.bool_]:
    """Return of which records the order of beats says nothing, shape (n_records,).

    They have four beats at least, RR intervals that hardly differ, no early or ventricular beat, no P wave without a
    beat and PR intervals of one length.
    """
    allowed = np.zeros(len(cache), np.bool_)
    is_odd = np.isin(cache.beat_class, (BeatClass.VENTRICULAR, BeatClass.SUPRAVENTRICULAR))
    for row in range(len(cache)):
        beats = cache.beats_of(row)
        rr_s = np.diff(cache.r_sample[beats]) / fs_hz
        if len(rr_s) >= MIN_RR and not is_odd[beats].any():
            allowed[row] = rr_s.std(ddof=1) < MAX_RR_CV * rr_s.mean()
    # What is unknown objects to nothing: NaN compares as False.
    allowed &= ~(cache.features[:, _OTHER_P] > _MAX_OTHER_P) & ~(cache.features[:, _PR_IQR_MS] > _MAX_PR_IQR_MS)
    return allowed
