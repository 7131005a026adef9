"""How far a study has come, as HTML: the bar, the count of trials, and what is going on now."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from html import escape

from scalewise.core.study import StudyState
from scalewise.core.summary import Summary
from scalewise.core.wording import duration_text

__all__ = ["progress_html"]


def progress_html(summary: Summary) -> str:
    """Draw the progress bar, and say what is running and how long it will go on at the most; empty without a plan."""
    state = summary.state
    planned = state.planned()
    if not planned:
        return ""
    done = len(planned) - len(state.open_trials())
    # Trials of models that were dropped are no longer ahead, and none are once the study has ended.
    total = done if state.phase == "finished" else done + len(summary.agenda.left)
    share = 100 * done / max(total, 1)
    return (
        f"<div class='sw-progress' role='progressbar' aria-label='Trials done' aria-valuemin='0' "
        f"aria-valuemax='{total}' aria-valuenow='{done}'><div style='width:{share:.1f}%'></div></div>"
        f"<div class='sw-hint'>{_counted(state, done, total)} · {_what_now(summary)}</div>"
    )


def _counted(state: StudyState, done: int, total: int) -> str:
    if state.phase == "finished":
        return f"{done} of {len(state.planned())} trials"
    at_most = "" if state.plan is None or state.plan.everything else "at most "
    return f"{done} of {at_most}{total} trials"


def _what_now(summary: Summary) -> str:
    state = summary.state
    if state.phase == "finished":
        early = {"decided": "finished early", "budget": "finished, out of time"}.get(state.ending, "finished")
        return f"{early}<br>{escape(state.ending_reason)}" if state.ending_reason else early
    if state.phase != "running":
        return {"stopped": "stopped", "failed": "failed"}.get(state.phase, "")
    if not state.running:
        return "drawing samples" if not state.ready_rows else "workers are starting"
    seconds = sum(map(state.expected.seconds, summary.agenda.left)) / max(len(state.running), 1)
    newest = max(state.running, key=lambda trial: state.running[trial].since)
    labels = {model.name: model.label for model in state.plan.models} if state.plan else {}
    now = str(replace(newest, model=labels.get(newest.model, newest.model)))
    budget = _budget_left(state)
    is_sure = state.plan is not None and state.plan.everything and seconds <= budget
    at_most = "about" if is_sure else "at most about"
    return f"{at_most} {duration_text(max(min(seconds, budget), 1))} left<br>now: {escape(now)}"


def _budget_left(state: StudyState) -> float:
    """Seconds that a running study still may take; infinite where it has no budget."""
    if state.plan is None or state.plan.budget_minutes is None:
        return math.inf
    spent = time.time() - state.working_since if state.working_since else 0.0
    return 60 * state.plan.budget_minutes - spent
