from __future__ import annotations

import math

import numpy as np
import pytest
from studies import BOOSTING, DUMMY, LINEAR, data_spec, finished, record, started, study_spec

from scalewise.core import events as ev
from scalewise.core.curves import curves, paired_gain
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.spec import Trial

FLAT = {"dummy": (0.5, 0.0), "linear": (0.75, 0.0), "boosting": (0.8, 0.2)}


def with_scores(scores, *, blocks=0.004, n_train_rows=100_000, max_fraction=1.0):
    """A running study with given scores, by (n_rows, repeat), for the linear model."""
    study = study_spec(data_spec(n_train_rows), worst=0.0)
    state = started(Plan((LINEAR,), max_fraction=max_fraction), study)
    for (n_rows, repeat), score in scores.items():
        got = record(score, noise=blocks, seed=1)
        state = fold(state, ev.TrialFinished(trial=Trial("linear", n_rows, repeat), record=got))
    return curves(state)[0]


def test_one_curve_a_model_from_simple_to_complex_with_points_by_size():
    found = curves(finished(started(), FLAT))
    assert [c.model.name for c in found] == ["dummy", "linear", "boosting"]
    sizes = [p.n_rows for p in found[1].points]
    assert sizes == sorted(sizes)
    assert found[1].last.fraction == pytest.approx(0.1)
    assert all(p.low <= p.score <= p.high for c in found for p in c.points)


def test_the_slider_narrows_what_is_shown():
    state = fold(finished(started(), FLAT), ev.PlanChanged(plan=Plan((LINEAR,), max_fraction=0.02)))
    (only,) = curves(state)
    assert only.last.n_rows == 2_000


def test_one_trial_without_blocks_has_a_point_without_width():
    curve = with_scores({(1_000, 0): 0.7}, blocks=0.0)
    assert (curve.last.low, curve.last.high) == (0.7, 0.7)


def test_no_interval_reaches_beyond_the_scores_that_there_can_be():
    low = with_scores({(1_000, repeat): score for repeat, score in enumerate((0.05, 0.1, 0.4))}, blocks=0.5)
    high = with_scores({(1_000, repeat): score for repeat, score in enumerate((0.95, 0.9, 0.6))}, blocks=0.5)
    assert (low.last.low, high.last.high) == (0.0, 1.0)
    noisy = with_scores({(1_000, 0): 0.2, (2_000, 0): 0.8, (1_000, 1): 0.8, (2_000, 1): 0.2})
    gain = paired_gain(noisy, 1_000, 2_000)
    assert (gain.low, gain.high) == (-1.0, 1.0)


def test_the_band_holds_the_true_score_about_as_often_as_it_claims():
    rng = np.random.default_rng(0)
    hits = total = 0
    for _ in range(150):
        shift = 0.002 * rng.standard_normal()
        state = started(Plan((LINEAR,), max_fraction=1.0), study_spec(data_spec(1_000_000)))
        for n_rows in (1_000, 1_414, 2_000, 2_828):
            for repeat in range(3):
                blocks = 0.7 + shift + 0.003 * rng.standard_normal() + 0.002 * math.sqrt(20) * rng.standard_normal(20)
                got = record(float(blocks.mean()))
                got = got.__class__(float(blocks.mean()), tuple(blocks.tolist()), 0.8, 0.1, 0.01)
                state = fold(state, ev.TrialFinished(trial=Trial("linear", n_rows, repeat), record=got))
        point = curves(state)[0].last
        hits += point.low <= 0.7 + shift <= point.high
        total += 1
    assert 0.84 <= hits / total <= 0.99


def test_pairing_cancels_what_two_sizes_share():
    """Repeats that differ by far more than the gain still show it, because each gains alike."""
    scores = {}
    for repeat, level in enumerate([0.60, 0.70, 0.80]):
        for n_rows in (1_000, 1_414, 2_000):
            scores[n_rows, repeat] = level + 0.01 * math.log2(n_rows / 1_000)
    curve = with_scores(scores)
    gain = paired_gain(curve, 1_000, 2_000)
    assert gain.mean == pytest.approx(0.01)
    point = curve.at(2_000)
    assert gain.high - gain.low < 0.8 * (point.high - point.low)


def test_a_flat_step_is_rarely_taken_for_a_gain():
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(400):
        sizes = (500, 707, 1_000, 1_414, 2_000)
        scores = {(n, r): 0.7 + 0.005 * rng.standard_normal() for n in sizes for r in range(3)}
        gain = paired_gain(with_scores(scores, blocks=0.0), 1_000, 2_000)
        wrong += gain.low > 0
    assert wrong <= 0.08 * 400


def test_models_are_compared_on_the_same_holdout_rows():
    state = finished(started(), FLAT, noise=0.0)
    dummy, linear, _ = curves(state)
    gain = paired_gain(dummy, 10_000, 10_000, other=linear)
    assert gain.mean == pytest.approx(0.25)
    assert gain.high - gain.low < 1e-6


def test_points_that_are_missing_have_no_gain():
    curve = with_scores({(1_000, 0): 0.7, (2_000, 1): 0.8})
    assert paired_gain(curve, 1_000, 5_000) is None
    assert paired_gain(curve, 1_000, 2_000) is None


def test_the_chance_of_a_gain_follows_the_margin():
    scores = {(n, r): 0.7 + 0.02 * (n == 2_000) + 0.001 * r for n in (1_000, 1_414, 2_000) for r in range(5)}
    gain = paired_gain(with_scores(scores), 1_000, 2_000)
    chances = [gain.probability_above(margin) for margin in (0.0, 0.01, 0.02, 0.05)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.95
    assert chances[-1] < 0.05


def test_blocks_that_cannot_be_scored_are_passed_over():
    state = started(Plan((DUMMY, LINEAR, BOOSTING), max_fraction=0.1))
    got = record(0.7, noise=0.01)
    holes = got.__class__(0.7, (float("nan"), *got.block_scores[1:]), 0.8, 0.1, 0.01)
    state = fold(state, ev.TrialFinished(trial=Trial("linear", 1_000, 0), record=holes))
    point = curves(state)[0].last
    assert math.isfinite(point.low)
    assert point.low < 0.7 < point.high
