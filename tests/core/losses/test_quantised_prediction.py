"""The quantiser, its temperature and the distractors against loops and closed forms; wav2vec 2.0 on real records."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toy_objective import RealRecords, ToyEncoder, losses_on_one_batch, small_encoder

from physioclr_core.data.segments import Segments
from physioclr_core.losses.quantised_prediction import drawn_distractors, told_from_distractors
from physioclr_core.losses.quantiser import GumbelQuantiser
from physioclr_core.losses.wav2vec2 import Wav2Vec2
from physioclr_core.train.distributed import World
from physioclr_core.train.loop import Task, fit
from physioclr_core.train.loop_config import LoopConfig, OptimizerConfig
from physioclr_core.train.run_folder import RunFolder


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


def objective(**settings: float) -> Wav2Vec2:
    torch.manual_seed(0)
    return Wav2Vec2(ToyEncoder(), unchanged, 5.0, mask_span=3, n_distractors=5, n_codes=8, n_projection=16, **settings)


def views_of(model: Wav2Vec2, n: int) -> dict[str, torch.Tensor]:
    made = model.views(RealRecords(n).segments(np.arange(n)), np.random.default_rng(0))
    return {name: torch.from_numpy(view) for name, view in made.items()}


def test_distractors_are_all_other_tokens_of_the_segment_alike_and_never_the_token_itself() -> None:
    torch.manual_seed(0)
    n_in_segment = torch.tensor([3, 0, 2, 5])
    rows = drawn_distractors(n_in_segment, 4000)
    segment = torch.arange(4).repeat_interleave(n_in_segment)
    for row in range(10):
        others = [k for k in range(10) if segment[k] == segment[row] and k != row]
        count = torch.bincount(rows[row], minlength=10)
        assert count.nonzero().flatten().tolist() == others
        assert float(count[others].max() - count[others].min()) < 0.15 * 4000 / len(others) + 1


def test_the_loss_is_that_of_the_loop_and_equal_targets_are_no_distractors() -> None:
    generator = torch.Generator().manual_seed(1)
    tokens, targets = (torch.randn(7, 6, generator=generator) for _ in range(2))
    targets[3] = targets[1]
    n_in_segment = torch.tensor([4, 3])
    torch.manual_seed(5)
    loss, accuracy = told_from_distractors(tokens, targets, n_in_segment, 9, 0.1)
    torch.manual_seed(5)
    rows = drawn_distractors(n_in_segment, 9)
    losses, right = [], []
    for i in range(7):
        own = float(torch.cosine_similarity(tokens[i], targets[i], dim=0)) / 0.1
        others = [
            float(torch.cosine_similarity(tokens[i], targets[k], dim=0)) / 0.1
            for k in rows[i].tolist()
            if {i, k} != {1, 3}
        ]
        losses.append(-own + math.log(math.exp(own) + sum(map(math.exp, others))))
        right.append(own > max(others))
    assert float(loss) == pytest.approx(np.mean(losses), rel=1e-5)
    assert float(accuracy) == pytest.approx(np.mean(right))


def test_the_quantised_vector_is_the_chosen_codes_one_after_another() -> None:
    torch.manual_seed(0)
    quantiser = GumbelQuantiser(4, 6, 2, 5, 2.0, 0.5, 100.0).eval()
    vectors = torch.randn(9, 4)
    quantised, perplexity = quantiser(vectors)
    logits = quantiser.logits(vectors).reshape(9, 2, 5)
    for row in range(9):
        codes = [int(logits[row, group].argmax()) for group in range(2)]
        expected = torch.cat([quantiser.entries[group, code] for group, code in enumerate(codes)])
        torch.testing.assert_close(quantised[row], expected)
    mean = logits.softmax(-1).mean(0)
    torch.testing.assert_close(perplexity, (-(mean * mean.log()).sum(-1)).exp(), rtol=1e-4, atol=1e-4)


def test_equal_use_of_all_codes_has_their_number_as_perplexity_and_one_code_has_one() -> None:
    quantiser = GumbelQuantiser(4, 6, 2, 5, 2.0, 0.5, 100.0).eval()
    torch.nn.init.zeros_(quantiser.logits.weight)
    assert quantiser(torch.randn(3, 4))[1].tolist() == pytest.approx([5.0, 5.0], rel=1e-4)
    quantiser.logits.bias.data[[0, 5]] = 50.0
    assert quantiser(torch.randn(3, 4))[1].tolist() == pytest.approx([1.0, 1.0], rel=1e-4)


def test_the_drawn_codes_follow_the_probabilities_and_their_gradient_is_the_soft_choices() -> None:
    torch.manual_seed(0)
    quantiser = GumbelQuantiser(1, 1, 1, 3, 1.0, 1.0, 100.0)
    torch.nn.init.zeros_(quantiser.logits.weight)
    quantiser.logits.bias.data = torch.tensor([0.5, 0.3, 0.2]).log()
    quantiser.entries.data = torch.tensor([[[1.0], [2.0], [3.0]]])
    drawn = quantiser(torch.zeros(20000, 1))[0]
    assert [float((drawn == k).float().mean()) for k in (1, 2, 3)] == pytest.approx([0.5, 0.3, 0.2], abs=0.02)
    drawn.sum().backward()
    assert quantiser.logits.bias.grad is not None
    assert float(quantiser.logits.bias.grad.abs().min()) > 0


def test_the_temperature_falls_with_the_segments_seen_whatever_the_batch_and_only_in_training() -> None:
    whole, parts = objective(gumbel_segments=10.0), objective(gumbel_segments=10.0)
    views = views_of(whole, 8)
    whole(views)
    for start in (0, 4):
        parts({name: view[start : start + 4] for name, view in views.items()})
    for model in (whole, parts):
        assert float(model.prediction.quantiser.temperature()) == pytest.approx(2.0 * math.exp(-0.8))
        model.eval()(views)
        assert int(model.state_dict()["prediction.quantiser.n_seen"]) == 8
    whole.prediction.quantiser.count(1000)
    assert float(whole.prediction.quantiser.temperature()) == 0.5


def test_the_feature_gradient_scales_what_reaches_the_local_stage_alone() -> None:
    gradients = []
    for factor in (1.0, 0.1):
        model = objective(feature_gradient=factor)
        views = views_of(model, 4)
        torch.manual_seed(0)
        # The penalty on features is not scaled away by Adam: it is part of what reaches the local stage.
        model(views).loss.backward()
        assert model.encoder.conv.weight.grad is not None
        assert model.encoder.mix[2].weight.grad is not None
        gradients.append((model.encoder.conv.weight.grad, model.encoder.mix[2].weight.grad))
    torch.testing.assert_close(gradients[1][0], 0.1 * gradients[0][0])
    torch.testing.assert_close(gradients[1][1], gradients[0][1])


def test_in_evaluation_the_loss_repeats_and_nothing_is_counted() -> None:
    model = objective().eval()
    views = views_of(model, 4)
    torch.manual_seed(0)
    first = model(views).loss
    torch.manual_seed(0)
    torch.testing.assert_close(model(views).loss, first, rtol=0, atol=0)


def test_segments_with_nothing_to_tell_apart_are_counted_and_give_finite_gradients() -> None:
    model = objective()
    views = views_of(model, 3)
    views["hidden"] = torch.zeros_like(views["hidden"])
    views["hidden"][1, 4] = True
    result = model(views)
    result.loss.backward()
    assert int(result.figures["segments_skipped"]) == 3
    assert float(result.figures["prediction_loss"]) == 0.0
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.slow
def test_it_learns_to_tell_hidden_features_of_real_records() -> None:
    torch.manual_seed(0)
    settings = {"mask_span": 4, "mask_start_share": 0.12, "n_distractors": 20, "n_codes": 32, "feature_gradient": 1.0}
    model = Wav2Vec2(small_encoder(), unchanged, 2.5, n_projection=64, feature_weight=0.1, **settings)
    results = losses_on_one_batch(model, 8, 60, 5e-3)
    first, last = results[0].figures, results[-1].figures
    assert float(last["prediction_loss"]) < 0.85 * float(first["prediction_loss"])
    assert float(last["prediction_accuracy"]) > float(first["prediction_accuracy"]) + 0.1
    assert float(last["perplexity"]) > 4.0


def test_an_interrupted_run_goes_on_bit_for_bit_with_the_temperature_where_it_was(tmp_path: Path) -> None:
    loop, rates = LoopConfig(n_epochs=2, batch_size=16, n_loader_threads=0), OptimizerConfig(max_learning_rate=1e-2)
    alone, records = World(0, 1, torch.device("cpu")), RealRecords(32)

    def run_to(folder: str, stop_after: int) -> None:
        def stop(step: int, n_steps: int, loss: float) -> None:
            if step == stop_after:
                raise KeyboardInterrupt

        fit(
            Task(objective(gumbel_segments=20.0), records, lambda _: {}, None),
            loop,
            rates,
            RunFolder(tmp_path / folder),
            alone,
            stop,
        )

    run_to("whole", 0)
    with pytest.raises(KeyboardInterrupt):
        run_to("parted", 3)
    run_to("parted", 0)
    whole, parted = (load_file(RunFolder(tmp_path / folder).last) for folder in ("whole", "parted"))
    assert int(whole["model.prediction.quantiser.n_seen"]) == 64
    assert all(torch.equal(whole[name], parted[name]) for name in whole)
