"""The PyTorch twin of an exported network: its gradients, and copies of it that have forgotten what was learnt."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from physioclr_core.errors import UserFacingError
from physioclr_core.models.classifier import Classifier
from physioclr_core.models.residual_encoder import ResidualEncoder

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


def parts_of(model: Classifier) -> list[nn.Module]:
    """Return the parts of a network from the head down: head, residual blocks from the last to the first, stem.

    Raises
    ------
    UserFacingError
        If its encoder is no residual CNN, or its head no linear one.
    """
    encoder = model.encoder
    if not isinstance(encoder, ResidualEncoder) or model.pool is not None:
        raise UserFacingError("Attributions are checked on residual CNNs with a linear head only.")
    blocks: list[nn.Module] = [*encoder.local_blocks, *encoder.context_blocks]
    if encoder.expand is not None:
        blocks.append(encoder.expand)
    return [model.head, *reversed(blocks), nn.ModuleList([encoder.stem, encoder.stem_norm])]


def forgetful(model: Classifier, n_forgotten: int, seed: int) -> Classifier:
    """Return a copy whose upper part has fresh weights, from the head down (Adebayo et al., NeurIPS 2018).

    Parameters
    ----------
    model : Classifier
        Trained.
    n_forgotten : int
        How many of its parts, in the order of ``parts_of``, have fresh weights; the same ones however many follow.
    seed : int
        Of the fresh weights; not that of the training run, whose head began with the very weights that it gives.
    """
    kept = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in parts_of(kept)[:n_forgotten]:
            for module in part.modules():
                if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
                    module.reset_parameters()
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
