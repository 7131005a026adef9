"""How far a forecast may be trusted: its reservations by name, and when and why it should not be acted on."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
from numpy.typing import NDArray

from scalewise.core.forecasting.curve_points import CurvePoints
from scalewise.core.forecasting.forecast_features import CurveShape
from scalewise.core.forecasting.turns import turns_of

Floats = NDArray[np.float64]

__all__ = ["FARTHEST", "ROUNDING", "flags_of", "refusal_of", "refused_at", "reservation_words"]

FARTHEST = 20
"""Forecasts beyond this many times the largest measured size are refused."""
ROUNDING = 1.01
"""Sizes are rounded, so that 5 % of the rows may be a little less than a twentieth."""
_INDICATIVE, _VAGUE = 4.0, 10.0
# What counts of the turns beyond noise, in units of the curve. On held-out curves a fall is followed by misses: of 100
# intervals 84 hold instead of 91. A dip that has been made good is not, and nor is an uneven rise.
_DEEP, _JUMP = 0.8, 1.2


def flags_of(
    points: CurvePoints, shape: CurveShape, method: str, times: float, most_rows: int | None
) -> tuple[str, ...]:
    """Name the reservations about a forecast; see `scalewise.core.extrapolation.forecast`.

    Parameters
    ----------
    points : CurvePoints
    shape : CurveShape
        That of the points.
    method : str
        How it was made.
    times : float
        Distance of the farthest target, in times the largest measured size.
    most_rows : int or None
        The largest size that could be measured.
    """
    turns, moves = turns_of(points, np.inf if most_rows is None else most_rows), method != "flat"
    found = {
        "too far": times > FARTHEST * ROUNDING,
        "vague": _VAGUE * ROUNDING < times <= FARTHEST * ROUNDING,
        "indicative": _INDICATIVE * ROUNDING < times <= FARTHEST * ROUNDING,
        "ill-behaved": moves and turns.fall > _DEEP * shape.scale,
        "falling": moves and turns.fall > 0,
        "swinging": moves and turns.dip > _DEEP * shape.scale,
        "jumped": moves and turns.jump > _JUMP * shape.scale,
        "uneven": moves and _is_uneven(shape),
        "few points": points.size < 3,
        "no repeats": not bool(np.isfinite(points.spread[-1])),
        "unlike the training": method != "trained",
        "flat": method == "flat",
    }
    return tuple(name for name, holds in found.items() if holds)


def _is_uneven(shape: CurveShape) -> bool:
    """Say whether a curve strays from a power law, or from its own trend, by more than the noise of its last score.

    That may be chance, and is no reason to refuse it; but its forecast is less sure than that of a smooth one.
    """
    sunk = _exceeds(shape, "below_best", 0.8, 4.0)
    return sunk or _exceeds(shape, "bend", 1.2, 5.0) or _exceeds(shape, "roughness", 1.0, 3.0)


def _exceeds(shape: CurveShape, name: str, least: float, noises: float) -> bool:
    """Say whether a feature is large in units of the curve and of its noise; an unknown one is not."""
    return bool(shape.values[name] > max(least, noises * shape.values["noise"]))


def refused_at(times: Floats, flags: tuple[str, ...], points: CurvePoints) -> NDArray[np.bool_]:
    """Say which targets should not be acted on, of shape (n_targets,): all of some curves, else those too far.

    Parameters
    ----------
    times : ndarray of shape (n_targets,)
        Distances, in times the largest measured size.
    flags : tuple of str
        As `flags_of` names them.
    points : CurvePoints
    """
    curve_is_refused = "ill-behaved" in flags or points.size == 1
    return np.asarray((times > FARTHEST * ROUNDING) | curve_is_refused, dtype=np.bool_)


def refusal_of(flags: tuple[str, ...], points: CurvePoints, farthest: float, most_rows: int | None) -> str | None:
    """Say in words why the farthest target should not be acted on; None where it may be.

    Parameters
    ----------
    flags : tuple of str
        As `flags_of` names them.
    points : CurvePoints
    farthest : float
        Rows of the farthest target.
    most_rows : int or None
        The largest size that could be measured.
    """
    largest = points.n[-1]
    if "too far" in flags:
        why = (
            f"{farthest:,.0f} rows are {farthest / largest:.0f} times the {largest:,.0f} rows measured so far; beyond "
            f"{FARTHEST} times a forecast is a guess."
        )
        if most_rows is not None and farthest / FARTHEST > most_rows * ROUNDING:
            return f"{why} So many cannot be told from {most_rows:,.0f} rows, the most that there are: collect rows."
        return f"{why} Measure {farthest / FARTHEST:,.0f} rows or more first."
    if "ill-behaved" in flags:
        why = "The curve has fallen below its best by more than noise, so that its past says little about what follows."
        if most_rows is not None and largest >= most_rows:
            return f"{why} No larger size is left to measure: collect rows, or look at another model."
        return f"{why} Measure a larger size before deciding."
    if points.size == 1:
        return "One size alone shows no trend. Measure at least two sizes."
    return None


def reservation_words(label: str, flags: Container[str]) -> str:
    """Say in a sentence what is unusual about the curve of a model; empty where nothing is, or all is refused for it.

    Parameters
    ----------
    label : str
        What people call the model.
    flags : container of str
        As `flags_of` names them.
    """
    still = "stands still, and is continued so"
    unlike = "is unlike those that the forecast was trained on, so that a plain power law continues it"
    fallen = "has fallen below its best by more than noise"
    strange = (("flat", still),) if "flat" in flags else (("unlike the training", unlike),)
    swung = "falls and rises again by more than noise"
    jumped = "has jumped at its end by more than noise"
    moved = (("falling", fallen), ("swinging", swung), ("jumped", jumped))
    found = [words for name, words in (*moved, *strange) if name in flags]
    return f"The curve of {label} {', and '.join(found)}." if found and "ill-behaved" not in flags else ""
