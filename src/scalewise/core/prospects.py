"""What is known of one model: where it stands, what more rows would bring, and what they would cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from scalewise.core.cost import CostCurve
from scalewise.core.curves import Curve
from scalewise.core.forecasting.backtest import BackTest
from scalewise.core.forecasting.reservations import FARTHEST, ROUNDING
from scalewise.core.importance import ImportanceTable
from scalewise.core.memory import WorkerMemory

Floats = NDArray[np.float64]

__all__ = ["FEWEST_SIZES", "REACH_SDS", "Continuation", "ModelSummary", "Outlook", "farthest", "is_in_reach"]

FEWEST_SIZES = 4
"""Sizes that a model is measured on before its curve is continued; each begins with as many."""
REACH_SDS = 1.6449
"""Standard deviations from the middle of a normal distribution to either end of its 90 % interval."""


def is_in_reach(n_rows: int, target: int) -> bool:
    """Whether a forecast from `n_rows` may be trusted as far as `target` rows."""
    return target <= ROUNDING * FARTHEST * n_rows


def farthest(n_rows: int, full: int) -> int:
    """Rows that a forecast from `n_rows` may look ahead to, of a table of `full` rows."""
    return full if is_in_reach(n_rows, full) else FARTHEST * n_rows


def _sd(low: float, high: float) -> float:
    """Standard deviation of what has this 90 % interval, taking it for normal."""
    return max(high - low, 0.0) / (2 * REACH_SDS)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What going from the largest measured size of a model to `n_rows` is expected to bring.

    Parameters
    ----------
    n_rows : int
    gain, low, high : float
        Expected gain in score and its 90 % interval; of true means, see `scalewise.core.extrapolation.Forecast`.
    p_gain : float
        Probability of gaining at least the person's margin.
    fit_seconds : float or None
        Predicted time of one fit there.
    refusal : str or None
        Why no forecast should be acted on, in words.
    """

    n_rows: int
    gain: float
    low: float
    high: float
    p_gain: float
    fit_seconds: float | None
    refusal: str | None

    @property
    def sd(self) -> float:
        """Standard deviation of the gain, taking it for normal."""
        return _sd(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Continuation:
    """A curve continued beyond its last point, for drawing.

    Parameters
    ----------
    n_rows : tuple of int
    mean, low, high : tuple of float
        Expected score and its 90 % interval at each size.
    gain, gain_low, gain_high : tuple of float
        Expected gain over the last point and its 90 % interval at each size.
    p_gain : tuple of float
        Probability of gaining at least the margin by then.
    refusal : str or None
        Why it should not be acted on, in words.
    flags : tuple of str
    """

    n_rows: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    gain: tuple[float, ...]
    gain_low: tuple[float, ...]
    gain_high: tuple[float, ...]
    p_gain: tuple[float, ...]
    refusal: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """All about one model.

    Parameters
    ----------
    curve : Curve
    continuation : Continuation or None
        None with fewer than four sizes.
    outlook : Outlook or None
        What the rows that the decision looks ahead to would bring: all of the table, or 20 times the largest sample
        where that is less, or twice as many as the table has where all are used already.
    fit_time : CostCurve or None
        Seconds of one fit; None with fewer than four sizes.
    importances : ImportanceTable or None
    doubling : Outlook or None
        What twice as many rows as the largest sample would bring; None with a single size.
    memory : WorkerMemory or None
        Of a whole worker. None only where a summary is made by hand.
    noise : float
        Variance of one trial's score over samples of the largest size.
    back_test : BackTest or None
        How the same forecast, made from the earlier sizes, did; None while too few sizes are measured.
    """

    curve: Curve
    continuation: Continuation | None
    outlook: Outlook | None
    fit_time: CostCurve | None
    importances: ImportanceTable | None
    doubling: Outlook | None = None
    memory: WorkerMemory | None = None
    noise: float = 0.0
    back_test: BackTest | None = None

    @property
    def label(self) -> str:
        """What people call the model."""
        return self.curve.model.label

    @property
    def is_uneven(self) -> bool:
        """Whether the curve strays from its own trend too far for its forecast to end a study or drop a model by."""
        return self.continuation is not None and "uneven" in self.continuation.flags

    def at(self, n_rows: int) -> Outlook | None:
        """What going to `n_rows` would bring; None without a forecast that reaches so far, or may be acted on.

        None too where the model is not fitted on so many rows.
        """
        if self.curve.model.max_rows is not None and n_rows > self.curve.model.max_rows:
            return None
        for known in (self.outlook, self.doubling):
            if known and known.n_rows == n_rows:
                return None if known.refusal else known
        ahead, last = self.continuation, self.curve.last
        if ahead is None or ahead.refusal or not last.n_rows <= n_rows <= ahead.n_rows[-1]:
            return None
        grid = np.log([last.n_rows, *ahead.n_rows])
        columns = (ahead.gain, ahead.gain_low, ahead.gain_high, ahead.p_gain)
        gain, low, high, p_gain = (float(np.interp(math.log(n_rows), grid, (0.0, *column))) for column in columns)
        return Outlook(n_rows, gain, low, high, p_gain, self.seconds(n_rows), None)

    def score_at(self, n_rows: int) -> tuple[float, float] | None:
        """Score expected at `n_rows` and the standard deviation of that, taking it for normal; None as for `at`."""
        known = self.at(n_rows)
        if known is None:
            return None
        if self.continuation is None:
            last = self.curve.last
            return last.score + known.gain, math.sqrt(known.sd**2 + self.noise / last.repeats)
        mean, low, high = (float(part[0]) for part in self.path(self.continuation, [n_rows]))
        return mean, _sd(low, high)

    def path(self, ahead: Continuation, n_rows: Sequence[float]) -> tuple[Floats, Floats, Floats]:
        """Expected scores and their 90 % intervals along a continuation, each of shape (n_sizes,)."""
        last = self.curve.last
        # No distance, no gain: what is left is the noise of samples. That of the holdout is shared by both sizes.
        reach = REACH_SDS * math.sqrt(self.noise / last.repeats)
        low, high = (self.curve.span.clip(last.score + part) for part in (-reach, reach))
        grid, sizes = np.log([last.n_rows, *ahead.n_rows]), np.log(n_rows)
        columns = ((last.score, *ahead.mean), (low, *ahead.low), (high, *ahead.high))
        mean, below, above = (np.interp(sizes, grid, column) for column in columns)
        return mean, below, above

    def seconds(self, n_rows: int) -> float:
        """Predicted seconds of fitting and scoring `n_rows` once, on one worker."""
        last = self.curve.last
        rough = last.fit_seconds * n_rows / last.n_rows
        fit = float(self.fit_time.predict(n_rows)) if self.fit_time else rough
        return fit + median(record.score_seconds for _, record in last.trials)

    def worker_bytes(self, n_rows: int) -> int:
        """Predicted memory of the whole worker while it fits `n_rows`."""
        return self.memory.predict(n_rows) if self.memory else self.curve.last.peak_bytes
