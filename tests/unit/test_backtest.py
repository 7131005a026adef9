"""The back-test: what it forecasts from, when it says nothing, and when it calls a forecast right."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies import BOOSTING, DUMMY, data_spec, finished, started, study_spec

from scalewise.core.extrapolation import forecast
from scalewise.core.forecasting.backtest import backtest
from scalewise.core.plan import Plan
from scalewise.core.summary import summarise
from scalewise.errors import InputError

SIZES = np.array([125, 250, 500, 1000, 2000, 4000, 8000])


def learning(noise=0.003, seed=0, sizes=SIZES, repeats=4):
    rng = np.random.default_rng(seed)
    return (0.9 - 2.0 * sizes.astype(float) ** -0.5)[:, None] + noise * rng.normal(size=(len(sizes), repeats))


def test_is_the_forecast_from_the_sizes_of_at_most_a_quarter():
    scores = learning()
    found = backtest(SIZES, scores, min_gain=0.01, max_score=1.0)
    made = forecast(SIZES[:5], scores[:5], targets=[8000], min_gain=0.01, max_score=1.0)
    assert (found.seen_rows, found.n_rows) == (2000, 8000)
    assert (found.mean, found.low, found.high) == (made.mean[0], made.low[0], made.high[0])
    assert found.p_gain == made.p_gain[0]
    assert found.measured == pytest.approx(scores[-1].mean())
    assert found.gained == (scores[-1].mean() - scores[4].mean() >= 0.01)


def test_a_short_curve_is_tested_nearer():
    assert backtest(SIZES[:5], learning()[:5]).seen_rows == 1000


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_too_short_a_curve_cannot_be_tested(count):
    assert backtest(SIZES[:count], learning()[:count]) is None


def test_most_lawful_curves_hold():
    assert sum(backtest(SIZES, learning(seed=seed), max_score=1.0).held for seed in range(20)) >= 16


@pytest.mark.parametrize("jump", [-0.2, 0.12])
def test_a_curve_that_turns_is_found_out(jump):
    scores = learning()
    scores[-1] += jump
    found = backtest(SIZES, scores, max_score=None)
    assert not found.held
    assert "for 8 % of them, did not hold: it expected " in found.sentence(100_000)


def test_a_score_outside_of_the_interval_by_less_than_its_noise_is_told_so():
    found = replace(backtest(SIZES, learning(), max_score=1.0), low=0.4779, high=0.5334, measured=0.5354, noise=0.01)
    assert found.held
    assert found.sentence(40_000).endswith(
        "held within the noise of that score: it expected 0.4779 to 0.5334 and 0.5354 came."
    )


@pytest.mark.parametrize(
    ("measured", "came"), [(0.53342, "just over 0.5334"), (0.47788, "just under 0.4779"), (0.5334, "0.5334")]
)
def test_a_score_that_rounding_puts_on_the_end_it_lies_beyond_is_told_to(measured, came):
    found = replace(backtest(SIZES, learning(), max_score=1.0), low=0.4779, high=0.5334, measured=measured, noise=0.0)
    assert found.held == (came == "0.5334")
    assert found.sentence(40_000).endswith(f"it expected 0.4779 to 0.5334 and {came} came.")


def test_says_in_words_what_was_expected_and_what_came():
    found = backtest(SIZES, learning(), max_score=1.0)
    sentence = found.sentence(40_000)
    start = "The same forecast, made at 5 % of the rows (2,000) for 20 % of them, held: it expected 0."
    assert sentence.startswith(start)
    assert f"{found.measured:.4f} came" in sentence


def test_an_interval_wider_than_all_that_the_curve_has_risen_is_told_to_say_little():
    swinging = learning() + np.array([0, 0, -0.9, -0.9, -0.2, -0.3, 0])[:, None]
    narrow, wide = backtest(SIZES, learning(), max_score=1.0), backtest(SIZES, swinging, max_score=1.0)
    assert (narrow.is_vague, wide.is_vague) == (False, True)
    assert "says little" not in narrow.sentence(40_000)
    assert ", held but says little: it expected " in wide.sentence(40_000)
    assert ", wider than all that the curve has risen, and " in wide.sentence(40_000)
    assert "says little" not in replace(wide, measured=9.0).sentence(40_000)


def test_a_curve_that_hardly_moves_is_forecast_well_where_the_interval_is_less_than_what_counts():
    still = 0.8 + 0.02 * (learning() - 0.8)
    assert not backtest(SIZES, still, min_gain=0.1, max_score=1.0).is_vague


def test_training_scores_are_used_and_may_be_missing():
    train = np.linspace(1.0, 0.92, len(SIZES))
    with_train = backtest(SIZES, learning(), train)
    train[:5] = np.nan
    assert backtest(SIZES, learning(), train).mean == backtest(SIZES, learning()).mean != with_train.mean


def test_bad_points_are_told():
    with pytest.raises(InputError, match="n_rows"):
        backtest([0, 1], [0.1, 0.2])


@given(st.integers(0, 10_000), st.floats(1e-3, 1e3), st.floats(-50, 50))
@settings(max_examples=25, deadline=None)
def test_shift_and_scale_of_the_metric_do_not_matter(seed, scale, shift):
    scores = learning(noise=0.01, seed=seed)
    plain = backtest(SIZES, scores, min_gain=0.01)
    moved = backtest(SIZES, shift + scale * scores, min_gain=0.01 * scale)
    assert moved.mean == pytest.approx(shift + scale * plain.mean, rel=1e-5, abs=1e-5)
    assert moved.p_gain == pytest.approx(plain.p_gain, abs=1e-4)
    assert moved.low <= moved.mean <= moved.high


def test_a_summary_carries_it_for_every_model_with_enough_sizes():
    plan = Plan((DUMMY, BOOSTING), max_fraction=0.2, repeats=5)
    scores = {"dummy": (0.5, 0), "boosting": (0.95, 1.2)}
    state = finished(started(plan, study_spec(data_spec(100_000))), scores, noise=0.0003)
    found = summarise(state).model("boosting").back_test
    assert found.n_rows == summarise(state).model("boosting").curve.last.n_rows
    assert found.seen_rows * 4 <= found.n_rows * 1.02
    assert found.held
