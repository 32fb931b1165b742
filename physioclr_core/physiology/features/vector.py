"""The vector of 150 features of one ECG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.features.conduction import conduction_features
from physioclr_core.physiology.features.inputs import NAN, feature_inputs
from physioclr_core.physiology.features.morphology import morphology_features
from physioclr_core.physiology.features.repolarisation import repolarisation_features
from physioclr_core.physiology.features.rhythm import rhythm_features
from physioclr_core.physiology.features.schema import NAMES, SCHEMA_VERSION
from physioclr_core.physiology.lead_measures import LeadMeasures
from physioclr_core.physiology.marks import Delineation
from physioclr_core.physiology.median_beat import MedianBeat
from physioclr_core.record import Sex

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureVector:
    """The features of one ECG.

    Attributes
    ----------
    values : ndarray of float32, shape (150,)
        In the order of ``schema.FEATURES``; NaN where not valid.
    is_valid : ndarray of bool, shape (150,)
        Whether the feature could be measured; its value then is finite.
    schema_version : int
    """

    values: FloatArray
    is_valid: npt.NDArray[np.bool_]
    schema_version: int = SCHEMA_VERSION


def feature_vector(
    delineation: Delineation,
    median: MedianBeat,
    lead_measures: LeadMeasures,
    signal_mv: FloatArray | None = None,
    sex: Sex | None = None,
) -> FeatureVector:
    """Compute the 150 features.

    Parameters
    ----------
    delineation : Delineation
        Beats and waves.
    median : MedianBeat
        Of the same beats.
    lead_measures : LeadMeasures
        Of that median beat.
    signal_mv : ndarray of float32, shape (n_leads, n_samples), optional
        The leads of the delineation at its rate, NaN in gaps. Without it features that compare single beats' samples
        are not valid.
    sex : "male" or "female", optional
        Decides from which QTc on an interval is long.

    Returns
    -------
    FeatureVector
        Without beats, no feature is valid.
    """
    inputs = feature_inputs(delineation, median, lead_measures, signal_mv, sex)
    features = {
        **rhythm_features(inputs),
        **conduction_features(inputs),
        **repolarisation_features(inputs),
        **morphology_features(inputs),
    }
    values = np.array([features.get(name, NAN) for name in NAMES], np.float32)
    is_valid = np.isfinite(values)
    values[~is_valid] = np.nan
    return FeatureVector(values, is_valid)
