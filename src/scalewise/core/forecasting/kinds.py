"""Which kind of learner a curve looks like, where nobody says.

How training scores stay ahead of test scores, how repeats scatter, and how both go on with more rows, tells a forest
from a linear model about as well as a person would. Where the kind of learner is unknown, a forecast is the mixture of
what it would be for every kind, each weighed by how much the curve looks like it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scalewise.core.forecasting.curve_points import CurvePoints
from scalewise.core.forecasting.forecast_features import CurveShape
from scalewise.core.forecasting.power_law import PowerLaw

Floats = NDArray[np.float64]
# Traces are read at the largest size and these many octaves (doublings of the rows) before it.
_BEFORE: Floats = np.array([0.0, 1.0, 2.0, 3.0, 4.5, 6.0])
# Four traces: what misses in them misses in the shape of the curve too.
N_TRACES = 4 * len(_BEFORE)
_TINY = 1e-9
_LARGE = 100.0

__all__ = ["N_TRACES", "kind_features"]


def kind_features(points: CurvePoints, shape: CurveShape, law: PowerLaw) -> Floats:
    """Return what tells the kind of learner: the shape of the curve, and how its training scores and repeats went.

    Parameters
    ----------
    points, shape, law : CurvePoints, CurveShape, PowerLaw
        The curve, its description and its power law, which knows the best possible score.

    Returns
    -------
    ndarray of shape (n_features,)
        The values of the shape, then the traces; ratios, and NaN where the curve does not show them.
    """
    unit = shape.scale if shape.scale > 0 else 1.0
    octaves = np.log2(points.n / points.n[-1])
    test, train = _before(octaves, points.score), _before(octaves, points.train)
    ceiling = law.ceiling if np.isfinite(law.ceiling) else np.nan
    traces = (
        (train - test) / unit,
        (ceiling - train) / np.maximum(ceiling - test, _TINY),
        (ceiling - train) / unit,
        _before(octaves, _scatter(points.scores)) / unit,
    )
    # A span may reach a little beyond the first size: sizes are rounded half octaves or percentages.
    seen = -octaves[0] * 1.15 + _TINY >= _BEFORE
    values = [*shape.values.values(), *np.where(seen, traces, np.nan).ravel()]
    return np.asarray(np.clip(values, -_LARGE, _LARGE), dtype=np.float64)


def _before(octaves: Floats, values: Floats) -> Floats:
    known = np.isfinite(values)
    return np.interp(-_BEFORE, octaves[known], values[known]) if known.any() else np.full(len(_BEFORE), np.nan)


def _scatter(scores: Floats) -> Floats:
    """Return the standard deviation between the repeats of every size, NaN from fewer than two."""
    count = np.isfinite(scores).sum(axis=1)
    away = np.nan_to_num(scores - np.nansum(scores, axis=1, keepdims=True) / count[:, None])
    return np.where(count > 1, np.sqrt((away**2).sum(axis=1) / np.maximum(count - 1, 1)), np.nan)
