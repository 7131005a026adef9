"""How numbers are written for people: rows, shares, scores, durations and bytes."""

from __future__ import annotations

import math
from decimal import Decimal

__all__ = [
    "about_text",
    "byte_text",
    "chance_text",
    "counted_text",
    "distance_text",
    "duration_text",
    "exact_text",
    "gain_text",
    "money_text",
    "percent_text",
    "rows_text",
    "score_text",
]


def rows_text(n_rows: float) -> str:
    """Rows with thin separators: ``65,469``."""
    return f"{round(n_rows):,}"


def counted_text(n: int, noun: str) -> str:
    """So many of something that forms its plural with an s: ``1 trial``, ``1,200 trials``."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def percent_text(fraction: float) -> str:
    """A share of the rows: ``20 %``, ``0.35 %``."""
    percent = 100 * fraction
    if percent >= 9.95 or (percent >= 0.5 and abs(percent - round(percent)) < 0.005):
        return f"{percent:.0f} %"
    return f"{percent:.2g} %" if percent >= 0.0001 else "under 0.0001 %"


def chance_text(chance: float) -> str:
    """A chance in whole percent, which no guess makes a certainty: ``78 %``, ``over 99 %``."""
    if 0 < chance < 0.01:
        return "under 1 %"
    return "over 99 %" if chance > 0.99 else f"{100 * chance:.0f} %"


def score_text(score: float) -> str:
    """A score with the digits that matter: ``0.7412``, ``−12.4``."""
    if not math.isfinite(score):
        return "not known"
    return _signed(f"{score:z.4f}" if abs(score) < 10 else _large(score, ""))


def gain_text(gain: float) -> str:
    """A difference of scores with its sign, which is no minus where rounding leaves nothing: ``+0.021``."""
    digits = 3 if abs(gain) >= 0.0095 or gain == 0 else 4
    return _signed(f"{gain:+z.{digits}f}" if abs(gain) < 10 else _large(gain, "+"))


def _large(number: float, sign: str) -> str:
    """Four digits and no power of ten."""
    return f"{number:{sign}.4g}" if abs(number) < 999.5 else f"{number:{sign},.0f}"


def _signed(text: str) -> str:
    """With the sign for minus that people read."""
    return text.replace("-", "−")


def distance_text(distance: float) -> str:
    """How far apart two scores are, without a sign: ``0.021``."""
    return gain_text(abs(distance)).removeprefix("+")


def about_text(number: float) -> str:
    """A number of which two digits are known: ``0.0051``, ``1,200``."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10 else exact_text(rounded)


def exact_text(number: float) -> str:
    """A number that a person gave, with all of its digits and no power of ten: ``0.005``."""
    return _signed(f"{Decimal(repr(float(number))).normalize():,f}")


def duration_text(seconds: float) -> str:
    """A duration in the unit a person would use: ``0.3 s``, ``4 min``, ``2.5 h``."""
    if seconds < 0.01:
        return f"{about_text(1000 * seconds)} ms"
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{about_text(seconds / 3600)} h" if seconds < 360_000 else f"{seconds / 86_400:.0f} days"


def money_text(money: float) -> str:
    """An amount in whatever currency the price was given in: ``12.40``, ``under 0.01``."""
    return f"{money:,.2f}" if money >= 0.005 or money == 0 else "under 0.01"


def byte_text(n_bytes: float) -> str:
    """Bytes in decimal units: ``340 MB``, ``1.2 GB``."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            value = n_bytes / size
            return f"{value:.2g} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{n_bytes:.0f} B"
