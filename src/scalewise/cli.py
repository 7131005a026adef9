"""The ``scalewise`` command: ``app`` opens the dashboard, ``run`` studies a table without a screen.

Exit status: 0 with a verdict, 1 for a failure, 2 for a mistake in what was asked, such as a table, a journal or a
scheduler that cannot be used, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from scalewise import __version__
from scalewise.core.model_names import split_names
from scalewise.core.spec import LeftOut, SamplingUnit
from scalewise.errors import EngineError, InputError, JournalError, ScalewiseError, StudyError

if TYPE_CHECKING:
    from scalewise.core.study import StudyState
    from scalewise.options import StudyOptions
    from scalewise.study import Study

__all__ = ["main"]

_Group = argparse._ArgumentGroup


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str or None
        Without the program's name; ``sys.argv`` by default.

    Returns
    -------
    int
        The exit status.
    """
    asked = _parser().parse_args(arguments)
    try:
        status: int = asked.command(asked)
    except InputError as error:
        return _complain(error, 2)
    except ScalewiseError as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has gone; silence the flush at exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _complain(error: Exception, status: int) -> int:
    print(f"scalewise: {' '.join(str(error).split())}", file=sys.stderr)
    return status


class _Parser(argparse.ArgumentParser):
    """Says a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="scalewise", description="Does more data help, and do you need a cluster for it?")
    parser.add_argument("--version", action="version", version=f"scalewise {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="study a table without a screen and print the verdict"))
    _add_app(commands.add_parser("app", help="open the dashboard in the browser"))
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    run.set_defaults(command=_run)
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


def _add_app(app: argparse.ArgumentParser) -> None:
    app.set_defaults(command=_app)
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


def _app(asked: argparse.Namespace) -> int:
    from scalewise.app.server import serve

    return serve(port=asked.port, open_browser=not asked.no_browser, table=asked.table, target=asked.target)


def _run(asked: argparse.Namespace) -> int:
    _check_folder(asked.journal, "--journal")
    _check_writable(asked.json)
    with _open(asked) as study:
        try:
            status = _follow(study, asked)
        except EngineError as error:
            if "://" in asked.engine:
                raise InputError(str(error)) from error
            raise
        if asked.check_unit and status == 0:
            status = _check_units(study)
        # Interrupted while the table was looked at, there is nothing to tell.
        if study.state.study is not None:
            _tell(study, asked)
    return status


def _open(asked: argparse.Namespace) -> Study:
    from scalewise.study import Study

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
    from scalewise.options import StudyOptions

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
    from scalewise.errors import unknown_name

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


def _check_folder(path: Path | None, option: str) -> None:
    """Make no folder: where one is missing, its name is more likely misspelt."""
    if path is not None and not path.parent.is_dir():
        raise InputError(
            f"{path} cannot be written: there is no folder {str(path.parent)!r}. Make it, or name another file with "
            f"{option}."
        )


def _check_writable(path: Path | None) -> None:
    """Find out before the study, not after it, that its result cannot be written; no file is left behind."""
    if path is None or str(path) == "-":
        return
    _check_folder(path, "--json")
    is_new = not path.exists()
    try:
        path.open("a").close()
        if is_new:
            path.resolve().unlink()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Name another file with --json.") from error


def _follow(study: Study, asked: argparse.Namespace) -> int:
    """Run a study to its end with a progress bar; Ctrl-C stops it and keeps what is finished."""
    from tqdm import tqdm

    from scalewise.core.experimenting.asking import current_agenda

    try:
        _begin(study, quiet=asked.quiet)
    except KeyboardInterrupt:
        study.stop()
        return 130
    _check_features(study, asked)
    for model in asked.stream:
        study.stream(model)
    with tqdm(total=len(study.state.planned()), unit="trial", file=sys.stderr, disable=asked.quiet or None) as bar:

        def show(state: Any) -> None:
            done = len(state.planned()) - len(state.open_trials())
            # Dropped models take their trials with them; a study that ended early has none left.
            bar.total = done if state.phase == "finished" else done + len(current_agenda(state).left)
            bar.n = done
            bar.refresh()

        try:
            study.wait(on_progress=show)
            _check_begun(study)
            _begin_features(study, asked)
            study.wait(on_progress=show)
            _begin_tuning(study, asked)
            study.wait(on_progress=show)
            show(study.state)
        except KeyboardInterrupt:
            study.stop()
            study.wait(5)
            return 130
    failed = any(stream.phase == "failed" for stream in study.state.streams.values())
    return 0 if study.summary.models and not failed else 1


def _begin(study: Study, *, quiet: bool) -> None:
    """Start a study; a progress bar shows how much of a very wide table has been looked at."""
    from tqdm import tqdm

    with tqdm(
        total=100, desc="columns", unit="%", leave=False, delay=1e-6, file=sys.stderr, disable=quiet or None
    ) as bar:

        def show(state: StudyState) -> None:
            if state.looked_at:
                bar.n = round(100 * state.looked_at)
                bar.refresh()

        study.run(on_progress=show)


def _check_units(study: Study) -> int:
    """Check the sampling units that suggest themselves, one after another; Ctrl-C leaves it at those that are done."""
    from scalewise.core.units import proposed_units

    checked = {check.unit for check in study.state.unit_checks}
    try:
        for unit in proposed_units(study.state):
            if unit not in checked:
                study.check_unit(unit).wait()
    except KeyboardInterrupt:
        study.stop()
        study.wait(5)
        return 130
    return 0


def _check_features(study: Study, asked: argparse.Namespace) -> None:
    """Find out before the study has run that so many features cannot be kept."""
    from scalewise.core.features.feature_plan import keep_steps

    if study.state.data is not None and isinstance(asked.keep_k, int):
        keep_steps(len(study.state.data.features), asked.keep_k)


def _check_begun(study: Study) -> None:
    """Say why where nothing was measured: by itself a study stops only because its engine is lost."""
    state = study.state
    if state.phase == "stopped" and not state.records and not any(s.points for s in state.streams.values()):
        reasons = [note.text for note in state.notes if note.level == "error"]
        raise EngineError(reasons[-1] if reasons else "The engine was lost.")


def _begin_features(study: Study, asked: argparse.Namespace) -> None:
    """Compare features where that was asked for and can be done."""
    data = study.state.data
    wanted = asked.importances or asked.keep_k is not None
    if wanted and study.summary.main is not None and data is not None and len(data.features) > 1:
        keep = asked.keep_k if isinstance(asked.keep_k, int) else None
        study.features(keep=keep, few=asked.keep_k is not None)


def _begin_tuning(study: Study, asked: argparse.Namespace) -> None:
    """Try other settings of the verdict's model where that was asked for and can be done."""
    main = study.summary.main
    if asked.tune and main is not None and main.curve.model.tunable:
        study.tune()


