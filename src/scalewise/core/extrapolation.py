"""Forecasts of a learning curve: how good the score will be with more rows, and how sure that is.

Three layers, each of which stands on the one before. A constrained power law is what can be explained. A few small
nets, trained on a thousand measured curves, read it beside the shape of the curve, in units of the curve itself, and
give quantiles of the score and of the gain; their median, which errs by a fifth less than the power law, is what is
drawn. Where nothing but the curve is known, they are a mixture over the kinds of learners that it looks like.
Conformal factors, by distance and by the gap to the training score, make the intervals hold on tables that the nets
have not seen. Where a curve is unlike all those of the training, the power law with conformal intervals answers
instead and says so.

References
----------
Mohr, F., Viering, T. J., Loog, M. and van Rijn, J. N. (2022), "LCDB 1.0: an extensive learning curves database for
classification tasks", ECML PKDD.
Romano, Y., Patterson, E. and Candès, E. (2019), "Conformalized quantile regression", NeurIPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.core.forecasting.company import ALONE, Company, Given, company, company_features
from scalewise.core.forecasting.curve_points import CurvePoints, curve_points, sizes
from scalewise.core.forecasting.forecast_features import FEATURES, CurveShape, curve_shape, target_features
from scalewise.core.forecasting.kinds import kind_features
from scalewise.core.forecasting.power_law import PowerLaw, fit_power_law, power_law
from scalewise.core.forecasting.quantile_net import QuantileNet, load_quantile_net
from scalewise.core.forecasting.reservations import flags_of, refusal_of, refused_at
from scalewise.errors import InputError

Floats = NDArray[np.float64]
Answer = Literal["yes", "no", "cannot tell"]

# Doublings of the rows at which the fan is computed; between them it is interpolated.
_OCTAVES: Floats = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.7, 5.3])
# A yes or a no from here on settles seven questions in ten, 92 in a hundred of them rightly (bench_forecast.py).
_SURE = 0.74
# A chance that is not to be read as 95 %, or as 5 %, stays so far from it.
_APART = 0.01
# Scores that differ by less than this part of their size differ by rounding alone.
_ROUNDED = 1e-9
# A curve stands still that over so many sizes and octaves moves by less than this part of what is left to the best
# score. Of 12 such among 3,535 cuts of measured curves none moved on by more than a tenth of what it had moved before.
_STILL_SIZES, _STILL_OCTAVES, _STILL = 4, 2.9, 0.005
_LOW, _HIGH = 0.05, 0.95

__all__ = ["Answer", "Forecast", "PowerLaw", "forecast", "power_law"]


@dataclass(frozen=True, eq=False)
class Forecast:
    """What is expected of a curve at some sizes.

    Attributes
    ----------
    n_rows : ndarray of shape (n_targets,)
        The sizes asked for, in rows.
    mean, low, high : ndarray of shape (n_targets,)
        Expected (median) score and its 90 % interval, in the metric's units.
    gain, gain_low, gain_high : ndarray of shape (n_targets,)
        Expected (median) gain from the largest measured size on and its 90 % interval, in the metric's units. It is
        one of true means: what was measured there may by chance lie above or below its own, so that the gain is not
        simply the expected score less the measured one, and is known better.
    p_gain : ndarray of shape (n_targets,)
        Probability that this gain is at least `min_gain`; 0 where that would be more than the best possible score. It
        never lies on the other side of 5 % or 95 % than the interval says.
    method : str
        ``"trained"``, ``"power law"`` (the curve is unlike those of the training) or ``"flat"`` (it shows nothing).
    flags : tuple of str
        Reservations about the farthest target: see `forecast`.
    refusal : str or None
        Why the forecast of the farthest target should not be acted on, in words. The numbers are given all the same,
        for drawing.
    refused : ndarray of bool, shape (n_targets,)
        Whether the forecast of each target should not be acted on: the curve allows none, or this target is too far.
    """

    n_rows: Floats
    mean: Floats
    low: Floats
    high: Floats
    gain: Floats
    gain_low: Floats
    gain_high: Floats
    p_gain: Floats
    method: str
    flags: tuple[str, ...]
    refusal: str | None
    refused: NDArray[np.bool_]

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Whether each target gains enough: yes, no, or, below about 75 % certainty or when refused, cannot tell."""
        return tuple(_answer(float(p), bool(out)) for p, out in zip(self.p_gain, self.refused, strict=True))


