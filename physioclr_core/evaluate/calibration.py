"""Temperature scaling and decision thresholds, cross-fitted by patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

MIN_POSITIVES = 10
_LOG_TEMPERATURE_BOUNDS = (-2.0, 2.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Per-label temperature and threshold.

    ``threshold`` is NaN where the label had fewer than ``MIN_POSITIVES`` positives; its temperature is the pooled one.
    """

    temperature: FloatArray
    threshold: FloatArray
    pooled_temperature: float


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """Every record calibrated by a fit that has not seen its patient.

    Attributes
    ----------
    probability : ndarray of float64, shape (n_records, n_labels)
    decision : ndarray of float64, shape (n_records, n_labels)
        1 over the threshold, 0 under it, NaN where there was no threshold.
    """

    probability: FloatArray
    decision: FloatArray


def sigmoid(logits: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-logits))."""
    result: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))
    return result


def fit_temperature(labels: BoolArray, logits: FloatArray) -> float:
    """Return the temperature that minimises the binary cross-entropy (Guo et al., ICML 2017).

    Parameters
    ----------
    labels, logits : ndarray, any one shape
        Where there are none, the temperature is 1.
    """
    if not labels.size:
        return 1.0
    sign = np.where(labels, 1.0, -1.0)

    def cross_entropy(log_temperature: float) -> float:
        return float(np.logaddexp(0.0, -sign * logits * np.exp(-log_temperature)).mean())

    return float(np.exp(minimize_scalar(cross_entropy, bounds=_LOG_TEMPERATURE_BOUNDS, method="bounded").x))


def best_f1_threshold(labels: BoolArray, probability: FloatArray) -> float:
    """Return the threshold with the highest F1: the middle between the two probabilities that it separates.

    Raises
    ------
    ValueError
        If there is no positive label.
    """
    if not labels.any():
        raise ValueError("a threshold needs positive labels")
    order = np.argsort(-probability, kind="stable")
    sorted_probability, hits = probability[order], np.cumsum(labels[order])
    f1 = 2.0 * hits / (np.arange(1, len(labels) + 1) + labels.sum())
    # Equal probabilities fall on one side together.
    is_end = np.append(sorted_probability[:-1] != sorted_probability[1:], True)
    best = int(np.argmax(np.where(is_end, f1, -1.0)))
    below = sorted_probability[best + 1] if best + 1 < len(labels) else 0.0
    return float((sorted_probability[best] + below) / 2.0)


def fit_calibration(
    labels: npt.NDArray[np.generic], logits: FloatArray, n_positive: npt.NDArray[np.int64]
) -> Calibration:
    """Fit temperatures and thresholds.

    Parameters
    ----------
    labels, logits : ndarray, shape (n_records, n_labels)
        The part to fit on; a label that is NaN is unknown and does not count.
    n_positive : ndarray of int64, shape (n_labels,)
        Positives of the whole calibration set, which decide what a label gets.
    """
    n_labels = labels.shape[1]
    is_known = is_finite(labels)
    truth = labels == 1
    pooled = fit_temperature(truth[is_known], logits[is_known])
    temperature = np.full(n_labels, pooled)
    threshold = np.full(n_labels, np.nan)
    for index in np.flatnonzero(n_positive >= MIN_POSITIVES):
        rows = is_known[:, index]
        positive, own = truth[rows, index], logits[rows, index]
        if not positive.any():
            continue  # all its positives are in the part that is held out
        temperature[index] = fit_temperature(positive, own)
        threshold[index] = best_f1_threshold(positive, sigmoid(own / temperature[index]))
    return Calibration(temperature, threshold, pooled)


def cross_fit(
    labels: npt.NDArray[np.generic], logits: FloatArray, patient_id: npt.NDArray[np.int64], n_parts: int, seed: int
) -> CrossFitted:
    """Calibrate every record with a fit on the other patients' parts.

    Parameters
    ----------
    labels, logits : ndarray, shape (n_records, n_labels)
    patient_id : ndarray of int64, shape (n_records,)
    n_parts : int
        Parts of patients.
    seed : int
    """
    n_positive = (labels == 1).sum(axis=0)
    part = patient_parts(patient_id, n_parts, seed)
    probability = np.empty(labels.shape)
    decision = np.empty(labels.shape)
    for index in range(n_parts):
        held_out = part == index
        fit = fit_calibration(labels[~held_out], logits[~held_out], n_positive)
        probability[held_out] = sigmoid(logits[held_out] / fit.temperature)
        decision[held_out] = np.where(np.isnan(fit.threshold), np.nan, probability[held_out] >= fit.threshold)
    return CrossFitted(probability, decision)


def is_finite(labels: npt.NDArray[np.generic]) -> BoolArray:
    """Tell which labels are known; boolean ones all are."""
    return np.ones(labels.shape, np.bool_) if labels.dtype == np.bool_ else np.isfinite(labels.astype(np.float64))


def patient_parts(patient_id: npt.NDArray[np.int64], n_parts: int, seed: int) -> npt.NDArray[np.int64]:
    """Deal patients to parts of equal numbers of patients.

    Parameters
    ----------
    patient_id : ndarray of int64, shape (n_records,)
    n_parts : int
    seed : int

    Returns
    -------
    ndarray of int64, shape (n_records,)
        Number of each record's part; all records of a patient are in one.
    """
    patients, row = np.unique(patient_id, return_inverse=True)
    part_of_patient = np.random.default_rng(seed).permutation(len(patients)) % n_parts
    return part_of_patient[row]


def expected_calibration_error(labels: BoolArray, probability: FloatArray, n_bins: int = 15) -> float:
    """Return one label's expected calibration error with bins of equal width (Naeini et al., AAAI 2015).

    Parameters
    ----------
    labels, probability : ndarray, shape (n_records,)
    n_bins : int
    """
    bins = np.minimum((probability * n_bins).astype(np.int64), n_bins - 1)
    count = np.bincount(bins, minlength=n_bins)
    gap = np.abs(
        np.bincount(bins, weights=labels.astype(np.float64), minlength=n_bins)
        - np.bincount(bins, weights=probability, minlength=n_bins)
    )
    return float(gap.sum() / count.sum())
