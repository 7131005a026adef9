"""The forecast: its contract, its invariances, and what it says about curves whose future is known."""

from dataclasses import FrozenInstanceError
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalewise.core.extrapolation import Forecast, forecast, forecast_with, power_law
from scalewise.core.forecasting.company import COMPANY, LEARNERS
from scalewise.core.forecasting.curve_points import curve_points
from scalewise.core.forecasting.forecast_features import FEATURES
from scalewise.core.forecasting.quantile_net import load_quantile_net
from scalewise.errors import InputError

SIZES = np.array([125, 250, 500, 1000, 2000, 4000])
TARGETS = [4000, 8000, 16000, 40000, 80000]
quick = settings(max_examples=40, deadline=None)


def learning(asymptote=0.9, amplitude=2.0, exponent=0.5, noise=0.004, repeats=5, seed=0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    clean = asymptote - amplitude * sizes.astype(float) ** -exponent
    return clean[:, None] + noise * rng.normal(size=(len(sizes), repeats))


def assert_sound(found: Forecast, best: float = np.inf):
    for values in (found.mean, found.low, found.high, found.gain, found.gain_low, found.gain_high, found.p_gain):
        assert values.shape == found.n_rows.shape
        assert np.isfinite(values).all()
    assert (found.low <= found.mean).all()
    assert (found.mean <= found.high).all()
    assert (found.gain_low <= found.gain).all()
    assert (found.gain <= found.gain_high).all()
    assert (found.high <= best).all()
    assert ((found.p_gain >= 0) & (found.p_gain <= 1)).all()


@st.composite
def curves(draw):
    """Any finite scores, some of them missing, at any distinct sizes."""
    n_points = draw(st.integers(1, 9))
    sizes = draw(st.lists(st.integers(5, 1_000_000), min_size=n_points, max_size=n_points, unique=True))
    shape = (n_points, draw(st.integers(1, 6)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    scale = draw(st.sampled_from([1e-6, 0.01, 1.0, 1e5]))
    slope = draw(st.sampled_from([-0.3, 0.0, 0.3]))
    scores = draw(st.sampled_from([-7.0, 0.0, 0.8])) + scale * (
        rng.normal(size=shape) * draw(st.sampled_from([0.0, 0.1, 1.0])) + slope * np.log(np.array(sizes))[:, None]
    )
    holes = rng.random(shape) < 0.2
    holes[rng.integers(n_points)] = False
    return np.array(sizes), np.where(holes, np.nan, scores)


class TestContract:
    def test_is_frozen_and_carries_the_targets(self):
        found = forecast(SIZES, learning(), targets=TARGETS, max_score=1.0)
        assert found.n_rows.tolist() == TARGETS
        with pytest.raises(FrozenInstanceError):
            found.method = "other"

    @given(curves(), st.booleans())
    @quick
    def test_any_curve_gets_ordered_finite_numbers(self, curve, with_best):
        n, scores = curve
        best = float(np.nanmax(scores)) + 0.1 if with_best else None
        targets = [1, n.max(), 2 * n.max(), 15 * n.max(), 1000 * n.max()]
        assert_sound(forecast(n, scores, targets=targets, max_score=best), np.inf if best is None else best)

    @given(curves())
    @quick
    def test_intervals_do_not_narrow_with_distance(self, curve):
        n, scores = curve
        found = forecast(n, scores, targets=n.max() * np.array([1, 2, 3, 5, 8, 13, 20, 50]))
        width = found.high - found.low
        assert (np.diff(width) >= -1e-9 * max(1.0, np.abs(found.mean).max())).all()

    @given(curves())
    @quick
    def test_a_probability_does_not_contradict_the_interval(self, curve):
        n, scores = curve
        seen = np.isfinite(scores).any(axis=1)
        n, scores = n[seen], scores[seen]
        found = forecast(n, scores, targets=n.max() * np.array([2, 3, 4, 8, 16]), min_gain=0.005)
        assert (found.p_gain[found.gain_low < 0.005] <= 0.95 + 1e-9).all()
        assert (found.p_gain[found.gain_high >= 0.005] >= 0.05 - 1e-9).all()

    def test_a_single_score_is_enough_to_answer(self):
        found = forecast([100], [0.7], targets=[200], max_score=1.0)
        assert_sound(found, 1.0)
        assert "few points" in found.flags
        assert "One size" in found.refusal

    def test_at_or_below_the_largest_size_the_curve_itself_is_read(self):
        scores = learning()
        found = forecast(SIZES, scores, targets=[500, 4000], max_score=1.0)
        np.testing.assert_allclose(found.mean, scores.mean(axis=1)[[2, 5]])
        assert (found.p_gain == 0).all()

    def test_each_target_is_forecast_on_its_own(self):
        together = forecast(SIZES, learning(), targets=[80000, 8000])
        alone = forecast(SIZES, learning(), targets=[8000])
        assert together.mean[1] == alone.mean[0]
        assert together.p_gain[1] == alone.p_gain[0]


class TestGain:
    def test_is_nothing_at_the_largest_size_measured(self):
        found = forecast(SIZES, learning(), targets=[SIZES[-1]], max_score=1.0)
        assert found.gain_low[0] == found.gain[0] == found.gain_high[0] == 0.0

    def test_its_interval_is_no_wider_than_that_of_the_score(self):
        found = forecast(SIZES, learning()[:, :1], targets=[8000, 16_000], max_score=1.0)
        assert (found.gain_high - found.gain_low <= found.high - found.low).all()


class TestSteepBeginning:
    """A study begins at a few dozen rows, where scores are far lower and repeats scatter far more than at its end."""

    SIZES = np.array([64, 91, 128, 181, 512, 2000, 2896, 4000, 5793, 8000, 11585, 16384, 23170, 32768, 40000])
    MEANS = np.array(
        [0.411, 0.448, 0.436, 0.475, 0.774, 0.911, 0.916, 0.918, 0.919, 0.9204, 0.921, 0.9215, 0.922, 0.9228, 0.923]
    )

    def scores(self, seed):
        scatter = np.minimum(2.0 / self.SIZES, 0.04)[:, None]
        return self.MEANS[:, None] + scatter * np.random.default_rng(seed).normal(size=(len(self.SIZES), 3))

    @pytest.mark.parametrize("seed", range(4))
    def test_does_not_blur_what_follows(self, seed):
        found = forecast(self.SIZES, self.scores(seed), targets=[80_000], max_score=1.0)
        assert found.refusal is None
        assert found.method == "trained"
        assert found.answers == ("no",)
        assert found.high[0] - found.low[0] < 0.01

    @pytest.mark.parametrize("seed", range(4))
    def test_says_nearly_the_same_left_out(self, seed):
        scores = self.scores(seed)
        whole = forecast(self.SIZES, scores, targets=[80_000], max_score=1.0)
        late = forecast(self.SIZES[5:], scores[5:], targets=[80_000], max_score=1.0)
        assert whole.mean[0] == pytest.approx(late.mean[0], abs=0.002)


class TestInvariance:
    @given(st.floats(1e-3, 1e3), st.floats(-50, 50), st.integers(0, 50))
    @quick
    def test_shift_and_scale_of_the_metric_do_not_matter(self, scale, shift, seed):
        scores, train = learning(seed=seed), learning(0.95, -0.5, seed=seed + 1)
        plain = forecast(SIZES, scores, train, targets=TARGETS, min_gain=0.01)
        moved = forecast(SIZES, shift + scale * scores, shift + scale * train, targets=TARGETS, min_gain=scale * 0.01)
        for name in ("mean", "low", "high"):
            np.testing.assert_allclose(getattr(moved, name), shift + scale * getattr(plain, name), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(moved.p_gain, plain.p_gain, atol=1e-4)
        assert moved.flags == plain.flags

    @given(st.floats(1e-3, 1e3), st.floats(-50, 50), st.integers(0, 50))
    @quick
    def test_they_do_not_matter_below_a_best_score_either(self, scale, shift, seed):
        scores = np.minimum(learning(0.99, 2.0, 0.5, 0.01, seed=seed), 1.0)
        best = shift + scale * 1.0
        plain = forecast(SIZES, scores, targets=TARGETS, max_score=1.0)
        moved = shift + scale * scores
        found = forecast(SIZES, moved, targets=TARGETS, min_gain=0.005 * scale, max_score=max(best, moved.max()))
        np.testing.assert_allclose(found.high, shift + scale * plain.high, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found.p_gain, plain.p_gain, atol=1e-3)
        assert_sound(found, max(best, moved.max()))

    @given(st.permutations(range(len(SIZES))), st.permutations(range(5)))
    @quick
    def test_order_of_sizes_and_repeats_does_not_matter(self, rows, columns):
        scores = learning()
        plain = forecast(SIZES, scores, targets=TARGETS)
        mixed = forecast(SIZES[rows], scores[rows][:, columns], targets=TARGETS)
        np.testing.assert_allclose(mixed.mean, plain.mean, rtol=1e-9)
        np.testing.assert_allclose(mixed.p_gain, plain.p_gain, rtol=1e-7)

    def test_equal_sizes_are_merged(self):
        scores = learning(repeats=4)
        parted = forecast(np.repeat(SIZES, 2), scores.reshape(-1, 2), targets=TARGETS)
        np.testing.assert_allclose(parted.mean, forecast(SIZES, scores, targets=TARGETS).mean, rtol=1e-9)

    def test_missing_rows_and_columns_change_nothing(self):
        scores = learning()
        padded = np.column_stack([scores, np.full(len(SIZES), np.nan)])
        padded = np.vstack([padded, np.full(6, np.nan)])
        found = forecast(np.append(SIZES, 9999), padded, targets=TARGETS)
        np.testing.assert_allclose(found.mean, forecast(SIZES, scores, targets=TARGETS).mean)

    @pytest.mark.parametrize("repeats", [1, 3])
    @pytest.mark.parametrize(("scale", "shift"), [(0.01, 0.0), (3.0, 0.0), (7.0, 0.3), (1e7, 0.0), (1e-6, -2.0)])
    def test_they_do_not_matter_either_where_many_laws_fit_exactly(self, repeats, scale, shift):
        scores = np.array([[0.6, 0.62, 0.61], [0.7, 0.69, 0.71]])[:, :repeats]
        plain = forecast([100, 400], scores, targets=[800, 4000])
        moved = forecast([100, 400], shift + scale * scores, targets=[800, 4000], min_gain=0.005 * scale)
        np.testing.assert_allclose((moved.mean - shift) / scale, plain.mean, rtol=1e-6)
        np.testing.assert_allclose(moved.p_gain, plain.p_gain, atol=1e-6)

    def test_a_gain_beyond_the_best_score_is_none_also_where_scores_are_tiny(self):
        scores = -1e-9 * (0.2 + 2.0 * SIZES.astype(float) ** -0.5)
        found = forecast(SIZES, scores, targets=TARGETS, max_score=0.0, min_gain=0.3e-9)
        assert (found.p_gain == 0).all()

    def test_masked_scores_are_missing(self):
        scores = np.ma.masked_array(learning(), mask=np.zeros((len(SIZES), 5), dtype=bool))
        scores[2, 1], scores[4] = 99.0, 99.0
        scores[2, 1], scores[4] = np.ma.masked, np.ma.masked
        masked, missing = (forecast(SIZES, given, targets=TARGETS) for given in (scores, scores.filled(np.nan)))
        np.testing.assert_array_equal(masked.mean, missing.mean)


class TestProbability:
    @given(st.integers(0, 30))
    @quick
    def test_falls_with_the_gain_that_is_asked_for(self, seed):
        scores = learning(seed=seed)
        gains = [0.0, 0.001, 0.005, 0.02, 0.1, 1.0]
        p = [forecast(SIZES, scores, targets=[16000], min_gain=gain).p_gain[0] for gain in gains]
        assert (np.diff(p) <= 1e-12).all()

    @given(curves(), st.booleans())
    @quick
    def test_falls_with_the_gain_on_any_curve(self, curve, with_best):
        n, scores = curve
        best = float(np.nanmax(scores)) if with_best else None
        extent = float(np.ptp(scores[np.isfinite(scores)])) + 1e-9
        targets = n.max() * np.array([1, 2, 15, 100])
        gains = extent * np.array([0.0, 1e-4, 0.01, 0.1, 1.0, 100.0])
        p = [forecast(n, scores, targets=targets, min_gain=gain, max_score=best).p_gain for gain in gains]
        assert (np.diff(p, axis=0) <= 1e-9).all()

    def test_a_steep_curve_gains_and_a_flat_one_does_not(self):
        steep = forecast(SIZES, learning(0.99, 2.5, 0.3, 0.001), targets=[16000], max_score=1.0)
        flat = forecast(SIZES, learning(0.9, 5.0, 1.2, 0.0005), targets=[16000], max_score=1.0)
        assert steep.answers == ("yes",)
        assert flat.answers == ("no",)

    def test_no_gain_beyond_the_best_score_is_probable(self):
        scores = learning(0.99, 2.5, 0.3, 0.001)
        left = 1.0 - scores[-1].mean()
        some, none = (
            forecast(SIZES, scores, targets=TARGETS, min_gain=gain, max_score=1.0).p_gain
            for gain in (0.5 * left, 1.001 * left)
        )
        assert some.max() > 0
        assert (none == 0).all()

    def test_agrees_with_the_interval(self):
        for seed in range(5):
            found = forecast(SIZES, learning(0.99, 2.5, 0.3, 0.001, seed=seed), targets=[8000, 16000, 64000])
            here = learning(0.99, 2.5, 0.3, 0.001, seed=seed)[-1].mean()
            assert (found.p_gain[found.low - here > 0.01] > 0.75).all()
            assert (found.p_gain[found.high - here < 0.0] < 0.25).all()


class TestTruth:
    @pytest.mark.parametrize("exponent", [0.3, 0.5, 0.8])
    def test_known_curves_lie_within_nine_of_ten_intervals(self, exponent):
        inside = 0
        for seed in range(20):
            found = forecast(SIZES, learning(exponent=exponent, seed=seed), targets=[16000], max_score=1.0)
            inside += found.low[0] <= 0.9 - 2.0 * 16000.0**-exponent <= found.high[0]
        assert inside >= 16

    def test_no_interval_reaches_beyond_the_worst_score(self):
        scores = np.random.default_rng(3).uniform(0.0, 0.1, (len(SIZES), 3))
        scores[-1] = 0.001
        free, within = (forecast(SIZES, scores, targets=TARGETS, max_score=1.0, min_score=m) for m in (None, 0.0))
        assert free.low.min() < 0
        assert within.low.min() == 0
        assert_sound(within)
        np.testing.assert_array_equal(free.high, within.high)

    def test_negative_scores_of_any_size_are_forecast(self):
        losses = 5000 * learning(-1.0, 30.0, 0.5)
        found = forecast(SIZES, losses, targets=[16000], min_gain=50, max_score=0.0)
        assert_sound(found, 0.0)
        assert found.low[0] <= 5000 * (-1.0 - 30.0 * 16000**-0.5) <= found.high[0]
        assert found.method == "trained"


class TestReservations:
    @pytest.mark.parametrize(
        ("times", "flags"),
        [
            (2, set()),
            (4, set()),
            (8, {"indicative"}),
            (15, {"indicative", "vague"}),
            (20, {"indicative", "vague"}),
            (21, {"too far"}),
        ],
    )
    def test_distance_is_flagged(self, times, flags):
        found = forecast(SIZES, learning(), targets=[4000 * times], max_score=1.0)
        assert {"indicative", "vague", "too far"} & set(found.flags) == flags
        assert (found.refusal is not None) == (flags == {"too far"})

    def test_beyond_twenty_times_it_refuses_that_target_alone_in_words(self):
        steep = learning(0.99, 2.5, 0.3, 0.001)
        found = forecast(SIZES, steep, targets=[16000, 100_000], max_score=1.0)
        assert "25 times" in found.refusal
        assert found.answers == ("yes", "cannot tell")
        assert found.answers[:1] == forecast(SIZES, steep, targets=[16000], max_score=1.0).answers

    def test_a_curve_that_allows_no_forecast_is_refused_at_every_distance(self):
        scores = learning(noise=0.002)
        scores[-1] -= 0.15
        assert forecast(SIZES, scores, targets=[8000, 100_000]).answers == ("cannot tell", "cannot tell")
        assert forecast([100], [0.7], targets=[200]).answers == ("cannot tell",)

    def test_a_curve_that_rises_and_collapses_is_refused(self):
        scores = learning(noise=0.002)
        scores[-1] -= 0.15
        found = forecast(SIZES, scores, targets=[8000], max_score=1.0)
        assert "falling" in found.flags
        assert "ill-behaved" in found.flags
        assert "Measure a larger size" in found.refusal

    def test_a_refusal_asks_for_no_size_that_cannot_be_measured(self):
        scores = learning(noise=0.002)
        scores[-1] -= 0.15
        some, all_rows = (forecast(SIZES, scores, targets=[8000], most_rows=n).refusal for n in (9000, 4000))
        assert "Measure a larger size" in some
        assert "Measure" not in all_rows
        assert "collect rows" in all_rows

    def test_a_refusal_of_a_distance_asks_for_no_size_that_cannot_be_measured_either(self):
        some, fewer, none = (
            forecast(SIZES, learning(), targets=[200_000], most_rows=n).refusal for n in (12_000, 9000, 4000)
        )
        assert some.endswith("Measure 10,000 rows or more first.")
        for refusal in (fewer, none):
            assert "is a guess" in refusal
            assert "Measure" not in refusal
            assert "collect rows" in refusal

    def test_equal_scores_are_called_flat(self):
        found = forecast([100, 200, 400], [[0.5, 0.5]] * 3, targets=[800])
        assert found.method == "flat"
        assert "unlike the training" in found.flags
        assert_sound(found)

    @pytest.mark.parametrize(("value", "best"), [(0.7, None), (0.7, 1.0), (-3.0, 0.0), (-3.0, 1.0), (0.0, None)])
    @pytest.mark.parametrize("dust", [0.0, 1e-13])
    def test_a_long_flat_curve_gains_nothing(self, value, best, dust):
        scores = np.full((len(SIZES), 5), value) * (1 + dust * np.random.default_rng(1).normal(size=(len(SIZES), 5)))
        found = forecast(SIZES, scores, targets=TARGETS, max_score=best)
        assert found.method == "flat"
        assert not {"ill-behaved", "falling"} & set(found.flags)
        assert found.refusal is None
        assert (found.p_gain < 0.1).all()
        assert found.p_gain[1] < 0.01
        assert found.answers[1:] == ("no",) * (len(TARGETS) - 1)

    def test_a_curve_that_hardly_moves_in_a_metric_far_from_its_best_gains_hardly_anything(self):
        sizes = 125 * 2 ** np.arange(10)
        misses = np.random.default_rng(0).chisquare(1, size=(10, 5)) / sizes[:, None]
        found = forecast(sizes, -3 * np.sqrt(1 + misses), targets=[128_000, 640_000], max_score=0.0)
        assert found.answers == ("no", "no")
        assert (found.low < -3).all()
        assert (found.high - found.low < 0.02).all()

    def test_a_few_equal_scores_close_together_are_no_proof_that_a_curve_is_flat(self):
        near = forecast([64, 91, 128, 181], np.full((4, 3), 0.5), targets=[2000], max_score=1.0)
        far = forecast([64, 256, 1024, 4096], np.full((4, 3), 0.5), targets=[8192], max_score=1.0)
        assert near.method == "trained"
        assert near.p_gain[0] > 0.2 > 0.05 > far.p_gain[0]

    def test_strange_curves_fall_back_on_the_power_law(self):
        scores = [-1e6, 0.6, 0.7, 0.75, 0.76, 0.76001]
        found = forecast(SIZES, scores, targets=[8000], max_score=1.0)
        assert found.method == "power law"
        assert_sound(found)


class TestPowerLaw:
    @given(st.floats(0.05, 2.0), st.floats(0.1, 5.0), st.floats(-100, 100))
    @quick
    def test_recovers_a_power_law(self, exponent, amplitude, asymptote):
        scores = learning(asymptote, amplitude, exponent, noise=0.0, repeats=1)
        found = power_law(SIZES, scores).predict([8000])[0]
        known = asymptote - amplitude * 8000.0**-exponent
        assert abs(found - known) < 0.05 * np.ptp(scores) + 1e-9

    @given(curves())
    @quick
    def test_never_falls_and_respects_the_best_score(self, curve):
        n, scores = curve
        best = float(np.nanmax(scores)) + 0.01
        line = power_law(n, scores, max_score=best).predict(n.max() * np.array([1, 2, 10, 1000]))
        assert (np.diff(line) >= 0).all()
        assert (line <= best).all()

    def test_runs_through_the_last_score_unless_told_not_to(self):
        scores = learning(noise=0.02)
        assert power_law(SIZES, scores).predict([4000])[0] == pytest.approx(scores[-1].mean())
        assert power_law(SIZES, scores, shifted=False).shift == 0

    def test_one_point_gives_a_flat_line(self):
        assert power_law([100], [0.5]).predict([100, 1000]).tolist() == [0.5, 0.5]


class TestInput:
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"n_rows": [1, 2]}, "n_rows has 2 sizes"),
            ({"n_rows": []}, "at least one number of rows"),
            ({"n_rows": [0, 1, 2]}, "at least 1"),
            ({"n_rows": ["a", "b", "c"]}, "must be numbers"),
            ({"test_scores": [np.nan] * 3}, "no finite score"),
            ({"test_scores": [0.5, np.inf, 0.5]}, "infinite"),
            ({"train_scores": [0.5]}, "train_scores"),
            ({"targets": []}, "targets"),
            ({"targets": [-5]}, "targets"),
            ({"targets": [800.5]}, "targets must hold whole numbers of rows"),
            ({"n_rows": [100, 200.5, 400]}, "n_rows must hold whole numbers of rows"),
            ({"min_gain": -0.1}, "min_gain"),
            ({"min_gain": float("nan")}, "min_gain"),
            ({"max_score": 0.55}, "best score seen is 0.6"),
            ({"max_score": np.inf}, "or None where there is none"),
            ({"min_score": 0.52}, "worst score seen is 0.5"),
            ({"test_scores": [0.5, 0.55 + 0.1j, 0.6]}, "test_scores must be numbers"),
            ({"test_scores": [0.5, 0.55, 1e200]}, "test_scores holds a score of 1e\\+200"),
            ({"train_scores": [-1e200, 0.9, 0.9]}, "train_scores holds a score of -1e\\+200"),
            ({"min_gain": "much"}, "min_gain must be a number"),
            ({"min_gain": None}, "min_gain must be a number"),
            ({"min_gain": [0.1, 0.2]}, "min_gain must be a number"),
            ({"max_score": "1"}, "max_score is '1'"),
            ({"min_score": [0.0, 0.1]}, "min_score is "),
            ({"most_rows": "all"}, "most_rows must be numbers"),
            ({"most_rows": -3}, "most_rows must hold numbers of rows of at least 1"),
            ({"companions": [3]}, "companion"),
            ({"companions": [([100, 200], "ab")]}, "test_scores must be numbers"),
        ],
    )
    def test_bad_input_is_told(self, changes, words):
        good = {"n_rows": [100, 200, 400], "test_scores": [0.5, 0.55, 0.6], "targets": [800]}
        with pytest.raises(InputError, match=words):
            forecast(**(good | changes))


