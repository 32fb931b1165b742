"""The median beat of every lead, and where its waves begin and end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.marks import Delineation

Float64Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class MedianBeat:
    """The typical beat of a record.

    Attributes
    ----------
    fs_hz : float
    lead_names : tuple of str
    signal_mv : ndarray of float32, shape (n_leads, n)
        The median over the beats used, each lead against its own PQ level (just before the global QRS onset); NaN
        for a lead without samples. ``n`` is 0 where there is no beat.
    r_index : int
        The sample of R.
    used : ndarray of bool, shape (n_beats,)
        Which of the record's beats went in.
    n_used : int
    beat_set : str
        The same in words: "11 of 12 beats: 1 ventricular left out".
    lead_s : ndarray of float64, shape (n_leads, 9)
        Fiducials in the order of ``FIDUCIALS``, in seconds after R (negative before it): the median over the beats
        used; NaN where fewer than half of them have the wave.
    global_s : ndarray of float64, shape (9,)
        The same over all leads: earliest onset to latest offset that a second lead supports.
    lead_state, global_state : ndarray of int8, shapes (n_leads, 3) and (3,)
        Values of ``WaveState`` for P, QRS and T.
    noise_mv : ndarray of float64, shape (n_leads,)
        What one beat typically differs by from the median beat (robust standard deviation over beats and samples);
        NaN with fewer than two beats.
    reason : str
        Why there is no median beat; empty otherwise.
    """

    fs_hz: float
    lead_names: tuple[str, ...]
    signal_mv: FloatArray
    r_index: int
    used: npt.NDArray[np.bool_]
    n_used: int
    beat_set: str
    lead_s: Float64Array
    global_s: Float64Array
    lead_state: npt.NDArray[np.int8]
    global_state: npt.NDArray[np.int8]
    noise_mv: Float64Array
    reason: str = ""

    @property
    def time_s(self) -> Float64Array:
        """Seconds after R of every sample, shape (n,)."""
        return (np.arange(self.signal_mv.shape[1]) - self.r_index) / self.fs_hz


def median_beat(signal_mv: FloatArray, fs_hz: float, delineation: Delineation) -> MedianBeat:
    """Return the median beat."""
    raise NotImplementedError
