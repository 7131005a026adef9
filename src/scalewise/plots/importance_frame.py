"""What the importance plot shows, picked from a summary."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scalewise.core.importance import Importance, ImportanceTable
from scalewise.core.summary import ModelSummary, Summary
from scalewise.core.wording import rows_text, score_text
from scalewise.plots.base import View

__all__ = ["Bar", "GroupChip", "ImportanceFrame", "select_importance"]

_TOP = 20
_MOST_CHIPS = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: the score lost without a feature, or without a group of them, with its 90 % interval.

    Parameters
    ----------
    feature : str
        The feature, or the one that matters most of a group.
    drop, low, high : float
    others : tuple of str
        The other features of a group.
    member : bool
        Whether it is one of an opened group, shuffled alone.
    noise : bool
        Whether it lies below the line of noise.
    """

    feature: str
    drop: float
    low: float
    high: float
    others: tuple[str, ...] = ()
    member: bool = False
    noise: bool = False


@dataclass(frozen=True, slots=True)
class GroupChip:
    """A button that opens or closes a group of correlated features."""

    feature: str
    n_features: int
    open: bool


@dataclass(frozen=True, slots=True)
class ImportanceFrame:
    """All that the importance plot shows.

    Parameters
    ----------
    study, model : str
        Id of the study, and name of the model.
    metric : str
    header : str
        Model, rows and repeats behind the bars.
    bars : tuple of Bar
        Largest first, those of an opened group after it; at most 20.
    footer : str
        How many features are not shown.
    message : str
        What stands in an empty plot.
    chips : tuple of GroupChip
    noise_line : float or None
        Drawn where columns of noise were tried.
    remarks : tuple of str
        What the bars mean where that is not plain.
    """

    study: str = ""
    model: str = ""
    metric: str = ""
    header: str = ""
    bars: tuple[Bar, ...] = ()
    footer: str = ""
    message: str = ""
    chips: tuple[GroupChip, ...] = ()
    noise_line: float | None = None
    remarks: tuple[str, ...] = ()


def select_importance(summary: Summary, view: View) -> ImportanceFrame:
    """Pick what the importance plot shows."""
    study = summary.state.study
    if study is None:
        return ImportanceFrame(message="What each feature is worth appears here after Run.")
    model = _model(summary, view)
    table = model.importances if model else None
    if model is None or table is None:
        return ImportanceFrame(study=study.id, message=_nothing(summary, view))
    search = view.search.strip()
    found = [unit for unit in table.units if _matches(unit, search) and _finite(unit)]
    opened = {u.feature for u in found if u.members and (search or u.feature in view.open_groups)}
    bars = [bar for unit in found for bar in _bars(unit, table.noise_line, unit.feature in opened)]
    groups = [unit for unit in found[:_TOP] if unit.members][:_MOST_CHIPS]
    return ImportanceFrame(
        study=study.id,
        model=model.curve.model.name,
        metric=study.metric.label,
        header=_header(table),
        bars=tuple(bars[:_TOP]),
        footer=_footer(len(found), len(table.units), len(bars), search),
        message="" if found else f"No feature matches “{search}”.",
        chips=tuple(GroupChip(unit.feature, len(unit.members), unit.feature in opened) for unit in groups),
        noise_line=table.noise_line,
        remarks=_remarks(table, found),
    )


def _model(summary: Summary, view: View) -> ModelSummary | None:
    """The chosen model; by default the one that the verdict is about, else the most complex that has importances."""
    return summary.main if view.importance_model is None else summary.model(view.importance_model)


def _nothing(summary: Summary, view: View) -> str:
    chosen = summary.model(view.importance_model) if view.importance_model else None
    if chosen and chosen.curve.model.rung == 0:
        return f"{chosen.curve.model.label} looks at no feature."
    return "The first fitted model shows here what its features are worth."


def _matches(unit: Importance, search: str) -> bool:
    return any(search.lower() in member.feature.lower() for member in unit.members or (unit,))


def _finite(row: Importance) -> bool:
    return all(map(math.isfinite, (row.drop, row.low, row.high)))


def _bars(unit: Importance, line: float | None, opened: bool) -> list[Bar]:
    others = tuple(member.feature for member in unit.members if member.feature != unit.feature)
    bars = [Bar(unit.feature, unit.drop, unit.low, unit.high, others, False, line is not None and unit.drop <= line)]
    if opened:
        bars += [Bar(m.feature, m.drop, m.low, m.high, (), True) for m in unit.members if _finite(m)]
    return bars


def _header(table: ImportanceTable) -> str:
    repeats = "1 repeat" if table.repeats == 1 else f"{table.repeats} repeats"
    return f"{table.model}, {rows_text(table.n_rows)} rows, {repeats}"


def _footer(found: int, in_all: int, n_bars: int, search: str) -> str:
    if search and found:
        return f"{found} of {in_all} features match." + (f" The first {_TOP} are shown." if n_bars > _TOP else "")
    return f"{n_bars - _TOP} smaller ones are not shown; search by name." if n_bars > _TOP else ""


def _remarks(table: ImportanceTable, found: list[Importance]) -> tuple[str, ...]:
    """What a person must know to read the bars: noise, stability, groups, and losses below zero."""
    remarks = []
    if table.noise_line is not None:
        n_noise = sum(unit.drop <= table.noise_line for unit in table.units)
        told = {0: "every feature is above it", 1: "1 feature is below it"}.get(n_noise, f"{n_noise} are below it")
        remarks.append(f"Dashed: what noise may seem to be worth ({score_text(table.noise_line)}); {told}.")
    if table.ranks is not None and table.ranks.top:
        remarks.append(table.ranks.sentence)
    if any(unit.members for unit in found):
        remarks.append("Correlated features are shuffled together: alone each seems worth less, as others stand in.")
    if any(unit.high < 0 for unit in found):
        remarks.append("Below zero the score was better without the feature: the model learned something untrue of it.")
    return tuple(remarks)
