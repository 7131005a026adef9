"""Which rows are drawn: nested, proportional, seeded, apart from the holdout."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalewise.core.intervals import interval
from scalewise.data.sampling import MAX_BLOCKS, GroupDraw, RowDraw, ThinnedDraw, TimeDraw, holdout_size, sample_rows
from scalewise.data.strata import row_keys
from scalewise.models.scoring import Scoring


@st.composite
def strata(draw, max_classes=5):
    """Class codes of a table, with at least ten rows of each class and some rows that cannot be used."""
    sizes = draw(st.lists(st.integers(10, 400), min_size=1, max_size=max_classes))
    codes = np.repeat(np.arange(len(sizes)), sizes)
    codes = np.concatenate([codes, np.full(draw(st.integers(0, 30)), -1)])
    np.random.default_rng(draw(st.integers(0, 99))).shuffle(codes)
    return codes.astype(np.int16)


seeds = st.integers(0, 2**32)


def test_row_keys_are_known_numbers():
    # Pinned: another machine or a later version must draw the same rows, or journals no longer fit.
    assert row_keys(np.arange(3), seed=0, stream=0).tolist() == [
        2558736989570252433,
        3400964856525257824,
        12865742008072950574,
    ]


@given(seeds, st.integers(0, 2000))
def test_different_rows_have_different_keys(seed, stream):
    assert len(np.unique(row_keys(np.arange(1000), seed, stream))) == 1000


@given(seeds, st.integers(0, 100))
def test_keys_of_another_stream_order_rows_differently(seed, stream):
    first = np.argsort(row_keys(np.arange(50), seed, stream))
    second = np.argsort(row_keys(np.arange(50), seed, stream + 1))
    assert first.tolist() != second.tolist()


def test_keys_are_spread_evenly():
    keys = row_keys(np.arange(100_000), seed=3, stream=9)
    counts = np.histogram(keys.astype(float), bins=20, range=(0, 2.0**64))[0]
    assert np.abs(counts - 5000).max() < 350


def test_the_holdout_is_a_fifth_of_small_tables_and_bounded_for_large_ones():
    assert holdout_size(1000) == 200
    assert holdout_size(10_000_000) == 30_000


def test_a_look_at_a_table_is_ascending_and_takes_all_rows_of_a_small_one():
    assert sample_rows(5, 10, seed=0).tolist() == [0, 1, 2, 3, 4]
    rows = sample_rows(1000, 100, seed=0)
    assert len(rows) == 100
    assert (np.diff(rows) > 0).all()
    assert rows.tolist() != sample_rows(1000, 100, seed=1).tolist()


@settings(max_examples=60, deadline=None)
@given(strata(), seeds, st.integers(0, 4), st.floats(0.01, 1), st.floats(0.01, 1))
def test_smaller_samples_are_the_beginning_of_larger_ones(codes, seed, repeat, small, large):
    draw = RowDraw(codes, holdout_size(int((codes >= 0).sum())), seed)
    low, high = sorted(max(1, round(f * draw.n_train_rows)) for f in (small, large))
    sample = draw.training_rows(repeat, high)
    assert len(sample) == high
    np.testing.assert_array_equal(draw.training_rows(repeat, low), sample[:low])


@settings(max_examples=60, deadline=None)
@given(strata(), seeds)
def test_holdout_and_training_rows_part_the_usable_rows(codes, seed):
    draw = RowDraw(codes, holdout_size(int((codes >= 0).sum())), seed)
    training = draw.training_rows(0, draw.n_train_rows)
    together = np.sort(np.concatenate([training, draw.holdout_rows]))
    np.testing.assert_array_equal(together, np.flatnonzero(codes >= 0))


@settings(max_examples=60, deadline=None)
@given(strata(), seeds, st.floats(0.05, 1))
def test_every_class_has_its_share_of_a_sample(codes, seed, fraction):
    draw = RowDraw(codes, holdout_size(int((codes >= 0).sum())), seed)
    pool = draw.training_rows(0, draw.n_train_rows)
    n_rows = max(1, round(fraction * len(pool)))
    got = np.bincount(codes[pool[:n_rows]], minlength=5)
    due = np.bincount(codes[pool], minlength=5) * n_rows / len(pool)
    assert np.abs(got - due).max() <= len(np.unique(codes[pool])) / 2 + 1


@settings(max_examples=60, deadline=None)
@given(strata(), seeds)
def test_every_class_is_held_out_at_least_twice(codes, seed):
    draw = RowDraw(codes, holdout_size(int((codes >= 0).sum())), seed)
    held = np.bincount(codes[draw.holdout_rows], minlength=int(codes.max()) + 1)
    assert codes.max() == 0 or held.min() >= 2


def test_a_class_too_rare_for_the_smallest_sample_stands_at_its_front():
    codes = np.zeros(20_000, dtype=np.int16)
    codes[:12] = 1
    draw = RowDraw(codes, 4000, seed=5, smallest=50)
    for repeat in range(5):
        assert (codes[draw.training_rows(repeat, 50)] == 1).sum() == 2


def test_common_classes_are_not_put_at_the_front():
    codes = (np.arange(20_000) % 2).astype(np.int16)
    draw = RowDraw(codes, 4000, seed=5, smallest=50)
    assert sorted(np.bincount(codes[draw.training_rows(0, 51)]).tolist()) == [25, 26]


def test_another_seed_or_repeat_draws_other_rows():
    codes = np.zeros(1000, dtype=np.int16)
    first, other = RowDraw(codes, 200, seed=1), RowDraw(codes, 200, seed=2)
    assert set(first.holdout_rows) != set(other.holdout_rows)
    assert set(first.training_rows(0, 100)) != set(first.training_rows(1, 100))


@settings(max_examples=40, deadline=None)
@given(strata(max_classes=2), seeds)
def test_blocks_are_even_and_each_holds_both_classes(codes, seed):
    draw = RowDraw(codes, holdout_size(int((codes >= 0).sum())), seed)
    sizes = np.bincount(draw.holdout_blocks)
    assert 1 <= len(sizes) <= MAX_BLOCKS
    assert np.ptp(sizes) <= 1
    held = codes[draw.holdout_rows]
    for label in np.unique(held):
        assert set(draw.holdout_blocks[held == label]) == set(range(len(sizes)))


@pytest.mark.parametrize(("held_out", "n_blocks"), [(9, 2), (20, 4), (30, 6), (89, 6), (90, 6), (105, 7), (1_000, 20)])
def test_small_holdouts_are_cut_into_small_blocks_rather_than_few(held_out, n_blocks):
    draw = RowDraw((np.arange(5_000) % 2).astype(np.int16), held_out, seed=0)
    assert len(np.unique(draw.holdout_blocks)) == n_blocks


def guessed(rng, n_rows):
    """Classes, half of them positive, and what a fair model says of them."""
    y = np.arange(n_rows) % 2
    chances = 1 / (1 + np.exp(-(1.5 * y - 0.75 + rng.standard_normal(n_rows)) * 1.5))
    return y, np.column_stack([1 - chances, chances])


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "neg_log_loss"])
def test_an_interval_from_thirty_held_out_rows_covers_and_is_no_wider_than_it_must(metric):
    rng, scoring = np.random.default_rng(0), Scoring(metric, "binary", 2)
    truth = scoring.one(*guessed(rng, 200_000))
    held, widths, scores = [], [], []
    for seed in range(200):
        draw = RowDraw((np.arange(150) % 2).astype(np.int16), 30, seed)
        y, chances = guessed(rng, 150)
        rows = draw.holdout_rows
        score, blocks = scoring.with_blocks(y[rows], chances[rows], draw.holdout_blocks)
        found = interval(score, 0.0, 1.0, [blocks])
        held.append(found.low <= truth <= found.high)
        widths.append(found.high - found.low)
        scores.append(score)
    assert 0.85 <= np.mean(held) <= 0.97
    assert np.median(widths) < 5 * np.std(scores)


def test_drawing_does_not_change_the_codes_that_it_was_given():
    codes = np.zeros(100, dtype=np.int16)
    RowDraw(codes, 20, seed=0)
    assert not codes.any()


def test_tables_longer_than_a_chunk_are_drawn_like_short_ones():
    codes = (np.arange(600_000) % 3).astype(np.int16)
    draw = RowDraw(codes, 30_000, seed=0)
    sample = draw.training_rows(0, 90_000)
    assert len(np.unique(sample)) == 90_000
    assert sample.max() > 590_000
    assert not np.isin(sample, draw.holdout_rows).any()
    assert np.ptp(np.bincount(codes[sample])) <= 2


def groups_and_hashes(n_groups=60, rows_each=15):
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(n_groups), rows_each)).astype(np.int32)
    return groups, row_keys(np.arange(n_groups), 7, 7)


def test_groups_are_never_split_between_holdout_and_training():
    groups, hashes = groups_and_hashes()
    draw = GroupDraw(groups, hashes, 180, seed=0)
    training = draw.training_rows(0, draw.n_train_rows)
    assert not set(groups[training]) & set(groups[draw.holdout_rows])
    assert len(training) + len(draw.holdout_rows) == len(groups)
    assert len(draw.holdout_rows) == 180


def test_group_samples_are_nested_and_whole_but_for_the_last_group():
    groups, hashes = groups_and_hashes()
    draw = GroupDraw(groups, hashes, 180, seed=0)
    large = draw.training_rows(2, 400)
    np.testing.assert_array_equal(draw.training_rows(2, 100), large[:100])
    sizes = np.bincount(groups[large])
    assert sorted(sizes[sizes > 0].tolist())[1:] == [15] * (len(sizes[sizes > 0]) - 1)


def test_groups_are_drawn_the_same_whatever_their_codes():
    groups, hashes = groups_and_hashes()
    other_code = np.random.default_rng(1).permutation(60)
    other = GroupDraw(other_code[groups].astype(np.int32), hashes[np.argsort(other_code)], 180, seed=0)
    draw = GroupDraw(groups, hashes, 180, seed=0)
    np.testing.assert_array_equal(draw.holdout_rows, other.holdout_rows)
    np.testing.assert_array_equal(draw.training_rows(1, 300), other.training_rows(1, 300))


def test_blocks_hold_whole_groups():
    groups, hashes = groups_and_hashes()
    draw = GroupDraw(groups, hashes, 180, seed=0)
    for group in np.unique(groups[draw.holdout_rows]):
        assert len(np.unique(draw.holdout_blocks[groups[draw.holdout_rows] == group])) == 1


def test_a_group_bigger_than_the_holdout_is_trained_on():
    groups = np.array([0] * 500 + [1] * 20 + [2] * 20 + [3] * 20 + [4] * 20, dtype=np.int32)
    for seed in range(5):
        draw = GroupDraw(groups, row_keys(np.arange(5), 0, 0), 60, seed)
        assert 0 not in groups[draw.holdout_rows]
        assert len(draw.holdout_rows) == 60


def test_where_every_group_is_too_big_the_smallest_is_held_out():
    groups = np.repeat([0, 1, 2], [50, 40, 60]).astype(np.int32)
    draw = GroupDraw(groups, row_keys(np.arange(3), 0, 0), 10, seed=0)
    assert set(groups[draw.holdout_rows]) == {1}


def test_rows_without_a_group_are_not_drawn():
    groups, hashes = groups_and_hashes()
    groups[:50] = -1
    draw = GroupDraw(groups, hashes, 170, seed=0)
    drawn = np.concatenate([draw.holdout_rows, draw.training_rows(0, draw.n_train_rows)])
    assert drawn.min() >= 50


def test_history_grows_backwards_from_the_last_stretch():
    times = np.random.default_rng(0).permutation(1000).astype(float)
    draw = TimeDraw(times, np.ones(1000, dtype=bool), 200)
    assert times[draw.holdout_rows].min() == 800
    np.testing.assert_array_equal(times[draw.training_rows(0, 3)], [799, 798, 797])
    np.testing.assert_array_equal(draw.training_rows(0, 50), draw.training_rows(4, 50))


def test_one_moment_is_never_on_both_sides_of_the_cut():
    times = (np.arange(1000) // 30).astype(float)
    draw = TimeDraw(times, np.ones(1000, dtype=bool), 200)
    assert times[draw.training_rows(0, draw.n_train_rows)].max() < times[draw.holdout_rows].min()


def test_a_moment_that_fills_the_table_is_cut_all_the_same():
    times = np.zeros(100)
    times[:3] = -1
    draw = TimeDraw(times, np.ones(100, dtype=bool), 20)
    assert draw.n_train_rows == 80


def test_blocks_of_time_are_stretches_one_after_another():
    times = np.random.default_rng(0).permutation(1000).astype(float)
    draw = TimeDraw(times, np.ones(1000, dtype=bool), 200)
    by_time = draw.holdout_blocks[np.argsort(times[draw.holdout_rows])]
    assert (np.diff(by_time) >= 0).all()
    assert np.bincount(by_time).min() >= 15


def test_rows_that_cannot_be_used_have_no_time():
    usable = np.arange(100) % 2 == 0
    draw = TimeDraw(np.arange(100.0), usable, 10)
    assert usable[draw.training_rows(0, 100)].all()
    assert usable[draw.holdout_rows].all()


@pytest.mark.parametrize("repeat", [0, 3])
def test_asking_for_all_training_rows_gives_each_once(repeat):
    draw = RowDraw(np.zeros(1000, dtype=np.int16), 200, seed=0)
    assert len(np.unique(draw.training_rows(repeat, draw.n_train_rows))) == 800


def thinned(n_rows=5_000, n_holdout=1_000, seed=0):
    times = np.random.default_rng(1).permutation(n_rows).astype(float)
    return times, ThinnedDraw(times, np.ones(n_rows, dtype=bool), n_holdout, seed)


def test_thinned_samples_are_nested_and_spread_evenly_over_the_whole_history():
    times, draw = thinned()
    large = draw.training_rows(0, 640)
    np.testing.assert_array_equal(draw.training_rows(0, 100), large[:100])
    stretches = np.bincount((times[large] * 64 // 4_000).astype(int), minlength=64)
    assert np.abs(stretches - 10).max() <= 1
    assert len(np.unique(draw.training_rows(0, 4_000))) == 4_000


def test_thinning_holds_out_the_same_last_stretch_and_repeats_draw_other_rows():
    times, draw = thinned()
    recent = TimeDraw(times, np.ones(5_000, dtype=bool), 1_000)
    np.testing.assert_array_equal(draw.holdout_rows, recent.holdout_rows)
    np.testing.assert_array_equal(draw.untrained_rows(), recent.untrained_rows())
    assert times[draw.training_rows(0, 4_000)].max() < times[draw.holdout_rows].min()
    assert set(draw.training_rows(0, 300)) != set(draw.training_rows(1, 300))


def test_thinning_does_not_fall_in_with_the_rhythm_of_the_rows():
    draw = ThinnedDraw(np.arange(9_600.0), np.ones(9_600, dtype=bool), 1_600, seed=0)
    hours = np.bincount(draw.training_rows(0, 1_000) % 24, minlength=24)
    assert hours.min() >= 20


def test_a_group_of_a_rare_class_is_held_out_first_where_chance_would_hold_out_none():
    groups, hashes = groups_and_hashes()
    for seed in range(20):
        plain = GroupDraw(groups, hashes, 180, seed)
        trained = np.setdiff1d(groups, groups[plain.holdout_rows])
        classes = np.isin(groups, trained[:2]).astype(np.int16)
        draw = GroupDraw(groups, hashes, 180, seed, classes)
        assert set(classes[draw.holdout_rows]) == {0, 1}
        assert set(classes[draw.training_rows(0, draw.n_train_rows)]) == {0, 1}
        assert len(draw.holdout_rows) == 180


def test_where_chance_holds_out_every_class_groups_are_drawn_as_without_classes():
    groups, hashes = groups_and_hashes()
    classes = (np.arange(len(groups)) % 2).astype(np.int16)
    with_classes, without = GroupDraw(groups, hashes, 180, 0, classes), GroupDraw(groups, hashes, 180, 0)
    np.testing.assert_array_equal(with_classes.holdout_rows, without.holdout_rows)


def test_a_class_in_a_single_group_is_trained_on_only():
    groups, hashes = groups_and_hashes()
    plain = GroupDraw(groups, hashes, 180, 0)
    only = np.setdiff1d(groups, groups[plain.holdout_rows])[0]
    draw = GroupDraw(groups, hashes, 180, 0, (groups == only).astype(np.int16))
    np.testing.assert_array_equal(draw.holdout_rows, plain.holdout_rows)


def test_blocks_of_groups_that_never_change_their_class_each_hold_both_classes():
    groups, hashes = groups_and_hashes(n_groups=100)
    classes = (groups % 4 == 0).astype(np.int16)
    draw = GroupDraw(groups, hashes, 300, 0, classes)
    held = draw.holdout_rows
    n_ill_groups = len(np.unique(groups[held][classes[held] == 1]))
    n_blocks = int(draw.holdout_blocks.max()) + 1
    assert 2 <= n_blocks <= n_ill_groups
    for label in (0, 1):
        assert set(draw.holdout_blocks[classes[held] == label]) == set(range(n_blocks))
    assert np.ptp(np.bincount(draw.holdout_blocks)) <= 30


def test_blocks_of_groups_for_numbers_are_as_even_as_they_can_be():
    groups, hashes = groups_and_hashes(n_groups=100)
    assert np.bincount(GroupDraw(groups, hashes, 300, 0).holdout_blocks).tolist() == [15] * 20
