"""The error of a restored segment, as a whole and around its peaks."""

from __future__ import annotations

import torch
from torch import Tensor


def reconstruction_errors(
    restored: Tensor, whole: Tensor, mask: Tensor, has_lead: Tensor, near_peak: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean square error over all signal, that around peaks, and the mean square of the signal.

    Each is the mean over records of the mean over a record's samples, so that it does not depend on how records are
    shared by processes; a record without any such sample has none and counts as 0. A longer
    output than the segment is cut, of a shorter one the segment's beginning is compared.

    Parameters
    ----------
    restored : Tensor, shape (batch, n_leads, n)
    whole : Tensor, shape (batch, n_leads, n_samples)
        The segment in units of the network's input.
    mask : Tensor, shape (batch, n_samples)
        1 where there is signal.
    has_lead : Tensor, shape (batch, n_leads)
        1 where a lead was recorded; what was not is not to be restored.
    near_peak : Tensor, shape (batch, n_samples), or None
        1 within the window of a peak.
    """
    n = min(restored.shape[2], whole.shape[2])
    weight = (mask[:, None, :n] * has_lead[:, :, None]).float()
    square = (restored[..., :n].float() - whole[..., :n]).square() * weight
    n_signal = weight.sum((1, 2)).clamp(min=1.0)
    power = ((whole[..., :n].square() * weight).sum((1, 2)) / n_signal).mean()
    error = (square.sum((1, 2)) / n_signal).mean()
    if near_peak is None:
        return error, torch.zeros_like(error), power
    near = near_peak[:, None, :n]
    peak = (square * near).sum((1, 2)) / (weight * near).sum((1, 2)).clamp(min=1.0)
    return error, peak.mean(), power
