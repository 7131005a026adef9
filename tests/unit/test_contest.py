"""Who stands first now and with more rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies import BOOSTING, LINEAR, data_spec, finished, started, study_spec

from scalewise.core.cost import cost_curve
from scalewise.core.deciding.contest import contest, normal_above, overtakings, wins_by
from scalewise.core.plan import Plan
from scalewise.core.prospects import Continuation, Outlook
from scalewise.core.summary import summarise

MARGIN = 0.005
TUNED = replace(BOOSTING, name="boosting(max_iter=400)", label="Gradient boosting (max_iter=400)")


def models(linear, boosting, *, noise=0.0003, max_fraction=0.2, n_train_rows=100_000):
    plan = Plan((LINEAR, BOOSTING), max_fraction=max_fraction, repeats=5)
    scores = {"linear": linear, "boosting": boosting}
    return summarise(finished(started(plan, study_spec(data_spec(n_train_rows))), scores, noise=noise)).models


def with_forecast(model, end, sd):
    """The same model with a straight forecast (in doublings) to a score at 16 times its rows."""
    last = model.curve.last
    sizes = tuple(last.n_rows * 2**k for k in (1, 2, 3, 4))
    mean = tuple(np.linspace(last.score, end, 5)[1:])
    low, high = (tuple(m + sign * 1.6449 * sd for m in mean) for sign in (-1, 1))
    gains = [tuple(m - last.score for m in part) for part in (mean, low, high)]
    ahead = Continuation(sizes, mean, low, high, *gains, (0.5,) * 4, None, ())
    return replace(model, continuation=ahead, outlook=None, doubling=None)


def test_a_model_that_is_clearly_better_is_the_pick():
    linear, boosting = models((0.70, 0.0), (0.80, 0.02))
    found = contest((linear, boosting), MARGIN)
    assert found.pick is found.best is boosting
    assert found.behind is None


def test_the_simplest_within_the_margin_is_picked():
    simple, rich = models((0.798, 0.02), (0.80, 0.02))
    found = contest((rich, simple), MARGIN)
    assert (found.pick, found.best) == (simple, rich)
    assert 0 < found.behind.low <= found.behind.high < MARGIN


def test_the_simplest_within_noise_is_picked():
    simple, _ = models((0.79, 0.02), (0.80, 0.02), noise=0.0)
    _, rich = models((0.79, 0.02), (0.80, 0.02), noise=0.03)
    found = contest((rich, simple), MARGIN)
    assert found.pick is simple
    assert found.best is simple or found.behind.low <= 0


def test_a_model_as_it_comes_stands_for_one_with_other_settings_that_may_be_no_better():
    plan = Plan((BOOSTING, TUNED), max_fraction=0.2, repeats=5)
    scores = {BOOSTING.name: (0.800, 0.02), TUNED.name: (0.8005, 0.02)}
    summary = summarise(finished(started(plan, study_spec(data_spec(100_000))), scores, noise=0.002))
    found = contest(summary.models, MARGIN)
    assert (found.pick.curve.model, found.best.curve.model) == (BOOSTING, TUNED)
    assert any(line.startswith("The plainer Gradient boosting is within") for line in summary.verdict.evidence)


def test_no_gain_over_the_pick_beyond_the_best_score_is_probable():
    linear, boosting = models((0.97, 0.0), (0.96, 0.0), noise=0.0)
    found = contest((linear, with_forecast(boosting, 1.0, 0.05)), 0.04)
    gain = found.gain(found.models[1], 16 * boosting.curve.last.n_rows, 0.04)
    assert found.pick is linear
    assert gain.p_gain == 0
    assert gain.high == pytest.approx(0.03)


def test_a_simpler_model_that_takes_much_longer_is_passed_over():
    simple, rich = models((0.798, 0.02), (0.80, 0.02))
    sizes = [p.n_rows for p in simple.curve.points]
    fast, slow = (cost_curve(sizes, [seconds * n / 1_000 for n in sizes]) for seconds in (1.0, 5.0))
    rich = replace(rich, fit_time=fast)
    dear, cheap = replace(simple, fit_time=slow), replace(simple, fit_time=fast)
    assert contest((dear, rich), MARGIN).pick is rich
    assert contest((cheap, rich), MARGIN).pick is cheap
    target = rich.outlook.n_rows
    assert contest((dear, rich), MARGIN).choice_at(target, MARGIN) is rich
    assert contest((cheap, rich), MARGIN).choice_at(target, MARGIN) is cheap


def test_more_rows_are_credited_with_what_they_add_and_not_with_another_model():
    linear, boosting = models((0.799, 0.02), (0.80, 0.02))
    found = contest((linear, boosting), MARGIN)
    assert found.pick is linear
    n_rows = boosting.outlook.n_rows
    # Where the pick has come to rest, another one is less likely to rise.
    lowered = found.gain(boosting, n_rows, MARGIN)
    assert replace(lowered, p_gain=boosting.outlook.p_gain) == boosting.outlook
    assert lowered.p_gain < boosting.outlook.p_gain
    assert found.gain(linear, n_rows, MARGIN) == linear.outlook


def test_a_model_that_is_behind_must_first_make_up_for_that():
    linear, boosting = models((0.80, 0.0), (0.75, 0.3))
    found = contest((linear, boosting), MARGIN)
    gain = found.gain(boosting, boosting.outlook.n_rows, MARGIN)
    assert gain.gain == pytest.approx(boosting.outlook.gain + boosting.curve.last.score - linear.curve.last.score)
    assert 0 <= gain.p_gain <= 1


def test_a_probable_overtaking_is_told_with_its_rows_and_its_chance():
    linear, boosting = models((0.80, 0.0), (0.79, 0.0))
    found = contest((with_forecast(linear, 0.80, 0.001), with_forecast(boosting, 0.83, 0.002)), MARGIN)
    (crossing,) = overtakings(found)
    assert (crossing.model.label, crossing.other.label) == ("Gradient boosting", "Linear")
    assert 40_000 < crossing.n_rows < 55_000 < crossing.farthest
    assert crossing.chance > 0.95
    (unsure,) = overtakings(contest((found.models[0], with_forecast(boosting, 0.83, 0.025)), MARGIN))
    assert 0.6 < unsure.chance < 0.7


@pytest.mark.parametrize(("end", "sd"), [(0.83, 0.08), (0.795, 0.001), (0.79, 0.001)])
def test_an_overtaking_that_is_not_probable_is_not_told(end, sd):
    linear, boosting = models((0.80, 0.0), (0.79, 0.0))
    found = contest((with_forecast(linear, 0.80, 0.001), with_forecast(boosting, end, sd)), MARGIN)
    assert overtakings(found) == ()


def test_with_more_rows_the_simplest_that_keeps_up_is_chosen():
    linear, boosting = models((0.80, 0.0), (0.79, 0.0))
    near = contest((with_forecast(linear, 0.80, 0.001), with_forecast(boosting, 0.803, 0.001)), MARGIN)
    far = contest((with_forecast(linear, 0.80, 0.001), with_forecast(boosting, 0.83, 0.001)), MARGIN)
    n_rows = 16 * linear.curve.last.n_rows
    assert near.choice_at(n_rows, MARGIN).label == "Linear"
    assert far.choice_at(n_rows, MARGIN).label == "Gradient boosting"
    assert far.choice_at(100 * n_rows, MARGIN) is None


def test_a_model_that_takes_no_more_rows_has_no_outlook_there():
    linear, _ = models((0.80, 0.0), (0.79, 0.0))
    capped = replace(linear, curve=replace(linear.curve, model=replace(LINEAR, max_rows=30_000)))
    assert capped.at(25_000) is not None
    assert capped.at(40_000) is None


def test_a_forecast_that_is_refused_is_not_acted_on():
    linear, _ = models((0.80, 0.0), (0.79, 0.0))
    n_rows = linear.outlook.n_rows
    refused = replace(linear, outlook=Outlook(n_rows, 0.1, 0.0, 0.2, 0.9, 1.0, "It swings."))
    assert refused.at(n_rows) is None


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1))
def test_a_probability_is_one(mean, sd, least):
    assert 0 <= normal_above(mean, sd, least) <= 1


@given(st.floats(-1, 1), st.floats(1e-3, 1), st.floats(0, 0.1))
def test_winning_is_rarer_than_two_independent_forecasts_say(mean, sd, least):
    assert wins_by(mean, sd, least) <= normal_above(mean, sd, least)
    assert wins_by(mean, sd, least) <= wins_by(mean, sd, 0.0)
    assert wins_by(mean + 0.1, sd, least) >= wins_by(mean, sd, least)


def test_a_model_is_less_likely_to_rise_past_a_pick_that_rests():
    linear, boosting = models((0.80, 0.0), (0.79, 0.0))
    rising = with_forecast(boosting, 0.81, 0.01)
    n_rows = boosting.curve.last.n_rows * 8

    def chance(p_gain):
        scores, gains = ((0.80,), (0.79,), (0.81,)), ((0.0,), (-0.01,), (0.01,))
        at_rest = Continuation((2 * n_rows,), *scores, *gains, (p_gain,), None, ())
        pick = replace(linear, continuation=at_rest, outlook=None, doubling=None)
        found = contest((pick, rising), MARGIN)
        assert found.pick is pick
        return found.gain(rising, n_rows, MARGIN).p_gain

    assert chance(0.0) < chance(0.5) < chance(1.0)
