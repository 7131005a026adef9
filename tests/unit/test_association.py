"""How strongly columns go with a target: kinds of effects, chance, rare entries, and what others leave unexplained."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from scalewise.core.features.association import (
    MAX_OUTCOMES,
    Tables,
    additive_residuals,
    apart_rows,
    class_outcomes,
    coded_tables,
    products,
    rank_outcomes,
    relevance,
)

N = 2000


def scores(codes, outcomes, ordered=True):
    codes = np.atleast_2d(codes).astype(np.uint8)
    return relevance(coded_tables(codes, outcomes), outcomes, np.full(len(codes), ordered))


def bins(values, n_bins=8):
    """1 .. n_bins by quantiles."""
    return 1 + np.searchsorted(np.quantile(values, np.arange(1, n_bins) / n_bins), values)


def test_the_statistic_of_classes_is_the_likelihood_ratio_of_the_table():
    rng = np.random.default_rng(0)
    codes, classes = rng.integers(1, 5, N), rng.integers(0, 2, N)
    classes = np.where(codes == 2, rng.integers(0, 10, N) < 6, classes).astype(int)
    table = np.array([[(codes[classes == k] == b).sum() for b in range(1, 5)] for k in range(2)])
    expected = chi2_contingency(table, lambda_="log-likelihood")
    outcomes = class_outcomes(classes, 2)
    assert scores(codes, outcomes, ordered=False)[0] == pytest.approx(-np.log10(expected.pvalue), rel=1e-6)


@pytest.mark.parametrize("shape", ["trend", "hump", "step", "categories", "missing"])
@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_effects_of_every_shape_stand_out_from_noise(shape, task):
    rng = np.random.default_rng(1)
    x = rng.normal(size=N)
    codes = bins(x)
    effect = {
        "trend": x,
        "hump": np.abs(x) * 1.5,
        "step": (x > 1.2) * 3.0,
        "categories": np.array([0, 1, -1, 1, -1, 0, 1, -1, 1])[codes],
        "missing": (codes == 3) * 3.0,
    }[shape]
    codes = np.where(codes == 3, 0, codes) if shape == "missing" else codes
    y = effect + rng.normal(size=N) * 2
    outcomes = class_outcomes((y > np.median(y)).astype(int), 2) if task == "classes" else rank_outcomes(y[:, None])
    noise = np.array([bins(rng.normal(size=N)) for _ in range(300)])
    assert scores(codes, outcomes, ordered=shape != "categories")[0] > scores(noise, outcomes).max() + 3


@pytest.mark.parametrize("share", [0.5, 0.02])
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_noise_is_called_significant_about_as_often_as_chance_says(kind, share):
    rng = np.random.default_rng(2)
    y = rng.uniform(size=N) < share
    outcomes = class_outcomes(y.astype(int), 2) if kind == "classes" else rank_outcomes(rng.normal(size=(N, 1)))
    found = scores(rng.integers(1, 9, (4000, N)), outcomes)
    # The better of two tests is taken, so twice as often at the most, and the likelihood ratio is a little generous.
    assert (found > 2).mean() < 0.035
    assert (found > 4).sum() <= 6


def test_a_few_hits_of_a_rare_class_are_no_evidence():
    y = np.zeros(N, dtype=int)
    y[:20] = 1
    once, five = np.full(N, 3), np.full(N, 3)
    once[0] = 4
    five[:5] = 4
    found = scores([once, five], class_outcomes(y, 2))
    assert found[0] == 0.0
    # By chance once in 10^10.
    assert 9 < found[1] < 12


def test_a_column_that_is_its_target_has_a_finite_score_above_all_others():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 100_000)
    nearly = np.where(rng.uniform(size=len(y)) < 0.01, 1 - y, y)
    found = scores(np.array([y + 1, nearly + 1]), class_outcomes(y, 2))
    assert np.isfinite(found).all()
    assert found[0] > found[1] > 300


def test_many_classes_share_outcomes_and_each_row_has_one():
    codes = np.repeat(np.arange(100), np.arange(100, 0, -1))
    values = class_outcomes(codes, 100).values
    assert values.shape == (len(codes), MAX_OUTCOMES)
    assert (values.sum(axis=1) == 1).all()
    assert values[:, 0].sum() == 100


def test_what_others_explain_is_left_out_and_what_they_do_not_stays():
    rng = np.random.default_rng(4)
    a, b, noise = rng.normal(size=(3, N))
    y = rank_outcomes((a + 0.5 * b + 0.5 * noise)[:, None])
    copy = bins(a + 0.01 * rng.normal(size=N))
    before = scores([bins(a), copy, bins(b)], y)
    left = rank_outcomes(additive_residuals(bins(a)[None].astype(np.uint8), y))
    after = scores([bins(a), copy, bins(b)], left)
    assert before[1] > before[2]
    assert after[1] < 6 < 20 < after[2]


def test_residuals_are_those_of_a_fit_without_the_row():
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 4, (2, 40)).astype(np.uint8)
    y = class_outcomes(rng.integers(0, 2, 40), 2)
    found = additive_residuals(codes, y)
    design = np.stack([row == code for row in codes for code in np.unique(row)[1:]], axis=1) * 1.0
    design -= design.mean(axis=0)
    target = y.values[:, 0] - y.values[:, 0].mean(dtype=float)
    for row in (0, 17, 39):
        others = np.delete(np.arange(40), row)
        inner = design[others].T @ design[others] + 2.0 * np.eye(design.shape[1])
        weights = np.linalg.solve(inner, design[others].T @ target[others])
        assert found[row, 0] == pytest.approx(target[row] - design[row] @ weights, rel=1e-6)


def test_a_partner_shows_in_the_product_with_the_column_that_it_works_with():
    rng = np.random.default_rng(6)
    a, b, noise = rng.normal(size=(3, N))
    y = rank_outcomes((a + a * b + 0.5 * noise)[:, None])
    chosen = bins(a)[None].astype(np.uint8)
    left = additive_residuals(chosen, y)
    assert scores(bins(b), y)[0] < 3
    assert scores(bins(b), rank_outcomes(products(left, chosen)))[0] > 20


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(20, 200))
def test_tables_hold_every_row_once_and_scores_do_not_depend_on_row_order(seed, n_classes, n_rows):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 9, (5, n_rows)).astype(np.uint8)
    y = rng.integers(0, n_classes, n_rows)
    outcomes = class_outcomes(y, n_classes)
    tables = coded_tables(codes, outcomes)
    assert (tables.counts.sum(axis=1) == n_rows).all()
    assert (apart_rows(tables) == [n_rows - np.bincount(row).max() for row in codes]).all()
    found = relevance(tables, outcomes, np.ones(5, dtype=bool))
    order = rng.permutation(n_rows)
    again = scores(codes[:, order], class_outcomes(y[order], n_classes))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    np.testing.assert_allclose(found, again)


def test_a_constant_column_and_one_of_gaps_alone_have_no_score():
    outcomes = class_outcomes(np.arange(100) % 2, 2)
    tables = Tables.of(np.zeros((1, 3, 2)))
    assert relevance(tables, outcomes, np.ones(1, dtype=bool)).tolist() == [0.0]
    assert scores(np.stack([np.full(100, 4), np.zeros(100)]), outcomes).tolist() == [0.0, 0.0]
