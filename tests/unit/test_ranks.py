"""Ranks whose products are correlations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from scalewise.core.ranks import unit_ranks


def test_products_of_unit_ranks_are_rank_correlations():
    X = np.random.default_rng(0).normal(size=(200, 2)).round(1)
    one, other = unit_ranks(X).T
    assert one @ other == pytest.approx(spearmanr(X).statistic)
    assert one @ one == pytest.approx(1)


def test_gaps_and_columns_that_never_vary_have_no_rank():
    ranks = unit_ranks(np.array([[3.0, 5.0, np.nan], [np.nan, 5.0, np.nan], [1.0, 5.0, np.nan]]))
    np.testing.assert_allclose(ranks, [[0.5**0.5, 0, 0], [0, 0, 0], [-(0.5**0.5), 0, 0]])
