"""What was measured of training records, standardised by the records that are trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from physioclr_core.data.median_beats import fit_median_scaling, median_beats_mv
from physioclr_core.data.physiology_cache import PhysiologyCache, open_physiology
from physioclr_core.data.physiology_tracks import WAVES_TRACK, may_shuffle, waves_track
from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.data.segments import Segments
from physioclr_core.errors import UserFacingError
from physioclr_core.physiology.features.scaling import FeatureScaling, FeatureScalingError, fit_scaling, load_scaling

Rows = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MedianBeats:
    """The median beats of all records of a data set.

    Attributes
    ----------
    scores : ndarray of float32, shape (n_records, 64)
    is_known : ndarray of bool, shape (n_records,)
    fingerprint : str
        Of the components.
    """

    scores: FloatArray
    is_known: npt.NDArray[np.bool_]
    fingerprint: str


@dataclass(frozen=True, eq=False)
class RecordPhysiology:
    """Beats and standardised features of all records of a data set.

    Attributes
    ----------
    cache : PhysiologyCache
    scaling : FeatureScaling
    scaling_source : {"training records", "shipped"}
    fs_hz : float
        Rate of the prepared records.
    medians : MedianBeats or None
        None where they were not asked for.
    """

    cache: PhysiologyCache
    scaling: FeatureScaling
    scaling_source: Literal["training records", "shipped"]
    fs_hz: float
    medians: MedianBeats | None = None

    @cached_property
    def is_known(self) -> npt.NDArray[np.bool_]:
        """Which features were measured, shape (n_records, 150)."""
        return np.isfinite(self.cache.features)

    @cached_property
    def scores(self) -> FloatArray:
        """Robust z-scores, zero where unknown, shape (n_records, 150)."""
        return self.scaling.scores_of(self.cache.features, self.is_known)

    @cached_property
    def components(self) -> FloatArray:
        """Principal components of the z-scores, shape (n_records, 50)."""
        return self.scaling.components_of(self.cache.features, self.is_known)

    @cached_property
    def may_shuffle(self) -> npt.NDArray[np.bool_]:
        """Of which records the order of beats says nothing."""
        return may_shuffle(self.cache, self.fs_hz)

    def added_to(self, segments: Segments) -> Segments:
        """Return whole records with what was measured of them; ``segments.row`` are rows of the data set."""
        rows = segments.row
        is_known = self.is_known[rows]
        side: dict[str, npt.NDArray[np.generic]] = {
            "scores": self.scores[rows],
            "is_known": is_known.astype(np.float32),
            "components": self.components[rows],
            "official": np.where(is_known, self.cache.features[rows], np.float32(0.0)),
            "is_measured": self.cache.is_measured[rows].astype(np.uint8),
            "may_shuffle": self.may_shuffle[rows].astype(np.uint8),
        }
        if self.medians is not None:
            side["median"] = self.medians.scores[rows]
            side["has_median"] = self.medians.is_known[rows].astype(np.float32)
        track = waves_track(self.cache, rows, segments.signal_mv.shape[-1])
        return replace(segments, side={**segments.side, **side}, tracks={**segments.tracks, WAVES_TRACK: track})

    def record(self, rows: Rows) -> dict[str, Any]:
        """Return what a run writes down of the measurements of the records that it trains on."""
        of_medians = {} if self.medians is None else {"n_with_median_beat": int(self.medians.is_known[rows].sum())}
        return {
            "scaling": self.scaling_source,
            "scaling_fingerprint": self.scaling.fingerprint,
            "cache_sha256": self.cache.sha256,
            "n_records": len(rows),
            "n_unmeasured": int((~self.cache.is_measured[rows]).sum()),
            "share_of_features_measured": round(float(self.is_known[rows].mean()), 4),
            "n_may_shuffle": int(self.may_shuffle[rows].sum()),
            **of_medians,
        }

    @property
    def sha256(self) -> str:
        """Of measurements and scaling: what decides a run besides its data."""
        of_medians = "" if self.medians is None else self.medians.fingerprint
        return hashlib.sha256(f"{self.cache.sha256}{self.scaling.fingerprint}{of_medians}".encode()).hexdigest()


def record_physiology(folders: Sequence[Path], train_rows: Rows, n_records: int, fs_hz: float) -> RecordPhysiology:
    """Open what was measured and fit the features' scale to the records that are trained on.

    Where these are too few, or one of the features was measured in none of them, the shipped scale, of PTB-XL's folds
    1 to 8, is taken.

    Parameters
    ----------
    folders : sequence of Path
        Of the prepared data sets.
    train_rows : ndarray of int64
        Rows that are trained on.
    n_records : int
        Of the data sets together.
    fs_hz : float

    Raises
    ------
    UserFacingError
        If the data sets were not measured by this version, or nothing could be measured in any training record.
    """
    cache = open_physiology(folders)
    assert len(cache) == n_records
    rows = train_rows[cache.is_measured[train_rows]]
    if not len(rows):
        raise UserFacingError(
            f"{folders[0]}: in none of the {len(train_rows)} training records could beats be measured; "
            "choose an objective that does not need them."
        )
    source: Literal["training records", "shipped"] = "training records"
    try:
        scaling = fit_scaling(cache.features[rows], np.isfinite(cache.features[rows]))
    except FeatureScalingError:
        scaling, source = load_scaling(), "shipped"
    return RecordPhysiology(cache, scaling, source, fs_hz)


def with_median_beats(measured: RecordPhysiology, dataset: PreparedDataset, train_rows: Rows) -> RecordPhysiology:
    """Return the same with median beats, their components fitted to the records that are trained on.

    Raises
    ------
    UserFacingError
        If too few training records have a median beat.
    """
    beats_mv = median_beats_mv(dataset, measured.cache)
    scaling = fit_median_scaling(beats_mv[train_rows])
    if scaling is None:
        raise UserFacingError(
            f"Too few of the {len(train_rows)} training records have a median beat in all leads; set median_weight: 0."
        )
    scores, is_known = scaling.scores_of(beats_mv)
    return replace(measured, medians=MedianBeats(scores, is_known, scaling.fingerprint))
