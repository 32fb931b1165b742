"""Median beats of training records: of whole dominant beats, against the level before QRS, in few numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from prepared_sets import prepared_set
from real_records import real_signal_mv

from physioclr_core.data.measure_physiology import measured_row
from physioclr_core.data.median_beats import fit_median_scaling, median_beats_mv
from physioclr_core.data.physiology_cache import SCHEMA, PhysiologyCache, cache_of
from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.analysis import analyse
from physioclr_core.physiology.marks import BeatClass

N = 12


@pytest.fixture(scope="module")
def records() -> tuple[PreparedDataset, PhysiologyCache]:
    """Return real records, a flat one after them, and what the engine finds in them."""
    signals_mv = [real_signal_mv(entry) for entry in range(N)] + [np.zeros((12, 1000), np.float32)]
    dataset = prepared_set([{} for _ in signals_mv], signals_mv)
    rows = [measured_row(dataset.record_mv(row), 100.0, STANDARD_LEADS) for row in range(len(dataset))]
    return dataset, cache_of(pa.Table.from_pylist(rows, schema=SCHEMA), "measured here")


def test_it_is_the_median_of_a_loop_over_whole_dominant_beats(
    records: tuple[PreparedDataset, PhysiologyCache],
) -> None:
    dataset, cache = records
    beats_mv = median_beats_mv(dataset, cache)
    assert beats_mv.shape == (N + 1, 12, 90)
    for row in range(N):
        signal_mv = dataset.record_mv(row)
        taken = []
        for beat in range(cache.first_beat[row], cache.first_beat[row + 1]):
            r = int(cache.r_sample[beat])
            if cache.beat_class[beat] == BeatClass.DOMINANT and r - 35 >= 0 and r + 55 <= 1000:
                level = signal_mv[:, r - 8 : r - 5].mean(axis=1, keepdims=True)
                taken.append(signal_mv[:, r - 35 : r + 55] - level)
        np.testing.assert_allclose(beats_mv[row], np.median(taken, axis=0), atol=1e-5)


def test_it_is_like_the_engines_own_median_beat(records: tuple[PreparedDataset, PhysiologyCache]) -> None:
    dataset, cache = records
    beats_mv = median_beats_mv(dataset, cache)
    likeness = []
    for row in range(N):
        median = analyse(dataset.record_mv(row), 100.0, STANDARD_LEADS).median
        ours, theirs = beats_mv[row, :, 25:50], median.signal_mv[:, median.r_index - 10 : median.r_index + 15]
        likeness.append(np.corrcoef(np.diff(ours).ravel(), np.diff(theirs).ravel())[0, 1])
    assert np.median(likeness) > 0.97


def test_a_record_without_beats_has_no_scores(records: tuple[PreparedDataset, PhysiologyCache]) -> None:
    beats_mv = median_beats_mv(*records)
    assert np.isnan(beats_mv[N]).all()
    scaling = fit_median_scaling(beats_mv, n_components=4)
    assert scaling is not None
    scores, is_known = scaling.scores_of(beats_mv)
    assert is_known.tolist() == [True] * N + [False]
    assert (scores[N] == 0.0).all()
    np.testing.assert_allclose(scores[:N].std(axis=0), 1.0, atol=0.02)
    np.testing.assert_allclose(np.corrcoef(scores[:N].T), np.eye(4), atol=0.05)


def test_the_components_of_few_records_are_refused(records: tuple[PreparedDataset, PhysiologyCache]) -> None:
    assert fit_median_scaling(median_beats_mv(*records), n_components=N) is None
