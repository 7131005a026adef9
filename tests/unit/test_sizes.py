from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from studies import BOOSTING, LINEAR, data_spec

from scalewise.core.plan import Plan
from scalewise.core.sizes import STEPS, planned_trials, repeats_at, study_sizes
from scalewise.core.spec import ModelSpec

tables = st.builds(
    lambda n, smallest: data_spec(n, smallest_n_rows=min(n, smallest)), st.integers(60, 10**8), st.integers(50, 2_000)
)


@given(tables, st.sampled_from(STEPS))
def test_sizes_ascend_and_end_at_the_slider(data, fraction):
    sizes = study_sizes(data, fraction)
    assert list(sizes) == sorted(set(sizes))
    assert sizes[-1] == data.rows_at(fraction)
    assert sizes[0] >= min(data.smallest_n_rows, data.rows_at(fraction))


@given(tables)
def test_moving_the_slider_up_keeps_the_sizes_below(data):
    for lower, upper in pairwise(STEPS):
        if data.rows_at(lower) >= data.smallest_n_rows:
            assert set(study_sizes(data, lower)) <= set(study_sizes(data, upper))


@given(tables)
def test_neighbouring_sizes_are_at_most_a_doubling_apart(data):
    sizes = study_sizes(data, 1.0)
    steps = [b / a for a, b in pairwise(sizes)]
    assert all(step < 2.1 for step in steps)
    assert len(sizes) < 50


def test_the_slider_steps_are_visited():
    sizes = study_sizes(data_spec(300_000), 0.2)
    assert {3_000, 6_000, 15_000, 30_000, 60_000} <= set(sizes)


def test_dear_sizes_are_repeated_less():
    assert [repeats_at(n, 5) for n in (1_000, 50_000, 500_000)] == [5, 3, 2]
    assert repeats_at(500_000, 1) == 1


def test_models_with_a_ceiling_are_not_planned_above_it():
    capped = ModelSpec("neighbors", "Nearest neighbours", 3, max_rows=1_000)
    trials = planned_trials(data_spec(), Plan((LINEAR, capped, BOOSTING), max_fraction=1.0))
    assert max(t.n_rows for t in trials if t.model == "neighbors") <= 1_000
    assert max(t.n_rows for t in trials if t.model == "linear") == 100_000
