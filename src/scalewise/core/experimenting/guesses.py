"""What is guessed of a model's score on many rows, and what another trial would add to it.

Each guess is held as a normal distribution. A trial narrows it by an amount that can be told beforehand (a larger size
shortens the way ahead, a repeat takes off noise), and what a decision is expected to improve by such a narrowing has a
closed form: the knowledge gradient.

References
----------
Frazier, P. I., Powell, W. B. and Dayanik, S. (2008), "A knowledge-gradient policy for sequential information
collection", SIAM Journal on Control and Optimization 47(5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalewise.core.cost import Expectation
from scalewise.core.curves import training_noise
from scalewise.core.deciding.contest import normal_above, wins_by
from scalewise.core.prospects import ModelSummary
from scalewise.core.spec import Trial

__all__ = ["JUMP", "Guess", "gain_probability", "guess_score", "worths"]

JUMP = 4.0
"""A next size is no more than so many times the largest one."""
_CAUTION = 1.3
"""Guesses are taken to be so many times as wide as they say: their tails are heavier than a normal distribution's."""
_Z = 1.645
"""Standard deviations from the middle of a 90 % interval to its end."""
_LEAST_NARROWED = 0.05
"""Part of a guess's variance that a larger size takes off at the least."""
_SECOND_LOOK = 0.25
"""Part of a guess's variance that a second look at the same size is taken to take off."""
_NOTHING = 1e-3
"""Part of the margin: a trial that is expected to improve the decisions by less is not worth any time."""
_LEAST_SECONDS = 0.02
"""What a trial costs at the least, whatever its fit takes."""


@dataclass(frozen=True, slots=True)
class Guess:
    """The score of a model at `target` rows.

    `noise` is the part of its variance that repeats at the largest size take off.
    """

    summary: ModelSummary
    target: int
    mean: float
    variance: float
    noise: float

    @property
    def name(self) -> str:
        """The model's name."""
        return self.summary.curve.model.name

    @property
    def label(self) -> str:
        """What people call it."""
        return self.summary.curve.model.label

    def probability_above(self, other: Guess, lead: float) -> float:
        """Probability of being at least `lead` better than another, which is ahead now where `lead` is positive."""
        mean, sd = self._over(other)
        return wins_by(mean, sd, lead) if lead >= 0 else normal_above(mean, sd, lead)

    def probability_ahead(self, other: Guess, lead: float) -> float:
        """The same of a model that was ahead where both were measured."""
        return normal_above(*self._over(other), lead)

    def _over(self, other: Guess) -> tuple[float, float]:
        return self.mean - other.mean, math.sqrt(self.variance + other.variance)


def guess_score(model: ModelSummary, target: int) -> Guess:
    """Guess the score of a model with a forecast at `target` rows."""
    last, ahead = model.curve.last, model.continuation
    assert ahead is not None
    at = [math.log(n) for n in (last.n_rows, *ahead.n_rows)]
    mean = float(np.interp(math.log(target), at, (last.score, *ahead.mean)))
    low = float(np.interp(math.log(target), at, (last.low, *ahead.low)))
    high = float(np.interp(math.log(target), at, (last.high, *ahead.high)))
    variance = (max(high - low, 1e-9) / (2 * _Z)) ** 2
    # The end of the grid stands for what lies beyond it; that of a refused or an uneven curve is a vague one.
    beyond = max(1.0, (math.log(target) - at[0]) / max(at[-1] - at[0], 1e-9))
    variance *= (_CAUTION * beyond * (2.0 if ahead.refusal or model.is_uneven else 1.0)) ** 2
    noise = training_noise(model.curve, last.n_rows) / last.repeats
    return Guess(model, target, mean, max(variance, noise), noise)