def _answer(p_gain: float, refused: bool) -> Answer:
    if refused or 1 - _SURE < p_gain < _SURE:
        return "cannot tell"
    return "yes" if p_gain >= _SURE else "no"


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the nets are shown of a curve."""

    points: CurvePoints
    law: PowerLaw
    shape: CurveShape
    features: Floats

    @property
    def in_company(self) -> bool:
        """Whether anything is known of the curve's surroundings."""
        return bool(np.nan_to_num(self.features[:, len(FEATURES) :]).any())


@dataclass(frozen=True, eq=False)
class _Fan:
    """Quantiles over `_OCTAVES` in units of the curve: of the score, from the last score on, and of the gain.

    Those of the gain come as the nets give them, which tell probabilities best, and as intervals that hold.
    """

    score: Floats
    gain: Floats
    told_gain: Floats
    levels: Floats
    unit: float
    method: str
    in_company: bool


def forecast(
    n_rows: ArrayLike,
    test_scores: ArrayLike,
    train_scores: ArrayLike | None = None,
    *,
    targets: ArrayLike,
    min_gain: float = 0.005,
    max_score: float | None = None,
    min_score: float | None = None,
    learner: str | None = None,
    companions: Sequence[Given] = (),
    most_rows: int | None = None,
) -> Forecast:
    """Continue a learning curve to larger sizes.

    Parameters
    ----------
    n_rows : array-like of int, shape (n_points,)
        Training rows, in any order.
    test_scores : array-like of float, shape (n_points, n_repeats) or (n_points,)
        Test scores, greater is better, NaN or masked where missing.
    train_scores : array-like of float, shape (n_points, n_repeats) or (n_points,), optional
        Training scores of the same fits; they sharpen the forecast.
    targets : array-like of int, shape (n_targets,)
        Sizes to forecast, in rows. At or below the largest measured size the measured curve itself is read.
    min_gain : float
        Least gain that counts, in the metric's units.
    max_score : float, optional
        Best possible score: 1 for accuracy, ROC AUC and R², 0 for a negated loss. Sharpens the forecast.
    min_score : float, optional
        Worst possible score, such as 0 for accuracy and ROC AUC. Intervals end there.
    learner : str, optional
        Kind of learner, one of `scalewise.core.forecasting.company.LEARNERS`. Sharpens the forecast.
    companions : sequence of (n_rows, test_scores) or (n_rows, test_scores, train_scores) or CurvePoints, optional
        Curves of other learners on the same table, in the same metric and best with the same test rows; each as the
        first three parameters. They sharpen the forecast where they reach the largest size of this curve.
    most_rows : int, optional
        The largest size that could be measured: a refusal asks for none beyond it, and repeats near it are known to be
        nearly the same rows.

    Returns
    -------
    Forecast
        Its flags are among ``"indicative"`` (a target beyond 4 times the rows), ``"vague"`` (beyond 10 times, beside
        the former), ``"too far"`` (beyond 20 times, instead of both), ``"few points"``, ``"no repeats"``,
        ``"falling"`` (below its best by more than noise), ``"ill-behaved"`` (so far below it that the forecast is
        refused), ``"swinging"`` (it fell and rose again not long ago), ``"jumped"`` (its last doubling gained far more
        than the one before; each by more than noise), ``"uneven"`` (it strays from its own trend, perhaps by chance:
        no study ends by it), ``"unlike the training"`` and beside it ``"flat"`` (the curve stands still).

    Raises
    ------
    InputError
        If the points cannot be read as a learning curve, or an option is not a usable number.

    Examples
    --------
    >>> found = forecast([500, 1000, 2000, 4000], [0.70, 0.75, 0.78, 0.80], targets=[8000], max_score=1.0)
    >>> bool(found.low[0] <= found.mean[0] <= found.high[0] <= 1.0)
    True
    """
    return forecast_with(
        load_quantile_net(),
        curve_points(n_rows, test_scores, train_scores),
        sizes(targets, "targets"),
        min_gain=min_gain,
        max_score=max_score,
        min_score=min_score,
        around=company(learner, companions),
        most_rows=None if most_rows is None else int(sizes(most_rows, "most_rows")[0]),
    )