class TestModel:
    def test_is_plain_numbers_that_fit_the_features(self):
        net = load_quantile_net()
        assert net.centre.shape == (len(FEATURES) + len(COMPANY) + len(LEARNERS),)
        assert net.levels[len(net.levels) // 2] == pytest.approx(0.5)
        assert (net.factors > 0.5).all()
        assert net.gain_factors.shape == net.factors.shape
        assert (net.gain_factors > 0.5).all()

    def test_its_parts_speak_for_the_same_distances_and_differ_a_little(self):
        net, points = load_quantile_net(), curve_points(SIZES, learning())
        told = [
            forecast_with(net, points, np.array([16000.0]), min_gain=0.005, max_score=1.0, fold=fold).mean[0]
            for fold in np.unique(net.folds)
        ]
        together = forecast(SIZES, learning(), targets=[16000], max_score=1.0).mean[0]
        assert min(told) <= together <= max(told)
        assert 0 < np.ptp(told) < 0.01

    def test_its_file_is_small(self):
        assert resources.files("scalewise.core.forecasting").joinpath("forecast_model.npz").stat().st_size < 1_000_000


@pytest.mark.parametrize("seed", range(12))
def test_a_chance_and_its_interval_lie_on_the_same_side_of_the_margin(seed):
    rng = np.random.default_rng(seed)
    n_rows = np.array([100, 200, 500, 1_000, 2_000, 5_000])
    end, gap = rng.uniform(0.6, 0.95), rng.uniform(0.0, 0.6)
    scores = end - gap * (n_rows[:, None] / 100) ** -rng.uniform(0.2, 0.8) + rng.normal(scale=0.003, size=(6, 3))
    for margin in (0.001, 0.005, 0.02):
        found = forecast(n_rows, scores, targets=[7_000, 10_000, 40_000], min_gain=margin, max_score=1.0)
        surely, hardly = found.gain_low >= margin, found.gain_high < margin
        assert ((found.p_gain >= 0.95) == surely).all()
        assert ((found.p_gain <= 0.05) == hardly).all()
