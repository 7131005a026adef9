"""Which features carry the score: the importances of many trials put together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from scalewise.core.curves import LEVEL, Curve, CurvePoint
from scalewise.core.results import FeatureImportance, GroupImportance, TrialRecord
from scalewise.core.spec import Trial
from scalewise.core.wording import percent_text

__all__ = [
    "Importance",
    "ImportanceTable",
    "Ranks",
    "importance_table",
    "noise_line",
    "probe_records",
    "trial_importances",
]

_CHUNK_DF = 4
"""Each trial's standard error comes from five parts of the holdout."""

_SURE = 0.98
_ALIKE = 3
"""Columns of noise that tell as much of the scatter of others as one would if all scattered alike."""
_TOPS = (5, 4, 3, 2, 1)
_MOST_RANKED = 8

Name = tuple[str, ...]
"""A feature alone, or the features of a group."""


@dataclass(frozen=True, slots=True)
class Importance:
    """The score lost without one feature or a group of them, with its 90 % interval, in the metric's units.

    Parameters
    ----------
    feature : str
        Of a group, the member that matters most alone.
    drop, low, high : float
    members : tuple of Importance
        Of a group, each of its features alone, largest first.
    """

    feature: str
    drop: float
    low: float
    high: float
    members: tuple[Importance, ...] = ()

    @property
    def label(self) -> str:
        """The feature's name, and of a group how many more there are."""
        return f"{self.feature} + {len(self.members) - 1} like it" if self.members else self.feature


@dataclass(frozen=True, slots=True)
class Ranks:
    """How the order of features settles as the sample grows.

    Parameters
    ----------
    fractions : tuple of float
        Sizes, as shares of the training rows, ascending.
    labels : tuple of str
        The features that are first at the largest size, at most eight.
    places : tuple of tuple of int
        For each of them its place at each size, from 1.
    top : int
        So many of them are the same first ones at all sizes from `since` on; 0 where not even the first is.
    since : float
        A share of the training rows.
    """

    fractions: tuple[float, ...]
    labels: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]
    top: int
    since: float

    @property
    def sentence(self) -> str:
        """How settled the order is."""
        if not self.top:
            return "Which feature comes first still changes from size to size."
        subject = "The first feature has" if self.top == 1 else f"The top {self.top} have"
        return f"{subject} not changed since {percent_text(self.since)} of the rows."


@dataclass(frozen=True, slots=True)
class ImportanceTable:
    """Importances of one model at one size, largest first.

    Parameters
    ----------
    model : str
        The model's label.
    n_rows : int
        Training rows of the trials behind it.
    repeats : int
    rows : tuple of Importance
        Every feature alone.
    units : tuple of Importance
        Groups of correlated features, and the other features.
    noise_line : float or None
        Features below it are no better than noise; None while no columns of noise were tried.
    ranks : Ranks or None
        None with a single size.
    """

    model: str
    n_rows: int
    repeats: int
    rows: tuple[Importance, ...]
    units: tuple[Importance, ...] = ()
    noise_line: float | None = None
    ranks: Ranks | None = None


@lru_cache(maxsize=64)
def importance_table(
    curve: Curve, groups: tuple[Name, ...] = (), probes: tuple[TrialRecord, ...] = ()
) -> ImportanceTable | None:
    """Importances of a model at the largest size done so far; None where no trial has any.

    Parameters
    ----------
    curve : Curve
    groups : tuple of tuple of str
        Features that are correlated.
    probes : tuple of TrialRecord
        Trials of the model beside columns of noise, of one size.

    Notes
    -----
    The interval adds the spread over repeats to each repeat's own error over parts of the holdout. All repeats share
    the holdout, so averaging over them does not shrink the second.
    """
    able = [point for point in curve.points if any(record.importances for _, record in point.trials)]
    if not able:
        return None
    point = able[-1]
    units = _units(_records(point), groups)
    rows = _largest(_alone(_records(point)).values())
    line = noise_line(probes, len(units))
    return ImportanceTable(curve.model.label, point.n_rows, point.repeats, rows, units, line, _ranks(able, groups))


def trial_importances(record: TrialRecord) -> tuple[Importance, ...]:
    """Importances of every feature alone by one trial, in the order of the table."""
    return tuple(_put_together(record.importances).values())


def probe_records(records: Mapping[Trial, TrialRecord], model: str) -> tuple[TrialRecord, ...]:
    """Trials of a model beside columns of noise, of the largest size that has any, by repeat."""
    found = sorted(trial for trial in records if trial.probes and trial.model == model)
    largest = max((trial.n_rows for trial in found), default=0)
    return tuple(records[trial] for trial in found if trial.n_rows == largest)


