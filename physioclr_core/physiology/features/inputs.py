"""What the four blocks of features are computed from, gathered once: tables of beats, of leads, and aligned beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.axes import Axis, frontal_axes
from physioclr_core.physiology.lead_measures import LeadMeasures
from physioclr_core.physiology.marks import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF, T_ON, Delineation
from physioclr_core.physiology.median_beat import MedianBeat
from physioclr_core.record import Sex

Float64Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

NAN = float("nan")
I, II, III, AVR, AVL, AVF, V1, V2, V3, V4, V5, V6 = range(12)  # noqa: E741 (a lead's name)
# Columns of the table of beats.
INTERVALS: tuple[str, ...] = ("p_ms", "pr_ms", "qrs_ms", "qtc_ms", "t_ms", "pq_segment_ms", "st_segment_ms", "rr_ms")
_LEAD_QUANTITIES: tuple[str, ...] = tuple(
    "p_mv p_negative_mv p_negative_ms q_mv r_mv s_mv r_prime_mv qs_mv qrs_pp_mv t_mv t_negative_mv st_j_mv st_j60_mv "
    "st_slope_mv_per_s p_area_uvs qrs_area_uvs qrs_abs_area_uvs t_area_uvs q_ms s_ms p_ms qrs_ms qt_ms vat_ms "
    "max_upslope_mv_per_s n_fragments".split()
)
# The part of the beat in which P stands, before the QRS onset; short of it by the steepest part of a delta wave.
_P_WINDOW_S = (-0.24, -0.04)
_MIN_WINDOW_SAMPLES = 4
# Beats of a long record that are compared with their mean: as many as are looked at in a minute or two.
_MAX_ALIGNED_BEATS = 128


@dataclass(frozen=True, slots=True, eq=False)
class AlignedBeats:
    """One part of every beat, the beats under one another; each lead of each beat has mean zero.

    Attributes
    ----------
    parts_mv : ndarray of float32, shape (n_leads, n_beats, n)
        Beats of the median beat's set whose part lies within the record.
    """

    parts_mv: FloatArray

    @property
    def n_beats(self) -> int:
        """Number of beats."""
        return int(self.parts_mv.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class FeatureInputs:
    """Everything measured of one ECG.

    Attributes
    ----------
    delineation : Delineation
    median : MedianBeat
    measures : LeadMeasures
    axes : dict of str to Axis
        Frontal axes of "p", "qrs" and "t".
    rr_ms : ndarray of float64, shape (n_beats,)
        RR interval that ends at each beat; NaN where there is none.
    intervals : ndarray of float64, shape (n_beats, 8)
        ``INTERVALS`` of every beat by its global marks.
    quartiles : dict of str to tuple of float
        Lower quartile, median and upper quartile of each interval over the beats of the median beat.
    leads : dict of str to list of float
        Quantities of ``LeadMeasures`` in the order of ``STANDARD_LEADS``; NaN for a lead that is not there.
    median_mv : ndarray of float32, shape (12, n)
        The median beat in the order of ``STANDARD_LEADS``.
    qrs, st_t, p_window : AlignedBeats or None
        The QRS complex and the ST segment with T of all leads, and the P window of II and V1.
    sex : "male", "female" or None
    """

    delineation: Delineation
    median: MedianBeat
    measures: LeadMeasures
    axes: dict[str, Axis]
    rr_ms: Float64Array
    intervals: Float64Array
    quartiles: dict[str, tuple[float, float, float]]
    leads: dict[str, list[float]]
    median_mv: FloatArray
    qrs: AlignedBeats | None
    st_t: AlignedBeats | None
    p_window: dict[int, AlignedBeats]
    sex: Sex | None


def feature_inputs(
    delineation: Delineation,
    median: MedianBeat,
    measures: LeadMeasures,
    signal_mv: FloatArray | None,
    sex: Sex | None,
) -> FeatureInputs:
    """Gather what the features are computed from; parameters as those of ``feature_vector``."""
    rr_ms = delineation.beats.rr_s * 1000.0
    intervals = beat_intervals(delineation.global_s, rr_ms)
    used = median.used if len(median.used) == len(rr_ms) else np.zeros(len(rr_ms), np.bool_)
    rows = quartiles_of(intervals[used]).T.tolist()
    row_of = {name: row for row, name in enumerate(measures.lead_names)}
    order = np.array([row_of.get(name, -1) for name in STANDARD_LEADS])
    # The row past the last is NaN and stands for leads that are not there.
    table = np.full((len(_LEAD_QUANTITIES), len(measures.lead_names) + 1), np.nan)
    for index, name in enumerate(_LEAD_QUANTITIES):
        table[index, :-1] = getattr(measures, name)
    median_mv = np.full((len(STANDARD_LEADS), median.signal_mv.shape[1]), np.nan, np.float32)
    has_lead = order >= 0
    median_mv[has_lead] = median.signal_mv[order[has_lead]]
    qrs_on_s, qrs_off_s, t_off_s = (float(median.global_s[column]) for column in (QRS_ON, QRS_OFF, T_OFF))
    windows: list[AlignedBeats | None] = [None, None]
    p_window: dict[int, AlignedBeats] = {}
    if signal_mv is not None and used.any():
        fs_hz, r_samples = delineation.beats.fs_hz, _spread(delineation.beats.r_samples[used])
        windows = [
            aligned_beats(signal_mv, fs_hz, r_samples, *span) for span in ((qrs_on_s, qrs_off_s), (qrs_off_s, t_off_s))
        ]
        for lead in (II, V1):
            row = int(order[lead])
            span = (qrs_on_s + edge for edge in _P_WINDOW_S)
            part = aligned_beats(signal_mv[row : row + 1], fs_hz, r_samples, *span) if row >= 0 else None
            if part is not None:
                p_window[lead] = part
    return FeatureInputs(
        delineation=delineation,
        median=median,
        measures=measures,
        axes=frontal_axes(median, measures),
        rr_ms=rr_ms,
        intervals=intervals,
        quartiles={name: (low, middle, high) for name, (low, middle, high) in zip(INTERVALS, rows, strict=True)},
        leads=dict(zip(_LEAD_QUANTITIES, table[:, order].tolist(), strict=True)),
        median_mv=median_mv,
        qrs=windows[0],
        st_t=windows[1],
        p_window=p_window,
        sex=sex,
    )


def beat_intervals(global_s: Float64Array, rr_ms: Float64Array) -> Float64Array:
    """Return ``INTERVALS`` of every beat, shape (n_beats, 8); QT is corrected by Fridericia for the RR before it."""
    marks = global_s * 1000.0
    qt_ms = marks[:, T_OFF] - marks[:, QRS_ON]
    return np.stack(
        [
            marks[:, P_OFF] - marks[:, P_ON],
            marks[:, QRS_ON] - marks[:, P_ON],
            marks[:, QRS_OFF] - marks[:, QRS_ON],
            qt_ms / np.cbrt(rr_ms / 1000.0),
            marks[:, T_OFF] - marks[:, T_ON],
            marks[:, QRS_ON] - marks[:, P_OFF],
            marks[:, T_ON] - marks[:, QRS_OFF],
            rr_ms,
        ],
        axis=1,
    )


def quartiles_of(table: Float64Array) -> Float64Array:
    """Return the quartiles of every column over its finite values, by linear interpolation.

    Parameters
    ----------
    table : ndarray of float64, shape (n, n_columns)

    Returns
    -------
    ndarray of float64, shape (3, n_columns)
        NaN for a column without values.
    """
    if not len(table):
        return np.full((3, table.shape[1]), np.nan)
    ordered = np.sort(table, axis=0)  # NaN goes last
    last = np.isfinite(table).sum(axis=0) - 1
    position = np.array([[0.25], [0.5], [0.75]]) * np.maximum(last, 0)
    below = position.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(last, 0))
    columns = np.arange(table.shape[1])
    low, high = ordered[below, columns], ordered[above, columns]
    result: Float64Array = np.where(last >= 0, low + (position - below) * (high - low), np.nan)
    return result


def aligned_beats(
    signal_mv: FloatArray, fs_hz: float, r_samples: npt.NDArray[np.int64], start_s: float, end_s: float
) -> AlignedBeats | None:
    """Cut one part out of every beat.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        Leads with a gap in any part are left out.
    fs_hz : float
    r_samples : ndarray of int64, shape (n_beats,)
    start_s, end_s : float
        The part, in seconds after R.

    Returns
    -------
    AlignedBeats or None
        None where the part is not known or of fewer than four samples, or fewer than two beats or no lead are left.
    """
    if not (np.isfinite(start_s) and np.isfinite(end_s)):
        return None
    offsets = np.arange(round(start_s * fs_hz), round(end_s * fs_hz) + 1)
    if len(offsets) < _MIN_WINDOW_SAMPLES:
        return None
    is_inside = (r_samples + offsets[0] >= 0) & (r_samples + offsets[-1] < signal_mv.shape[1])
    parts = signal_mv[:, r_samples[is_inside, None] + offsets]
    if parts.shape[1] < 2:
        return None
    parts = parts - parts.mean(axis=2, keepdims=True)
    is_whole = np.isfinite(parts.sum(axis=(1, 2)))
    if not is_whole.all():
        parts = parts[is_whole]
    return AlignedBeats(parts) if len(parts) else None


def _spread(r_samples: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return at most ``_MAX_ALIGNED_BEATS``, evenly over the record."""
    if len(r_samples) <= _MAX_ALIGNED_BEATS:
        return r_samples
    return r_samples[np.linspace(0, len(r_samples) - 1, _MAX_ALIGNED_BEATS).astype(np.int64)]


# --- small sums -------------------------------------------------------------------------------------------------------


def known(values: Sequence[float]) -> list[float]:
    """Return the values that are not NaN."""
    return [value for value in values if value == value]


def ratio(numerator: float, denominator: float) -> float:
    """Return the quotient, NaN where the denominator is zero."""
    return numerator / denominator if denominator else NAN


def share(condition: BoolArray, values: Float64Array) -> float:
    """Return the share of the known values for which a condition holds."""
    n_known = np.count_nonzero(values == values)
    return np.count_nonzero(condition) / n_known if n_known else NAN
