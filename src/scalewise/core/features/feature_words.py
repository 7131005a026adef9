"""How far a comparison of features has come, and what keeping the best few does, in words."""

from __future__ import annotations

from scalewise.core.features.feature_curve import FeaturePoint
from scalewise.core.features.feature_plan import feature_trials
from scalewise.core.study import StudyState
from scalewise.core.summary import Summary
from scalewise.core.wording import byte_text, counted_text, duration_text, gain_text, rows_text, score_text

__all__ = ["effect_words", "search_words"]

_USABLE = 0.6
"""Share of the free memory that a table may take, as for samples."""

_NOTHING = 0.00005


def search_words(state: StudyState) -> str:
    """Say how far a comparison of features has come that is not complete; empty where none is open."""
    trials = feature_trials(state.plan) if state.plan else ()
    n_left = sum(trial in state.left for trial in trials)
    if not n_left:
        return ""
    done = f"{len(trials) - n_left} of {counted_text(len(trials), 'fit')}"
    if state.phase == "running":
        return f"Comparing features: {done} done …"
    out_of_time = state.phase == "finished" and state.ending == "budget"
    when = "the time was spent. Give a larger budget" if out_of_time else "the study was stopped"
    were = "was" if len(trials) == 1 else "were"
    return f"The comparison of features is not complete: {done} {were} done when {when}."


def effect_words(summary: Summary, k: int, free_bytes: int | None = None) -> tuple[str, ...]:
    """Say what keeping the best k features does, a sentence each.

    Parameters
    ----------
    summary : Summary
        Of a study whose search for few features has begun.
    k : int
        A number of features that is done.
    free_bytes : int or None
        Memory of this machine that is free; None where that is not known.
    """
    curve, state = summary.features, summary.state
    point = curve.at(k) if curve else None
    if curve is None or point is None or state.data is None or state.study is None:
        return ()
    metric = state.study.metric.label
    columns = "1 column" if k == 1 else f"{k:,} columns"
    now, then = curve.bytes(curve.n_features), curve.bytes(k)
    return (
        f"{curve.words(k)}: {score_text(point.score)} of {score_text(curve.whole.score)} {metric}{_loss(point)}.",
        f"All rows with {columns}: {byte_text(now)} → {byte_text(then)}{_fits(now, then, free_bytes)}.",
        f"One fit of {curve.model.label} on {rows_text(curve.n_rows)} rows: "
        f"{duration_text(curve.whole.fit_seconds)} → {duration_text(point.fit_seconds)}.",
    )


def _loss(point: FeaturePoint) -> str:
    if point.loss is None:
        return ""
    loss = point.loss
    if max(abs(loss.low), abs(loss.high)) < _NOTHING:
        return ", nothing lost"
    return f" ({gain_text(-loss.mean)}; 90 %: {gain_text(-loss.high)} to {gain_text(-loss.low)}, paired)"


def _fits(now: int, then: int, free_bytes: int | None) -> str:
    if free_bytes is None:
        return ""
    room = _USABLE * free_bytes
    if then > room:
        return ", more than this machine has free"
    return ", fits this machine" if now <= room else ", fits this machine, and all columns do not"
