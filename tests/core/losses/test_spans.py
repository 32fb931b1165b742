"""Hidden spans: how many, where, and their place on finer steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from physioclr_core.errors import UserFacingError
from physioclr_core.losses.spans import hidden_spans, on_tokens, pooled, spread, start_share_of


def test_the_papers_numbers_hide_about_half() -> None:
    hidden = hidden_spans(400, 500, 0.065, 10, np.random.default_rng(0))
    assert hidden.mean() == pytest.approx(1 - (1 - 0.065) ** 10, abs=0.01)


def test_the_share_of_starts_hides_the_share_that_was_asked_for() -> None:
    assert start_share_of(1 - (1 - 0.065) ** 10, 10) == pytest.approx(0.065)
    hidden = hidden_spans(400, 300, start_share_of(0.5, 3), 3, np.random.default_rng(0))
    assert hidden.mean() == pytest.approx(0.5, abs=0.01)


def test_every_hidden_token_lies_in_a_span_and_every_row_has_one() -> None:
    hidden = hidden_spans(50, 30, 0.01, 4, np.random.default_rng(0))
    for row in hidden:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
        assert len(edges) >= 2
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            assert end - first >= 4 or end == 30


def test_the_mean_over_a_token_is_that_of_the_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    local = torch.randn(3, 10, 5, generator=generator)
    mask = (torch.rand(3, 10, generator=generator) > 0.4).float()
    mask[1, 4:8] = 0
    values, has = pooled(local, mask, 4)
    assert values.shape == (3, 3, 5)
    for row in range(3):
        for token in range(3):
            steps = [s for s in range(4 * token, min(4 * token + 4, 10)) if mask[row, s]]
            assert bool(has[row, token]) == bool(steps)
            expected = local[row, steps].mean(0) if steps else torch.zeros(5)
            torch.testing.assert_close(values[row, token], expected)


def test_values_of_tokens_reach_all_of_their_steps() -> None:
    assert spread(torch.tensor([[True, False, True]]), 5, 2).tolist() == [[True, True, False, False, True]]


def test_an_encoder_off_its_grid_is_refused_and_a_last_token_may_be_left_out() -> None:
    assert on_tokens(torch.ones(2, 7), torch.ones(2, 6, 3)).shape == (2, 6)
    with pytest.raises(UserFacingError, match="gives 5 tokens where its stride gives 7"):
        on_tokens(torch.ones(2, 7), torch.ones(2, 5, 3))
