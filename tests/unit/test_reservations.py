"""What people are told about a forecast's reservations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalewise import forecast
from scalewise.core.forecasting.curve_points import curve_points
from scalewise.core.forecasting.reservations import refusal_of, reservation_words
from scalewise.core.forecasting.turns import turns_of

DOUBLING = 100 * 2 ** np.arange(7)
SIGNS = {"ill-behaved", "falling", "swinging", "jumped"}


def signs(scores, n_rows=DOUBLING, **options):
    scores = np.asarray(scores, dtype=float)
    return SIGNS & set(forecast(n_rows[-len(scores) :], scores, targets=[2 * n_rows[-1]], **options).flags)


def repeated(means, noise, seed=0, repeats=5):
    scatter = np.random.default_rng(seed).normal(size=(len(means), repeats))
    return np.asarray(means)[:, None] + noise * scatter


@st.composite
def risers(draw):
    """Curves that nowhere fall, however unevenly they rise."""
    steps = draw(st.lists(st.floats(0.0, 0.2), min_size=2, max_size=9))
    start, noise = draw(st.floats(-3.0, 0.5)), draw(st.sampled_from([0.0, 0.001, 0.02]))
    repeats = draw(st.integers(1, 4))
    # Whatever the repeats do, their means never fall.
    scatter = np.random.default_rng(draw(st.integers(0, 99))).normal(size=(len(steps) + 1, repeats))
    means = start + np.cumsum([0.0, *steps])
    return means[:, None] + noise * (scatter - scatter.mean(axis=1, keepdims=True))


class TestCurvesThatOnlyRise:
    @pytest.mark.parametrize(
        "scores",
        [
            (0.711, 0.788, 0.799, 0.897, 0.915, 0.945, 0.955),
            (0.711, 0.788, 0.799, 0.897, 0.915, 0.945, 0.955, 0.9575, 0.9578),
        ],
    )
    def test_an_uneven_rise_is_no_reason_to_refuse(self, scores):
        n_rows = 64 * 2 ** np.arange(len(scores))
        assert not {"ill-behaved", "falling", "swinging"} & signs(scores, n_rows, max_score=1.0)
        assert not {"ill-behaved", "falling", "swinging"} & signs(repeated(scores, 0.004), n_rows, max_score=1.2)

    @given(risers())
    @settings(max_examples=60, deadline=None)
    def test_none_is_refused(self, scores):
        found = forecast(100 * 2 ** np.arange(len(scores)), scores, targets=[200 * 2 ** len(scores)])
        assert not {"ill-behaved", "falling", "swinging"} & set(found.flags)

    def test_a_late_jump_is_flagged_and_not_refused(self):
        scores = repeated([0.70, 0.71, 0.715, 0.72, 0.722, 0.724, 0.80], 0.002)
        found = forecast(DOUBLING, scores, targets=[20_000], max_score=1.0)
        assert "jumped" in found.flags
        assert found.refusal is None


class TestCurvesThatFall:
    RISE = (0.70, 0.76, 0.80, 0.83, 0.85, 0.86)

    @pytest.mark.parametrize("repeats", [1, 2, 5])
    def test_a_collapse_is_refused(self, repeats):
        scores = repeated([*self.RISE, 0.70], 0.002, repeats=repeats)
        assert {"ill-behaved", "falling"} <= signs(scores, max_score=1.0)

    def test_a_steady_fall_is_refused(self):
        assert "ill-behaved" in signs(repeated(self.RISE[::-1], 0.002), max_score=1.0)

    def test_a_dip_made_good_is_flagged_and_not_refused(self):
        scores = repeated([0.70, 0.76, 0.80, 0.83, 0.70, 0.75, 0.84], 0.002)
        assert SIGNS & set(forecast(DOUBLING, scores, targets=[20_000], max_score=1.0).flags) == {"swinging"}

    def test_an_early_one_is_not_even_flagged(self):
        scores = repeated([0.70, 0.65, 0.78, 0.84, 0.87, 0.885, 0.893], 0.002)
        assert not signs(scores, max_score=1.0)

    def test_one_score_a_little_below_the_best_is_within_noise(self):
        assert not signs([0.702, 0.727, 0.725], DOUBLING[:3], max_score=1.0)

    def test_a_fall_within_the_noise_of_the_best_score_is_none(self):
        """The last score is sure, and the best one is not."""
        scores = repeated([*self.RISE, 0.855], 0.001)
        scores[5] += np.array([-0.05, -0.02, 0.0, 0.02, 0.09])
        assert turns_of(curve_points(DOUBLING, scores)).fall == 0
        assert not {"ill-behaved", "falling"} & signs(scores, max_score=1.0)


class TestNoise:
    """The best of many scores is above the last by luck alone."""

    @pytest.mark.parametrize("n_sizes", [6, 16])
    @pytest.mark.parametrize("repeats", [(5,), (1, 2, 3), (1,)])
    def test_a_curve_that_stands_within_it_is_hardly_ever_said_to_turn(self, n_sizes, repeats):
        n_rows = np.round(64 * 2 ** (0.5 * np.arange(n_sizes)))
        found = []
        for seed in range(200):
            scores = 0.5 + repeated(np.zeros(n_sizes), 1.0, seed) / np.sqrt(n_rows)[:, None]
            missing = np.arange(5) >= np.resize(repeats, n_sizes)[:, None]
            turns = turns_of(curve_points(n_rows, np.where(missing, np.nan, scores)))
            found.append((turns.fall > 0, turns.dip > 0, turns.jump > 0))
        assert (np.mean(found, axis=0) <= 0.12).all()

    def test_repeats_of_all_rows_do_not_look_sure(self):
        falls = []
        for seed in range(200):
            scores = repeated(np.full(7, 0.5), 0.01, seed, repeats=2)
            scores[-1] = scores[-1, 0]
            points = curve_points(DOUBLING, scores)
            falls.append((turns_of(points, DOUBLING[-1]).fall > 0, turns_of(points).fall > 0))
        known, unknown = np.mean(falls, axis=0)
        assert known < unknown

    def test_more_of_it_hides_a_fall(self):
        means = [*TestCurvesThatFall.RISE, 0.83]
        falls = [turns_of(curve_points(DOUBLING, repeated(means, noise))).fall for noise in (0.001, 0.01, 0.1)]
        assert falls[0] == pytest.approx(0.03, abs=0.003)
        assert falls[2] == 0

    @pytest.mark.parametrize("scores", [[0.7], [0.7, 0.6], [0.7, 0.8, 0.6]])
    def test_unknown_noise_proves_nothing(self, scores):
        found = turns_of(curve_points(DOUBLING[: len(scores)], scores))
        assert (found.fall, found.dip, found.jump) == (0, 0, 0)


def test_a_refusal_tells_the_sign_that_fired():
    points = curve_points(DOUBLING, (*TestCurvesThatFall.RISE, 0.7))
    assert "has fallen below its best by more than noise" in refusal_of(("ill-behaved", "falling"), points, 9000, None)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), ""),
        (("indicative", "no repeats"), ""),
        (("falling",), "The curve of Linear has fallen below its best by more than noise."),
        (("swinging",), "The curve of Linear falls and rises again by more than noise."),
        (("jumped",), "The curve of Linear has jumped at its end by more than noise."),
        (("unlike the training",), "The curve of Linear is unlike those that the forecast was trained on, so that"),
        (("falling", "unlike the training"), "noise, and is unlike"),
        (("unlike the training", "flat"), "The curve of Linear stands still, and is continued so."),
        # Its refusal says more.
        (("ill-behaved", "falling", "unlike the training"), ""),
    ],
)
def test_an_unusual_curve_is_told_in_a_sentence(flags, words):
    found = reservation_words("Linear", flags)
    assert words in found
    assert bool(words) == bool(found)


def test_an_uneven_curve_is_told_from_a_smooth_one_and_not_refused_for_it():
    uneven = forecast(DOUBLING, (0.5, 0.5, 0.5, 0.5, 0.5, 0.8, 0.8), targets=[12_800], max_score=1.0)
    smooth = forecast(DOUBLING, 0.9 - 0.4 * (DOUBLING / 100) ** -0.5, targets=[12_800], max_score=1.0)
    assert "uneven" in uneven.flags
    assert uneven.refusal is None
    assert "uneven" not in smooth.flags
