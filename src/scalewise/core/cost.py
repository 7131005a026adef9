"""What a fit costs: seconds and bytes against training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.core.results import TrialRecord
from scalewise.core.spec import Trial

__all__ = ["CostCurve", "Expectation", "cost_curve", "memory_curve", "tuning_fits"]

_EXPONENTS = np.round(np.arange(0.3, 2.51, 0.05), 2)
_FEWEST_SIZES = 4
_PRIOR = 0.003
"""How much an exponent far from 1 must be earned; few noisy sizes would else be continued into hours."""

_FIRST_GUESS_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class CostCurve:
    """Cost = fixed + rate * n_rows ** exponent, fitted to measured trials.

    Parameters
    ----------
    fixed, rate, exponent : float
    largest_n_rows : int
        The largest size it was fitted on.
    """

    fixed: float
    rate: float
    exponent: float
    largest_n_rows: int

    def predict(self, n_rows: ArrayLike) -> NDArray[np.float64]:
        """Cost at `n_rows`, in the unit it was fitted in."""
        n = np.asarray(n_rows, dtype=float)
        return np.asarray(self.fixed + self.rate * n**self.exponent)

    def growth(self, n_rows: int) -> float:
        """The power of the rows that cost grows as, on the way from the largest measured size to `n_rows`.

        At the largest measured size itself where `n_rows` is no larger.
        """
        from_rows = float(self.largest_n_rows)
        ends = np.array([from_rows, max(float(n_rows), 1.01 * from_rows)])
        costs = self.predict(ends)
        return float(np.diff(np.log(costs))[0] / np.diff(np.log(ends))[0]) if costs[0] > 0 else 0.0


def cost_curve(
    n_rows: Sequence[int], costs: Sequence[float], *, exponents: NDArray[np.float64] = _EXPONENTS
) -> CostCurve | None:
    """Fit a fixed cost plus a power of the rows, by least squares of the relative error.

    Parameters
    ----------
    n_rows : sequence of int of shape (n_points,)
    costs : sequence of float of shape (n_points,)
        Seconds or bytes; points that are not positive are passed over.
    exponents : ndarray of shape (n_exponents,)
        Those to choose from.

    Returns
    -------
    CostCurve or None
        None with fewer than four usable sizes.

    Notes
    -----
    For every exponent on a grid the two non-negative coefficients have a closed form; the best exponent wins.
    Larger sizes weigh more: they are nearer to what is asked.
    """
    n, cost = np.asarray(n_rows, dtype=float), np.asarray(costs, dtype=float)
    usable = (cost > 0) & (n > 0)
    n, cost = n[usable], cost[usable]
    if len(set(n.tolist())) < _FEWEST_SIZES:
        return None
    weights = np.sqrt(n / n.max())
    powers = n[None, :] ** exponents[:, None]
    fixed, rate = _nonnegative_pairs(powers / cost, 1 / cost, weights)
    errors = (weights * ((fixed[:, None] + rate[:, None] * powers) / cost - 1) ** 2).sum(axis=1)
    far = (exponents - 1) ** 2
    errors = errors * (1 + far) + _PRIOR * far
    best = int(np.argmin(errors))
    return CostCurve(float(fixed[best]), float(rate[best]), float(exponents[best]), int(n.max()))


def memory_curve(n_rows: Sequence[int], n_bytes: Sequence[float]) -> CostCurve | None:
    """Fit a fixed part plus one in proportion to the rows: samples, their copies and trees all grow so.

    A freer curve would take the pages of a few small fits for a law, and one machine for too small.

    Parameters
    ----------
    n_rows : sequence of int of shape (n_points,)
    n_bytes : sequence of float of shape (n_points,)
        Points that are not positive are passed over.

    Returns
    -------
    CostCurve or None
        None with fewer than four usable sizes.
    """
    return cost_curve(n_rows, n_bytes, exponents=np.ones(1))


def _nonnegative_pairs(
    a: NDArray[np.float64], b: NDArray[np.float64], w: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least squares of fixed * b + rate * a = 1 for each row of `a`, both coefficients at least 0."""
    aa, bb, ab = (w * a * a).sum(1), (w * b * b).sum(), (w * a * b).sum(1)
    a1, b1 = (w * a).sum(1), (w * b).sum()
    det = aa * bb - ab**2
    # Parallel columns cannot be told apart: take the growing part alone.
    parallel = det <= 1e-12 * aa * bb
    det = np.where(parallel, 1.0, det)
    rate, fixed = (a1 * bb - b1 * ab) / det, (b1 * aa - a1 * ab) / det
    no_fixed, no_rate = (fixed < 0) | parallel, rate < 0
    rate = np.where(no_fixed, a1 / aa, np.where(no_rate, 0.0, rate))
    fixed = np.where(no_rate, b1 / bb, np.where(no_fixed, 0.0, fixed))
    return fixed, rate


_Kind = tuple[str, int, int, int]
"""A model, on the best so many features, beside so many columns of noise, with the best of so many settings."""


def _kind(trial: Trial) -> _Kind:
    return trial.model, trial.keep, trial.probes, trial.settings


def tuning_fits(n_settings: int) -> float:
    """How many fits of a whole sample it takes to try settings, beside the recipe's own, and to fit with the best.

    Each is tried on three quarters of the rows.
    """
    return 1.0 + 0.75 * (n_settings + 1) if n_settings else 1.0


class Expectation:
    """How long trials will take, in proportion to the nearest measured size of their model.

    A rough guess that needs one finished trial, for ordering and for the time left; `cost_curve` is the careful one.

    Parameters
    ----------
    records : mapping of Trial to TrialRecord
    """

    def __init__(self, records: Mapping[Trial, TrialRecord] | None = None) -> None:
        self._sizes: dict[_Kind, dict[int, TrialRecord]] = {}
        self._seconds: dict[tuple[_Kind, int], float] = {}
        for trial, record in (records or {}).items():
            self._sizes.setdefault(_kind(trial), {})[trial.n_rows] = record

    def including(self, trial: Trial, record: TrialRecord) -> Expectation:
        """What to expect with one more record; this one stays as it is."""
        more = Expectation()
        kind = _kind(trial)
        more._sizes = {**self._sizes, kind: {**self._sizes.get(kind, {}), trial.n_rows: record}}
        return more

    def seconds(self, trial: Trial) -> float:
        """Seconds of fitting and scoring that `trial` will take on one worker."""
        alike = _kind(trial), trial.n_rows
        if alike not in self._seconds:
            self._seconds[alike] = self._guess(trial)
        return self._seconds[alike]

    def _guess(self, trial: Trial) -> float:
        own = self._sizes.get(_kind(trial))
        sizes = own or self._sizes.get(_kind(trial.plain()))
        fits = 1.0 if own else tuning_fits(trial.settings)
        if not sizes:
            return fits * _FIRST_GUESS_SECONDS * (1 + trial.n_rows / 10_000)
        nearest = min(sizes, key=lambda n: max(n, trial.n_rows) / min(n, trial.n_rows))
        record = sizes[nearest]
        fitting = record.fit_seconds + record.search_seconds
        return record.score_seconds + fits * fitting * max(trial.n_rows / nearest, 0.1)
