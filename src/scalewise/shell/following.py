"""Follow a study on the command line, from its first look at the table to the end of all that was asked for."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from tqdm import tqdm

from scalewise.core.experimenting.asking import current_agenda
from scalewise.core.features.feature_plan import keep_steps
from scalewise.core.study import StudyState
from scalewise.core.units import proposed_units
from scalewise.errors import EngineError
from scalewise.study import Study

__all__ = ["check_units", "follow"]


def follow(study: Study, asked: argparse.Namespace) -> int:
    """Run a study to its end with a progress bar; Ctrl-C stops it and keeps what is finished."""
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
    with tqdm(
        total=100, desc="columns", unit="%", leave=False, delay=1e-6, file=sys.stderr, disable=quiet or None
    ) as bar:

        def show(state: StudyState) -> None:
            if state.looked_at:
                bar.n = round(100 * state.looked_at)
                bar.refresh()

        study.run(on_progress=show)


def _check_features(study: Study, asked: argparse.Namespace) -> None:
    """Find out before the study has run that so many features cannot be kept."""
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


def check_units(study: Study) -> int:
    """Check the sampling units that suggest themselves, one after another; Ctrl-C leaves it at those that are done."""
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
