"""The state space layers, beside the recurrence that they stand for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from physioclr_core.models.build import build_encoder
from physioclr_core.models.config import S4dEncoderConfig
from physioclr_core.models.presets import ENCODER_PRESETS
from physioclr_core.models.s4d_encoder import S4dKernel, direct_convolution, two_sided_convolution


def recurrence(kernel: S4dKernel, u: Tensor) -> Tensor:
    """One step after the other in double precision: x = exp(dt A) x + (exp(dt A) - 1) / A u, y = 2 Re(C x)."""
    step = kernel.log_step.double().exp()[:, None]
    a = torch.complex(-kernel.log_decay.double().exp(), kernel.frequency.double())
    advance = torch.exp(step * a)
    enter = (advance - 1.0) / a
    c = torch.view_as_complex(kernel.output.double())
    state = torch.zeros(len(u), *a.shape, dtype=torch.complex128)
    outputs = []
    for at in range(u.shape[-1]):
        state = advance * state + enter * u[:, :, at, None].double()
        outputs.append(2.0 * (c * state).sum(-1).real)
    return torch.stack(outputs, -1)


@pytest.fixture
def kernels() -> tuple[S4dKernel, S4dKernel]:
    torch.manual_seed(0)
    return S4dKernel(6, 8, 0.001, 0.1), S4dKernel(6, 8, 0.001, 0.1)


@torch.no_grad()
def test_convolution_is_the_recurrence_in_both_directions(kernels: tuple[S4dKernel, S4dKernel]) -> None:
    u = torch.randn(2, 6, 300)
    past = recurrence(kernels[0], u)
    # The state that comes from the future has seen everything but the step itself.
    future = recurrence(kernels[1], u.flip(-1)).flip(-1)[..., 1:]
    expected = past + torch.nn.functional.pad(future, (0, 1))
    got = two_sided_convolution(u, kernels[0](300), kernels[1](300))
    torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n_steps", [1, 2, 37, 500])
@torch.no_grad()
def test_what_is_exported_agrees_with_what_is_trained(kernels: tuple[S4dKernel, S4dKernel], n_steps: int) -> None:
    u, responses = torch.randn(2, 6, n_steps), [kernel(n_steps) for kernel in kernels]
    torch.testing.assert_close(
        direct_convolution(u, *responses), two_sided_convolution(u, *responses), rtol=1e-4, atol=1e-4
    )


def test_states_start_as_s4d_lin(kernels: tuple[S4dKernel, S4dKernel]) -> None:
    torch.testing.assert_close(-kernels[0].log_decay.exp(), torch.full((6, 8), -0.5))
    torch.testing.assert_close(kernels[0].frequency, torch.pi * torch.arange(8.0).expand(6, 8))
    step = kernels[0].log_step.exp()
    assert bool(((step >= 0.001) & (step <= 0.1)).all())


def test_the_preset_has_the_weights_that_its_layers_sum_up_to() -> None:
    config = ENCODER_PRESETS["s4d"]
    assert isinstance(config, S4dEncoderConfig)
    d, n = config.width, config.n_states
    kernel = d + 4 * d * n
    layer = 2 * d + 2 * kernel + d + 2 * (d * d + d)
    expected = config.n_leads * config.patch * d + d + config.n_layers * layer + 2 * d
    assert sum(parameter.numel() for parameter in build_encoder(config).parameters()) == expected


def test_a_token_hears_of_the_whole_record_before_and_after_it() -> None:
    torch.manual_seed(0)
    encoder = build_encoder(S4dEncoderConfig(width=16, n_layers=1)).eval()
    x = torch.randn(1, 12, 400, requires_grad=True)
    tokens, _ = encoder.tokens(x, torch.ones(1, 400))
    (slope,) = torch.autograd.grad(tokens[0, 100].square().sum(), x)
    assert bool((slope[0].abs().sum(0) > 0).all())
