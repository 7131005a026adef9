"""The ways forward as a table of words, for the page and the shell."""

from __future__ import annotations

from collections.abc import Sequence

from scalewise.core.deciding.way import Way
from scalewise.core.wording import byte_text, duration_text, gain_text, money_text

__all__ = ["ways_table"]

_NAMES = {
    "stop": "Stop here",
    "use_more_rows": "Use more rows here",
    "richer_model": "A richer model",
    "other_model": "Another model",
    "fewer_features": "Fewer features",
    "tune": "Tune",
    "more_repeats": "More repeats",
    "collect_rows": "Collect rows",
    "scale_out": "Scale out",
}


def ways_table(ways: Sequence[Way]) -> tuple[tuple[str, ...], ...]:
    """Lay ways out as text, headings first: way, gain, 90 % interval, time, memory, money if priced, what it is.

    Parameters
    ----------
    ways : sequence of Way

    Returns
    -------
    tuple of tuple of str
        Empty without a way.
    """
    if not ways:
        return ()
    priced = any(way.money is not None for way in ways)
    money = ("money",) if priced else ()
    headings = ("way", "gain", "90 % interval", "time", "memory", *money, "what it is")
    return (headings, *(_row(way, priced=priced) for way in ways))


def _row(way: Way, *, priced: bool) -> tuple[str, ...]:
    money = (money_text(way.money) if way.money is not None else "",) if priced else ()
    name = _NAMES[way.action]
    if way.is_idle:
        gain = "" if way.action == "stop" else "none"
        return (name, gain, "", "", "", *("" for _ in money), way.words)
    price = (duration_text(60 * way.minutes), byte_text(way.bytes), *money)
    if not way.is_known:
        return (name, "not known", "", *price, way.words)
    if way.low == way.gain == way.high == 0:
        return (name, "none", "", *price, way.words)
    return (name, gain_text(way.gain), f"{gain_text(way.low)} to {gain_text(way.high)}", *price, way.words)
