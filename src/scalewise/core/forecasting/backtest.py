"""The forecast held to account: made again from the earlier sizes alone, and compared with what came after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.core.extrapolation import Forecast, forecast
from scalewise.core.forecasting.company import Given
from scalewise.core.forecasting.curve_points import CurvePoints, curve_points
from scalewise.core.wording import percent_text, rows_text, score_text

__all__ = ["BackTest", "backtest"]

# Four times the rows is as far as a forecast is given without reservation; nearer where the curve is short.
_TIMES = (4.0, 2.0)
# Sizes are rounded, so that a quarter of the rows may be a little more than that.
_ROUNDING = 1.02
_FEWEST_SIZES = 4
# Half the width of a 90 % interval in standard errors.
_NINETY = 1.645


@dataclass(frozen=True, slots=True)
class BackTest:
    """A forecast from the earlier sizes of a curve beside the score that was measured later.

    Attributes
    ----------
    seen_rows : int
        Largest size that the forecast was made from.
    n_rows : int
        Size that it was made for: the largest measured one.
    mean, low, high : float
        Forecast score and its 90 % interval, in the metric's units.
    measured, noise : float
        Mean score there, and its standard error: zero where nothing was repeated.
    p_gain : float
        The probability that it gave to gaining at least the margin.
    gained : bool
        Whether the measured curve gained that much.
    is_vague : bool
        Whether the interval is wider than all that the curve has risen from its first size on, and than the margin up
        and down: then it says little, and to lie in it is no merit. A curve that swings has not risen by it.
    """

    seen_rows: int
    n_rows: int
    mean: float
    low: float
    high: float
    measured: float
    noise: float
    p_gain: float
    gained: bool
    is_vague: bool = False

    @property
    def held(self) -> bool:
        """Whether the score lies in the interval, its own noise allowed for."""
        return self.low - _NINETY * self.noise <= self.measured <= self.high + _NINETY * self.noise

    def sentence(self, table_rows: int) -> str:
        """Say in words how the forecast did.

        Parameters
        ----------
        table_rows : int
            Rows of the whole table, of which sizes are shown as parts.

        Returns
        -------
        str
            One sentence for people.
        """
        seen, asked = percent_text(self.seen_rows / table_rows), percent_text(self.n_rows / table_rows)
        start = f"The same forecast, made at {seen} of the rows ({rows_text(self.seen_rows)}) for {asked} of them,"
        wide = ", wider than all that the curve has risen," if self.is_vague and self.held else ""
        told = f"expected {score_text(self.low)} to {score_text(self.high)}{wide} and {self._came()} came"
        within = self.low <= self.measured <= self.high
        how = "held" if within else "held within the noise of that score" if self.held else "did not hold"
        little = " but says little" if wide else ""
        return f"{start} {how}{little}: it {told}."

    def _came(self) -> str:
        """The measured score; where rounding puts one outside of the interval on its end, so much is said."""
        came = score_text(self.measured)
        if self.measured > self.high and came == score_text(self.high):
            return f"just over {came}"
        return f"just under {came}" if self.measured < self.low and came == score_text(self.low) else came


def backtest(
    n_rows: ArrayLike,
    test_scores: ArrayLike,
    train_scores: ArrayLike | None = None,
    *,
    min_gain: float = 0.005,
    max_score: float | None = None,
    min_score: float | None = None,
    learner: str | None = None,
    companions: Sequence[Given] = (),
) -> BackTest | None:
    """Forecast the largest measured size from those of at most a quarter, or else half, of its rows.

    Parameters
    ----------
    n_rows, test_scores, train_scores, min_gain, max_score, min_score, learner, companions
        As for `scalewise.core.extrapolation.forecast`.

    Returns
    -------
    BackTest or None
        None where fewer than four sizes would be left to forecast from.

    Raises
    ------
    InputError
        If the points cannot be read as a learning curve, or an option is not a usable number.

    Examples
    --------
    >>> done = backtest([125, 250, 500, 1000, 2000], [0.60, 0.70, 0.75, 0.78, 0.80], max_score=1.0)
    >>> (done.seen_rows, done.n_rows, done.held)
    (1000, 2000, True)
    """
    points = curve_points(n_rows, test_scores, train_scores)
    seen = _seen(points)
    if seen is None:
        return None
    train = points.train[seen] if np.isfinite(points.train[seen]).any() else None
    made = forecast(
        points.n[seen],
        points.scores[seen],
        train,
        targets=points.n[-1:],
        min_gain=min_gain,
        max_score=max_score,
        min_score=min_score,
        learner=learner,
        companions=companions,
    )
    return _compared(points, seen, made, min_gain)


def _seen(points: CurvePoints) -> NDArray[np.bool_] | None:
    """Return which sizes to forecast from: far from the largest one if enough are left, else nearer."""
    for times in _TIMES:
        seen: NDArray[np.bool_] = points.n * times <= points.n[-1] * _ROUNDING
        if seen.sum() >= _FEWEST_SIZES:
            return seen
    return None


def _compared(points: CurvePoints, seen: NDArray[np.bool_], made: Forecast, min_gain: float) -> BackTest:
    """Put a forecast from the sizes seen beside the score measured at the largest one."""
    measured, before = float(points.score[-1]), float(points.score[seen][-1])
    low, high = float(made.low[0]), float(made.high[0])
    return BackTest(
        seen_rows=int(points.n[seen][-1]),
        n_rows=int(points.n[-1]),
        mean=float(made.mean[0]),
        low=low,
        high=high,
        measured=measured,
        noise=float(np.nan_to_num(points.spread[-1])),
        p_gain=float(made.p_gain[0]),
        gained=measured - before >= min_gain,
        is_vague=high - low > max(float(points.score.max() - points.score[0]), 2 * min_gain),
    )