def forecast_with(
    net: QuantileNet,
    points: CurvePoints,
    targets: Floats,
    *,
    min_gain: float,
    max_score: float | None,
    min_score: float | None = None,
    around: Company = ALONE,
    fold: int | None = None,
    most_rows: int | None = None,
) -> Forecast:
    """Forecast with a given model, or with its part that never saw a `fold`: see `forecast` and `QuantileNet`."""
    _check_options(points, min_gain, max_score, min_score)
    law = fit_power_law(points, max_score)
    shape = curve_shape(points, law)
    surroundings = company_features(around, points, shape, law, _OCTAVES)
    features = np.column_stack([target_features(shape, law, _OCTAVES), surroundings])
    fan = _fan(net, _Seen(points, law, shape, features), min_gain, fold)
    octaves = np.log2(np.maximum(targets / points.n[-1], 1.0))
    last, floor = float(points.score[-1]), -np.inf if min_score is None else min_score
    here = np.interp(np.log2(targets), np.log2(points.n), points.score)
    low, mean, high = (np.clip(here + part, floor, law.ceiling) for part in _interval(fan, fan.score, octaves))
    rises = _interval(fan, fan.told_gain, octaves)
    gain_low, gain, gain_high = (np.clip(part, floor - last, law.ceiling - last) for part in rises)
    p_gain = _chances(net, fan, octaves, min_gain, gain_low, gain_high)
    if last + min_gain > law.ceiling + _ROUNDED * max(abs(last), abs(law.ceiling), min_gain):
        p_gain = np.zeros_like(p_gain)
    times = targets / points.n[-1]
    flags = flags_of(points, shape, fan.method, float(times.max()), most_rows)
    refusal = refusal_of(flags, points, float(targets.max()), most_rows)
    refused = refused_at(times, flags, points)
    told = (mean, low, high, gain, gain_low, gain_high, p_gain)
    return Forecast(targets, *told, fan.method, flags, refusal, refused)


def _chances(
    net: QuantileNet, fan: _Fan, octaves: Floats, min_gain: float, gain_low: Floats, gain_high: Floats
) -> Floats:
    """Return the probability of gaining enough, set right on other tables; at no distance as it is."""
    plain = _probabilities(fan, octaves, min_gain)
    right = net.corrected(plain, fan.in_company) if fan.method == "trained" else plain
    return np.where(octaves > 0, _agreeing(right, gain_low, gain_high, min_gain), plain)


def _agreeing(p_gain: Floats, low: Floats, high: Floats, min_gain: float) -> Floats:
    """Return probabilities of a gain that agree with its 90 % interval: on which side of the margin that lies.

    Both are set right on other tables, each by itself; but whoever reads both must not find that a gain is 95 % sure,
    or 5 %, by the one and not by the other.
    """
    least = np.select([low >= min_gain, high >= min_gain], [_HIGH, _LOW + _APART], 0.0)
    most = np.select([low >= min_gain, high >= min_gain], [1.0, _HIGH - _APART], _LOW)
    return np.asarray(np.clip(p_gain, least, most), dtype=np.float64)


