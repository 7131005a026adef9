"""What is drawn, in words: single rows, whole groups or time; and the question whether rows to come are like that."""

from __future__ import annotations

from scalewise.core.spec import SamplingUnit, UnitCandidate, UnitKind

__all__ = [
    "collecting_text",
    "columns_text",
    "does_not_hold",
    "if_other",
    "more_text",
    "others_text",
    "unit_asked",
    "unit_question",
    "unit_text",
]


def columns_text(column: str) -> str:
    """The columns that tell a time together, as people list them: ``year, month and day``."""
    names = [name.strip() for name in column.split(",")]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def unit_text(unit: SamplingUnit) -> str:
    """What is drawn, in words that follow "by": ``whole groups of patient``."""
    times = columns_text(unit.column or "")
    return {
        "row": "single rows",
        "group": f"whole groups of {unit.column}",
        "time": f"time ({times})",
        "thinned": f"thinned time ({times})",
    }[unit.kind]


def if_other(unit: SamplingUnit) -> str:
    """The condition under which a unit is the true one: ``if rows to come belong to other patients``."""
    return f"if rows to come {_are_others(unit)}"


def _are_others(unit: SamplingUnit) -> str:
    return "are later than these" if unit.is_time else f"belong to {others_text(unit.column or '')}"


def does_not_hold(own: SamplingUnit, other: SamplingUnit, *, surely: bool) -> str:
    """For which rows to come an answer does not hold that was found by one unit and turns with another one."""
    same = "are of the same time" if own.is_time else "are of the same groups"
    rows = same if other.kind == "row" else _are_others(other)
    holds = "does not" if surely else "may not"
    return f"Rows to come that {rows}: the answer {holds} hold for them; study the table by {unit_text(other)}."


def more_text(unit: SamplingUnit) -> str:
    """What more rows than the table has are: ``new rows``, ``more groups of patient``."""
    if unit.is_time:
        return f"rows from further back in {columns_text(unit.column or '')}, or newer ones"
    return "new rows" if unit.kind == "row" else f"more groups of {unit.column}"


def collecting_text(unit: SamplingUnit) -> str:
    """How one gets those: ``collecting them``, ``collecting more groups of patient``."""
    if unit.is_time:
        return f"going further back in {columns_text(unit.column or '')}"
    return "collecting them" if unit.kind == "row" else f"collecting {more_text(unit)}"


def others_text(column: str) -> str:
    """Others than the groups that a column names: ``other patients``."""
    plain = column.isalpha() and column.islower() and not column.endswith("s")
    return f"other {column}s" if plain else f"other values of {column}"


def unit_question(candidate: UnitCandidate, kind: UnitKind) -> str:
    """Ask whether a column is the sampling unit, and say why it may be."""
    asked = unit_asked(SamplingUnit(kind, candidate.column))
    if kind == "group":
        return f"{candidate.column} may name groups ({candidate.reason}). {asked}"
    tell = "tells" if "," not in candidate.column else "tell"
    return f"{columns_text(candidate.column)} {tell} when a row happened ({candidate.reason}). {asked}"


def unit_asked(unit: SamplingUnit) -> str:
    """The question alone: ``Are the rows to come of other patients?``."""
    if unit.is_time:
        return "Are the rows to come later than these?"
    return f"Are the rows to come of {others_text(unit.column or '')}?"
