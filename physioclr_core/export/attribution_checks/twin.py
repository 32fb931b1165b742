"""The PyTorch twin of an exported network: its gradients, and copies of it that have forgotten what was learnt."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from physioclr_core.models.residual_cnn import ResidualCnn

FloatArray = npt.NDArray[np.float32]

N_STEPS = 32


def logits_of(model: nn.Module) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """Return a network as what ``occlusion_effects`` asks."""
    model.eval()

    @torch.inference_mode()
    def ask(x: FloatArray, mask: FloatArray) -> FloatArray:
        logits: FloatArray = model(torch.from_numpy(x), torch.from_numpy(mask))[0].numpy()
        return logits

    return ask


def forgetful(model: ResidualCnn, n_kept: int, seed: int) -> ResidualCnn:
    """Return a copy whose upper part has fresh weights, from the head down (Adebayo et al., NeurIPS 2018).

    Parameters
    ----------
    model : ResidualCnn
        Trained.
    n_kept : int
        How many blocks from the input on keep what they learnt; -1 forgets the first convolution too.
    seed : int
        Of the fresh weights; not that of the training run, from which the weights that it began with would come back.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = ResidualCnn(model.config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kept = copy.deepcopy(model)
    kept.head = fresh.head
    for index in range(max(n_kept, 0), len(kept.blocks)):
        kept.blocks[index] = fresh.blocks[index]
    if n_kept < 0:
        kept.stem, kept.stem_norm = fresh.stem, fresh.stem_norm
    return kept.eval()


def gradient_times_difference(
    model: nn.Module, x: FloatArray, mask: FloatArray, baseline: FloatArray, label: int
) -> FloatArray:
    """Return the gradient of a label's logit at ``x``, times what ``x`` has over the baseline, shape of ``x``."""
    return _mean_gradient(model, x, mask, x, label, n_steps=1) * (x - baseline)


def integrated_gradients(
    model: nn.Module, x: FloatArray, mask: FloatArray, baseline: FloatArray, label: int, n_steps: int = N_STEPS
) -> FloatArray:
    """Return integrated gradients of a label's logit (Sundararajan et al., ICML 2017).

    Parameters
    ----------
    model : nn.Module
    x, baseline : ndarray of float32, shape (n_leads, n_samples)
        The network's input, and the one that the path begins at.
    mask : ndarray of float32, shape (n_samples,)
    label : int
    n_steps : int
        Points of the path, in the middle of equal steps.

    Returns
    -------
    ndarray of float32, shape (n_leads, n_samples)
        Adds up to the logit of ``x`` minus that of the baseline, but for the steps.
    """
    return _mean_gradient(model, x, mask, baseline, label, n_steps) * (x - baseline)


def _mean_gradient(
    model: nn.Module, x: FloatArray, mask: FloatArray, start: FloatArray, label: int, n_steps: int
) -> FloatArray:
    shares = (np.arange(n_steps, dtype=np.float32) + 0.5) / n_steps
    total = np.zeros_like(x)
    for part in np.array_split(shares, max(1, n_steps // 8)):
        points = torch.from_numpy(start + part[:, None, None] * (x - start)).requires_grad_(True)
        logits = model.eval()(points, torch.from_numpy(np.repeat(mask[None], len(part), axis=0)))[0]
        (gradient,) = torch.autograd.grad(logits[:, label].sum(), points)
        total += gradient.numpy().sum(axis=0)
    return total / np.float32(n_steps)
