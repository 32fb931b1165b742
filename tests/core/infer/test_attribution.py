from __future__ import annotations

import numpy as np
import pytest
from real_records import entries_with, long_signal_mv, real_signal_mv, record_of

from physioclr_core.infer.attribution import (
    AttributionCancelledError,
    Occlusion,
    occluded,
    occlusion_effects,
    window_at,
)
from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.windows import Windows, windows_of

SPANS_S = np.array([[1.0, 1.1], [1.2, 1.3], [1.35, 1.7], [5.0, 5.4]])
FS_HZ = 100.0


@pytest.fixture(scope="module")
def model() -> EcgModel:
    return EcgModel(allow_gpu=False)


@pytest.fixture(scope="module")
def windows(model: EcgModel) -> Windows:
    return windows_of(record_of(real_signal_mv(3)), model.manifest.input)


def logits_of_signal(model: EcgModel, signal_mv: np.ndarray) -> np.ndarray:
    made = windows_of(record_of(signal_mv), model.manifest.input)
    return model.logits(made.x, made.mask)[0]


def test_a_span_becomes_a_straight_line_between_its_edges(windows: Windows) -> None:
    x, mask = windows.x[0], windows.mask[0]
    places = [np.arange(100, 111)]
    changed = occluded(x, mask, places, Occlusion((4,), (0,)))
    shift = changed[4, 0] - x[4, 0]  # the mean of the changed lead is another one
    np.testing.assert_allclose(changed[4, 100:111], np.linspace(x[4, 100], x[4, 110], 11) + shift, atol=1e-5)
    outside = np.r_[0:100, 111:1000]
    np.testing.assert_allclose(changed[4, outside], x[4, outside] + shift, atol=1e-5)
    assert abs(float(changed[4].mean())) < 1e-4
    others = [lead for lead in range(12) if lead != 4]
    np.testing.assert_array_equal(changed[others], x[others])


def test_an_effect_is_the_difference_that_the_same_change_of_the_ecg_makes(model: EcgModel, windows: Windows) -> None:
    group = Occlusion((0, 7), (0, 3))
    found = occlusion_effects(model.logits, windows, 0, FS_HZ, SPANS_S, [group])
    assert found.effect.shape == (12, 4, 71)
    assert found.lead_effect.shape == (12, 71)
    assert found.group_effect.shape == (1, 71)
    signal = real_signal_mv(3)
    base = logits_of_signal(model, signal)
    np.testing.assert_allclose(found.logits, base, atol=1e-4)

    def without(leads: tuple[int, ...], spans: tuple[int, ...]) -> np.ndarray:
        changed = signal.copy()
        for span in spans:
            first, last = np.round(SPANS_S[span] * FS_HZ).astype(int)
            for lead in leads:
                changed[lead, first : last + 1] = np.linspace(signal[lead, first], signal[lead, last], last - first + 1)
        return base - logits_of_signal(model, changed)

    for lead, span in ((0, 0), (6, 1), (11, 3), (1, 2)):
        np.testing.assert_allclose(found.effect[lead, span], without((lead,), (span,)), atol=2e-3)
    np.testing.assert_allclose(found.group_effect[0], without((0, 7), (0, 3)), atol=2e-3)


def test_one_label_is_a_column_of_all(model: EcgModel, windows: Windows) -> None:
    found = occlusion_effects(model.logits, windows, 0, FS_HZ, SPANS_S)
    index = model.manifest.codes.index("NORM")
    one = found.of_label(index)
    assert one.logit == pytest.approx(float(found.logits[index]))
    np.testing.assert_array_equal(one.effect, found.effect[..., index])
    assert one.group_effect.shape == (0,)


def test_a_part_that_cannot_be_taken_out_has_no_effect_and_not_an_effect_of_zero(model: EcgModel) -> None:
    signal = real_signal_mv(3).copy()
    signal[:, 500:541] = np.nan
    windows = windows_of(record_of(signal), model.manifest.input)
    spans_s = np.array([[5.0, 5.4], [1.0, 1.01], [4.9, 5.5]])
    found = occlusion_effects(model.logits, windows, 0, FS_HZ, spans_s)
    assert np.isnan(found.effect[:, :2]).all()  # in a gap, and of two samples
    assert np.isfinite(found.effect[:, 2]).all()  # around a gap
    assert np.isfinite(found.lead_effect).all()


def test_padding_stays_padding(model: EcgModel) -> None:
    windows = windows_of(record_of(real_signal_mv(3)[:, :700]), model.manifest.input)
    x, mask = windows.x[0], windows.mask[0]
    changed = occluded(x, mask, [np.arange(650, 700)], Occlusion(tuple(range(12)), (0,)))
    assert (changed[:, 700:] == 0).all()
    np.testing.assert_allclose(changed.sum(axis=1), 0.0, atol=0.05)


def test_progress_is_told_and_reaches_its_end(model: EcgModel, windows: Windows) -> None:
    told: list[tuple[int, int]] = []
    occlusion_effects(
        model.logits, windows, 0, FS_HZ, SPANS_S[:1], on_progress=lambda n_done, n_all: told.append((n_done, n_all))
    )
    assert told[-1] == (1 + 12 + 12, 25)
    assert [n_done for n_done, _ in told] == sorted(n_done for n_done, _ in told)


def test_it_stops_where_it_is_cancelled(model: EcgModel, windows: Windows) -> None:
    n_runs = 0

    def counted(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
        nonlocal n_runs
        n_runs += 1
        return model.logits(x, mask)

    with pytest.raises(AttributionCancelledError):
        occlusion_effects(counted, windows, 0, FS_HZ, SPANS_S, is_cancelled=lambda: n_runs >= 2)
    assert n_runs == 2


def test_of_a_long_record_the_window_in_sight_is_found(model: EcgModel) -> None:
    windows = windows_of(record_of(long_signal_mv(3000)), model.manifest.input)
    assert windows.start_s.tolist() == [0.0, 5.0, 10.0, 15.0, 20.0]
    assert window_at(windows, 0.0, 10.0, 10.0) == 0
    assert window_at(windows, 11.0, 21.0, 10.0) == 2
    assert window_at(windows, 29.0, 30.0, 10.0) == 4


def test_lead_v1_speaks_most_for_right_bundle_branch_block(model: EcgModel) -> None:
    label = model.manifest.codes.index("CRBBB")
    first = []
    for entry in entries_with("CRBBB", [9]):
        windows = windows_of(record_of(real_signal_mv(entry.entry)), model.manifest.input)
        if model.logits(windows.x, windows.mask)[0, label] > 0:
            found = occlusion_effects(model.logits, windows, 0, FS_HZ, np.zeros((0, 2))).of_label(label)
            first.append(model.manifest.input.leads[int(found.lead_effect.argmax())])
    assert len(first) >= 3
    assert first.count("V1") > len(first) / 2
