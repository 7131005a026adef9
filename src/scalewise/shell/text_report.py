"""What a study found, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scalewise.core.deciding.ways_table import ways_table
from scalewise.core.spec import UnitCandidate, UnitKind
from scalewise.core.unit_words import unit_question
from scalewise.core.verdict import Verdict
from scalewise.core.wording import (
    byte_text,
    counted_text,
    duration_text,
    gain_text,
    percent_text,
    rows_text,
    score_text,
)

__all__ = ["text_report"]

_MOST_FEATURES = 20
"""Features that are printed; all are in the JSON, as are all left-out columns, failed trials and scores of a stream."""
_MOST_REASONS = 10
_MOST_COLUMNS = 10
_MOST_SCORES = 12
_KINDS: tuple[UnitKind, ...] = ("group", "time")
_NO_CANDIDATE = (
    "No other sampling unit was checked: no column was seen that may name groups or tell a time. "
    "Name one with --group or --time."
)


def text_report(content: dict[str, Any], verdict: Verdict, *, features: bool, units: bool = False) -> str:
    """Say in lines what a study found.

    Parameters
    ----------
    content : dict
        As `scalewise.report` gives it.
    verdict : Verdict
    features : bool
        Whether to tell of features too.
    units : bool
        Whether other sampling units were to be checked, so that it is told too where none was.
    """
    metric = content["study"].get("metric_label", "score")
    trials = content["trials"]
    counts = ", ".join(f"{trials[kind]} {kind}" for kind in ("fitted", "resumed", "failed"))
    parts = (
        _table_lines(content["table"]),
        _point_lines(content, metric),
        _stream_lines(content),
        _feature_lines(content["features"], metric) if features else [],
        _alarm_lines(content),
        [f"trials: {counts}"],
        _failure_lines(trials["failures"]),
        _ending_lines(content),
        [f"  dropped: {model['reason']}" for model in content["dropped"]],
        _margin_lines(content["study"]),
        [""],
        _verdict_lines(verdict),
        _tuning_lines(content),
        _unit_lines(content, verdict, asked=units),
    )
    return "\n".join(line for lines in parts for line in lines)


def _margin_lines(study: dict[str, Any]) -> list[str]:
    """Where a margin comes from that nobody chose, and how to choose one."""
    words = study.get("min_gain_words")
    return [f"{words} Set what matters to you with --min-gain."] if words else []


def _tuning_lines(content: dict[str, Any]) -> list[str]:
    """What tuning brought, and how to go on with it."""
    found = content["tuning"]
    if found is None:
        return []
    studied = content["study"]["models"]
    if not found["settings"] or found["gain"] <= 0 or found["tuned"] in studied:
        return [found["sentence"]]
    return [found["sentence"], f'Its learning curve: --models "{",".join([*studied, found["tuned"]])}"']


def _table_lines(table: dict[str, Any]) -> list[str]:
    """What of a table models do not see, and why."""
    left_out = table.get("left_out", [])
    lines = [f"not used: {column['name']} ({column['reason']})" for column in left_out[:_MOST_COLUMNS]]
    lines += [f"not used: {len(left_out) - _MOST_COLUMNS} more columns"] if len(left_out) > _MOST_COLUMNS else []
    return [*lines, *table.get("remarks", [])]


def _point_lines(content: dict[str, Any], metric: str) -> list[str]:
    title = ("model", "rows", "of all", metric, "90 % interval", "train", "fit")
    rows = [title, *(_point_row(curve["model"], point) for curve in content["curves"] for point in curve["points"])]
    longest = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first, *others = map(max, zip((12, 12, 9, _width(metric), 20, 10, 9), (2 + n for n in longest), strict=True))
    return [row[0].ljust(first) + "".join(map(str.rjust, row[1:], others)) for row in rows]


def _point_row(model: str, point: dict[str, Any]) -> tuple[str, ...]:
    return (
        model,
        rows_text(point["n_rows"]),
        percent_text(point["fraction"]),
        score_text(point["score"]),
        f"{score_text(point['low'])} .. {score_text(point['high'])}",
        _train_text(point["train_score"]),
        duration_text(point["fit_seconds"]),
    )


def _train_text(score: float | None) -> str:
    """A score on training rows; some metrics are not defined for what a model predicts there."""
    return "" if score is None else score_text(score)


def _width(metric: str) -> int:
    """Of a column of scores below the name of the metric."""
    return max(18, len(metric) + 2)


def _ending_lines(content: dict[str, Any]) -> list[str]:
    """Why a study ended, and how much of what was planned it did without."""
    ending, phase = content["ending"], content["study"]["phase"]
    if not ending["reason"]:
        return ["The study was stopped before its end."] if phase == "stopped" else []
    not_run = _not_run(ending["trials_saved"], "needed") + _not_run(ending["trials_left"], "done")
    return [f"{ending['reason']}{not_run}"]


def _not_run(n_trials: int, why: str) -> str:
    """How many planned trials were not run; nothing where all were."""
    were = "was" if n_trials == 1 else "were"
    return f" {counted_text(n_trials, 'planned trial')} {were} not {why}." if n_trials else ""


def _failure_lines(failures: Sequence[dict[str, Any]]) -> list[str]:
    """The first failed trial for each of some reasons, and how many more failed for it."""
    by_reason: dict[str, list[str]] = {}
    for failure in failures:
        by_reason.setdefault(failure["reason"], []).append(failure["trial"])
    return [
        f"  failed: {first}{f' and {len(more)} more' if more else ''}: {reason}"
        for reason, (first, *more) in list(by_reason.items())[:_MOST_REASONS]
    ]


def _unit_lines(content: dict[str, Any], verdict: Verdict, *, asked: bool) -> list[str]:
    """What checks of other sampling units say, and what to type where one may be the true one."""
    failed = content["unit_checks_failed"]
    lines = [words for check in content["unit_checks"] if (words := check["sentence"]) not in verdict.evidence]
    # Where a study is quick it is checked unasked as well; that this cannot be done is no news then.
    told = failed if asked else []
    lines += [f"The sampling unit {check['unit']} could not be checked: {check['reason']}" for check in told]
    checked = {check["unit"]["column"] for check in content["unit_checks"]}
    table = content["table"]
    if asked and not (content["unit_checks"] or failed or any(table[f"{kind}_candidates"] for kind in _KINDS)):
        lines.append(_NO_CANDIDATE)
    for kind in _KINDS if table["unit"]["kind"] == "row" else ():
        for candidate in table[f"{kind}_candidates"][:1]:
            how = f"If so, run again with --{kind} {candidate['column']}"
            check = "" if candidate["column"] in checked else "; --check-unit shows whether it matters"
            lines.append(f"{unit_question(UnitCandidate(**candidate), kind)} {how}{check}.")
    return ["", *lines] if lines else []


def _verdict_lines(verdict: Verdict) -> list[str]:
    parts = (
        ("", verdict.evidence),
        ("", (verdict.next_doubling,)),
        ("all ways forward:", _aligned(ways_table(verdict.ways))),
        ("memory of a worker:", verdict.memory),
        ("what would overturn this answer:", verdict.would_change),
    )
    found = [verdict.sentence]
    for title, words in parts:
        found += [*([title] if title and words else []), *(f"  {line}" for line in words if line)]
    return found


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text with every column but the first and the last to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join((r[0].ljust(widths[0]), *map(str.rjust, r[1:-1], widths[1:-1]), r[-1])) for r in table]


def _stream_lines(content: dict[str, Any]) -> list[str]:
    lines = []
    for stream in content["streams"]:
        lines.append(f"{stream['label']}, incremental, {stream['passes']} x the whole table ({stream['phase']}):")
        for point in stream["points"][-_MOST_SCORES:]:
            share = percent_text(point["n_rows"] / content["table"]["n_train_rows"])
            lines.append(f"{'':<12}{rows_text(point['n_rows']):>12}{share:>9}{score_text(point['score']):>18}")
    return lines


def _feature_lines(found: dict[str, Any], metric: str) -> list[str]:
    unfinished = [found["search_words"]] if found["search_words"] else []
    return [*_importance_lines(found, metric), *_curve_lines(found, metric), *unfinished]


def _importance_lines(found: dict[str, Any], metric: str) -> list[str]:
    rows, line = found["importances"], found["noise_line"]
    if not rows:
        return []
    lines = [f"{metric} lost without each feature ({found['model']}; correlated ones of a group together):"]
    for row in rows[:_MOST_FEATURES]:
        group = f"  group {row['group']}" if row["group"] else ""
        noise = "  no better than noise" if line is not None and row["importance"] <= line else ""
        interval = f"{gain_text(row['low'])} .. {gain_text(row['high'])}"
        lines.append(f"  {row['feature']:<28}{gain_text(row['importance']):>9}{interval:>22}{group}{noise}")
    lines += [f"  and {len(rows) - _MOST_FEATURES} more"] if len(rows) > _MOST_FEATURES else []
    return [*lines, f"  {found['steady_words']}"] if found["steady_words"] else lines


def _curve_lines(found: dict[str, Any], metric: str) -> list[str]:
    if not found["curve"]:
        return []
    wide = _width(metric)
    lines = [f"{'features':<12}{metric:>{wide}}{'90 % interval':>20}{'lost':>10}{'fit':>9}"]
    for point in found["curve"]:
        interval = f"{score_text(point['low'])} .. {score_text(point['high'])}"
        lost = "" if point["loss"] is None else gain_text(point["loss"])
        fit = duration_text(point["fit_seconds"])
        lines.append(f"{point['k']:<12}{score_text(point['score']):>{wide}}{interval:>20}{lost:>10}{fit:>9}")
    shrinks = f"{byte_text(found['bytes_now'])} -> {byte_text(found['bytes_kept'])}"
    kept = found["keep"]
    features = "1 feature" if len(kept) == 1 else f"{len(kept):,} features"
    return [*lines, f"keep {features} ({shrinks}): {', '.join(kept[:_MOST_FEATURES])}"]


def _alarm_lines(content: dict[str, Any]) -> list[str]:
    """Alarms but those about columns that models do not see anyway, which is told of the table."""
    gone = {column["name"] for column in content["table"].get("left_out", [])}
    alarms = content["features"]["alarms"]
    return [f"alarm: {alarm['words']}" for alarm in alarms if gone.isdisjoint((alarm["feature"], *alarm["others"]))]
