"""The arguments of the ``scalewise`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NoReturn

from scalewise import __version__
from scalewise.core.model_names import split_names

__all__ = ["parser"]

_Group = argparse._ArgumentGroup
_Command = Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """Says a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)


def parser(run: _Command, app: _Command) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Parameters
    ----------
    run, app : callable
        What to do with the arguments of either command; each gives an exit status.

    Returns
    -------
    ArgumentParser
        Says a mistake in one line, and ends with 2.
    """
    found = _Parser(prog="scalewise", description="Does more data help, and do you need a cluster for it?")
    found.add_argument("--version", action="version", version=f"scalewise {__version__}")
    commands = found.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="study a table without a screen and print the verdict"), run)
    _add_app(commands.add_parser("app", help="open the dashboard in the browser"), app)
    return found


def _add_run(run: argparse.ArgumentParser, command: _Command) -> None:
    run.set_defaults(command=command)
    run.add_argument("table", metavar="TABLE", help="a Parquet file or folder, a CSV file, or a built-in example")
    _add_question(run.add_argument_group("what is asked"))
    _add_effort(run.add_argument_group("how far to go"))
    _add_units(run.add_argument_group("what a row stands for"))
    _add_features(run.add_argument_group("features"))
    _add_engine(run.add_argument_group("where it runs"))
    out = run.add_argument_group("what is kept and shown")
    out.add_argument("--journal", metavar="FILE", type=Path, help="keep finished trials here, and resume from it")
    out.add_argument("--json", metavar="FILE", type=Path, help="write everything as JSON ('-' for standard output)")
    out.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_question(group: _Group) -> None:
    group.add_argument("--target", metavar="COL", help="the column to predict (needed unless TABLE is an example)")
    group.add_argument("--task", choices=("binary", "multiclass", "regression"), help="guessed from the target")
    group.add_argument("--metric", metavar="M", help="a scikit-learn scorer name that fits the task")
    group.add_argument("--models", metavar="A,B", type=split_names, help="such as linear,boosting or 'linear(C=0.1)'")
    group.add_argument(
        "--min-gain",
        metavar="G",
        type=float,
        help="least gain that counts (default: .005, or that part of the target's spread for errors in its units)",
    )


def _add_effort(group: _Group) -> None:
    group.add_argument(
        "--max-fraction", metavar="F", type=float, help="largest sample (default: 0.1, or more of a small one)"
    )
    group.add_argument("--repeats", metavar="R", type=int, default=5, help="samples a size where cheap (default: 5)")
    group.add_argument("--seed", metavar="S", type=int, default=0, help="decides holdout and samples (default: 0)")
    group.add_argument(
        "--budget", metavar="MINUTES", type=float, help="wall time that the study may take from its first fit on"
    )
    group.add_argument("--everything", action="store_true", help="run every planned trial, also when all is decided")
    group.add_argument("--pin", metavar="A,B", type=split_names, default=(), help="models that are never dropped")
    group.add_argument("--tune", action="store_true", help="find out what other settings of the model bring")
    group.add_argument("--price-per-hour", metavar="P", type=float, help="what an hour of one worker costs")


def _add_units(group: _Group) -> None:
    group.add_argument("--group", metavar="COL", help="draw and hold out whole groups of this column")
    group.add_argument("--time", metavar="COL", help="hold out the last stretch of this column (or of A,B,C together)")
    group.add_argument("--thin", action="store_true", help="with --time: spread samples over all of the history")
    group.add_argument(
        "--check-unit", action="store_true", help="check whether the answer changes with another sampling unit"
    )


def _add_features(group: _Group) -> None:
    group.add_argument("--exclude", metavar="A,B", type=_names, default=(), help="columns that models must not see")
    group.add_argument(
        "--max-features", metavar="N", type=int, help="study the N columns that carry most (default: 300 of over 1,000)"
    )
    group.add_argument(
        "--importances", action="store_true", help="print what each feature is worth, and what noise would seem to be"
    )
    group.add_argument(
        "--keep-k", metavar="K", type=_n_kept, help="find out how few features would do: auto, or a number to keep"
    )


def _add_engine(group: _Group) -> None:
    group.add_argument("--engine", metavar="E", default="local", help="local, inline, dask, or a scheduler's address")
    group.add_argument("--workers", metavar="N", type=int, help="worker processes (default: one a core, at most 8)")
    group.add_argument(
        "--stream",
        metavar="A,B",
        type=_names,
        default=(),
        help="models to train on all rows, block by block: sgd,bayes",
    )


def _add_app(app: argparse.ArgumentParser, command: _Command) -> None:
    app.set_defaults(command=command)
    app.add_argument("table", metavar="TABLE", nargs="?", help="a table to begin with (default: a built-in example)")
    app.add_argument("--target", metavar="COL", help="the column to predict")
    app.add_argument("--port", metavar="P", type=int, default=8866, help="another is taken if it is not free")
    app.add_argument("--no-browser", action="store_true", help="print the address only")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _n_kept(text: str) -> int | Literal["auto"]:
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 'auto' nor a number from 1 on")
    return int(text)
