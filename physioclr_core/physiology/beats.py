"""The beats of a record with their classes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.beat_classes import classify_beats
from physioclr_core.physiology.beat_context import BeatContext, follow_without_break, is_chaotic
from physioclr_core.physiology.beat_stream import FoundBeats, PreparedBlock, search_beats, search_beats_in
from physioclr_core.physiology.marks import Beats
from physioclr_core.physiology.networks import Network
from physioclr_core.signal.quality import FLAT_BELOW_MV

FloatArray = npt.NDArray[np.float32]

# Below this rate QRS complexes lose their shape.
MIN_FS_HZ = 80.0
MIN_DURATION_S = 1.0


def detect_beats(
    signal_mv: FloatArray, fs_hz: float, network: Network | None = None, prepared: PreparedBlock | None = None
) -> Beats:
    """Find and classify the beats of a record, ectopic and paced beats included.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        One lead or more, NaN is a gap; from ten seconds to days.
    fs_hz : float
    network : Network, optional
        The shipped beat network by default.
    prepared : PreparedBlock, optional
        Of the same signal, where it is at hand already.

    Returns
    -------
    Beats
        Without beats where none can be found, with the reason.
    """
    if reason := why_not(signal_mv, fs_hz):
        return no_beats(fs_hz, signal_mv.shape[1], reason)
    return classified(*search_beats(signal_mv, fs_hz, network, prepared), fs_hz, signal_mv.shape[1])


def detect_beats_in(
    pieces: Iterable[FloatArray], n_leads: int, fs_hz: float, n_samples: int, network: Network | None = None
) -> Beats:
    """Find and classify the beats of a record that comes in pieces, without holding it in memory.

    Parameters
    ----------
    pieces : iterable of ndarray of float32, shape (n_leads, any number)
    n_leads : int
    fs_hz : float
    n_samples : int
        Of all pieces together.
    network : Network, optional

    Returns
    -------
    Beats
        The same as ``detect_beats`` gives for the whole, but for the wording of why there is none.
    """
    return classified(*search_beats_in(pieces, n_leads, fs_hz, network), fs_hz, n_samples)


def classified(found: FoundBeats, context: BeatContext, fs_hz: float, n_samples: int) -> Beats:
    """Return found beats with their classes; none where the rhythm is too chaotic to tell them apart."""
    if not len(found):
        return no_beats(fs_hz, n_samples, "no beat found")
    if is_chaotic(context, found.r_samples, fs_hz):
        return no_beats(fs_hz, n_samples, "the rhythm is too fast or too chaotic to tell beats apart")
    follows = follow_without_break(context, found.r_samples, fs_hz)
    rr_s = np.full(len(found), np.nan)
    rr_s[1:] = np.where(follows[1:], np.diff(found.r_samples) / fs_hz, np.nan)
    return Beats(
        fs_hz=fs_hz,
        n_samples=n_samples,
        r_samples=found.r_samples,
        confidence=found.confidence,
        classes=classify_beats(found.snippets_mv, rr_s),
        follows=follows,
    )


def no_beats(fs_hz: float, n_samples: int, reason: str) -> Beats:
    """Return no beats, with the reason."""
    return Beats(
        fs_hz=fs_hz,
        n_samples=n_samples,
        r_samples=np.zeros(0, np.int64),
        confidence=np.zeros(0, np.float32),
        classes=np.zeros(0, np.int8),
        follows=np.zeros(0, bool),
        reason=reason,
    )


def why_not(signal_mv: FloatArray, fs_hz: float) -> str:
    """Return why no beats can be looked for; empty where they can."""
    if not fs_hz >= MIN_FS_HZ:
        return f"{fs_hz:g} Hz is too slow to find beats"
    if not len(signal_mv):
        return "there is no lead"
    if signal_mv.shape[1] < MIN_DURATION_S * fs_hz:
        return "the record is shorter than 1 s"
    if not any(np.isfinite(lead).any() for lead in signal_mv):
        return "no lead has a signal"
    if all(_range_mv(lead) < FLAT_BELOW_MV for lead in signal_mv):
        return "all leads are flat"
    return ""


def _range_mv(lead_mv: FloatArray) -> float:
    low, high = lead_mv.min(initial=np.inf), lead_mv.max(initial=-np.inf)
    if np.isnan(low):
        finite = lead_mv[np.isfinite(lead_mv)]
        return float(np.ptp(finite)) if len(finite) else 0.0
    return float(high - low)
