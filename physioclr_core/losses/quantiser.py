"""Product quantisation by a Gumbel softmax (Jang et al., ICLR 2017; Baevski et al., NeurIPS 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GumbelQuantiser(nn.Module):
    """One code of each codebook a vector; the codes' entries one after another are the quantised vector.

    Parameters
    ----------
    n_features : int
        Length of what is quantised.
    n_out : int
        Length of a quantised vector; must be a multiple of ``n_groups``.
    n_groups, n_codes : int
        Codebooks, and entries of each.
    start, end : float
        Temperature at first, and the lowest.
    fall_segments : float
        Training segments over which it falls by a factor of e. Counting segments rather than forward passes makes the
        schedule the same for any micro-batch and any number of processes; the count is a buffer and so is saved. As
        with the statistics of a batch norm, a step that is tried again for lack of memory counts twice.
    """

    def __init__(
        self, n_features: int, n_out: int, n_groups: int, n_codes: int, start: float, end: float, fall_segments: float
    ) -> None:
        super().__init__()
        self.n_groups, self.n_codes = n_groups, n_codes
        self.start, self.end, self.fall_segments = start, end, fall_segments
        self.logits = nn.Linear(n_features, n_groups * n_codes)
        nn.init.normal_(self.logits.weight)
        nn.init.zeros_(self.logits.bias)
        self.entries = nn.Parameter(torch.empty(n_groups, n_codes, n_out // n_groups).uniform_())
        self.n_seen: Tensor
        self.register_buffer("n_seen", torch.zeros((), dtype=torch.int64))

    def temperature(self) -> Tensor:
        """Return the temperature after so many segments, a scalar."""
        return (self.start * torch.exp(-self.n_seen / self.fall_segments)).clamp(min=self.end)

    def count(self, n_segments: int) -> None:
        """Count segments that were trained on, over all processes."""
        self.n_seen += n_segments

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Return quantised vectors and how many codes are in use.

        In training the choice is drawn and its gradient is that of the soft choice; in evaluation it is the likeliest.

        Parameters
        ----------
        vectors : Tensor, shape (n, n_features)

        Returns
        -------
        Tensor, shape (n, n_out)
        Tensor, shape (n_groups,)
            Perplexity of the mean over vectors of each codebook's probabilities; ``n_codes`` where all are used alike.
        """
        with torch.autocast(vectors.device.type, enabled=False):
            logits = self.logits(vectors.float()).unflatten(-1, (self.n_groups, self.n_codes))
            if self.training:
                noise = -torch.empty_like(logits).exponential_().log()
                soft = ((logits + noise) / self.temperature()).softmax(-1)
                hard = nn.functional.one_hot(soft.argmax(-1), self.n_codes).to(soft.dtype)
                choice = hard + (soft - soft.detach())  # exact, so that equal choices give equal vectors
            else:
                choice = nn.functional.one_hot(logits.argmax(-1), self.n_codes).to(logits.dtype)
            quantised = torch.einsum("ngc,gcf->ngf", choice, self.entries).flatten(1)
            mean = logits.softmax(-1).sum(0) / max(len(vectors), 1)
            perplexity = (-(mean * (mean + 1e-7).log()).sum(-1)).exp()
        return quantised, perplexity
