"""The company of a forecast: what a kind of learner and curves of other learners may change, and what they may not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, started, study_spec

from scalewise.core.extrapolation import forecast
from scalewise.core.forecasting.company import COMPANY, LEARNERS, company, company_features
from scalewise.core.forecasting.curve_points import curve_points
from scalewise.core.forecasting.forecast_features import curve_shape
from scalewise.core.forecasting.power_law import fit_power_law
from scalewise.core.plan import Plan
from scalewise.core.summary import summarise
from scalewise.errors import InputError

SIZES = np.array([125, 250, 500, 1000, 2000, 4000])
TARGETS = [8000, 40000]
quick = settings(max_examples=30, deadline=None)


def learning(asymptote=0.9, amplitude=2.0, exponent=0.5, seed=0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    clean = asymptote - amplitude * sizes.astype(float) ** -exponent
    return clean[:, None] + 0.004 * rng.normal(size=(len(sizes), 5))


def better(seed=1, sizes=SIZES):
    return sizes, learning(0.95, 2.5, 0.5, seed, sizes)


def worse(seed=2, sizes=SIZES):
    return sizes, learning(0.8, 1.0, 0.6, seed, sizes)


def ahead(**known):
    return forecast(SIZES, learning(), targets=TARGETS, max_score=1.0, **known)


def assert_same(one, other):
    for name in ("mean", "low", "high", "p_gain"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9)


class TestForecast:
    def test_companions_and_kind_of_learner_are_made_use_of(self):
        alone = ahead()
        assert ahead(companions=[better(), worse()]).mean[0] != alone.mean[0]
        assert ahead(learner="boosting").mean[0] != alone.mean[0]

    @pytest.mark.parametrize("learner", LEARNERS)
    def test_every_kind_of_learner_gets_ordered_numbers(self, learner):
        found = ahead(learner=learner, companions=[better()])
        assert (found.low <= found.mean).all()
        assert (found.mean <= found.high).all()
        assert (found.high <= 1.0).all()

    def test_the_order_of_companions_does_not_matter(self):
        assert_same(ahead(companions=[better(), worse()]), ahead(companions=[worse(), better()]))

    def test_what_companions_show_beyond_the_curve_does_not_matter(self):
        sizes = np.append(SIZES, [8000, 16000])
        n, scores = better(sizes=sizes)
        assert_same(ahead(companions=[(n, scores)]), ahead(companions=[(n[:6], scores[:6])]))

    def test_companions_that_stop_earlier_are_left_aside(self):
        n, scores = better()
        assert_same(ahead(companions=[(n[:-1], scores[:-1])]), ahead())

    @given(st.sampled_from([-100.0, 0.0, 5.0]), st.sampled_from([0.01, 1.0, 300.0]))
    @quick
    def test_shift_and_scale_of_the_metric_do_not_matter(self, shift, scale):
        n, other = better()
        plain = forecast(SIZES, learning(), targets=TARGETS, min_gain=0.01, companions=[(n, other)])
        moved = forecast(
            SIZES,
            shift + scale * learning(),
            targets=TARGETS,
            min_gain=0.01 * scale,
            companions=[(n, shift + scale * other)],
        )
        np.testing.assert_allclose((moved.mean - shift) / scale, plain.mean, atol=1e-6)
        np.testing.assert_allclose(moved.p_gain, plain.p_gain, atol=1e-5)


class TestFeatures:
    def features(self, *companions, learner=None):
        points = curve_points(SIZES, learning())
        law = fit_power_law(points, 1.0)
        found = company(learner, companions)
        return company_features(found, points, curve_shape(points, law), law, np.array([1.0, 2.0]))

    def test_are_missing_without_companions(self):
        found = self.features()
        assert found.shape == (2, len(COMPANY) + len(LEARNERS))
        assert np.isnan(found[:, : len(COMPANY)]).all()
        assert (found[:, len(COMPANY) :] == 0).all()

    def test_tell_the_kind_of_learner(self):
        kind = self.features(learner="tree")[:, len(COMPANY) :]
        assert (kind.sum(axis=1) == 1).all()
        assert (kind[:, LEARNERS.index("tree")] == 1).all()

    def test_tell_who_is_ahead_and_who_is_behind(self):
        found = dict(zip(COMPANY, self.features(better(), worse())[0], strict=False))
        assert found["companions"] == 2
        assert found["best_level"] > 0 > found["least_level"]

    def test_a_flat_companion_is_finite(self):
        assert np.isfinite(self.features((SIZES, np.full(6, 0.5)), worse())[:, 1:6]).all()


class TestStudy:
    def gain(self, *models):
        plan = Plan(models, max_fraction=0.2, repeats=5)
        scores = {"dummy": (0.5, 0), "linear": (0.85, 1.0), "boosting": (0.95, 1.2)}
        state = finished(started(plan, study_spec(data_spec(100_000))), {m.name: scores[m.name] for m in models})
        return summarise(state).model("boosting").outlook.gain

    def test_its_models_keep_one_another_company(self):
        assert self.gain(LINEAR, BOOSTING) != self.gain(BOOSTING)

    def test_the_baseline_is_no_company(self):
        assert self.gain(DUMMY, BOOSTING) == self.gain(BOOSTING)


class TestInput:
    def test_an_unknown_kind_of_learner_is_told(self):
        with pytest.raises(InputError, match="kind of learner"):
            ahead(learner="oracle")

    def test_a_companion_without_scores_is_told(self):
        with pytest.raises(InputError, match="A companion has 1 part;"):
            ahead(companions=[(SIZES,)])

    def test_a_companion_that_is_no_curve_is_told(self):
        with pytest.raises(InputError, match="test_scores"):
            ahead(companions=[(SIZES, [0.5])])
