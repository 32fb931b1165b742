"""Hidden time and hidden leads."""

from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.augment.lead_mask import kept_leads
from physioclr_core.augment.time_mask import hidden_in_leads, visible_time


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_each_lead_goes_with_the_given_probability(share: float) -> None:
    kept = kept_leads(np.ones((20_000, 12), bool), share, np.random.default_rng(0))
    np.testing.assert_allclose(1.0 - kept.mean(axis=0), share, atol=0.015)


def test_exactly_one_of_the_leads_that_are_there_stays_where_all_would_go() -> None:
    has_lead = np.random.default_rng(0).random((2000, 12)) < 0.3
    kept = kept_leads(has_lead, 1.0, np.random.default_rng(1))
    np.testing.assert_array_equal(kept.sum(axis=1), has_lead.any(axis=1))
    assert not (kept & ~has_lead).any()
    assert (kept.mean(axis=0) > 0.05).all()  # any of them


def test_one_span_is_hidden_no_longer_than_allowed_and_anywhere() -> None:
    hidden = ~visible_time(np.ones((4000, 400), bool), 0.2, np.random.default_rng(0))
    length = hidden.sum(axis=1)
    assert length.max() == 80
    np.testing.assert_allclose(np.quantile(length, [0.25, 0.5, 0.75]), [20, 40, 60], atol=3)
    edges = np.diff(hidden.astype(int), axis=1, prepend=0, append=0)
    np.testing.assert_array_equal((edges == 1).sum(axis=1), length > 0)  # one piece
    assert hidden.any(axis=0).all()


def test_a_segment_keeps_its_mask_where_the_span_would_hide_all_of_it() -> None:
    mask = np.zeros((500, 100), bool)
    mask[:, 50:53] = True
    visible = visible_time(mask, 0.9, np.random.default_rng(0))
    assert visible.any(axis=1).all()
    assert not (visible & ~mask).any()


def test_each_lead_hides_one_span_of_its_own_all_as_long() -> None:
    hidden = hidden_in_leads((500, 12, 200), 0.5, np.random.default_rng(0))
    np.testing.assert_array_equal(hidden.sum(axis=2), 100)
    edges = np.diff(hidden.astype(int), axis=2, prepend=0, append=0)
    np.testing.assert_array_equal((edges == 1).sum(axis=2), 1)  # one piece
    start = hidden.argmax(axis=2)
    assert start.min() == 0
    assert start.max() == 100
    assert (start.std(axis=1) > 0.0).all()  # not the same in all leads
