"""Which trials an engine is given now."""

from __future__ import annotations

from collections.abc import Collection

from scalewise.core.experimenting.experiment import Agenda
from scalewise.core.prospects import FEWEST_SIZES
from scalewise.core.spec import Trial
from scalewise.core.study import StudyState, in_order
from scalewise.core.summary import summarise

__all__ = ["ask", "current_agenda"]

_CHEAP_SECONDS = 0.5
"""Trials that take longer are not queued ahead: what comes next is decided when a worker is free."""


def current_agenda(state: StudyState) -> Agenda:
    """What a study should do next; cheap where everything planned is to be run, whatever comes out."""
    if state.plan is not None and state.plan.everything:
        order = tuple(in_order(state))
        return Agenda(order, order) if order else Agenda(ending="done", reason="Everything planned is done.")
    return summarise(state).agenda


def ask(
    state: StudyState,
    most: int,
    *,
    agenda: Agenda | None = None,
    taken: Collection[Trial] = (),
    free: int | None = None,
    seconds_left: float = float("inf"),
) -> tuple[Trial, ...]:
    """Choose the trials to run next.

    Parameters
    ----------
    state : StudyState
    most : int
        How many to give at the most.
    agenda : Agenda or None
        The state's `current_agenda`, where it is known.
    taken : collection of Trial
        Trials that are queued or running already.
    free : int or None
        Workers that have nothing to do; what is given beyond is queued, and only if it is cheap. By default all that is
        given may be dear.
    seconds_left : float
        Trials that are predicted to take longer are not begun.
    """
    if state.phase != "running" or most <= 0:
        return ()
    everything = state.plan is not None and state.plan.everything
    found: list[Trial] = []
    for trial in in_order(state) if everything else (agenda or current_agenda(state)).trials:
        if len(found) >= most:
            break
        if trial in taken or trial.n_rows > state.ready_rows:
            continue
        seconds = state.expected.seconds(trial)
        if seconds > seconds_left:
            continue
        if not everything and seconds > _CHEAP_SECONDS and _is_hasty(state, trial, (*taken, *found)):
            continue
        if free is not None and len(found) >= free and seconds > _CHEAP_SECONDS:
            if everything:
                continue
            # Cheaper ones of less worth, queued in its place, would keep the workers from ever being free for it.
            break
        found.append(trial)
    return tuple(found)


def _is_hasty(state: StudyState, trial: Trial, coming: Collection[Trial]) -> bool:
    """Whether a look at a model farther up should wait for another such look at it that is on its way.

    That one may settle what this one is for; and what is seen farther up is acted on only after a second look there.
    Nothing waits that is needed whatever comes out: the first few sizes, and those that a person asked for.
    """
    rivals = [t for t in coming if t.model == trial.model and t.repeat == 0 and t.is_plain]
    if trial.repeat > 0 or not trial.is_plain or not rivals or state.study is None:
        return False
    sizes = {t.n_rows for t in state.records if t.model == trial.model and t.is_plain}
    insisted = state.study.data.rows_at(state.reach) if state.reach else 0
    measured = max(sizes, default=0)
    is_needed = len(sizes) < FEWEST_SIZES or trial.n_rows <= insisted
    return not is_needed and trial.n_rows > measured and any(t.n_rows > measured for t in rivals)
