"""Models of labels on fixed inputs: embeddings of a frozen encoder, or the 150 features alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from physioclr_core.data.splits import rows_by_fraction
from physioclr_core.evaluate.auroc import auroc
from physioclr_core.evaluate.knn import best_knn, knn_scores
from physioclr_core.evaluate.linear_probe import LinearProbe, best_linear_probe, linear_probes
from physioclr_core.train.physiology import RecordPhysiology
from physioclr_core.train.records import TrainingRecords

FloatArray = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
PatientIds = npt.NDArray[np.str_]

FixedMode = Literal["linear-probe", "nearest-neighbours", "features-logistic", "features-boosting"]
FeatureInputs = Literal["scores", "scores-and-magnitudes"]

# Small trees and many of them: 150 features, and labels with tens of records. They never stop early: that would hold a
# tenth of the records out, whoever the patient, and let the few positives of a rare label in it decide.
BOOSTING: dict[str, Any] = {
    "learning_rate": 0.05,
    "max_iter": 150,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 10,
    "l2_regularization": 1.0,
    "early_stopping": False,
}
# Within the training records: one part that chooses where there are many, else each of five parts in turn.
_N_PARTS = 5
_MANY = 4000
_LEAST_SHARE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class FixedResult:
    """What was fitted.

    Attributes
    ----------
    logits : ndarray of float32, shape (n_select, n_labels)
        Of the records that are judged.
    chosen : dict
        Penalty, neighbours or settings.
    probe : LinearProbe or None
    """

    logits: FloatArray
    chosen: dict[str, Any]
    probe: LinearProbe | None = None


def feature_inputs(physiology: RecordPhysiology, kind: FeatureInputs) -> FloatArray:
    """Return what a linear model sees of all records.

    Parameters
    ----------
    physiology : RecordPhysiology
    kind : {"scores", "scores-and-magnitudes"}
        Robust z-scores, zero where unknown; or these, their magnitudes (too long and too short are both abnormal) and
        which are unknown (a P wave that is not there).

    Returns
    -------
    ndarray of float32, shape (n_records, 150) or (n_records, 450)
    """
    scores = physiology.scores
    if kind == "scores":
        return scores
    return np.concatenate([scores, np.abs(scores), (~physiology.is_known).astype(np.float32)], axis=1)


def linear_probe(
    x: FloatArray, train: TrainingRecords, x_select: FloatArray, select: TrainingRecords, choose_in_training: bool
) -> FixedResult:
    """Fit penalised logistic regressions.

    Parameters
    ----------
    x, x_select : ndarray of float32, shapes (n_train, n_features) and (n_select, n_features)
    train, select : TrainingRecords
    choose_in_training : bool
        Choose the penalty among training records; else on the selecting ones.
    """
    labels = train.known_labels
    if choose_in_training:

        def scores(inner: Rows, outer: Rows) -> dict[float, npt.NDArray[np.floating]]:
            return {probe.penalty: probe.logits(x[outer]) for probe in linear_probes(x[inner], labels[inner])}

        penalty = chosen_within(labels, train.patient_ids, scores)
        probe = next(linear_probes(x, labels, (penalty,)))
    else:
        probe, _ = best_linear_probe(x, labels, x_select, select.known_labels)
    return FixedResult(probe.logits(x_select).astype(np.float32), {"penalty": probe.penalty}, probe)


def nearest_neighbours(
    x: FloatArray, train: TrainingRecords, x_select: FloatArray, select: TrainingRecords, choose_in_training: bool
) -> FixedResult:
    """Let the nearest training records vote; parameters as those of ``linear_probe``."""
    labels = train.known_labels
    if choose_in_training:

        def scores(inner: Rows, outer: Rows) -> dict[int, npt.NDArray[np.floating]]:
            return dict(knn_scores(x[inner], labels[inner], x[outer]))

        k = chosen_within(labels, train.patient_ids, scores)
        share = knn_scores(x, labels, x_select, (k,))[k]
    else:
        k, _, share = best_knn(x, labels, x_select, select.known_labels)
    return FixedResult(_logit(share), {"k": k})


def boosting(physiology: RecordPhysiology, train: TrainingRecords, select: TrainingRecords, seed: int) -> FixedResult:
    """Fit boosted trees to the features as they are, each label on its own; settings are fixed.

    Parameters
    ----------
    physiology : RecordPhysiology
    train, select : TrainingRecords
    seed : int
    """
    features = physiology.cache.features
    logits = boosted_logits(features[train.rows], train.known_labels, features[select.rows], seed)
    return FixedResult(logits, dict(BOOSTING))


def boosting_out_of_fold(physiology: RecordPhysiology, train: TrainingRecords, seed: int) -> FloatArray:
    """Return logits of the training records, each by trees that were fitted to other patients."""
    x, labels = physiology.cache.features[train.rows], train.known_labels
    logits = np.zeros(labels.shape, np.float32)
    for outer in _parts(train.patient_ids):
        inner = np.setdiff1d(np.arange(len(train)), outer)
        logits[outer] = boosted_logits(x[inner], labels[inner], x[outer], seed)
    return logits


def boosted_logits(x: FloatArray, labels: FloatArray, x_select: FloatArray, seed: int) -> FloatArray:
    """Return logits of boosted trees, shape (n_select, n_labels).

    Parameters
    ----------
    x, x_select : ndarray of float32, shapes (n_train, n_features) and (n_select, n_features)
        NaN is unknown, and the trees learn what that means.
    labels : ndarray of float32, shape (n_train, n_labels)
        NaN is unknown. Of a label that is never there, or always, the logit is that of half a record that is not so.
    seed : int
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    logits = np.zeros((len(x_select), labels.shape[1]), np.float32)
    for column in range(labels.shape[1]):
        is_known = np.isfinite(labels[:, column])
        target = labels[is_known, column]
        if len(np.unique(target)) < 2:  # nothing to tell apart
            logits[:, column] = np.log((target.sum() + 0.5) / ((1.0 - target).sum() + 0.5))
            continue
        model = HistGradientBoostingClassifier(**BOOSTING, random_state=seed)
        logits[:, column] = model.fit(x[is_known], target).decision_function(x_select)
    return logits