def noise_line(probes: Sequence[TrialRecord], n_compared: int) -> float | None:
    """The importance that none of so many columns of noise exceeds, in 98 of 100 tables.

    Parameters
    ----------
    probes : sequence of TrialRecord
        Trials beside columns of noise, the same columns in each.
    n_compared : int
        Features that are held against the line.

    Notes
    -----
    A column that knows nothing of the target loses nothing on average when it is shuffled on held-out rows, however
    much a model made of it in training: its drops scatter around zero. The line is that scatter, seen on columns that
    look like real ones, times the quantile of Student's t that all of `n_compared` columns together stay below
    (Sidak 1967). Features that count are few, so comparing all errs on the safe side. Models make more of some columns
    of noise than of others, which gives the scatter longer tails: it counts as known from a third of the columns.
    """
    drops: dict[str, list[float]] = {}
    for record in probes:
        for item in record.importances:
            drops.setdefault(item.feature, []).append(item.drop)
    if not drops:
        return None
    from scipy.special import stdtrit

    means = np.array([np.mean(values) for values in drops.values()])
    scatter = math.sqrt(float(np.mean(means**2)))
    return float(stdtrit(max(len(means) / _ALIKE, 2.0), _SURE ** (1 / max(n_compared, 1)))) * scatter


def _records(point: CurvePoint) -> tuple[TrialRecord, ...]:
    return tuple(record for _, record in point.trials)


# A new trial changes one size of one model: what was put together of the others' serves again.
@lru_cache(maxsize=512)
def _alone(records: tuple[TrialRecord, ...]) -> Mapping[Name, Importance]:
    return MappingProxyType(_put_together(item for record in records for item in record.importances))


@lru_cache(maxsize=512)
def _units(records: tuple[TrialRecord, ...], groups: tuple[Name, ...]) -> tuple[Importance, ...]:
    """Groups with their members, and the features that are in none."""
    alone = dict(_alone(records))
    together = _put_together(item for record in records for item in record.groups)
    units = []
    for name in (group for group in groups if group in together):
        members = _largest(alone.pop((feature,)) for feature in name if (feature,) in alone)
        if members:
            whole = together[name]
            units.append(Importance(members[0].feature, whole.drop, whole.low, whole.high, members))
    return _largest([*units, *alone.values()])


def _largest(rows: Iterable[Importance]) -> tuple[Importance, ...]:
    return tuple(sorted(rows, key=lambda row: (-row.drop, row.feature)))


def _put_together(items: Iterable[FeatureImportance | GroupImportance]) -> dict[Name, Importance]:
    seen: dict[Name, list[tuple[float, float]]] = {}
    for item in items:
        name = (item.feature,) if isinstance(item, FeatureImportance) else item.features
        seen.setdefault(name, []).append((item.drop, item.drop_se))
    usual = float(np.mean([error**2 for values in seen.values() for _, error in values])) if seen else 0.0
    return {name: _importance(name[0], np.array(values), usual) for name, values in seen.items()}


def _importance(feature: str, values: np.ndarray[tuple[int, int], np.dtype[np.float64]], usual: float) -> Importance:
    """Put the drops of one feature together; each squared error is drawn half way to the usual one.

    Five parts say little of an error: on small holdouts they agree by chance, often exactly, on features that count
    little (Smyth 2004, "Linear models and empirical Bayes methods", draws variances together in the same way).
    """
    from scipy.special import stdtrit

    drops, errors = values[:, 0], np.sqrt((values[:, 1] ** 2 + usual) / 2)
    repeats = len(drops)
    over_repeats = float(np.var(drops, ddof=1)) / repeats if repeats > 1 else 0.0
    se = math.sqrt(over_repeats + float(np.mean(errors**2)))
    reach = float(stdtrit(_CHUNK_DF + repeats - 1, (1 + LEVEL) / 2)) * se
    drop = float(np.mean(drops))
    return Importance(feature, drop, drop - reach, drop + reach)


def _ranks(points: Sequence[CurvePoint], groups: tuple[Name, ...]) -> Ranks | None:
    if len(points) < 2:
        return None
    orders = [_order(_records(point), groups) for point in points]
    units = _units(_records(points[-1]), groups)
    last = units[:_MOST_RANKED]
    places = tuple(tuple(_place(order, _name(unit)) for order in orders) for unit in last)
    top, since = _steady(orders, sum(unit.low > 0 for unit in units))
    fractions = tuple(point.fraction for point in points)
    return Ranks(fractions, tuple(unit.label for unit in last), places, top, fractions[since])


@lru_cache(maxsize=512)
def _order(records: tuple[TrialRecord, ...], groups: tuple[Name, ...]) -> tuple[Name, ...]:
    return tuple(_name(unit) for unit in _units(records, groups))


def _name(unit: Importance) -> Name:
    """What a unit is known by at every size: its features in the order of the alphabet."""
    return tuple(sorted(member.feature for member in unit.members)) or (unit.feature,)


def _place(order: Sequence[Name], name: Name) -> int:
    return 1 + order.index(name) if name in order else len(order) + 1


def _steady(orders: Sequence[Sequence[Name]], n_sure: int) -> tuple[int, int]:
    """How many first ones, as many as can be, are the same at the last two sizes or more, and since which size.

    Only features that are credibly worth something can be first: the order of the others means nothing.
    """
    most = min(n_sure, max(len(orders[-1]) - 1, 1))
    for top in (top for top in _TOPS if top <= most):
        first = set(orders[-1][:top])
        since = len(orders) - 1
        while since > 0 and set(orders[since - 1][:top]) == first:
            since -= 1
        if since < len(orders) - 1:
            return top, since
    return 0, len(orders) - 1
