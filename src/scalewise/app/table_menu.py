"""The tables that the page offers, and what is known of each beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalewise.core.spec import ROWS, LeftOut, SamplingUnit
from scalewise.data.examples import example_names, get_example, is_example
from scalewise.data.sources import Source, open_source
from scalewise.options import StudyOptions

__all__ = ["FILE", "TableChoice", "open_choice", "table_choices"]

FILE = "file"
"""Value of the table menu that asks for a path."""
_OWN = "own"


@dataclass(frozen=True, slots=True)
class TableChoice:
    """An entry of the table menu.

    Parameters
    ----------
    value : str
        What the menu gives back.
    label : str
    target : str
        The column chosen at first; empty where the person has to choose.
    left_out : tuple of LeftOut
        Columns known not to belong to the features.
    unit : SamplingUnit
    about : str
        A sentence about it.
    given : StudyOptions or None
        What was asked for beforehand; the controls begin with it.
    """

    value: str
    label: str
    target: str = ""
    left_out: tuple[LeftOut, ...] = ()
    unit: SamplingUnit = ROWS
    about: str = ""
    given: StudyOptions | None = None


def table_choices(table: object, target: str | None, given: StudyOptions | None = None) -> Sequence[TableChoice]:
    """The table menu; what was asked for stands first.

    Parameters
    ----------
    table : object or None
        Whatever `scalewise.open_source` opens, or the name of a built-in example.
    target : str or None
    given : StudyOptions or None
        How it is to be studied.
    """
    names = sorted(example_names(), key=lambda name: name != table)
    built_in = [_example_choice(name, given if name == table else None) for name in names]
    asked = TableChoice(FILE, "a file on this machine …")
    if table is None or is_example(table):
        return [*built_in, asked]
    own = TableChoice(_OWN, str(getattr(table, "name", "your table")), target or "")
    return [_as_given(own, given), *built_in, asked]


def _example_choice(name: str, given: StudyOptions | None) -> TableChoice:
    example = get_example(name)
    choice = TableChoice(name, name, example.target, example.left_out, example.unit, example.answer)
    return _as_given(choice, given)


def _as_given(choice: TableChoice, given: StudyOptions | None) -> TableChoice:
    if given is None:
        return choice
    unit = choice.unit if given.unit == ROWS else given.unit
    target, left_out = given.target or choice.target, (*choice.left_out, *given.exclude)
    return replace(choice, target=target, left_out=left_out, unit=unit, given=given)


def open_choice(choice: TableChoice, path: str, own: object) -> Source:
    """Open an entry of the menu: the table that the page was opened with, a path, or an example."""
    if choice.value == _OWN:
        return open_source(own)
    return open_source(path) if choice.value == FILE else get_example(choice.value).open()