def chosen_within(
    labels: FloatArray, patient_ids: PatientIds, scores: Callable[[Rows, Rows], dict[Any, npt.NDArray[np.floating]]]
) -> Any:
    """Return the choice with the highest AUROC on training records that were held out, patient by patient.

    Where training records are few, five parts are held out in turn. The area is taken within each part, of the labels
    that its fit has seen, and averaged over parts and labels. Scores of several fits are not pooled: a fit that has
    seen fewer positives of a rare label scores all its records lower, among them the positives that it lacks, and the
    pooled area falls below one half, the further the stronger the penalty (Parker et al., BMC Bioinformatics 8:326,
    2007).

    Parameters
    ----------
    labels : ndarray of float32, shape (n_records, n_labels)
        Of the training records; NaN is unknown.
    patient_ids : ndarray of str, shape (n_records,)
    scores : callable
        (rows to fit, rows to judge) -> scores of the judged rows by choice.

    Returns
    -------
    choice
        The first of the best; the middle one where no label can be judged.
    """
    everything = np.arange(len(labels))
    areas: dict[Any, list[npt.NDArray[np.float64]]] = {}
    for outer in _parts(patient_ids)[: 1 if len(labels) > _MANY else _N_PARTS]:
        inner = np.setdiff1d(everything, outer)
        is_seen = (labels[inner] == 1.0).any(axis=0)
        for choice, values in scores(inner, outer).items():
            areas.setdefault(choice, []).append(auroc(labels[outer][:, is_seen], values[:, is_seen]))
    choices = list(areas)
    area = np.array([np.concatenate(areas[choice]) for choice in choices])
    can_judge = np.isfinite(area).all(axis=0)
    if not can_judge.any():
        return choices[len(choices) // 2]
    return choices[int(np.argmax(area[:, can_judge].mean(axis=1)))]


def _parts(patient_ids: PatientIds) -> list[Rows]:
    """Return rows in five parts that share no patient."""
    return list(rows_by_fraction(patient_ids, {str(part): 1.0 / _N_PARTS for part in range(_N_PARTS)}, 0).values())


def _logit(share: npt.NDArray[np.floating]) -> FloatArray:
    clipped = np.clip(share.astype(np.float64), _LEAST_SHARE, 1.0 - _LEAST_SHARE)
    return np.log(clipped / (1.0 - clipped)).astype(np.float32)
