"""The whole engine on one record: quality, beats, waves, median beat, measurements, features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.atrial import fibrillating_beats, p_wave_objections
from physioclr_core.physiology.beat_stream import prepare_block
from physioclr_core.physiology.beats import detect_beats, no_beats, why_not
from physioclr_core.physiology.delineation import delineate, without_p
from physioclr_core.physiology.electrode_swap import SwapSuspicion, suspect_swaps
from physioclr_core.physiology.features.vector import FeatureVector, feature_vector
from physioclr_core.physiology.lead_measures import LeadMeasures, lead_measures
from physioclr_core.physiology.marks import QRS, BeatClass, Delineation, P, T
from physioclr_core.physiology.measurement_table import Measurements
from physioclr_core.physiology.measurements import measure
from physioclr_core.physiology.median_beat import MedianBeat, median_beat
from physioclr_core.physiology.networks import Network
from physioclr_core.record import EcgRecord, Sex
from physioclr_core.signal.dead_spans import without_dead_spans
from physioclr_core.signal.filters import DIAGNOSTIC, zero_phase
from physioclr_core.signal.lead_quality import LeadSignalQuality, assess_lead_quality

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class EcgAnalysis:
    """What the engine found in a record; parts that cost time of their own are computed when they are asked for.

    Attributes
    ----------
    lead_names : tuple of str
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        The signal that was measured: 0.05-150 Hz, zero-phase.
    delineation : Delineation
    median : MedianBeat
    lead_measures : LeadMeasures
    """

    lead_names: tuple[str, ...]
    fs_hz: float
    raw_mv: FloatArray
    signal_mv: FloatArray
    delineation: Delineation
    median: MedianBeat
    lead_measures: LeadMeasures
    sex: Sex | None
    age_years: float | None

    @cached_property
    def measurements(self) -> Measurements:
        """Intervals, axes, amplitudes and variability."""
        return measure(
            self.signal_mv,
            self.fs_hz,
            self.delineation,
            self.median,
            self.lead_measures,
            sex=self.sex,
            age_years=self.age_years,
            band_text=DIAGNOSTIC.at(self.fs_hz).text,
        )

    @cached_property
    def features(self) -> FeatureVector:
        """The vector of 150 features."""
        return feature_vector(self.delineation, self.median, self.lead_measures, self.signal_mv, self.sex)

    @cached_property
    def quality(self) -> LeadSignalQuality:
        """Noise of each lead, on the signal as recorded."""
        return assess_lead_quality(self.raw_mv, self.fs_hz)

    @cached_property
    def swaps(self) -> tuple[SwapSuspicion, ...]:
        """Electrodes that may be swapped."""
        median = self.median
        return suspect_swaps(
            median.signal_mv,
            median.lead_names,
            median.fs_hz,
            qrs_window=self.wave_window(QRS),
            p_window=self.wave_window(P),
            t_window=self.wave_window(T),
            usable=self.quality.usable,
        )

    def wave_window(self, wave: int) -> tuple[int, int] | None:
        """Return onset and offset of P, QRS or T as samples of the median beat; None where there is no such wave."""
        marks = self.median.global_s[[3 * wave, 3 * wave + 2]]
        if not np.isfinite(marks).all():
            return None
        start, end = np.round(self.median.r_index + marks * self.median.fs_hz).astype(int).tolist()
        last = self.median.signal_mv.shape[1] - 1
        return max(0, start), min(last, end)


def analyse_record(record: EcgRecord) -> EcgAnalysis:
    """Analyse a record."""
    return analyse(
        record.signal_mv,
        record.fs_hz,
        record.lead_names,
        sex=record.patient.sex,
        age_years=record.patient.age_years,
    )


def analyse(
    signal_mv: FloatArray,
    fs_hz: float,
    lead_names: tuple[str, ...],
    *,
    sex: Sex | None = None,
    age_years: float | None = None,
) -> EcgAnalysis:
    """Find beats and waves and measure them.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap.
    fs_hz : float
    lead_names : tuple of str
    sex : "male" or "female", optional
    age_years : float, optional

    Returns
    -------
    EcgAnalysis
        What cannot be measured is not there, with the reason; bad signals raise nothing.
    """
    live_mv = without_dead_spans(signal_mv, fs_hz)
    delineation = _find_waves(live_mv, fs_hz, lead_names, None, None)
    measured_mv = zero_phase(live_mv, fs_hz, DIAGNOSTIC)
    median = median_beat(measured_mv, fs_hz, delineation)
    return EcgAnalysis(
        lead_names=lead_names,
        fs_hz=fs_hz,
        raw_mv=signal_mv,
        signal_mv=measured_mv,
        delineation=delineation,
        median=median,
        lead_measures=lead_measures(median),
        sex=sex,
        age_years=age_years,
    )


def find_waves(
    signal_mv: FloatArray,
    fs_hz: float,
    lead_names: tuple[str, ...],
    beat_network: Network | None = None,
    wave_network: Network | None = None,
) -> Delineation:
    """Find beats and waves; P waves that cannot be believed as a whole are absent, with the reason.

    The networks are the shipped ones unless others are given. Parameters as those of ``analyse``.
    """
    return _find_waves(without_dead_spans(signal_mv, fs_hz), fs_hz, lead_names, beat_network, wave_network)


def _find_waves(
    signal_mv: FloatArray,
    fs_hz: float,
    lead_names: tuple[str, ...],
    beat_network: Network | None,
    wave_network: Network | None,
) -> Delineation:
    if reason := why_not(signal_mv, fs_hz):
        beats, prepared = no_beats(fs_hz, signal_mv.shape[1], reason), None
    else:
        prepared = prepare_block(signal_mv, fs_hz)
        beats = detect_beats(signal_mv, fs_hz, beat_network, prepared)
    delineation = delineate(signal_mv, fs_hz, lead_names, beats, wave_network, prepared)
    classes = np.where(
        (beats.classes == BeatClass.SUPRAVENTRICULAR) & fibrillating_beats(delineation),
        np.int8(BeatClass.DOMINANT),
        beats.classes,
    )
    if (classes != beats.classes).any():
        delineation = replace(delineation, beats=replace(beats, classes=classes))
    objected, objection = p_wave_objections(delineation)
    return without_p(delineation, objection, objected) if objection else delineation


def waves_of_record(record: EcgRecord) -> Delineation:
    """Find beats and waves of a record."""
    return find_waves(record.signal_mv, record.fs_hz, record.lead_names)
