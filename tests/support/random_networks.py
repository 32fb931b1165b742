"""Networks whose batch norms do something, as those of trained ones do."""

from __future__ import annotations

import torch


def randomise_norms_(model: torch.nn.Module, is_affine_too: bool = False) -> None:
    """Give every batch norm of a network random statistics, and where asked a random scale and shift."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
            if is_affine_too:
                torch.nn.init.uniform_(module.weight, 0.5, 1.5)
                torch.nn.init.normal_(module.bias, 0.0, 0.3)
