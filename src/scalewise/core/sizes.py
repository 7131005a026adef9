"""Which training sizes a study visits, and how often each is repeated."""

from __future__ import annotations

import math
from functools import lru_cache

from scalewise.core.features.feature_plan import feature_trials
from scalewise.core.plan import Plan
from scalewise.core.spec import DataSpec, Trial
from scalewise.core.wording import rows_text

__all__ = ["STEPS", "default_fraction", "planned_trials", "repeats_at", "study_sizes", "too_small"]

STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""The fractions of the training rows that the slider stops at."""

_NEAR = 2**0.2
"""Two sizes closer than this ratio say the same; only one of them is visited."""

_TREND_ROWS = 20_000
_CHEAP_ROWS, _DEAR_ROWS = 10_000, 100_000
_FEWEST_ROWS, _FEWEST_HELD_OUT = 100, 20
"""Rows below which nothing is said for sure: a share of right answers among 20 rows is known to some 15 points."""


def study_sizes(data: DataSpec, max_fraction: float) -> tuple[int, ...]:
    """Training sizes up to a fraction of the rows, ascending.

    Half powers of two, plus the slider's own steps. They do not depend on where the slider stands, so that a study that
    grows visits the sizes that it would have visited anyway.

    Parameters
    ----------
    data : DataSpec
    max_fraction : float
        In (0, 1]; always visited itself.
    """
    top = data.rows_at(max_fraction)
    start = min(_start(data), top)
    steps = [data.rows_at(step) for step in STEPS if start <= data.rows_at(step) <= top]
    fixed = sorted({*steps, top})
    octaves = range(math.floor(2 * math.log2(start)), math.ceil(2 * math.log2(top)) + 1)
    halves = [round(2 ** (k / 2)) for k in octaves]
    between = [n for n in halves if start <= n < top and all(_apart(n, m) for m in fixed)]
    return tuple(sorted({*fixed, *between}))


def default_fraction(data: DataSpec) -> float:
    """Where the slider stands at first: 10 %, or more where that would be too few rows to show a trend."""
    return next((step for step in STEPS if step >= 0.1 and data.rows_at(step) >= _TREND_ROWS), 1.0)


def repeats_at(n_rows: int, repeats: int) -> int:
    """How often a size is repeated: as asked where fits are cheap, fewer where they are dear."""
    if n_rows <= _CHEAP_ROWS:
        return repeats
    return min(repeats, 3 if n_rows <= _DEAR_ROWS else 2)


def too_small(data: DataSpec) -> str:
    """Why a table is too small to judge by, in words; empty where it is not."""
    n_rows, held_out = data.n_train_rows + data.n_holdout_rows, data.n_holdout_rows
    if n_rows >= _FEWEST_ROWS and held_out >= _FEWEST_HELD_OUT:
        return ""
    return (
        f"This table is too small to judge by. It has {rows_text(n_rows)} rows, of which {rows_text(held_out)} "
        "are held out: scores of so few are mostly chance. "
        f"Collect more: at least {_FEWEST_ROWS} rows, {_FEWEST_HELD_OUT} of them to hold out."
    )


@lru_cache(maxsize=8)
def planned_trials(data: DataSpec, plan: Plan) -> tuple[Trial, ...]:
    """Every trial that a plan asks for, by size, then repeat, then model; last those on few features, then tuned."""
    plain = tuple(
        Trial(model.name, n_rows, repeat)
        for n_rows in study_sizes(data, plan.max_fraction)
        for repeat in range(repeats_at(n_rows, plan.repeats))
        for model in plan.models
        if model.max_rows is None or n_rows <= model.max_rows
    )
    tuning = plan.tuning.trials if plan.tuning else ()
    return tuple(dict.fromkeys((*plain, *feature_trials(plan), *tuning)))


def _start(data: DataSpec) -> int:
    """A thousandth of the rows, but no fewer than is sensible and no more than says something new."""
    return max(data.smallest_n_rows, min(1000, data.n_train_rows // 1000))


def _apart(n: int, m: int) -> bool:
    return max(n, m) / min(n, m) > _NEAR
