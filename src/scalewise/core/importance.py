"""Which features carry the score: the importances of many trials put together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scalewise.core.curves import LEVEL, Curve, CurvePoint

__all__ = ["Importance", "ImportanceTable", "importance_table"]

_CHUNK_DF = 4
"""Each trial's standard error comes from five parts of the holdout."""


@dataclass(frozen=True, slots=True)
class Importance:
    """The score lost without one feature, with its 90 % interval, in the metric's units."""

    feature: str
    drop: float
    low: float
    high: float


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
    """

    model: str
    n_rows: int
    repeats: int
    rows: tuple[Importance, ...]


def importance_table(curve: Curve) -> ImportanceTable | None:
    """Importances of a model at the largest size done so far; None where no trial has any.

    Notes
    -----
    The interval adds the spread over repeats to each repeat's own error over parts of the holdout. All repeats share
    the holdout, so averaging over them does not shrink the second.
    """
    for point in reversed(curve.points):
        rows = _rows(point)
        if rows:
            return ImportanceTable(curve.model.label, point.n_rows, point.repeats, rows)
    return None


def _rows(point: CurvePoint) -> tuple[Importance, ...]:
    seen: dict[str, list[tuple[float, float]]] = {}
    for _, record in point.trials:
        for item in record.importances:
            seen.setdefault(item.feature, []).append((item.drop, item.drop_se))
    rows = [_importance(feature, np.array(values)) for feature, values in seen.items()]
    return tuple(sorted(rows, key=lambda row: (-row.drop, row.feature)))


def _importance(feature: str, values: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Importance:
    from scipy.special import stdtrit

    drops, errors = values[:, 0], values[:, 1]
    repeats = len(drops)
    over_repeats = float(np.var(drops, ddof=1)) / repeats if repeats > 1 else 0.0
    se = math.sqrt(over_repeats + float(np.mean(errors**2)))
    reach = float(stdtrit(_CHUNK_DF + repeats - 1, (1 + LEVEL) / 2)) * se
    drop = float(np.mean(drops))
    return Importance(feature, drop, drop - reach, drop + reach)