def _tell(study: Study, asked: argparse.Namespace) -> None:
    from scalewise.text_report import text_report

    content, path = study.report(), asked.json
    text = json.dumps(content, indent=1, ensure_ascii=False)
    unwritten = _write(path, text)
    features = asked.importances or asked.keep_k is not None
    told = text_report(content, study.verdict, features=features, units=asked.check_unit)
    print(text if str(path) == "-" else told)
    for note in study.state.notes:
        if note.level == "error":
            print(f"scalewise: {' '.join(note.text.split())}", file=sys.stderr)
    if asked.tune and content["tuning"] is None:
        print(f"scalewise: nothing was tuned: {_why_untuned(study)}", file=sys.stderr)
    if unwritten is not None:
        raise unwritten


def _write(path: Path | None, text: str) -> StudyError | None:
    """Write the result; an error is to be raised once all has been printed at least."""
    if path is None or str(path) == "-":
        return None
    # Written whole and then put in place: where there is no room for it, no earlier result is lost.
    place = path.resolve()
    is_device = place.exists() and not place.is_file()
    is_direct = is_device or not os.access(place.parent, os.W_OK)
    aside = place if is_direct else place.with_name(f".{place.name}.{os.getpid()}")
    try:
        aside.write_text(text + "\n", encoding="utf-8")
        if aside != place:
            aside.replace(place)
    except OSError as error:
        if aside != place:
            with contextlib.suppress(OSError):
                aside.unlink()
        hint = "Make room, or name another file with --json; on the same --journal nothing is fitted twice."
        return StudyError(f"{path} cannot be written: {error.strerror}. {hint}")
    return None


def _why_untuned(study: Study) -> str:
    main, state = study.summary.main, study.state
    if main is not None and not main.curve.model.tunable:
        name, kind = main.curve.model.name, main.curve.model.kind
        return f"{name} has settings of its own already. Leave it out and run {kind} to find out about others."
    if state.ending == "budget":
        return "no time was left for it. Give more minutes with --budget."
    if state.phase == "stopped":
        return "the study was stopped before."
    return "no fit of a model that has settings is finished." if main is None else "every trial of it failed."


if __name__ == "__main__":
    sys.exit(main())