def _check_options(points: CurvePoints, min_gain: float, max_score: float | None, min_score: float | None) -> None:
    if not (_is_number(min_gain) and min_gain >= 0):
        raise InputError(f"min_gain must be a number of at least 0, in the metric's units, got {min_gain!r}.")
    best, worst = float(np.nanmax(points.scores)), float(np.nanmin(points.scores))
    if max_score is not None and not (_is_number(max_score) and best <= max_score + _slack(best)):
        raise InputError(
            f"max_score is {max_score!r}, but the best score seen is {best:g}. "
            "Give the best possible score of the metric, or None where there is none."
        )
    if min_score is not None and not (_is_number(min_score) and worst >= min_score - _slack(worst)):
        raise InputError(
            f"min_score is {min_score!r}, but the worst score seen is {worst:g}. "
            "Give the worst possible score of the metric, or None where there is none."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and bool(np.isfinite(value))


def _slack(score: float) -> float:
    """What rounding may have added to a score."""
    return 1e-9 * max(1.0, abs(score))


def _fan(net: QuantileNet, seen: _Seen, min_gain: float, fold: int | None) -> _Fan:
    shape, features = seen.shape, seen.features
    unit, method = _still_unit(seen.points, shape, min_gain), "flat"
    if unit is None:
        unit, method = shape.scale, "power law" if _is_strange(net, features) else "trained"
    if method == "trained":
        found = _told(net, seen, fold)
    else:
        # What rounding leaves of a flat curve is no law.
        law_gain = features[:, FEATURES.index("law_gain")] if method == "power law" else np.zeros(len(_OCTAVES))
        found = net.fallback_quantiles(_OCTAVES) + law_gain[:, None, None]
    noise = shape.values["noise"] * shape.scale / unit if unit > 0 else 0.0
    still = np.ones(len(_OCTAVES))
    gap, is_trained = shape.values["gap"], method == "trained"
    factors = (net.factors, net.gain_factors)
    stretches = [net.stretch(of, _OCTAVES, gap, seen.in_company) if is_trained else still for of in factors]
    score, told_gain = (_widening(found[:, at], stretch) for at, stretch in enumerate(stretches))
    gain = found[:, 1].copy()
    # No distance, no gain: what is left is the noise of the last score.
    score[0], gain[0], told_gain[0] = noise * _normal_quantiles(net.levels), 0.0, 0.0
    return _Fan(_widening(score, still), gain, told_gain, net.levels, unit, method, seen.in_company)


def _told(net: QuantileNet, seen: _Seen, fold: int | None) -> Floats:
    """Return the nets' quantiles of score and gain; of a curve alone, over the kinds of learners that it looks like."""
    if seen.in_company:
        return net.quantiles(seen.features, fold)
    return net.mixed_quantiles(seen.features, kind_features(seen.points, seen.shape, seen.law), fold)


def _still_unit(points: CurvePoints, shape: CurveShape, min_gain: float) -> float | None:
    """Return the unit in which a curve goes on that stands still, in the metric's units; None for any other curve."""
    octaves, rounding = shape.values["seen_octaves"], _ROUNDED * max(float(np.abs(points.score).max()), min_gain)
    is_long = points.size >= _STILL_SIZES and octaves >= _STILL_OCTAVES
    if shape.scale <= rounding or (is_long and shape.extent <= rounding):
        # Every further octave without a change leaves less to come.
        return min_gain / max(octaves, 1.0)
    return shape.extent if is_long and shape.extent <= _STILL * shape.headroom else None


def _is_strange(net: QuantileNet, features: Floats) -> bool:
    """Say whether the curve, seen from one octave ahead, is outside of what the model was trained on."""
    # Strange companions are no reason: the nets see them clipped, and can do without.
    return bool(net.strange(features[2:3])[:, : len(FEATURES)].any())


def _widening(quantiles: Floats, stretch: Floats) -> Floats:
    """Stretch quantiles around their median, and let no distance be surer than a shorter one."""
    median = quantiles[:, [quantiles.shape[1] // 2]]
    away = (quantiles - median) * stretch[:, None]
    return np.asarray(median + np.sign(away) * np.maximum.accumulate(np.abs(away), axis=0), dtype=np.float64)


def _normal_quantiles(levels: Floats) -> Floats:
    from scipy.special import ndtri

    return np.asarray(ndtri(levels), dtype=np.float64)


def _interval(fan: _Fan, quantiles: Floats, octaves: Floats) -> tuple[Floats, Floats, Floats]:
    """Return both ends and the middle of a fan's 90 % interval in the metric's units: low, median, high."""
    low, median, high = (fan.unit * _at(fan, quantiles, octaves, level) for level in (_LOW, 0.5, _HIGH))
    return low, median, high


def _at(fan: _Fan, quantiles: Floats, octaves: Floats, level: float) -> Floats:
    """Return one quantile of a fan at some distances; beyond the last one it goes on in a straight line."""
    column = int(np.argmin(np.abs(fan.levels - level)))
    middle = len(fan.levels) // 2
    wider = np.maximum(octaves / _OCTAVES[-1], 1.0)
    away = np.interp(octaves, _OCTAVES, quantiles[:, column] - quantiles[:, middle])
    return np.asarray(np.interp(octaves, _OCTAVES, quantiles[:, middle]) + wider * away, dtype=np.float64)


def _probabilities(fan: _Fan, octaves: Floats, min_gain: float) -> Floats:
    """Return the probability of gaining enough, by interpolation between the quantiles of the fan's gain."""
    threshold = min_gain / fan.unit if fan.unit > 0 else 0.0
    found = np.empty(len(octaves))
    for at, octave in enumerate(octaves):
        there = np.array([np.interp(octave, _OCTAVES, column) for column in fan.gain.T])
        found[at] = _above(there, fan.levels, threshold) if octave > 0 else float(min_gain <= 0)
    return found


def _above(quantiles: Floats, levels: Floats, threshold: float) -> float:
    """Return the probability above a threshold, with exponential tails beyond the outermost quantiles."""
    rising = quantiles + 1e-12 * np.arange(len(quantiles))
    if threshold > rising[-1]:
        return float((1 - levels[-1]) * np.exp(-(threshold - rising[-1]) / (rising[-1] - rising[-3])))
    if threshold < rising[0]:
        return float(1 - levels[0] * np.exp(-(rising[0] - threshold) / (rising[2] - rising[0])))
    return float(1 - np.interp(threshold, rising, levels))
