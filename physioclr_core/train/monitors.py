"""Signs of collapse: alignment, uniformity, effective rank and spread of embeddings."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

MAX_EMBEDDINGS = 2048
# Under these an encoder gives nearly the same embedding for every ECG.
MIN_RANK = 2.0
MIN_SPREAD = 1e-3


def alignment(first: Tensor, second: Tensor) -> float:
    """Return the mean squared distance of paired embeddings on the sphere (Wang and Isola, ICML 2020).

    Parameters
    ----------
    first, second : Tensor, shape (n, n_features)
        Embeddings of two views of the same records.
    """
    first, second = _on_sphere(first), _on_sphere(second)
    return float((first - second).square().sum(1).mean())


def uniformity(embedding: Tensor) -> float:
    """Return the log of the mean Gaussian potential of all pairs on the sphere (Wang and Isola, ICML 2020).

    0 where all embeddings are one point; lower is more uniform.

    Parameters
    ----------
    embedding : Tensor, shape (n, n_features), n >= 2
    """
    return float(torch.pdist(_on_sphere(embedding)).square().mul(-2.0).exp().mean().log())


def effective_rank(embedding: Tensor) -> float:
    """Return RankMe: the exponential of the entropy of the normalised singular values (Garrido et al., ICML 2023).

    Parameters
    ----------
    embedding : Tensor, shape (n, n_features)
        Taken as they are, as RankMe does: a common mean counts as one dimension.
    """
    singular = torch.linalg.svdvals(embedding.double())
    share = singular / singular.sum().clamp(min=1e-300) + 1e-7
    return float((-(share * share.log()).sum()).exp())


def spread(embedding: Tensor) -> float:
    """Return the mean over features of the standard deviation on the sphere, times the root of the length.

    About 1 for isotropic embeddings, 0 where all are one point (Chen and He, CVPR 2021).
    """
    return float(_on_sphere(embedding).std(0, correction=0).mean() * embedding.shape[1] ** 0.5)


class CollapseMonitor:
    """Keeps the last embeddings of training and judges them."""

    def __init__(self) -> None:
        self._pairs: deque[tuple[Tensor, Tensor | None]] = deque()
        self._n = 0

    def add(self, embedding: Tensor, second: Tensor | None) -> None:
        """Take the embeddings of a step, shape (batch, n_features); old ones are forgotten."""
        self._pairs.append(
            (embedding.detach().float().cpu(), None if second is None else second.detach().float().cpu())
        )
        self._n += len(embedding)
        while self._n - len(self._pairs[0][0]) >= MAX_EMBEDDINGS:
            self._n -= len(self._pairs.popleft()[0])

    def figures(self) -> dict[str, float]:
        """Return the figures of what is kept and forget it; empty where there are fewer than two embeddings."""
        pairs, self._pairs, n, self._n = self._pairs, deque(), self._n, 0
        if n < 2:
            return {}
        embedding = torch.cat([first for first, _ in pairs])
        figures = {"uniformity": uniformity(embedding), "rank": effective_rank(embedding), "spread": spread(embedding)}
        seconds = [second for _, second in pairs if second is not None]
        if len(seconds) == len(pairs):
            figures["alignment"] = alignment(embedding, torch.cat(seconds))
        return figures


def is_collapsed(figures: dict[str, float]) -> bool:
    """Tell whether embeddings hardly differ from each other."""
    return bool(figures) and (figures["rank"] < MIN_RANK or figures["spread"] < MIN_SPREAD)


def _on_sphere(embedding: Tensor) -> Tensor:
    return torch.nn.functional.normalize(embedding.float(), dim=1)
