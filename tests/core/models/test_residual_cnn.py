from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from real_records import real_signal_mv

from physioclr_core.infer.preprocess import model_input
from physioclr_core.models.residual_cnn import ResidualCnn, ResidualCnnConfig, masked_mean, stride_mask

NANO = ResidualCnnConfig(
    n_leads=12,
    n_labels=5,
    stem_channels=8,
    stem_kernel=15,
    stem_stride=2,
    stages=((8, 1, 1), (12, 2, 2), (16, 1, 2)),
    kernel=5,
    squeeze=4,
    dropout=0.25,
)


@pytest.fixture(scope="module")
def model() -> ResidualCnn:
    """A network with random weights and, in its batch norms, random statistics."""
    torch.manual_seed(0)
    model = ResidualCnn(NANO).to(memory_format=torch.channels_last)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0.0, 0.3)
    return model.eval()


def ecgs(n_samples: int, n_records: int = 4) -> torch.Tensor:
    return torch.from_numpy(np.stack([model_input(real_signal_mv(i)[:, :n_samples]) for i in range(n_records)]))


def padded(x: torch.Tensor, n_samples: int, fill: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    full = torch.full((*x.shape[:2], n_samples), fill)
    full[..., : x.shape[-1]] = x
    mask = torch.zeros(len(x), n_samples)
    mask[:, : x.shape[-1]] = 1.0
    return full, mask


@torch.inference_mode()
def outputs(model: ResidualCnn, x: torch.Tensor, mask: torch.Tensor | None = None) -> tuple[np.ndarray, np.ndarray]:
    logits, embedding = model(x, torch.ones(len(x), x.shape[-1]) if mask is None else mask)
    return logits.numpy(), embedding.numpy()


def test_gives_one_logit_a_label_and_one_embedding(model: ResidualCnn) -> None:
    logits, embedding = outputs(model, ecgs(1000))
    assert logits.shape == (4, 5)
    assert embedding.shape == (4, 16)
    assert model.n_features == 16
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("n_samples", [500, 501, 577, 600, 630, 640, 992, 999])
def test_a_padded_and_masked_record_gives_what_the_unpadded_one_gives(model: ResidualCnn, n_samples: int) -> None:
    x = ecgs(n_samples)
    for a, b in zip(outputs(model, *padded(x, 1000)), outputs(model, x), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_how_much_padding_there_is_does_not_matter(model: ResidualCnn) -> None:
    x = ecgs(577)
    for a, b in zip(outputs(model, *padded(x, 1000)), outputs(model, *padded(x, 700)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_what_lies_under_the_mask_never_reaches_the_outputs(model: ResidualCnn) -> None:
    x = ecgs(640)
    for a, b in zip(outputs(model, *padded(x, 1000)), outputs(model, *padded(x, 1000, fill=19.0)), strict=True):
        np.testing.assert_array_equal(a, b)
    x, mask = ecgs(1000), torch.ones(4, 1000)
    mask[:, 300:420] = 0.0
    other = x.clone()
    other[:, :, 300:420] = torch.randn(4, 12, 120)
    for a, b in zip(outputs(model, x, mask), outputs(model, other, mask), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_order_of_a_batch_does_not_matter(model: ResidualCnn) -> None:
    x = ecgs(1000)
    for a, b in zip(outputs(model, x), outputs(model, x.flip(0)), strict=True):
        np.testing.assert_allclose(a, b[::-1], atol=1e-5)


def test_the_logits_are_linear_in_the_embedding(model: ResidualCnn) -> None:
    logits, embedding = outputs(model, ecgs(1000))
    weight, bias = model.head.weight.detach().numpy(), model.head.bias.detach().numpy()
    np.testing.assert_allclose(logits, embedding @ weight.T + bias, atol=1e-5)


def test_masked_mean_has_its_closed_form_and_an_empty_mask_gives_zero() -> None:
    x = torch.tensor([[[[1.0, 2.0, 30.0, 4.0]]]])
    assert masked_mean(x, torch.tensor([[[[1.0, 1.0, 0.0, 1.0]]]])).item() == pytest.approx(7.0 / 3.0)
    assert masked_mean(x, torch.zeros(1, 1, 1, 4)).item() == 0.0


def test_a_mask_at_half_the_resolution_is_that_of_each_steps_first_sample() -> None:
    mask = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0])[None, None, None]
    assert stride_mask(mask, 2).flatten().tolist() == [1.0, 1.0, 0.0]


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    model = ResidualCnn(replace(NANO, dropout=0.0)).to(memory_format=torch.channels_last).train()
    logits, _ = model(ecgs(1000), torch.ones(4, 1000))
    torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.rand(4, 5)).backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert idle == []
