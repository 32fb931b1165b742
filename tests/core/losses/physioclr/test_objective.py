"""The parts of PhysioCLR's objective: views, decoder, errors in closed form, and that each part is learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from toy_objective import RealRecords, ToyEncoder, small_encoder

from physioclr_core.augment.presets import AUGMENT_PRESETS
from physioclr_core.data.segments import Segments, network_input
from physioclr_core.losses.build import build_objective
from physioclr_core.losses.objective import ObjectiveResult
from physioclr_core.losses.physioclr.config import PhysioClrConfig
from physioclr_core.losses.physioclr.decoder import Decoder, prime_factors
from physioclr_core.losses.physioclr.heads import feature_error, feature_targets, median_targets, rr_error
from physioclr_core.losses.physioclr.objective import PhysioClr
from physioclr_core.losses.physioclr.reconstruction import reconstruction_errors
from physioclr_core.losses.physioclr.views import make_views, near_peaks, rr_track
from physioclr_core.losses.presets import OBJECTIVE_PRESETS
from physioclr_core.train.pretrain import augmentation

RECORDS = RealRecords(24)
SEGMENTS = RECORDS.measured(np.arange(24))


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


def views(seed: int = 0, **options: Any) -> dict[str, Any]:
    return make_views(SEGMENTS, PhysioClrConfig(**options), unchanged, np.random.default_rng(seed))


def test_the_second_view_follows_the_anchor_and_the_shuffled_view_holds_the_anchors_beats() -> None:
    made = views(segment_s=5.0)
    signal_mv = SEGMENTS.signal_mv
    everything = np.ones((24, 500), np.bool_)
    np.testing.assert_allclose(made["x1"], network_input(signal_mv[..., :500], everything))
    np.testing.assert_allclose(made["x3"], network_input(signal_mv[..., 500:], everything))
    # Of each lead about the same samples, in another order; seams mix a few.
    same = np.isclose(np.sort(made["x1"], axis=2), np.sort(made["x2"], axis=2), atol=0.02).mean()
    assert same > 0.95
    assert not np.allclose(made["x1"], made["x2"])


def test_the_gate_takes_another_crop_of_a_rhythm_whose_order_matters() -> None:
    made = views(segment_s=5.0, shuffle_gate=True)
    is_regular = SEGMENTS.side["may_shuffle"].astype(bool)
    assert 0 < is_regular.sum() < 24
    for place in np.flatnonzero(~is_regular):
        # A piece of the record as it is: its differences are found there, one after another.
        crop = np.diff(made["x2"][place, 1])
        whole = np.diff(SEGMENTS.signal_mv[place, 1] / 0.25)
        distance = [np.abs(crop - whole[start : start + len(crop)]).max() for start in range(501)]
        assert min(distance) < 1e-3


def test_without_a_probability_nothing_is_shuffled() -> None:
    made = views(shuffle_probability=0.0)
    np.testing.assert_allclose(made["x1"], made["x2"])


def test_windows_reach_as_far_from_peaks_as_they_are_told() -> None:
    tracks = {"waves": np.zeros((1, 60), np.uint8)}
    tracks["waves"][0, [20, 40, 50]] = 1, 4, 2  # R, T, P
    segment = Segments(
        np.zeros((1, 12, 60), np.float32),
        np.ones((1, 60), np.bool_),
        np.ones((1, 12), np.bool_),
        100.0,
        np.zeros(1, np.int64),
        np.zeros(1, np.int64),
        np.empty((1, 0), np.float32),
        tracks=dict(tracks),
    )
    assert np.flatnonzero(near_peaks(segment, PhysioClrConfig())[0]).tolist() == list(range(15, 26))
    both = PhysioClrConfig(peak_waves=("R", "T"), peak_window_ms=20.0)
    assert np.flatnonzero(near_peaks(segment, both)[0]).tolist() == [18, 19, 20, 21, 22, 38, 39, 40, 41, 42]


def test_every_moment_between_two_peaks_has_their_interval() -> None:
    is_r = np.zeros((2, 10), np.bool_)
    is_r[0, [2, 5, 9]] = is_r[1, 4] = True
    rr_s = rr_track(is_r, 10.0)
    np.testing.assert_allclose(rr_s[0], [np.nan] * 2 + [0.3] * 3 + [0.4] * 4 + [np.nan])
    assert np.isnan(rr_s[1]).all()


@pytest.mark.parametrize("stride", [1, 4, 16, 25, 20])
def test_the_decoder_restores_as_many_samples_as_the_encoder_took(stride: int) -> None:
    assert int(np.prod(prime_factors(stride))) == stride
    restored = Decoder(32, 12, stride, 64)(torch.randn(2, 7, 32))
    assert restored.shape == (2, 12, 7 * stride)


def test_the_published_decoder_restores_four_samples_a_token() -> None:
    # 156 tokens of 2,500 samples: 624 of them, as in the published code.
    assert Decoder(32, 12, 16, 64, is_official=True)(torch.randn(1, 156, 32)).shape == (1, 12, 624)


def test_errors_count_signal_of_recorded_leads_alone() -> None:
    whole = torch.ones(2, 2, 10)
    restored = torch.zeros(2, 2, 12)
    restored[:, 1] = 100.0  # a lead that was not recorded
    restored[:, 0, 8:] = 50.0  # padding
    mask = torch.ones(2, 10)
    mask[:, 8:] = 0.0
    has_lead = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    near = torch.zeros(2, 10)
    near[0, 3] = 1.0
    restored[0, 0, 3] = 3.0
    error, peak, power = reconstruction_errors(restored, whole, mask, has_lead, near)
    assert error.item() == pytest.approx(((7.0 + 4.0) / 8.0 + 1.0) / 2.0)
    assert peak.item() == pytest.approx(4.0 / 2.0)  # the second record has no peak
    assert power.item() == pytest.approx(1.0)


def test_unknown_features_do_not_count() -> None:
    scores = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 4.0]])
    is_known = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    error, explained = feature_error(torch.tensor([[2.0, 9.0, 9.0], [9.0, 9.0, 2.0]]), scores, is_known)
    # Huber: 0 and 2 - 0.5, a record each.
    assert error.item() == pytest.approx((0.0 + 1.5) / 2.0)
    assert explained.item() == pytest.approx(1.0 - 4.0 / 20.0)
    targets, weights = feature_targets(scores, is_known)
    assert targets[1].tolist() == [0.0, 0.0, 4.0, 0.0, 0.0, 4.0, 1.0, 1.0, 0.0]
    assert weights[1].tolist() == [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]


def test_a_record_without_a_median_beat_does_not_count() -> None:
    scores = torch.tensor([[-2.0], [3.0]])
    targets, weights = median_targets(scores, torch.tensor([1.0, 0.0]))
    assert targets.tolist() == [[-2.0, 2.0], [3.0, 3.0]]
    assert weights.tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_tokens_outside_an_interval_do_not_count() -> None:
    rr_s = torch.full((1, 8), torch.nan)
    rr_s[0, 2:6] = 0.8 * np.exp(0.3)
    # Tokens at samples 0, 2, 4, 6: two of them lie in an interval whose target is 1.
    error = rr_error(torch.tensor([[9.0, 1.0, 1.5, 9.0]]), rr_s, torch.ones(1, 4), 2)
    assert error.item() == pytest.approx((0.0 + 0.125) / 2.0)
    assert rr_error(torch.zeros(1, 4), torch.full((1, 8), torch.nan), torch.ones(1, 4), 2).item() == 0.0


@pytest.mark.parametrize(
    ("name", "pooling"), [*((name, "mean") for name in OBJECTIVE_PRESETS), ("physio+", "mean-and-spread")]
)
def test_every_recipe_learns_its_parts_from_real_ecgs(name: str, pooling: str) -> None:
    torch.manual_seed(0)
    # The median beat comes with prepared records: see the tests of training with physiology.
    recipe = OBJECTIVE_PRESETS[name].model_copy(update={"pooling": pooling, "median_weight": 0.0})
    model = build_objective(recipe, small_encoder(), augmentation(AUGMENT_PRESETS["rlm"]))
    assert isinstance(model, PhysioClr)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    results: list[ObjectiveResult] = []
    for step in range(40):
        made = model.views(SEGMENTS, np.random.default_rng(step % 4))
        results.append(model({key: torch.from_numpy(view) for key, view in made.items()}))
        optimizer.zero_grad()
        results[-1].loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    grows = {"features_explained", "restored", "hidden_explained"} & results[0].figures.keys()
    shrinks = {"contrast", "rr"} & results[0].figures.keys()
    assert grows == {"paper": {"restored"}, "physio+": {"features_explained"}, "masked": {"hidden_explained"}}[name]
    for part in grows | shrinks:
        first, last = (np.mean([float(r.figures[part]) for r in some]) for some in (results[:4], results[-4:]))
        assert last > first if part in grows else last < first, part


def test_the_paper_and_the_published_code_differ_by_options_alone() -> None:
    published = PhysioClrConfig(
        second_view="next-in-batch",
        shuffle_kind="official",
        fade_ms=0.0,
        features="official",
        unknown_pairs="typical",
        self_is_positive=True,
        lonely_anchors="official",
        decoder_reach="official",
        pooling="first-token",
    )
    torch.manual_seed(0)
    model = PhysioClr(ToyEncoder(16), unchanged, **published.model_dump())
    made = model.views(SEGMENTS, np.random.default_rng(0))
    result = model({key: torch.from_numpy(view) for key, view in made.items()})
    # Raw features are alike in all records: no anchor has a negative, and the loss is the fill of the masks.
    assert int(result.figures["no_negative"]) == 24
    assert result.loss.item() < -9000.0
