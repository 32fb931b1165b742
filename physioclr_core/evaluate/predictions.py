"""From a network's logits on labelled records to a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate import bootstrap
from physioclr_core.evaluate.auroc import auroc
from physioclr_core.evaluate.average_precision import average_precision
from physioclr_core.evaluate.binomial import exact_interval
from physioclr_core.evaluate.bootstrap import Interval, interval, macro, patient_weights
from physioclr_core.evaluate.calibration import Calibration, cross_fit, sigmoid
from physioclr_core.evaluate.calibration_figures import MIN_POSITIVES, calibration_figures
from physioclr_core.evaluate.challenge_metric import challenge_metric, weighted_challenge_metric
from physioclr_core.evaluate.conformal import ConformalFigures, conformal_figures
from physioclr_core.evaluate.f1 import f1_figures, weighted_f1
from physioclr_core.evaluate.report import FEW_POSITIVES, LabelFigures, Report

FloatArray = npt.NDArray[np.float64]

CHALLENGE_TASK = "cinc26"
N_PARTS = 5
SEED = 0


def evaluate_predictions(
    task: str,
    part: str,
    label_names: tuple[str, ...],
    labels: npt.NDArray[np.floating],
    logits: npt.NDArray[np.floating],
    patient: npt.NDArray[np.int64],
    n_resamples: int = bootstrap.N_RESAMPLES,
    calibration: Calibration | None = None,
    notes: Sequence[str] = (),
) -> Report:
    """Measure everything that a report holds.

    Calibration, thresholds and prediction sets are cross-fitted by patient, five parts: the figures are of fits that
    have not seen the record's patient. With a ``calibration`` of other records, temperatures and thresholds are its.

    Parameters
    ----------
    task, part : str
        Names for the reader; the Challenge metric is measured for the task of its classes.
    label_names : tuple of str
    labels : ndarray of float, shape (n_records, n_labels)
        NaN is unknown.
    logits : ndarray of float, shape (n_records, n_labels)
    patient : ndarray of int64, shape (n_records,)
    n_resamples : int
    calibration : Calibration, optional
        Fitted on records of other patients.
    notes : sequence of str
        What the reader must know of the records.

    Raises
    ------
    UserFacingError
        If there is no record, or a logit is not finite.
    """
    if not len(labels):
        raise UserFacingError(f"There is no record in {part} to evaluate.")
    scores = logits.astype(np.float64)
    if not np.isfinite(scores).all():
        raise UserFacingError("The network's output is not finite for some records; its weights are damaged.")
    said = list(notes)
    weights = patient_weights(patient, n_resamples, SEED)
    area, precision = auroc(labels, scores), average_precision(labels, scores)
    areas = bootstrap.weighted_auroc(labels, scores, weights)
    precisions = bootstrap.weighted_average_precision(labels, scores, weights)
    n_patients = len(np.unique(patient))
    n_few = int(((labels == 1.0).sum(axis=0) < FEW_POSITIVES).sum())
    if n_few:
        said.append(
            f"{n_few} labels have under {FEW_POSITIVES} positives: resampling so few says less than the truth, their "
            "intervals are too narrow."
        )
    if calibration is None:
        probability, decision = _calibrated(labels, scores, patient, n_patients, said)
    else:
        probability = sigmoid(scores / calibration.temperature)
        is_over = (probability >= calibration.threshold).astype(np.float64)
        decision = np.where(np.isnan(calibration.threshold), np.nan, is_over)
    f1, f1s = f1_figures(labels, decision), weighted_f1(labels, decision, weights)
    figures = tuple(
        LabelFigures(
            label=name,
            n=int(np.isfinite(labels[:, index]).sum()),
            n_positive=int((labels[:, index] == 1.0).sum()),
            auroc=interval(area[index], areas[:, index]),
            average_precision=interval(precision[index], precisions[:, index], is_biased=True),
            f1=interval(f1.per_label[index], f1s[:, index]),
            **_found(labels[:, index], decision[:, index]),
            calibration=calibration_figures(labels[:, index], probability[:, index]),
        )
        for index, name in enumerate(label_names)
    )
    is_defined = np.isfinite(area)
    error, n_calibration = _calibration_error(labels, probability, patient, n_resamples)
    return Report(
        task=task,
        part=part,
        n_records=len(labels),
        n_patients=n_patients,
        n_labels=int(is_defined.sum()),
        macro_auroc=interval(float(macro(area)), macro(areas[:, is_defined])),
        macro_average_precision=interval(float(macro(precision)), macro(precisions[:, is_defined]), is_biased=True),
        macro_f1=interval(f1.macro, macro(f1s[:, np.isfinite(f1.per_label)])),
        n_labels_f1=f1.n_labels,
        n_labels_undecided=f1.n_undecided,
        expected_calibration_error=error,
        n_labels_calibration=n_calibration,
        brier=_brier(labels[:, is_defined], probability[:, is_defined], weights),
        challenge_metric=_challenge(task, labels, decision, weights, said),
        conformal=_conformal(labels, probability, patient, n_patients, said),
        n_resamples=n_resamples,
        labels=figures,
        notes=tuple(said),
        thresholds="cross-fitted thresholds" if calibration is None else "thresholds of the records that selected",
    )


def _found(labels: npt.NDArray[np.floating], decision: FloatArray) -> dict[str, Any]:
    positive = labels == 1.0
    n_positive = int(positive.sum())
    if np.isnan(decision[np.isfinite(labels)]).any():
        return {"n_found": None, "found_low": None, "found_high": None}
    n_found = int((decision[positive] == 1.0).sum())
    low, high = exact_interval(n_found, n_positive) if n_positive else (None, None)
    return {"n_found": n_found, "found_low": low, "found_high": high}


def _calibrated(
    labels: npt.NDArray[np.floating],
    logits: FloatArray,
    patient: npt.NDArray[np.int64],
    n_patients: int,
    notes: list[str],
) -> tuple[FloatArray, FloatArray]:
    if n_patients < 2 * N_PARTS:
        notes.append(f"Calibration and thresholds are unknown: {n_patients} patients are too few to cross-fit.")
        return np.full(logits.shape, np.nan), np.full(logits.shape, np.nan)
    crossed = cross_fit(labels, logits, patient, N_PARTS, SEED)
    return crossed.probability, crossed.decision


def _calibration_error(
    labels: npt.NDArray[np.floating], probability: FloatArray, patient: npt.NDArray[np.int64], n_resamples: int
) -> tuple[Interval, int]:
    """Return the mean calibration error of the labels with enough positives, resampled by patient."""
    chosen = np.flatnonzero((labels == 1.0).sum(axis=0) >= MIN_POSITIVES)
    if not len(chosen) or not np.isfinite(probability).all():
        return Interval(None, None, None), 0
    weights = np.concatenate([np.ones((1, len(labels)), np.float32), patient_weights(patient, n_resamples, SEED)])
    errors = np.mean([_weighted_error(labels[:, i], probability[:, i], weights) for i in chosen], axis=0)
    return interval(float(errors[0]), errors[1:], is_biased=True), len(chosen)


def _weighted_error(
    labels: npt.NDArray[np.floating], probability: FloatArray, weights: npt.NDArray[np.float32], n_bins: int = 15
) -> FloatArray:
    """Return the expected calibration error of each resample, shape (n_resamples,)."""
    is_known = np.isfinite(labels)
    bins = np.minimum((probability[is_known] * n_bins).astype(np.int64), n_bins - 1)
    gap = (labels[is_known] - probability[is_known])[:, None] * (bins[:, None] == np.arange(n_bins))
    part = weights[:, is_known].astype(np.float64)
    error: FloatArray = np.abs(part @ gap).sum(axis=1) / part.sum(axis=1)
    return error


def _brier(labels: npt.NDArray[np.floating], probability: FloatArray, weights: npt.NDArray[np.float32]) -> Interval:
    """Return the mean over labels of the mean squared difference of probability and label."""
    is_known = np.isfinite(labels) & np.isfinite(probability)
    if not is_known.size or not is_known.any(axis=0).all():
        return Interval(None, None, None)
    squared = np.where(is_known, np.square(np.where(is_known, probability - labels, 0.0)), 0.0)
    value = macro(squared.sum(axis=0) / is_known.sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        each = (weights @ squared) / (weights @ is_known.astype(np.float64))
    return interval(float(value), macro(each))


def _challenge(
    task: str,
    labels: npt.NDArray[np.floating],
    decision: FloatArray,
    weights: npt.NDArray[np.float32],
    notes: list[str],
) -> Interval | None:
    if task != CHALLENGE_TASK:
        return None
    n_unknown = int(np.isnan(labels).any(axis=1).sum())
    if n_unknown:
        notes.append(
            f"The Challenge metric is unknown: {n_unknown} records have classes of which their labels say nothing."
        )
        return None
    # A class without a threshold is never predicted, which the metric counts as a miss.
    truth, said = labels == 1.0, decision == 1.0
    return interval(challenge_metric(truth, said), weighted_challenge_metric(truth, said, weights))


def _conformal(
    labels: npt.NDArray[np.floating],
    probability: FloatArray,
    patient: npt.NDArray[np.int64],
    n_patients: int,
    notes: list[str],
) -> ConformalFigures | None:
    if n_patients < 2 * N_PARTS:
        return None
    try:
        return conformal_figures(labels, probability, patient)
    except UserFacingError as error:
        notes.append(f"Prediction sets are unknown: {str(error)[:1].lower()}{str(error)[1:]}")
        return None
