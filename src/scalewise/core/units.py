"""Does the answer change with the sampling unit? Which trials tell that, what they say, and the words for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scalewise.core.cost import Expectation
from scalewise.core.curves import Curve, CurvePoint, Gain, curve_of, curves, paired_gain
from scalewise.core.prospects import REACH_SDS
from scalewise.core.results import UnitResult
from scalewise.core.sizes import study_sizes
from scalewise.core.spec import ROWS, DataSpec, ModelSpec, SamplingUnit, StudySpec, Trial
from scalewise.core.study import StudyState
from scalewise.core.unit_words import if_other, unit_text
from scalewise.core.wording import gain_text, percent_text, rows_text, score_text
from scalewise.errors import InputError

__all__ = [
    "UnitComparison",
    "UnitPoint",
    "cheap_check",
    "check_trials",
    "compare_units",
    "proposed_units",
]

_MOST_ROWS = 60_000
_STEP = 0.4
"""The smaller of the two sizes is at most this part of the larger one."""
_SAME_SIZE = 1.15
_REPEATS_CHEAP, _REPEATS, _CHEAP_ROWS = 3, 2, 10_000
_DEAR_SECONDS = 20.0
_LARGE_ROWS = 2_000_000
"""Drawing by another unit takes a look at every row, and memory for it: in larger tables that is not free."""
_FREE_SECONDS, _FREE_SHARE = 3.0, 0.05
_SURE, _SURE_SDS = 0.8, 0.8416
"""A probability, and the standard deviations from the middle of a normal distribution that it takes."""
_SMALL_PART = 0.5
"""A check on less than this part of the rows does not tell that the table has too few of them."""
_FAR_MARGINS = 10
"""A score that is lower by so many margins is far worse; an interval that reaches as far cannot judge."""


@dataclass(frozen=True, slots=True)
class UnitPoint:
    """Scores of one size by the study's own unit and by another one, with their 90 % intervals.

    Parameters
    ----------
    fraction : float
        Of the training rows.
    own, other : CurvePoint
    """

    fraction: float
    own: CurvePoint
    other: CurvePoint


@dataclass(frozen=True, slots=True)
class UnitComparison:
    """What a check of another sampling unit says.

    Parameters
    ----------
    unit : SamplingUnit
        The other one.
    model : str
        Label of the model that was fitted.
    points : tuple of UnitPoint
        By size.
    own_gain, other_gain : Gain or None
        From the first of these sizes to the last, by each unit.
    changes : bool
        Whether the answer depends on the unit: the scores differ by more than chance and the margin, or one curve
        still rises where the other does not.
    warns : bool
        Whether the score by the other unit is probably lower by more than the margin, or was far lower, but that cannot
        be told from chance.
    sentence : str
    """

    unit: SamplingUnit
    model: str
    points: tuple[UnitPoint, ...]
    own_gain: Gain | None
    other_gain: Gain | None
    changes: bool
    warns: bool
    sentence: str


def proposed_units(state: StudyState) -> tuple[SamplingUnit, ...]:
    """Units to check: the likeliest groups and time where rows are drawn, single rows where anything else is."""
    if state.data is None:
        return ()
    if state.data.unit != ROWS:
        return (ROWS,)
    groups = [SamplingUnit("group", found.column) for found in state.group_candidates[:1]]
    times = [SamplingUnit("time", found.column) for found in state.time_candidates[:1]]
    return (*groups, *times)


def check_trials(state: StudyState, other: DataSpec) -> tuple[ModelSpec, tuple[Trial, ...]]:
    """Choose a strong model that is quick, two of its finished sizes, and a few repeats of each.

    Parameters
    ----------
    state : StudyState
    other : DataSpec
        The table by the other unit.

    Returns
    -------
    model : ModelSpec
    trials : tuple of Trial
        Of the other study; its own sizes where they nearly are those finished here, so that they need not be fitted
        again when that study is run.

    Raises
    ------
    InputError
        If no model has two sizes that can be compared.
    """
    least, most = other.smallest_n_rows, min(_MOST_ROWS, other.n_train_rows)
    found = [(curve, sizes) for curve in curves(state) if (sizes := _two_sizes(curve, least, most))]
    if not found:
        raise InputError(
            "Two finished sizes, one at least 2.5 times the other, are needed to compare sampling units"
            f"{f' (of at least {least:,} rows here)' if least > 50 else ''}. Let the study run on first."
        )
    curve, sizes = max(found, key=lambda item: _strength(*item))
    planned = study_sizes(other, 1.0)
    drawn = [min(planned, key=lambda n: _ratio(n, size), default=size) for size in sizes]
    drawn = [n if _ratio(n, size) <= _SAME_SIZE else size for n, size in zip(drawn, sizes, strict=True)]
    return curve.model, tuple(Trial(curve.model.name, n, r) for n in drawn for r in range(_repeats(other, n)))


def _two_sizes(curve: Curve, least: int, most: int) -> tuple[int, int] | None:
    """The largest finished size in a range, and the largest that is far enough below it."""
    if curve.model.rung == 0:
        return None
    done = [p.n_rows for p in curve.points if least <= p.n_rows <= most and p.fit_seconds <= _DEAR_SECONDS]
    below = [n for n in done if n <= _STEP * done[-1]]
    return (below[-1], done[-1]) if below else None


def _strength(curve: Curve, sizes: tuple[int, int]) -> tuple[int, float]:
    """Larger sizes first, then the better score."""
    point = curve.at(sizes[1])
    return sizes[1], point.score if point else -math.inf


def _ratio(n: int, m: int) -> float:
    return max(n, m) / min(n, m)


def _repeats(data: DataSpec, n_rows: int) -> int:
    if data.unit.is_one_sample:
        return 1
    return _REPEATS_CHEAP if n_rows <= _CHEAP_ROWS else _REPEATS


def cheap_check(state: StudyState) -> SamplingUnit | None:
    """The next unit to check without being asked: one that is proposed, and costs next to nothing."""
    checked = {check.unit for check in state.unit_checks}
    if state.data is None or state.data.unit != ROWS or any(check.phase == "running" for check in state.unit_checks):
        return None
    if state.data.n_train_rows > _LARGE_ROWS:
        return None
    waiting = [unit for unit in proposed_units(state) if unit not in checked]
    return waiting[0] if waiting and _costs_little(state) else None


def _costs_little(state: StudyState) -> bool:
    assert state.data is not None
    try:
        _, trials = check_trials(state, state.data)
    except InputError:
        return False
    expected = Expectation(state.records)
    spent = sum(record.fit_seconds + record.score_seconds for record in state.records.values())
    return sum(expected.seconds(trial) for trial in trials) <= max(_FREE_SECONDS, _FREE_SHARE * spent)


def compare_units(state: StudyState) -> tuple[UnitComparison, ...]:
    """What the finished checks of a state say, in the order in which they were asked for."""
    results = [check.result for check in state.unit_checks if check.result is not None]
    return tuple(found for result in results if (found := _comparison(state, result)) is not None)


def _comparison(state: StudyState, result: UnitResult) -> UnitComparison | None:
    if state.study is None or state.plan is None:
        return None
    own = next((curve for curve in curves(state) if curve.model.name == result.model.name), None)
    other = _curve(state.study, result)
    points = _points(own, other) if own else ()
    if own is None or not points:
        return None
    first, last = points[0], points[-1]
    gains = [
        paired_gain(curve, a.n_rows, b.n_rows) if a.n_rows < b.n_rows else None
        for curve, a, b in ((own, first.own, last.own), (other, first.other, last.other))
    ]
    case = _Case(state.study, result.data.unit, result.model.label, last, gains[0], gains[1], state.plan.min_gain)
    told = (case.changes, case.warns, case.sentence())
    return UnitComparison(result.data.unit, result.model.label, points, gains[0], gains[1], *told)


def _curve(study: StudySpec, result: UnitResult) -> Curve:
    """The curve of the trials with the other unit, by the rules of every curve."""
    there = StudySpec(result.data, study.metric, study.versions)
    finished = zip(result.trials, result.records, strict=True)
    return curve_of(there, result.model, ((trial, record, "") for trial, record in finished))


def _points(own: Curve, other: Curve) -> tuple[UnitPoint, ...]:
    """Sizes that both curves have, or nearly."""
    pairs = []
    for point in other.points:
        near = min(own.points, key=lambda p: _ratio(p.n_rows, point.n_rows))
        if _ratio(near.n_rows, point.n_rows) <= _SAME_SIZE:
            pairs.append(UnitPoint(near.fraction, near, point))
    return tuple(pairs)


@dataclass(frozen=True, slots=True)
class _Case:
    """What the sentence is made of: the larger size, and the step to it by either unit."""

    study: StudySpec
    unit: SamplingUnit
    model: str
    last: UnitPoint
    own_gain: Gain | None
    other_gain: Gain | None
    margin: float

    @property
    def difference(self) -> float:
        return self.last.other.score - self.last.own.score

    @property
    def reach(self) -> float:
        """Half the 90 % interval of the difference; the two holdouts have nothing to do with each other."""
        return math.hypot(*((p.high - p.low) / 2 for p in (self.last.own, self.last.other)))

    @property
    def differs(self) -> bool:
        return abs(self.difference) > max(self.reach, self.margin)

    @property
    def may_differ(self) -> bool:
        return abs(self.difference) > self.margin and not self.differs

    @property
    def warns(self) -> bool:
        """Whether the score by the other unit is probably worse by more than the margin, though that cannot be told.

        One that was far worse is not belittled either, however wide its interval is.
        """
        sure = self.reach * _SURE_SDS / REACH_SDS
        worse = -self.difference - sure > self.margin or -self.difference > _FAR_MARGINS * self.margin
        return self.unit != ROWS and self.may_differ and worse

    @property
    def is_vague(self) -> bool:
        """Whether the interval is so wide that nothing can be said."""
        return self.reach > _FAR_MARGINS * self.margin

    @property
    def changes(self) -> bool:
        rises = {_rises(self.own_gain, self.margin), _rises(self.other_gain, self.margin)}
        return self.differs or rises == {True, False}

    def sentence(self) -> str:
        on = f"{self.model} on {rows_text(self.last.own.n_rows)} rows ({percent_text(self.last.fraction)})"
        where = f"the {self.study.metric.label} of {on}"
        score, own = score_text(self.last.other.score), score_text(self.last.own.score)
        instead = f"{_by(self.unit)} {where} is {score} instead of {own}"
        rises = _RISES[_rises(self.other_gain, self.margin)]
        low, high = gain_text(self.difference - self.reach), gain_text(self.difference + self.reach)
        if self.changes:
            return f"{instead} and {rises}: {self._advice()}."
        if self.warns:
            much = "far worse" if self.reach - self.difference > _FAR_MARGINS * self.margin else "worse"
            worse = f"the score may be {much} {if_other(self.unit)}, and there are too few {self._drawn()} to tell"
            about = f"The verdict is about {unit_text(self.study.data.unit)}, and may not hold then."
            return f"{instead}: {worse} (the difference is {low} to {high}). {about}"
        if self.is_vague:
            return f"{instead}: {self._why_vague()} whether that makes a difference (it is {low} to {high})."
        if self.may_differ:
            return f"{instead}, which may be chance (the difference is {low} to {high}), and {rises}."
        same = f"{_by(self.unit)} {where} is {score}, and {own} {_lower(_by(self.study.data.unit))}"
        return f"{same}: the sampling unit does not change the answer."

    def _why_vague(self) -> str:
        """Why it cannot be told: for want of what is drawn, or as only a small part of many rows was looked at."""
        if self.unit == ROWS and self.last.fraction < _SMALL_PART:
            return "scores on so small a part of the rows are too noisy to tell"
        return f"there are too few {self._drawn()} to tell"

    def _drawn(self) -> str:
        """What there are too few of: by time, rows that happened together are alike."""
        if self.unit.is_time:
            return "stretches of time"
        return "rows" if self.unit == ROWS else "groups"

    def _advice(self) -> str:
        if self.unit == ROWS:
            own = self.study.data.unit
            what, keep = ("time", "time") if own.is_time else ("groups", "whole groups")
            return f"that is for rows of the same {what}; {if_other(own)}, stay with {keep}"
        still = _rises(self.other_gain, self.margin)
        if self.unit.is_time:
            advice = "trust this score" + (" and go further back" if still else "")
        else:
            advice = "collect more groups" if still else "trust this score"
        about = f"The verdict is about {unit_text(self.study.data.unit)}, and does not hold then"
        return f"{if_other(self.unit)}, {advice}. {about}"


_RISES = {True: "still rises", False: "no longer rises", None: "may still rise"}


def _rises(gain: Gain | None, margin: float) -> bool | None:
    """Whether the last step was a gain that counts; None where that cannot be told."""
    if gain is None:
        return None
    chance = gain.probability_above(margin)
    return True if chance >= _SURE else False if chance <= 1 - _SURE else None


def _by(unit: SamplingUnit) -> str:
    return f"By {unit_text(unit)}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
