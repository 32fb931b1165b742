"""What the physiology engine finds in a signal: beats and the waves of every beat. Plain data, no computation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]

# Columns of every array of fiducials.
FIDUCIALS: tuple[str, ...] = ("p_on", "p_peak", "p_off", "qrs_on", "r_peak", "qrs_off", "t_on", "t_peak", "t_off")
P_ON, P_PEAK, P_OFF, QRS_ON, R_PEAK, QRS_OFF, T_ON, T_PEAK, T_OFF = range(9)
WAVES: tuple[str, ...] = ("P", "QRS", "T")
P, QRS, T = range(3)


class BeatClass(IntEnum):
    """What a beat looks like beside the others of its record; a shape and a prematurity, not a diagnosis."""

    UNCLASSED = 0
    DOMINANT = 1
    VENTRICULAR = 2
    SUPRAVENTRICULAR = 3


class WaveState(IntEnum):
    """Whether a wave has a place in time.

    ``ABSENT``: the signal is good enough to see that there is none. ``NOT_MEASURABLE``: nothing can be said.
    """

    NOT_MEASURABLE = 0
    ABSENT = 1
    PRESENT = 2


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """The ventricular beats of a record, in order of time.

    Attributes
    ----------
    fs_hz : float
        Rate of the signal that was looked at.
    n_samples : int
        Its length.
    r_samples : ndarray of int64, shape (n_beats,)
        The largest QRS deflection over the leads.
    confidence : ndarray of float32, shape (n_beats,)
        Probability that there is a beat.
    classes : ndarray of int8, shape (n_beats,)
        Values of ``BeatClass``.
    follows : ndarray of bool, shape (n_beats,)
        Whether the interval from the beat before is free of gaps, so that it is an RR interval; False for the first.
    reason : str
        Why no beat is there; empty otherwise.
    """

    fs_hz: float
    n_samples: int
    r_samples: npt.NDArray[np.int64]
    confidence: FloatArray
    classes: npt.NDArray[np.int8]
    follows: npt.NDArray[np.bool_]
    reason: str = ""

    def __len__(self) -> int:
        return len(self.r_samples)

    @property
    def r_s(self) -> Float64Array:
        """R peaks in seconds from the record's start."""
        return self.r_samples / self.fs_hz

    @property
    def rr_s(self) -> Float64Array:
        """RR interval that ends at each beat, in seconds, shape (n_beats,); NaN where ``follows`` is False."""
        rr_s = np.full(len(self), np.nan)
        if len(self) > 1:
            rr_s[1:] = np.where(self.follows[1:], np.diff(self.r_samples) / self.fs_hz, np.nan)
        return rr_s


@dataclass(frozen=True, slots=True, eq=False)
class Delineation:
    """Onset, peak and offset of P, QRS and T of every beat, for each lead and globally.

    Attributes
    ----------
    beats : Beats
    lead_names : tuple of str
    lead_s : ndarray of float64, shape (n_leads, n_beats, 9)
        Fiducials in the order of ``FIDUCIALS``, in seconds from the record's start, between samples where the signal
        says so; NaN where the wave is not present.
    lead_state : ndarray of int8, shape (n_leads, n_beats, 3)
        Values of ``WaveState`` for P, QRS and T.
    lead_confidence : ndarray of float32, shape (n_leads, n_beats, 9)
        For a boundary the probability that it lies within 10 ms of where it is set; for a peak the probability that the
        wave is there. NaN where the wave is not present.
    global_s, global_state, global_confidence : ndarray, shapes (n_beats, 9), (n_beats, 3), (n_beats, 9)
        The same over all leads: earliest onset to latest offset.
    other_p_s : ndarray of float64, shape (n, 4)
        P waves that lead to no beat, as in AV block: row of the lead, onset, peak, offset.
    lead_reasons : tuple of str
        Why a lead was not looked at; empty for those that were.
    p_reason : str
        Why no P wave is reported at all (as in atrial fibrillation); empty where P waves are reported as found.
    resolution_ms : float
        Half the interval between samples of the signal: 5 at 100 Hz, 1 at 500 Hz.
    """

    beats: Beats
    lead_names: tuple[str, ...]
    lead_s: Float64Array
    lead_state: npt.NDArray[np.int8]
    lead_confidence: FloatArray
    global_s: Float64Array
    global_state: npt.NDArray[np.int8]
    global_confidence: FloatArray
    other_p_s: Float64Array
    lead_reasons: tuple[str, ...]
    p_reason: str
    resolution_ms: float
