"""Open the study that the arguments of the command line ask for."""

from __future__ import annotations

import argparse
from pathlib import Path

from scalewise.core.spec import LeftOut, SamplingUnit
from scalewise.errors import InputError, JournalError, unknown_name
from scalewise.options import StudyOptions
from scalewise.study import Study

__all__ = ["open_study"]


def open_study(asked: argparse.Namespace) -> Study:
    """Open the study of a table; the caller closes it.

    Raises
    ------
    ScalewiseError
        If the arguments do not fit together, or the table, the journal or the engine cannot be used.
    """
    table, options = _table_and_options(asked)
    try:
        return Study(
            table, options.target, options=options, engine=asked.engine, workers=asked.workers, journal=asked.journal
        )
    except JournalError as error:
        raise InputError(str(error)) from error


def _table_and_options(asked: argparse.Namespace) -> tuple[object, StudyOptions]:
    """The table to open and how to study it; a built-in example brings its own target and left-out columns."""
    from scalewise.data.examples import get_example, is_example

    table: object = asked.table
    target = asked.target
    exclude = tuple(LeftOut(name, "left out as asked") for name in asked.exclude)
    unit = _unit(asked.group, asked.time, thin=asked.thin)
    if is_example(asked.table):
        example = get_example(asked.table)
        table, target = example.open(), target or example.target
        unit = example.unit if unit.kind == "row" else unit
        exclude = (*exclude, *example.left_out)
    if not target:
        raise InputError(_misspelt(asked.table) or "Which column is to be predicted? Name it with --target COL.")
    if target in asked.exclude:
        raise InputError(
            f"{target!r} is the column to be predicted; it cannot be left out. Name others with --exclude."
        )
    options = StudyOptions(
        target, asked.task, asked.metric, asked.models, asked.max_fraction, asked.repeats, asked.seed,
        asked.min_gain, unit, exclude, asked.budget, asked.price_per_hour, asked.max_features, asked.everything,
        asked.pin,
    )  # fmt: skip
    return table, options


def _misspelt(table: str) -> str:
    """A table that is neither a file nor an example may be an example misspelt."""
    from scalewise.data.examples import example_names, is_example

    if is_example(table) or Path(table).exists():
        return ""
    return unknown_name("file or built-in example", table, example_names())


def _unit(group: str | None, time: str | None, *, thin: bool) -> SamplingUnit:
    if group and time:
        raise InputError("Choose one of --group and --time, not both.")
    if thin and not time:
        raise InputError("--thin goes with a time. Name its column with --time COL, or leave --thin out.")
    if group:
        return SamplingUnit("group", group)
    return SamplingUnit("thinned" if thin else "time", time) if time else SamplingUnit()
