"""Residual blocks, and the network that they make under a linear head."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from random_networks import randomise_norms_
from real_records import real_signal_mv

from physioclr_core.infer.preprocess import model_input
from physioclr_core.models.classifier import Classifier
from physioclr_core.models.config import ResidualEncoderConfig
from physioclr_core.models.residual_blocks import masked_mean, stride_mask
from physioclr_core.models.residual_encoder import ResidualEncoder

NANO = ResidualEncoderConfig(stem_channels=8, stages=((8, 1, 1), (12, 2, 2), (16, 1, 2)), squeeze=4)


@pytest.fixture(scope="module")
def model() -> Classifier:
    """A network with random weights and, in its batch norms, random statistics."""
    torch.manual_seed(0)
    model = Classifier(ResidualEncoder(NANO), 5)
    randomise_norms_(model, is_affine_too=True)
    return model.eval()


def ecgs(n_samples: int, n_records: int = 4) -> torch.Tensor:
    return torch.from_numpy(np.stack([model_input(real_signal_mv(i)[:, :n_samples]) for i in range(n_records)]))


def padded(x: torch.Tensor, n_samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    n_more = n_samples - x.shape[-1]
    mask = torch.nn.functional.pad(torch.ones(len(x), x.shape[-1]), (0, n_more))
    return torch.nn.functional.pad(x, (0, n_more), value=19.0), mask


@torch.inference_mode()
def outputs(model: Classifier, x: torch.Tensor, mask: torch.Tensor | None = None) -> tuple[np.ndarray, np.ndarray]:
    logits, embedding = model(x, torch.ones(len(x), x.shape[-1]) if mask is None else mask)
    return logits.numpy(), embedding.numpy()


@pytest.mark.parametrize("n_samples", [500, 501, 577, 600, 630, 640, 992, 999])
def test_a_padded_and_masked_record_gives_what_the_unpadded_one_gives(model: Classifier, n_samples: int) -> None:
    x = ecgs(n_samples)
    for a, b in zip(outputs(model, *padded(x, 1000)), outputs(model, x), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_what_lies_in_a_gap_never_reaches_the_outputs(model: Classifier) -> None:
    x, mask = ecgs(1000), torch.ones(4, 1000)
    mask[:, 300:420] = 0.0
    other = x.clone()
    other[:, :, 300:420] = torch.randn(4, 12, 120)
    for a, b in zip(outputs(model, x, mask), outputs(model, other, mask), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_logits_are_linear_in_the_embedding(model: Classifier) -> None:
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
