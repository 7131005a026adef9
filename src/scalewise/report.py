"""A finished or running study as plain data: what ``scalewise run --json`` writes.

The schema is versioned by its ``schema`` field; ``scalewise/2`` holds

``table``
    ``name``, ``target``, ``task``, ``classes``, ``n_train_rows``, ``n_holdout_rows``, ``features`` (names),
    ``left_out`` (``name`` and ``reason`` of columns that models do not see), ``remarks``, ``unit`` (``kind`` and
    ``column`` of what is drawn), ``group_candidates`` and ``time_candidates`` (``column`` and ``reason`` of columns
    that may be the true sampling unit).
``study``
    ``id``, ``metric``, ``metric_label`` (what people call it), ``phase``, ``seed``, ``models`` (their names),
    ``max_fraction``, ``repeats``, ``min_gain``, ``min_gain_words`` (where it comes from, if that is the target's
    spread; else empty), ``budget_minutes``, ``price_per_hour`` (both null where not given), ``versions``.
``machine``
    ``memory_bytes``, ``free_bytes`` (when the study started), ``workers``; null where not known.
``verdict``
    ``action`` (``use_more_rows``, ``collect_rows``, ``stop``, ``fewer_features``, ``scale_out`` or
    ``cannot_tell``), ``sentence``,
    ``evidence``, ``margin`` (the least gain that counts), ``would_change``, ``model``, ``ways``, ``next_doubling``,
    ``experiment`` and ``memory`` (words: where a fit would fit). ``ways`` holds, for each way forward, ``action``
    (``stop``, ``use_more_rows``, ``richer_model``, ``other_model``, ``fewer_features``, ``tune``, ``more_repeats``,
    ``collect_rows`` or ``scale_out``), ``gain``, ``low``, ``high`` (null where not known: of ``tune`` and
    ``fewer_features`` before those were tried, and of ``collect_rows`` where a curve allows no forecast), ``minutes``,
    ``bytes`` (of the whole worker), ``money`` (null without a price of an hour), ``n_rows``, ``model``, ``words``. Gain
    and minutes are 0 where there is nothing to do: of ``stop``, of ``scale_out`` where all fits on this machine, and of
    ``fewer_features`` where none can be spared. ``next_doubling`` is such a way; its gain is null while a study is too
    young for one. ``experiment`` is the cheapest one that would tell what cannot be told (``model``, ``n_rows``,
    ``repeats``, ``minutes``, ``chance``, ``smaller``: further sizes, and then ``chance`` is null, ``words``), or null.
``curves``
    For each model ``model``, ``label``, ``metric``, ``points`` (``n_rows``, ``fraction``, ``score``, ``low``, ``high``,
    ``train_score``, ``repeats``, ``fit_seconds``, ``peak_bytes``), ``forecast`` (``n_rows``, ``mean``, ``low``,
    ``high``, ``gain``, ``gain_low``, ``gain_high``, ``p_gain``, see `scalewise.forecast`; empty where there is none),
    ``forecast_refusal`` (words or null), ``forecast_flags`` (its reservations) and ``memory`` (``n_rows``,
    ``bytes`` of the whole worker and ``fits``, names of the places, at the sizes of the forecast). ``low`` and ``high``
    are 90 % intervals everywhere.
``ending``
    Why a finished study ended: ``why`` (``done``: all that was planned and can change the answer; ``decided``: the
    answer was decided sooner; ``budget``: the time is spent; empty while it goes on), ``reason`` (words),
    ``trials_saved`` (planned trials that were not needed) and ``trials_left`` (those for which the time did not reach).
``dropped``
    Models that got no more trials because they cannot win: ``model`` and ``reason``.
``streams``
    For each model that learned the whole table block by block ``model``, ``label``, ``metric``, ``phase``, ``passes``,
    ``n_rows`` (of all passes together), ``where`` and ``points`` (``n_rows``, ``score``, ``low``, ``high``,
    ``seconds``). Other than in ``curves``, one model goes on learning from point to point.
``unit_checks``
    For each other sampling unit that was checked ``unit``, ``model``, ``sentence``, ``changes`` (whether the answer
    depends on the unit), ``warns`` (whether the score is probably or by far worse by the other unit, but that may be
    chance) and ``points`` (``fraction`` and, by the study's own unit and by the other one, ``n_rows``, ``score``,
    ``low``, ``high``).
``unit_checks_failed``
    The others: ``unit`` (in words) and ``reason``.
``importances``
    For each model that has any ``model``, ``n_rows``, ``noise_line`` and ``features`` (``feature``, ``importance``,
    ``low``, ``high``, each alone; ``group``, a number or null, and ``group_importance``).
``features``
    Of one model: ``model``, ``n_rows``; ``importances`` (``feature``, ``group``: a number that correlated features
    share, or null, ``importance``, ``low``, ``high`` of its group shuffled together, ``alone`` of itself);
    ``noise_line``: features below it are no better than noise, null where that was not tried; ``steady_top``,
    ``steady_since``: so many first features have not changed since that share of the rows; the same in
    ``steady_words``; ``search_words``: how far a comparison of features came that is not complete, or null; ``curve``
    (``k``, ``score``, ``low``, ``high``, ``loss``, ``loss_low``, ``loss_high`` against all
    features, paired, ``fit_seconds``, ``repeats``, ``features``), empty where that was not asked for; ``keep``: names
    of the set to go on with (all where fewer do not do, none where it was not asked for), ``keep_share`` of the score
    that it carries; ``bytes_now`` and ``bytes_kept`` of all rows as models read them; ``alarms`` (``kind``:
    ``golden``, ``identifier``, ``target_copy``, ``target_sum``, ``constant`` or ``duplicate_rows``; ``feature``,
    ``others``: further columns where it is about several, ``words``).
``tuning``
    What other settings of one model brought: ``model``, ``n_rows``, ``n_settings`` (tried on each sample), ``repeats``
    (samples), ``gain``, ``low``, ``high`` (on the holdout, paired), ``n_better`` (samples on which some settings beat
    the recipe's own by more than chance), ``settings`` (those chosen most often, by scikit-learn's names), ``tuned``
    (the name of the model with those, as it may stand among the models of a study), ``seconds`` (of one sample),
    ``sentence``. Null where that was not asked for.
``trials``
    ``fitted``, ``resumed``, ``failed``: counts; ``failures``: ``trial`` and ``reason`` of each.
``notes``
    Messages, oldest first.

Numbers that are not finite are written as null. ``scalewise/1`` was the same without ``machine``, the ways, the memory
and what they need.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from scalewise.core.curves import StreamCurve
from scalewise.core.machine import Machine
from scalewise.core.margin import usual_words
from scalewise.core.memory import fitting_places
from scalewise.core.study import StudyState
from scalewise.core.summary import Continuation, ModelSummary, Summary
from scalewise.core.tuning import Tuning
from scalewise.core.unit_words import unit_text
from scalewise.core.units import UnitComparison
from scalewise.core.verdict import Verdict
from scalewise.feature_report import feature_report, importances_report

__all__ = ["SCHEMA", "report"]

SCHEMA = "scalewise/2"


def report(summary: Summary) -> dict[str, Any]:
    """Turn a summary into plain dicts, lists, text and finite numbers; see the module for the schema.

    Parameters
    ----------
    summary : Summary
        Of a study that has started.
    """
    state = summary.state
    metric = state.study.metric.name if state.study else ""
    n_left = len(state.left)
    content = {
        "schema": SCHEMA,
        "table": _table(state),
        "study": _study(state),
        "machine": asdict(state.machine) if state.machine else None,
        "verdict": _verdict(summary.verdict),
        "ending": {
            "why": state.ending,
            "reason": state.ending_reason,
            "trials_saved": n_left if state.ending in ("done", "decided") else 0,
            "trials_left": n_left if state.ending == "budget" else 0,
        },
        "dropped": [{"model": model, "reason": why} for model, why in summary.agenda.dropped.items()],
        "curves": [_curve(model, metric, state.machine) for model in summary.models],
        "streams": [_stream(curve, metric) for curve in summary.streams],
        "unit_checks": [_unit_check(check) for check in summary.unit_checks],
        "unit_checks_failed": [
            {"unit": unit_text(check.unit), "reason": check.reason}
            for check in state.unit_checks
            if check.phase == "failed"
        ],
        "importances": [importances_report(model) for model in summary.models if model.importances],
        "features": feature_report(summary),
        "tuning": _tuning(summary.tuning, state),
        "trials": _trials(state),
        "notes": [note.text for note in state.notes],
    }
    return dict(_finite(content))


def _table(state: StudyState) -> dict[str, Any]:
    data = state.data
    if data is None:
        return {"name": state.table}
    return {
        "name": data.name,
        "target": data.target,
        "task": data.task,
        "classes": list(data.classes),
        "n_train_rows": data.n_train_rows,
        "n_holdout_rows": data.n_holdout_rows,
        "features": [feature.name for feature in data.features],
        "left_out": [{"name": column.name, "reason": column.reason} for column in state.left_out],
        "remarks": list(state.remarks),
        "unit": asdict(data.unit),
        "group_candidates": [asdict(candidate) for candidate in state.group_candidates],
        "time_candidates": [asdict(candidate) for candidate in state.time_candidates],
    }


def _study(state: StudyState) -> dict[str, Any]:
    if state.study is None or state.plan is None:
        return {"phase": state.phase}
    return {
        "id": state.study.id,
        "metric": state.study.metric.name,
        "metric_label": state.study.metric.label,
        "phase": state.phase,
        "seed": state.study.data.seed,
        "models": [model.name for model in state.plan.models],
        "max_fraction": state.plan.max_fraction,
        "repeats": state.plan.repeats,
        "min_gain": state.plan.min_gain,
        "min_gain_words": usual_words(state.plan.min_gain, state.study.metric, state.study.data),
        "budget_minutes": state.plan.budget_minutes,
        "price_per_hour": state.plan.price_per_hour,
        "versions": state.study.versions,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    asked = verdict.experiment
    return {
        "action": verdict.action,
        "sentence": verdict.sentence,
        "evidence": list(verdict.evidence),
        "margin": verdict.margin,
        "would_change": list(verdict.would_change),
        "model": verdict.model,
        "ways": [asdict(way) for way in verdict.ways],
        "next_doubling": asdict(verdict.doubling) if verdict.doubling else None,
        "experiment": {**asdict(asked), "words": asked.words} if asked else None,
        "memory": list(verdict.memory),
    }


def _curve(model: ModelSummary, metric: str, machine: Machine | None) -> dict[str, Any]:
    fields = ("n_rows", "fraction", "score", "low", "high", "train_score", "repeats", "fit_seconds", "peak_bytes")
    ahead = model.continuation
    return {
        "model": model.curve.model.name,
        "label": model.curve.model.label,
        "metric": metric,
        "points": [{name: getattr(point, name) for name in fields} for point in model.curve.points],
        "forecast": _forecast(ahead) if ahead else [],
        "forecast_refusal": ahead.refusal if ahead else None,
        "forecast_flags": list(ahead.flags) if ahead else [],
        "memory": [_memory(model, n, machine) for n in ahead.n_rows] if ahead else [],
    }


def _forecast(ahead: Continuation) -> list[dict[str, Any]]:
    fields = ("n_rows", "mean", "low", "high", "gain", "gain_low", "gain_high", "p_gain")
    columns = [getattr(ahead, name) for name in fields]
    return [dict(zip(fields, row, strict=True)) for row in zip(*columns, strict=True)]


def _memory(model: ModelSummary, n_rows: int, machine: Machine | None) -> dict[str, Any]:
    n_bytes = model.worker_bytes(n_rows)
    return {"n_rows": n_rows, "bytes": n_bytes, "fits": list(fitting_places(n_bytes, machine))}


def _stream(curve: StreamCurve, metric: str) -> dict[str, Any]:
    stream = curve.stream
    return {
        "model": stream.model.name,
        "label": stream.model.label,
        "metric": metric,
        "phase": stream.phase,
        "passes": stream.passes,
        "n_rows": stream.n_rows,
        "where": stream.where,
        "points": [
            {"n_rows": point.n_rows, "score": point.score, "low": low, "high": high, "seconds": point.seconds}
            for point, low, high in zip(stream.points, curve.low, curve.high, strict=True)
        ],
    }


def _tuning(found: Tuning | None, state: StudyState) -> dict[str, Any] | None:
    if found is None:
        return None
    sentence = found.sentence(state.study.metric.label if state.study else "")
    models = state.plan.models if state.plan else ()
    studied = (found.studied_as(model.label) for model in models if found.chosen and model.name == found.tuned)
    return {
        "model": found.model.name,
        "n_rows": found.n_rows,
        "n_settings": found.n_settings,
        "repeats": found.repeats,
        "gain": found.gain.mean,
        "low": found.gain.low,
        "high": found.gain.high,
        "n_better": found.n_better,
        "settings": {setting.name: setting.value for setting in found.chosen},
        "tuned": found.tuned,
        "seconds": found.seconds,
        "sentence": " ".join((sentence, *studied)),
    }


def _unit_check(check: UnitComparison) -> dict[str, Any]:
    fields = ("n_rows", "score", "low", "high")
    return {
        "unit": asdict(check.unit),
        "model": check.model,
        "sentence": check.sentence,
        "changes": check.changes,
        "warns": check.warns,
        "points": [
            {
                "fraction": point.fraction,
                "own": {name: getattr(point.own, name) for name in fields},
                "other": {name: getattr(point.other, name) for name in fields},
            }
            for point in check.points
        ],
    }


def _trials(state: StudyState) -> dict[str, Any]:
    return {
        "fitted": len(state.records) - len(state.resumed),
        "resumed": len(state.resumed),
        "failed": len(state.failures),
        "failures": [{"trial": str(trial), "reason": reason} for trial, reason in sorted(state.failures.items())],
    }


def _finite(value: Any) -> Any:
    """The same content with numbers that JSON does not know as None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
