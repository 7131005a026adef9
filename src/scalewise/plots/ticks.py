"""Where axes begin and end, where their ticks stand and what the ticks say. Plain numbers; nothing is drawn here."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scalewise.core.wording import percent_text

__all__ = ["Span", "nice_span", "percent_ticks", "place", "row_ticks", "second_ticks", "short_rows", "steady"]

_PERCENTS = (0.0001, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
_DURATIONS = (
    (0.001, "1 ms"),
    (0.01, "10 ms"),
    (0.1, "0.1 s"),
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3600.0, "1 h"),
    (36_000.0, "10 h"),
    (345_600.0, "4 days"),
    (3_456_000.0, "40 days"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """An axis of scores: where it begins and ends, and the distance of its ticks."""

    low: float
    high: float
    step: float

    @property
    def ticks(self) -> tuple[float, ...]:
        """Multiples of the step within the span."""
        first, last = math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9)
        return tuple(round(k * self.step, 12) for k in range(first, last + 1))

    @property
    def decimals(self) -> int:
        """Digits after the point that ticks need to differ."""
        for digits in range(10):
            if abs(round(self.step, digits) - self.step) < 1e-3 * self.step:
                return digits
        return 10


def nice_span(low: float, high: float, best: float | None = None, ticks: int = 6) -> Span:
    """Widen a range to a span whose ends lie on half ticks, so that small changes leave it where it is.

    Parameters
    ----------
    low, high : float
        What must be visible.
    best : float or None
        The best score there can be: little room is left beyond it.
    ticks : int
        About how many ticks there shall be.
    """
    width = high - low if high > low else max(abs(high), 1e-3) * 0.1
    step = _nice_step(width / ticks)
    bottom = math.floor((low - 0.04 * width) / (step / 2)) * (step / 2)
    top = math.ceil((high + 0.04 * width) / (step / 2)) * (step / 2)
    if best is not None and high <= best < top:
        top = best + 0.03 * (best - bottom)
    return Span(round(bottom, 12), round(top, 12), step)


def steady(now: Span | None, low: float, high: float, best: float | None = None, ticks: int = 6) -> Span:
    """Keep the span that is shown while it still fits: neither too small nor much too large."""
    fresh = nice_span(low, high, best, ticks)
    if now is None:
        return fresh
    fits = now.low <= low and high <= now.high
    return now if fits and (now.high - now.low) <= 1.6 * (fresh.high - fresh.low) else fresh


def _nice_step(rough: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(rough))
    factor = min((1, 2, 5, 10), key=lambda f: abs(math.log(f * power / rough)))
    return factor * power


def place(n_rows: float, log: bool) -> float:
    """Where a number of rows stands on the axis; a logarithmic axis is a linear one of logarithms."""
    return math.log10(max(n_rows, 1e-12)) if log else float(n_rows)


def row_ticks(low: float, high: float, log: bool, most: int = 7) -> tuple[int, ...]:
    """Round numbers of rows between two ends."""
    if not log:
        step = max(1, round(_nice_step((high - low) / (most - 1))))
        return tuple(range(step * math.ceil(low / step), math.floor(high) + 1, step))
    return tuple(round(n) for n in _log_ticks(low, high, most) if n >= 1)


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [f * 10.0**k for k in decades for f in factors if low <= f * 10.0**k <= high]
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]


def percent_ticks(low: float, high: float, n_train_rows: int, log: bool) -> tuple[tuple[float, str], ...]:
    """Shares of the rows between two ends, as rows and text; 100 % goes before its neighbours."""
    width = place(high, log) - place(low, log)
    inside = [p for p in _PERCENTS if low <= p * n_train_rows <= high]
    kept: list[float] = []
    for share in sorted(inside, key=lambda p: abs(math.log(p))):
        at = place(share * n_train_rows, log)
        if all(abs(at - place(k * n_train_rows, log)) >= 0.075 * width for k in kept):
            kept.append(share)
    return tuple((share * n_train_rows, percent_text(share)) for share in sorted(kept))


def second_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Round durations between two ends, in seconds and as text."""
    return tuple((seconds, text) for seconds, text in _DURATIONS if low <= seconds <= high)


def short_rows(n_rows: float) -> str:
    """Rows as a tick says them: ``500``, ``20k``, ``1.5M``."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if n_rows >= size:
            return f"{n_rows / size:.3g}{unit}"
    return f"{n_rows:g}"
