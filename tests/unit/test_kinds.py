"""Which kind of learner a curve looks like, and what a forecast makes of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalewise.core.extrapolation import forecast
from scalewise.core.forecasting.company import LEARNERS
from scalewise.core.forecasting.curve_points import curve_points
from scalewise.core.forecasting.forecast_features import curve_shape
from scalewise.core.forecasting.kinds import kind_features
from scalewise.core.forecasting.power_law import fit_power_law
from scalewise.core.forecasting.quantile_net import _mixture, load_quantile_net

SIZES = np.array([125, 250, 500, 1000, 2000, 4000])
quick = settings(max_examples=30, deadline=None)


def learning(asymptote=0.9, amplitude=2.0, exponent=0.5, seed=0, noise=0.004):
    clean = asymptote - amplitude * SIZES.astype(float) ** -exponent
    return clean[:, None] + noise * np.random.default_rng(seed).normal(size=(len(SIZES), 5))


def traits(scores, train=None, ceiling=1.0):
    points = curve_points(SIZES, scores, train)
    law = fit_power_law(points, ceiling)
    return kind_features(points, curve_shape(points, law), law)


def beliefs(scores, train=None):
    return dict(zip(LEARNERS, load_quantile_net().kinds.beliefs(traits(scores, train)), strict=True))


class TestBeliefs:
    @pytest.mark.parametrize("train", [None, np.ones(len(SIZES))])
    def test_are_probabilities_of_every_kind(self, train):
        found = beliefs(learning(), train)
        assert sum(found.values()) == pytest.approx(1.0)
        assert min(found.values()) >= 0

    def test_who_learns_its_rows_by_heart_looks_like_trees_and_not_like_a_linear_model(self):
        found = beliefs(learning(), np.ones(len(SIZES)))
        assert found["forest"] + found["tree"] > 0.5
        assert found["linear"] < 0.1

    def test_whose_training_score_falls_to_meet_the_test_score_looks_simple(self):
        found = beliefs(learning(), 0.9 + 2.0 * SIZES**-0.8)
        assert found["forest"] + found["tree"] < 0.1

    def test_a_single_score_is_enough(self):
        points = curve_points([100], [0.7])
        law = fit_power_law(points, 1.0)
        found = load_quantile_net().kinds.beliefs(kind_features(points, curve_shape(points, law), law))
        assert found.sum() == pytest.approx(1.0)


class TestFeatures:
    @given(st.sampled_from([-100.0, 0.0, 5.0]), st.sampled_from([0.01, 1.0, 300.0]), st.integers(0, 20))
    @quick
    def test_shift_and_scale_of_the_metric_do_not_matter(self, shift, scale, seed):
        scores, train = learning(seed=seed), 0.9 + 2.0 * SIZES**-0.8
        plain = traits(scores, train)
        moved = traits(shift + scale * scores, shift + scale * train, shift + scale)
        np.testing.assert_allclose(moved, plain, rtol=1e-4, atol=1e-4)

    def test_what_is_unknown_is_missing(self):
        found = traits(learning()[:, :1], None, None)
        assert np.isfinite(found).any()
        assert np.isnan(found[-24:]).all()


class TestMixture:
    LEVELS = load_quantile_net().levels

    def normal(self, mean, sd):
        from scipy.special import ndtri

        return (mean + sd * ndtri(self.LEVELS))[None, None]

    def test_of_one_part_is_that_part(self):
        part = self.normal(1.0, 2.0)
        np.testing.assert_allclose(_mixture(part[None], np.array([0.7]), self.LEVELS), part, atol=0.25)

    def test_of_equal_parts_is_each_of_them(self):
        part = self.normal(1.0, 2.0)
        found = _mixture(np.stack([part, part]), np.array([0.2, 0.6]), self.LEVELS)
        np.testing.assert_allclose(found, part, atol=0.25)

    def test_of_parts_that_disagree_is_as_wide_as_both(self):
        parts = np.stack([self.normal(-3.0, 0.1), self.normal(3.0, 0.1)])
        found = _mixture(parts, np.array([0.5, 0.5]), self.LEVELS)[0, 0]
        assert (np.diff(found) >= 0).all()
        assert found[0] < -2.9
        assert found[-1] > 2.9

    def test_the_unlikely_count_little(self):
        parts = np.stack([self.normal(0.0, 1.0), self.normal(50.0, 1.0)])
        found = _mixture(parts, np.array([0.99, 0.01]), self.LEVELS)[0, 0]
        assert found[len(found) // 2] == pytest.approx(0.0, abs=0.1)


class TestForecast:
    def test_a_curve_alone_goes_on_as_the_kinds_that_it_looks_like(self):
        scores, train = learning(), np.ones(len(SIZES))
        alone = forecast(SIZES, scores, train, targets=[16000], max_score=1.0)
        told = [
            forecast(SIZES, scores, train, targets=[16000], max_score=1.0, learner=learner).mean[0]
            for learner in LEARNERS
        ]
        assert min(told) <= alone.mean[0] <= max(told)
