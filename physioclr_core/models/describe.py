"""What an encoder takes: weights, memory in training, and operations of one segment."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from physioclr_core.models.encoder import Encoder

# Weight, gradient, AdamW's two moments and the running average of the weights.
_COPIES_IN_TRAINING = 5


@dataclass(frozen=True, slots=True)
class EncoderSize:
    """Size of an encoder.

    Attributes
    ----------
    n_parameters : int
        Weights that training changes or could change.
    training_mb : float
        Megabytes of weights, gradients, AdamW's two moments and the running average. What is kept of a batch for the
        gradients comes on top.
    forward_flops : int
        Floating point operations of matrix products, convolutions and attention for one segment; a multiplication and
        an addition are two.
    """

    n_parameters: int
    training_mb: float
    forward_flops: int


def describe(encoder: Encoder, n_samples: int) -> EncoderSize:
    """Return the size of ``encoder`` at segments of ``n_samples``; nothing is computed, and the encoder stays as it is.

    Operations are those of the plain network: convolutions count as such where they are computed by Fourier
    transforms, and the transforms of a state space layer do not count.

    Parameters
    ----------
    encoder : Encoder
    n_samples : int
        Length of the one segment.
    """
    shapes = copy.deepcopy(encoder).to("meta").eval()
    x, mask = torch.empty(1, encoder.n_leads, n_samples, device="meta"), torch.empty(1, n_samples, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        shapes(x, mask)
    parameters = list(encoder.parameters())
    n_bytes = sum(parameter.numel() * parameter.element_size() for parameter in parameters)
    return EncoderSize(
        n_parameters=sum(parameter.numel() for parameter in parameters),
        training_mb=_COPIES_IN_TRAINING * n_bytes / 1e6,
        forward_flops=counter.get_total_flops(),
    )
