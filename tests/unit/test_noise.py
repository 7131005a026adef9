"""Paired comparisons cover what they claim to: on models whose true scores are known, with shared holdouts."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit
from studies import BOOSTING, DUMMY, LINEAR, data_spec, started

from scalewise.core import events as ev
from scalewise.core.curves import curve_of, curves, paired_gain, training_noise
from scalewise.core.folding import fold
from scalewise.core.noise import TrainingNoise, usual_variance
from scalewise.core.plan import Plan
from scalewise.core.results import TrialRecord
from scalewise.core.spec import MetricSpec, StudySpec, Trial

N_COLUMNS, N_HOLDOUT, N_BLOCKS = 20, 2_000, 20
CENTRE, SHRINK = 0.1, 0.9
STUDIES = 100


def true_score(n_rows, factor):
    """The expected score of a mean of `n_rows` rows times a factor, by its squared distance from fresh rows."""
    return -N_COLUMNS * (1 + CENTRE**2 * (1 - factor) ** 2 + factor**2 / n_rows)


def measured(rng, n_table, sizes, repeats):
    """The curves of two models that learn the mean of a table: the second one shrinks it.

    Samples of one repeat are nested, and all are scored on the same holdout, as in a real study.
    """
    table = CENTRE + rng.standard_normal((n_table, N_COLUMNS))
    blocks = CENTRE + rng.standard_normal((N_BLOCKS, N_HOLDOUT // N_BLOCKS, N_COLUMNS))
    middles, squares = blocks.mean(axis=1), (blocks**2).sum(axis=2).mean(axis=1)
    data = data_spec(n_table, n_holdout_rows=N_HOLDOUT)
    study = StudySpec(data, MetricSpec("neg_mean_squared_error", "score"))
    state = started(Plan((LINEAR, BOOSTING), max_fraction=1.0), study)
    for repeat in range(repeats):
        sums = np.cumsum(table[rng.permutation(n_table)[: sizes[-1]]], axis=0)
        for n_rows in sizes:
            for model, factor in (("linear", 1.0), ("boosting", SHRINK)):
                guess = factor * sums[n_rows - 1] / n_rows
                scores = 2 * middles @ guess - squares - guess @ guess
                got = TrialRecord(float(scores.mean()), tuple(scores.tolist()), 0.0, 0.1, 0.01)
                state = fold(state, ev.TrialFinished(trial=Trial(model, n_rows, repeat), record=got))
    return curves(state)


NESTED = {
    "a small part of the table": (8_000, (250, 353, 500, 707, 1_000)),
    "up to half of the table": (4_000, (500, 707, 1_000, 1_414, 2_000)),
    "up to the whole table": (4_000, (1_000, 1_414, 2_000, 2_828, 4_000)),
    "of few rows": (400, (20, 28, 40, 57, 80)),
}


@pytest.mark.parametrize("repeats", [1, 2, 5])
@pytest.mark.parametrize("where", NESTED)
def test_intervals_hold_the_truth_about_as_often_as_they_claim(where, repeats):
    n_table, sizes = NESTED[where]
    first, last = sizes[-3], sizes[-1]
    rng = np.random.default_rng(0)
    steps = models = points = 0
    for _ in range(STUDIES):
        plain, shrunk = measured(rng, n_table, sizes, repeats)
        step = paired_gain(plain, first, last)
        steps += step.low <= true_score(last, 1.0) - true_score(first, 1.0) <= step.high
        lead = paired_gain(plain, last, last, other=shrunk)
        models += lead.low <= true_score(last, SHRINK) - true_score(last, 1.0) <= lead.high
        points += plain.last.low <= true_score(last, 1.0) <= plain.last.high
    for held in (steps, models, points):
        assert 0.82 <= held / STUDIES <= 1.0


def test_a_step_between_nested_samples_is_not_made_wider_than_it_is():
    rng = np.random.default_rng(1)
    sizes = NESTED["up to the whole table"][1]
    found = [paired_gain(measured(rng, 4_000, sizes, 5)[0], 2_000, 4_000) for _ in range(60)]
    assert np.mean([g.se for g in found]) < 1.6 * np.std([g.mean for g in found])


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_variance_at_a_size_is_about_right_however_fast_it_falls(power):
    rng = np.random.default_rng(2)
    sizes = [round(1_000 * 2 ** (k / 2)) for k in range(9)]
    found = []
    for _ in range(200):
        scores = {n: (n / sizes[-1]) ** (-power / 2) * rng.standard_normal(3) for n in sizes}
        found.append(TrainingNoise(scores).variance(sizes[-1])[0])
    assert 0.7 < np.mean(found) < 1.8


@given(
    st.dictionaries(st.integers(10, 10**6), st.lists(st.floats(-1, 1), min_size=1, max_size=5), max_size=6),
    st.integers(10, 10**6),
    st.integers(1, 10),
)
def test_a_variance_is_never_negative_and_repeats_never_widen_it(scores, n_rows, repeats):
    noise = TrainingNoise(scores, 10**6)
    variance, df = noise.variance(n_rows)
    assert variance >= 0
    assert df >= 1
    means = [noise.of_mean(n_rows, r)[0] for r in (repeats, repeats + 1)]
    assert 0 <= means[1] <= means[0] <= variance


def test_repeats_of_the_whole_table_are_one_look_at_it():
    scores = {n: [0.7, 0.71, 0.69] for n in (1_000, 2_000, 4_000)}
    noise = TrainingNoise(scores, 4_000)
    assert noise.of_mean(4_000, 10)[0] == pytest.approx(noise.variance(4_000)[0])
    assert noise.of_mean(40, 10)[0] == pytest.approx(noise.variance(40)[0] / 10, rel=0.01)


@pytest.mark.parametrize("sizes", [(181,), (1_000, 1_448, 2_048, 2_896)], ids=["one size", "four sizes"])
@pytest.mark.parametrize("times", [4, 16, 400])
def test_noise_of_small_samples_is_carried_to_larger_ones_without_growing(sizes, times):
    rng, n_rows = np.random.default_rng(3), times * sizes[-1]
    found, held = [], 0
    for _ in range(300):
        scores = {n: (n / n_rows) ** -0.5 * rng.standard_normal(2) for n in sizes}
        variance, df = TrainingNoise(scores).variance(n_rows)
        found.append(variance / np.mean([np.var(s, ddof=1) for s in scores.values()]))
        held += abs(rng.standard_normal()) <= stdtrit(df, 0.95) * np.sqrt(variance)
    assert np.median(found) < 1.0
    assert held / 300 >= 0.75


def nested(rng, sizes, power):
    """One score of each size: what a larger sample adds has nothing to do with what the smaller one told."""
    variances = [n**-power for n in sizes] + [0.0]
    steps = [math.sqrt(a - b) * rng.standard_normal() for a, b in pairwise(variances)]
    return {n: [float(s)] for n, s in zip(sizes, np.cumsum(steps[::-1])[::-1], strict=True)}


@pytest.mark.parametrize("power", [0.7, 1.0, 1.3])
def test_the_variance_of_single_scores_shows_in_how_they_scatter_about_a_steady_rise(power):
    rng, sizes, found = np.random.default_rng(4), [round(100 * 2 ** (k / 2)) for k in range(9)], []
    for _ in range(300):
        scores = {n: [s + 0.1 * math.log(n)] for n, (s,) in nested(rng, sizes, power).items()}
        found.append(TrainingNoise(scores).variance(sizes[-1])[0] * sizes[-1] ** power)
    # Real steps vary twice as much as these, which the estimate allows for.
    assert 0.2 < np.mean(found) < 1.2


def test_the_noise_of_one_score_is_what_is_usual_with_few_degrees_of_freedom():
    usual = {400: usual_variance(0.01**2, 1_000, 400)}
    variance, df = TrainingNoise({400: [0.8]}, usual=usual).variance(400)
    assert variance == pytest.approx(0.25 * 0.01**2 * 1_000 / 400)
    assert df <= 3
    assert TrainingNoise({400: [0.8]}, usual=usual).variance(1_600)[0] == pytest.approx(variance / 4)


def test_repeats_overrule_what_is_usual():
    scores = {400: [0.8, 0.81, 0.79]}
    assert TrainingNoise(scores, usual={400: 1.0}).variance(400) == TrainingNoise(scores).variance(400)


def test_no_score_of_one_repeat_and_no_step_between_such_is_taken_for_sure():
    plain, shrunk = measured(np.random.default_rng(5), 4_000, (500, 1_000), 1)
    alone = measured(np.random.default_rng(5), 4_000, (1_000,), 1)[0].last
    repeated = measured(np.random.default_rng(5), 4_000, (1_000,), 5)[0].last
    assert alone.high - alone.low > repeated.high - repeated.low
    step, lead = paired_gain(plain, 500, 1_000), paired_gain(plain, 1_000, 1_000, other=shrunk)
    assert min(step.se, lead.se) > math.sqrt(training_noise(plain, 1_000)) > 0


def test_a_model_that_looks_at_no_feature_has_only_the_noise_of_the_holdout():
    data = data_spec(4_000, n_holdout_rows=N_HOLDOUT)
    rec = TrialRecord(0.7, tuple(np.linspace(0.6, 0.8, 20).tolist()), 0.7, 0.1, 0.01)
    curve = curve_of(
        StudySpec(data, MetricSpec("accuracy", "accuracy", 1.0)), DUMMY, [(Trial("dummy", 64, 0), rec, "")]
    )
    assert training_noise(curve, 64) == 0
