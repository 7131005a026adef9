"""Features that go together, whatever their kinds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalewise.core.spec import Feature
from scalewise.data.relations import association, correlated_groups, summing_columns


def number(name):
    return Feature(name, "number")


def category(name):
    return Feature(name, "category", ("a", "b", "c"))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class TestGroups:
    def test_a_copy_and_a_monotone_image_go_together_and_noise_does_not(self, rng):
        x, noise = rng.normal(size=(2, 1_000))
        X = np.column_stack([x, noise, x, -np.exp(x)])
        assert correlated_groups(X, [number(n) for n in "abcd"]) == (("a", "c", "d"),)

    def test_a_category_goes_with_the_number_that_it_cuts(self, rng):
        x = rng.normal(size=1_000)
        X = np.column_stack([x, np.digitize(x, [-0.5, 0.5]), rng.integers(0, 3, 1_000)])
        assert correlated_groups(X, [number("x"), category("cut"), category("other")]) == (("x", "cut"),)

    def test_a_category_goes_with_its_renamed_twin(self, rng):
        codes = rng.integers(0, 3, 1_000)
        X = np.column_stack([codes, rng.integers(0, 3, 1_000), (codes + 1) % 3]).astype(float)
        assert correlated_groups(X, [category(n) for n in "abc"]) == (("a", "c"),)

    def test_every_two_members_go_together_not_only_neighbours_of_a_chain(self, rng):
        steps = rng.normal(size=(1_000, 9)).cumsum(axis=0).cumsum(axis=1)
        walk = np.column_stack([steps[:, 0] + 0.45 * k * rng.normal(size=1_000).cumsum() for k in range(9)])
        features = [number(str(k)) for k in range(9)]
        for group in correlated_groups(walk, features):
            at = [int(name) for name in group]
            assert association(walk, features, walk, features)[np.ix_(at, at)].min() >= 0.7

    def test_labels_with_values_of_their_own_are_compared_with_nothing(self, rng):
        X = np.column_stack([rng.permutation(500), rng.permutation(500)]).astype(float)
        assert correlated_groups(X, [Feature("one", "label"), Feature("two", "label")]) == ()

    def test_gaps_and_constants_are_borne(self, rng):
        x = rng.normal(size=1_000)
        gappy = np.where(rng.random(1_000) < 0.05, np.nan, x)
        X = np.column_stack([x, gappy, np.full(1_000, 3.0), np.full(1_000, np.nan)])
        assert correlated_groups(X, [number(n) for n in "abcd"]) == (("a", "b"),)

    @pytest.mark.parametrize("shape", [(1_000, 1), (2, 2), (0, 3)])
    def test_too_little_to_compare_gives_no_group(self, shape):
        assert correlated_groups(np.zeros(shape), [number(str(k)) for k in range(shape[1])]) == ()


class TestAssociation:
    def test_two_numbers_have_the_rank_correlation_of_scipy(self, rng):
        from scipy.stats import spearmanr

        X = rng.normal(size=(300, 2)) @ np.array([[1.0, 0.4], [0.0, 1.0]])
        found = association(X, [number("a"), number("b")], X, [number("a"), number("b")])
        assert found[0, 1] == pytest.approx(abs(spearmanr(X[:, 0], X[:, 1]).statistic))

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(30, 200), st.lists(st.sampled_from("nc"), min_size=1, max_size=5))
    def test_it_is_symmetric_and_between_0_and_1(self, seed, n_rows, kinds):
        rng = np.random.default_rng(seed)
        X = np.column_stack([rng.normal(size=n_rows) if k == "n" else rng.integers(0, 4, n_rows) for k in kinds])
        features = [number(str(at)) if k == "n" else category(str(at)) for at, k in enumerate(kinds)]
        found = association(X, features, X, features)
        assert ((found >= 0) & (found <= 1)).all()
        np.testing.assert_allclose(found, found.T, atol=1e-9)

    def test_chance_alone_does_not_make_categories_with_many_values_go_together(self, rng):
        X = rng.integers(0, 60, size=(2_000, 2)).astype(float)
        features = [Feature("a", "label"), Feature("b", "label")]
        assert association(X, features, X, features)[0, 1] < 0.1


class TestSums:
    def columns(self, rng, n_columns=8, n_rows=500):
        return rng.normal(size=(n_rows, n_columns)) * np.geomspace(1, 1e5, n_columns) + 1e4

    @pytest.mark.parametrize(
        "weights", [{1: 1, 6: 1}, {6: 1, 7: -1}, {0: 100, 3: -70, 5: 10}, {0: 1, 1: 1, 2: 2, 3: -3, 4: 5}]
    )
    def test_the_columns_of_a_sum_are_found(self, rng, weights):
        X = self.columns(rng)
        y = 3 + sum(weight * X[:, at] / X[:, at].std() for at, weight in weights.items())
        assert summing_columns(X, y) == tuple(weights)

    def test_gaps_huge_numbers_and_a_copy_do_no_harm(self, rng):
        X = self.columns(rng)
        y = 100 * X[:, 1] + X[:, 4]
        X[:50, 1], X[50:80, 6], y[80:90] = np.nan, np.nan, np.nan
        X[:, 0], X[:, 2], X[:, 7] = np.nan, 5.0, 1e300 * rng.normal(size=500)
        assert summing_columns(X, y) == (1, 4)
        assert summing_columns(np.column_stack([X, X[:, 4]]), y) in {(1, 4), (1, 8)}

    def test_noise_many_columns_or_one_alone_are_no_sum(self, rng):
        X = self.columns(rng)
        spread = X / X.std(axis=0)
        assert summing_columns(X, rng.normal(size=500)) == ()
        assert summing_columns(X, X[:, 7] * 2) == ()
        assert summing_columns(spread, spread.sum(axis=1)) == ()
        assert summing_columns(spread, spread[:, 0] + spread[:, 1] + 0.05 * rng.normal(size=500)) == ()
        assert summing_columns(X[:40], X[:40, 0] + X[:40, 1]) == ()
        assert summing_columns(X, np.full(500, 7.0)) == ()

    def test_in_a_wide_table_the_strongest_columns_are_weighed(self, rng):
        X = rng.normal(size=(500, 700))
        assert summing_columns(X, X[:, 3] + 2 * X[:, 650]) == (3, 650)