def gain_probability(guess: Guess, n_rows: int, least: float) -> float:
    """Probability that a model gains at least `least` from a size not measured yet to the one looked ahead to."""
    outlook, ahead, last = guess.summary.outlook, guess.summary.continuation, guess.summary.curve.last
    if outlook is None or ahead is None or outlook.refusal or n_rows >= outlook.n_rows:
        return 0.0
    at = [math.log(n) for n in (last.n_rows, *ahead.n_rows)]
    there = float(np.interp(math.log(n_rows), at, (last.score, *ahead.mean)))
    way = math.log(outlook.n_rows / n_rows) / math.log(outlook.n_rows / last.n_rows)
    return normal_above(guess.mean - there, math.sqrt(way * guess.variance), least)


def worths(
    best: Guess, rivals: Sequence[Guess], left: Sequence[Trial], *, least: float, expected: Expectation
) -> dict[Trial, float]:
    """Work out what candidates are worth: the expected improvement of the decisions for each predicted second.

    Parameters
    ----------
    best : Guess
    rivals : sequence of Guess
        Models that may still win.
    left : sequence of Trial
        Open trials, in order.
    least : float
        The least gain that counts.
    expected : Expectation
        How long trials take.
    """
    found: dict[Trial, float] = {}
    lead = min((best.mean + least - r.mean for r in rivals), default=math.inf)
    for guess in (best, *rivals):
        # A rival changes the answer where it gets ahead by the margin; the best where it falls back by as much.
        gap = lead if guess is best else best.mean + least - guess.mean
        for trial in _candidates(guess, left):
            improvement = _improvement(gap, _narrowed(guess, trial, guess.variance, guess.target))
            if guess is best:
                improvement += _gain_improvement(guess, trial, least)
            if improvement >= _NOTHING * least:
                found[trial] = improvement / max(_seconds(guess.summary, trial, expected), _LEAST_SECONDS)
    return found


def _gain_improvement(guess: Guess, trial: Trial, least: float) -> float:
    """What a trial is worth for deciding whether more data brings at least the margin."""
    outlook = guess.summary.outlook
    if outlook is None:
        return 0.0
    variance = max((_CAUTION * outlook.sd) ** 2, guess.noise)
    return _improvement(outlook.gain - least, _narrowed(guess, trial, variance, outlook.n_rows))


def _candidates(guess: Guess, left: Sequence[Trial]) -> list[Trial]:
    """Trials of a model that can tell something new: the next look at its largest size, and first looks beyond."""
    last = guess.summary.curve.last.n_rows
    own = [t for t in left if t.model == guess.name and last <= t.n_rows <= JUMP * last]
    return list({t.n_rows: t for t in reversed(own)}.values())


def _narrowed(guess: Guess, trial: Trial, variance: float, target: int) -> float:
    """By how much (a variance) a trial is expected to narrow what is known of a model at `target` rows."""
    curve = guess.summary.curve
    last = curve.last
    if trial.n_rows == last.n_rows:
        by_repeat = guess.noise / (last.repeats + 1)
        # One look does not tell its noise.
        return by_repeat if last.repeats > 1 else max(by_repeat, _SECOND_LOOK * variance)
    way = math.log(max(target / last.n_rows, 1.0))
    shorter = math.log(max(target / trial.n_rows, 1.0)) / way if way else 1.0
    after = max(variance - guess.noise, 0.0) * shorter**2 + training_noise(curve, trial.n_rows)
    return max(variance - after, _LEAST_NARROWED * variance)


def _seconds(model: ModelSummary, trial: Trial, expected: Expectation) -> float:
    rough = expected.seconds(trial)
    return max(rough, float(model.fit_time.predict(trial.n_rows))) if model.fit_time else rough


def _improvement(gap: float, narrowed: float) -> float:
    """Knowledge gradient: what a decision at a distance of `gap` improves when a guess is narrowed by a variance."""
    if narrowed <= 0 or not math.isfinite(gap):
        return 0.0
    spread = math.sqrt(narrowed)
    z = -abs(gap) / spread
    return spread * (z * normal_above(z, 1.0, 0.0) + math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))
