"""The measurements of an ECG, each with its uncertainty and what it was taken from, or why it could not be taken."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, isfinite, nan, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.atrial import IRREGULAR_RHYTHM
from physioclr_core.physiology.axes import Axis, frontal_axes
from physioclr_core.physiology.intervals import (
    QTC_FORMULAS,
    interval_uncertainty_ms,
    qtc_uncertainty_ms,
    sampling_uncertainty_ms,
)
from physioclr_core.physiology.lead_measures import LeadMeasures
from physioclr_core.physiology.marks import (
    P_OFF,
    P_ON,
    QRS_OFF,
    QRS_ON,
    T_OFF,
    WAVES,
    BeatClass,
    Delineation,
    P,
    T,
    WaveState,
)
from physioclr_core.physiology.measurement_table import Measurement, Measurements, plain
from physioclr_core.physiology.median_beat import MedianBeat
from physioclr_core.physiology.rhythm import MIN_NN, Rhythm, rhythm
from physioclr_core.physiology.voltage import cornell_mv, cornell_product_mv_ms, sokolow_lyon_mv
from physioclr_core.record import Sex

FloatArray = npt.NDArray[np.float32]

MIN_RR = 2
# Where RR varies more than this, no correction of QT for the heart rate is reliable.
UNSTABLE_RR_CV = 0.15
_BAZETT_BPM = (60.0, 100.0)
_SHORT_RECORD_S = 60.0
_ADULT_YEARS = 18.0
_HRV = (
    ("sdnn_ms", "SDNN", "ms"),
    ("rmssd_ms", "RMSSD", "ms"),
    ("pnn50", "pNN50", "%"),
    ("pnn20", "pNN20", "%"),
    ("cvnn", "CVNN", ""),
    ("cvsd", "CVSD", ""),
    ("sd1_ms", "SD1", "ms"),
    ("sd2_ms", "SD2", "ms"),
    ("sample_entropy", "Sample entropy", ""),
)


def measure(
    signal_mv: FloatArray,
    fs_hz: float,
    delineation: Delineation,
    median: MedianBeat,
    lead_measures: LeadMeasures,
    *,
    sex: Sex | None,
    age_years: float | None,
    band_text: str,
) -> Measurements:
    """Take every measurement of a record.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
    fs_hz : float
    delineation : Delineation
    median : MedianBeat
    lead_measures : LeadMeasures
        All of the same signal.
    sex : "male", "female" or None
    age_years : float or None
    band_text : str
        The filter band that the signal was measured in, in words.

    Returns
    -------
    Measurements

    Notes
    -----
    Intervals are those of the median beat, earliest onset to latest offset over the leads; their uncertainty is that
    of ``interval_uncertainty_ms``. QT is paired with the mean of the RR intervals that end at the beats used; the
    uncertainty of QTc takes that of QT and the standard error of this mean.
    """
    taker = _Taker(signal_mv.shape[1] / fs_hz, delineation, median, lead_measures, rhythm(delineation.beats), band_text)
    axes = frontal_axes(median, lead_measures)
    items = (
        *taker.rate(),
        *taker.intervals(),
        *taker.axes(axes),
        *taker.voltages(sex, age_years),
        *taker.beat_counts(),
        *taker.variability(),
    )
    lead_reasons = tuple(
        reason or ("no signal in most of the beats used" if median.n_used and np.isnan(pp_mv) else "")
        for reason, pp_mv in zip(delineation.lead_reasons, lead_measures.qrs_pp_mv.tolist(), strict=True)
    )
    return Measurements(
        items,
        lead_measures,
        taker.rhythm,
        axes,
        median,
        lead_reasons,
        delineation.p_reason,
        band_text,
        delineation.resolution_ms,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Taker:
    duration_s: float
    delineation: Delineation
    median: MedianBeat
    leads: LeadMeasures
    rhythm: Rhythm
    band: str

    def _item(
        self, name: str, label: str, value: float, unit: str, uncertainty: float = nan, **how: Any
    ) -> Measurement:
        """Return a measurement of the median beat over all leads unless ``how`` says otherwise."""
        how = {
            "n_beats": self.median.n_used,
            "beat_set": self.median.beat_set,
            "lead_set": f"all {len(self.leads.lead_names)} leads",
            **how,
        }
        if isfinite(value):
            how["reason"] = ""
            return Measurement(name, label, value, unit, plain(uncertainty), band=self.band, **how)
        how["reason"] = self.median.reason or how.get("reason") or "not measurable"
        return Measurement(name, label, None, unit, band=self.band, **{**how, "note": ""})

    def rate(self) -> list[Measurement]:
        r, n = self.rhythm, max(self.rhythm.n_rr, 1)
        sampling_ms = sampling_uncertainty_ms(self.delineation.resolution_ms)
        error_ms = hypot(r.rr_sd_ms / sqrt(n), sampling_ms / n)
        rows = [
            ("hr_bpm", "Heart rate", "bpm", r.hr_bpm * error_ms / r.rr_mean_ms),
            ("rr_mean_ms", "Mean RR", "ms", error_ms),
            ("rr_sd_ms", "SD of RR", "ms", r.rr_sd_ms / sqrt(2.0 * max(n - 1, 1))),
            ("rr_min_ms", "Shortest RR", "ms", sampling_ms),
            ("rr_max_ms", "Longest RR", "ms", sampling_ms),
        ]
        how: dict[str, Any] = {
            "n_beats": r.n_rr,
            "beat_set": f"all {r.n_rr} RR intervals",
            "reason": f"fewer than {MIN_RR} RR intervals",
        }
        return [
            self._item(name, label, getattr(r, name) if r.n_rr >= MIN_RR else nan, unit, uncertainty, **how)
            for name, label, unit, uncertainty in rows
        ]

    def intervals(self) -> list[Measurement]:
        items = [
            self._interval("pr_ms", "PR interval", P_ON, QRS_ON, P),
            self._interval("p_ms", "P duration", P_ON, P_OFF, P),
            self._interval("qrs_ms", "QRS duration", QRS_ON, QRS_OFF, None),
            self._interval("qt_ms", "QT interval", QRS_ON, T_OFF, T),
        ]
        return items + self._corrected(items[-1])

    def _interval(self, name: str, label: str, start: int, end: int, wave: int | None) -> Measurement:
        value = 1000.0 * float(self.median.global_s[end] - self.median.global_s[start])
        reason = ""
        if wave == P and self.delineation.p_reason:
            value, reason = nan, self.delineation.p_reason
        elif wave is not None:
            is_absent = self.median.global_state[wave] == WaveState.ABSENT
            where = " before most beats" if wave == P else ""
            reason = f"no {WAVES[wave]} wave{where}" if is_absent else f"the {WAVES[wave]} wave is not measurable"
        marks_s = self.delineation.global_s[self.median.used]
        each_ms = 1000.0 * (marks_s[:, end] - marks_s[:, start])
        uncertainty = interval_uncertainty_ms(each_ms, self.delineation.resolution_ms)
        return self._item(name, label, value, "ms", uncertainty, reason=reason)

    def _corrected(self, qt: Measurement) -> list[Measurement]:
        paired_s = self.delineation.beats.rr_s[self.median.used]
        paired_s = paired_s[np.isfinite(paired_s)]
        mean_s = float(paired_s.mean()) if len(paired_s) else nan
        sd_s = float(paired_s.std(ddof=1)) if len(paired_s) > 1 else 0.0
        caution = ""
        if self.delineation.p_reason.startswith(IRREGULAR_RHYTHM):
            caution = f"{self.delineation.p_reason}: no steady RR to correct with, the mean is taken"
        elif sd_s > UNSTABLE_RR_CV * mean_s:
            caution = f"RR varies by {100 * sd_s / mean_s:.0f} %: no correction is reliable"
        qt_ms = nan if qt.value is None else qt.value
        error_ms = nan if qt.uncertainty is None else qt.uncertainty
        error_s = sd_s / sqrt(max(len(paired_s), 1))
        items: list[Measurement] = []
        how: dict[str, Any]
        for formula, correct in QTC_FORMULAS.items():
            notes = [caution] if caution else []
            if formula == "bazett" and not _BAZETT_BPM[0] <= 60.0 / mean_s <= _BAZETT_BPM[1]:
                notes.append("Bazett's formula is unfit away from 60 to 100 bpm")
            label = f"QTc {formula.capitalize()}{' (default)' if not items else ''}"
            error_of_qtc = qtc_uncertainty_ms(formula, qt_ms, error_ms, mean_s, error_s)
            how = {"reason": qt.reason or "no RR interval ends at a beat used", "note": "; ".join(notes)}
            items.append(self._item(f"qtc_{formula}_ms", label, correct(qt_ms, mean_s), "ms", error_of_qtc, **how))
        return items

    def axes(self, axes: dict[str, Axis]) -> list[Measurement]:
        items = []
        for wave, label in (("p", "P axis"), ("qrs", "QRS axis"), ("t", "T axis")):
            axis = axes[wave]
            deg, reason = axis.deg, axis.reason
            if wave == "p" and self.delineation.p_reason:
                deg, reason = nan, self.delineation.p_reason
            name, error_deg = f"{wave}_axis_deg", axis.uncertainty_deg
            items.append(self._item(name, label, deg, "deg", error_deg, lead_set="limb leads", reason=reason))
        return items

    def voltages(self, sex: Sex | None, age_years: float | None) -> list[Measurement]:
        qrs_ms = 1000.0 * float(self.median.global_s[QRS_OFF] - self.median.global_s[QRS_ON])
        cornell, error_mv = cornell_mv(self.leads), self.median.standard_error_mv.tolist()
        product = cornell_product_mv_ms(self.leads, qrs_ms, sex)
        note = "its limits are those of adults" if age_years is not None and age_years < _ADULT_YEARS else ""
        items = []
        for name, label, value, unit, leads in (
            ("sokolow_lyon_mv", "Sokolow-Lyon", sokolow_lyon_mv(self.leads), "mV", ("V1", "V5", "V6")),
            ("cornell_mv", "Cornell voltage", cornell, "mV", ("aVL", "V3")),
            ("cornell_product_mv_ms", "Cornell product", product, "mV ms", ("aVL", "V3")),
        ):
            missing = [lead for lead in leads if lead not in self.leads.lead_names]
            reason = f"lead {missing[0]} is missing" if missing else ""
            if unit != "mV" and sex is None and isfinite(cornell):
                reason = "sex unknown"
            # Of the first lead, and of the noisier of the others.
            errors_mv = [error_mv[self.leads.lead_names.index(lead)] for lead in leads if lead not in missing]
            uncertainty = hypot(errors_mv[0], max(errors_mv[1:])) if not missing else nan
            if unit != "mV":
                uncertainty = hypot(uncertainty * qrs_ms, cornell * self._qrs_uncertainty_ms())
            how: dict[str, Any] = {"lead_set": ", ".join(leads), "reason": reason, "note": note}
            items.append(self._item(name, label, value, unit, uncertainty, **how))
        return items

    def _qrs_uncertainty_ms(self) -> float:
        marks_s = self.delineation.global_s[self.median.used]
        each_ms = 1000.0 * (marks_s[:, QRS_OFF] - marks_s[:, QRS_ON])
        return interval_uncertainty_ms(each_ms, self.delineation.resolution_ms)

    def beat_counts(self) -> list[Measurement]:
        classes = self.delineation.beats.classes
        n = len(classes)
        is_classed = bool((classes != BeatClass.UNCLASSED).any())
        how: dict[str, Any] = {"n_beats": n, "beat_set": f"all {n} beats", "reason": "the beats have no class"}
        items = [self._item("beats", "Beats", float(n) if n else nan, "", **how)]
        for beat_class, label in (
            (BeatClass.DOMINANT, "Beats of the leading shape"),
            (BeatClass.VENTRICULAR, "Ventricular-like beats"),
            (BeatClass.SUPRAVENTRICULAR, "Supraventricular premature beats"),
        ):
            count = float(np.count_nonzero(classes == beat_class)) if is_classed else nan
            items.append(self._item(f"{beat_class.name.lower()}_beats", label, count, "", **how))
        how["reason"] = "not assessable: pacing pulses are not looked for"
        return [*items, self._item("paced_beats", "Paced beats", nan, "", **how)]

    def variability(self) -> list[Measurement]:
        n = self.rhythm.n_nn
        is_enough = isfinite(self.rhythm.sdnn_ms)
        notes = [f"from {self.duration_s:.0f} s only"] if self.duration_s < _SHORT_RECORD_S else []
        if self.median.n_used and self.median.global_state[P] == WaveState.ABSENT:
            notes.append("no P waves: not the variability of a sinus rhythm")
        how: dict[str, Any] = {
            "n_beats": n,
            "beat_set": f"{n} intervals between normal beats",
            "reason": "not defined for these intervals" if is_enough else f"fewer than {MIN_NN} normal intervals",
            "note": "; ".join(notes),
        }
        return [
            self._item(name, label, getattr(self.rhythm, name), unit, self._hrv_uncertainty(name), **how)
            for name, label, unit in _HRV
        ]

    def _hrv_uncertainty(self, name: str) -> float:
        """Return the standard error over the intervals: s / sqrt(2 (n - 1)) for deviations, binomial for shares.

        It says how far the number may be off for the few intervals it was taken from, as if they were independent.
        """
        r = self.rhythm
        value, n = float(getattr(r, name)), r.n_nn if name in ("sdnn_ms", "cvnn", "sd2_ms") else r.n_differences
        if n < 2 or name == "sample_entropy":
            return nan
        if name in ("pnn50", "pnn20"):
            return sqrt(max(value * (100.0 - value), 100.0 / n) / n)
        return value / sqrt(2.0 * (n - 1))
