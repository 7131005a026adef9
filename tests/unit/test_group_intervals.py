"""Intervals where whole groups are drawn: they hold the noise between groups, and cover what they claim."""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pytest
from studies import LINEAR, data_spec, study_spec

from scalewise.core.curves import curves, interval, paired_gain
from scalewise.core.plan import Plan
from scalewise.core.results import TrialRecord
from scalewise.core.spec import SamplingUnit, Trial
from scalewise.core.study import StudyState
from scalewise.data.sampling import GroupDraw, RowDraw
from scalewise.data.strata import row_keys
from scalewise.models.scoring import Scoring

EACH, N_GROUPS, REPEATS = 10, 150, 3
SIZES = (200, 400, 800)
TABLES = 120


class Table:
    """Rows of groups: a line through x with an offset for each group, which single rows would give away."""

    def __init__(self, seed, n_groups=N_GROUPS):
        rng = np.random.default_rng(seed)
        self.group = rng.permutation(np.repeat(np.arange(n_groups), EACH)).astype(np.int32)
        offset = rng.normal(size=n_groups)
        self.x = rng.normal(size=(len(self.group), 3)) + rng.normal(size=(n_groups, 3))[self.group]
        self.y = self.x @ [1.0, 0.5, 0.0] + offset[self.group] + 0.5 * rng.normal(size=len(self.group))


def fit(table, rows):
    design = np.column_stack([np.ones(len(rows)), table.x[rows]])
    return np.linalg.lstsq(design, table.y[rows], rcond=None)[0]


def errors(weights, table):
    return (table.y - weights[0] - table.x @ weights[1:]) ** 2


def studied(table, draw):
    """The curve of a line fitted to growing samples, scored by the negated squared error."""
    held, blocks = draw.holdout_rows, draw.holdout_blocks
    records = {}
    for n_rows in SIZES:
        for repeat in range(REPEATS):
            missed = errors(fit(table, draw.training_rows(repeat, n_rows)), table)[held]
            by_block = -np.bincount(blocks, missed) / np.bincount(blocks)
            records[Trial("linear", n_rows, repeat)] = TrialRecord(
                -missed.mean(), tuple(by_block.tolist()), 0.0, 0.1, 0.1, 1
            )
    data = data_spec(draw.n_train_rows, task="regression", classes=(), unit=SamplingUnit("group", "g"))
    state = StudyState(study=study_spec(data), plan=Plan((LINEAR,), 1.0), records=MappingProxyType(records))
    return curves(state)[0]


def group_draw(table):
    return GroupDraw(table.group, row_keys(np.arange(N_GROUPS), 1, 1), 30 * EACH, seed=0)


def row_draw(table):
    return RowDraw(np.zeros(len(table.group), dtype=np.int16), 30 * EACH, seed=0)


@pytest.fixture(scope="module")
def truth():
    """Mean score at each size on groups never seen, over many tables."""
    fresh = Table(10**6, n_groups=4_000)
    scores = {n: [] for n in SIZES}
    for seed in range(300):
        table = Table(10_000 + seed)
        for n in SIZES:
            scores[n].append(-errors(fit(table, group_draw(table).training_rows(0, n)), fresh).mean())
    return {n: float(np.mean(found)) for n, found in scores.items()}


def covered(draw, truth, n_rows=SIZES[-1]):
    points = [studied(table, draw(table)).at(n_rows) for table in map(Table, range(TABLES))]
    return np.mean([point.low <= truth[n_rows] <= point.high for point in points])


def test_the_interval_of_a_score_covers_new_groups(truth):
    assert 0.82 <= covered(group_draw, truth) <= 0.98


def test_single_rows_of_the_same_table_would_claim_too_much(truth):
    assert covered(row_draw, truth) < 0.75


def test_the_interval_of_a_gain_covers_the_true_gain(truth):
    found = []
    for table in map(Table, range(TABLES)):
        curve = studied(table, group_draw(table))
        for first, second in pairwise(SIZES):
            gain = paired_gain(curve, first, second)
            found.append(gain.low <= truth[second] - truth[first] <= gain.high)
    assert 0.82 <= np.mean(found) <= 0.99


def test_areas_under_the_curve_by_block_cover_where_groups_never_change_their_class():
    scoring, inside, widths = Scoring("roc_auc", "binary", 2), [], []
    big = classes_table(10**6, 6_000)
    truth = scoring.one(big[1], big[2])
    for seed in range(TABLES):
        group, y, chances = classes_table(seed, N_GROUPS)
        draw = GroupDraw(group, row_keys(np.arange(N_GROUPS), 1, 1), 30 * EACH, 0, y)
        held = draw.holdout_rows
        score, blocks = scoring.with_blocks(y[held], chances[held], draw.holdout_blocks)
        assert np.isfinite(blocks).all()
        found = interval(score, 0.0, 1.0, [blocks])
        inside.append(found.low <= truth <= found.high)
        widths.append(found.high - found.low)
    assert 0.82 <= np.mean(inside) <= 0.98
    assert np.median(widths) < 0.5


def classes_table(seed, n_groups):
    """Groups of one class each, and what a model would say of their rows."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), EACH).astype(np.int32)
    ill = rng.uniform(size=n_groups) < 0.4
    said = (rng.normal(size=n_groups) + 0.8 * ill)[group] + 0.3 * rng.normal(size=len(group))
    chance = 1 / (1 + np.exp(-said))
    return group, ill[group].astype(np.int16), np.column_stack([1 - chance, chance])
