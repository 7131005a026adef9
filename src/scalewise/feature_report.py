"""What a study found of its features, as plain data; part of `scalewise.report`, which tells the schema."""

from __future__ import annotations

from typing import Any

from scalewise.core.features.feature_curve import FeatureCurve, FeaturePoint, table_bytes
from scalewise.core.features.feature_words import search_words
from scalewise.core.importance import Importance, ImportanceTable
from scalewise.core.summary import ModelSummary, Summary

__all__ = ["feature_report", "importances_report"]


def importances_report(model: ModelSummary) -> dict[str, Any]:
    """Every feature of a model alone, with the group that it belongs to."""
    table = model.importances
    assert table is not None
    groups = _groups(table)
    rows = [
        {
            "feature": row.feature,
            "importance": row.drop,
            "low": row.low,
            "high": row.high,
            "group": groups[row.feature][0] if row.feature in groups else None,
            "group_importance": groups[row.feature][1].drop if row.feature in groups else row.drop,
        }
        for row in table.rows
    ]
    return {
        "model": model.curve.model.name,
        "n_rows": table.n_rows,
        "noise_line": table.noise_line,
        "features": rows,
    }


def _groups(table: ImportanceTable) -> dict[str, tuple[int, Importance]]:
    """For each feature of a group, the group's number from 1 and its importance."""
    groups = [unit for unit in table.units if unit.members]
    return {member.feature: (number, unit) for number, unit in enumerate(groups, 1) for member in unit.members}


def feature_report(summary: Summary) -> dict[str, Any]:
    """Importances of one model, its score against number of features, and alarms."""
    curve = summary.features
    model = summary.model(curve.model.name) if curve else summary.main
    table = model.importances if model else None
    ranks = table.ranks if table else None
    return {
        "model": model.curve.model.name if model else None,
        "n_rows": table.n_rows if table else None,
        "importances": _importances(table) if table else [],
        "noise_line": table.noise_line if table else None,
        "steady_top": ranks.top if ranks else 0,
        "steady_words": ranks.sentence if ranks else None,
        "steady_since": ranks.since if ranks and ranks.top else None,
        "search_words": search_words(summary.state) or None,
        "curve": [_point(point) for point in curve.points] if curve else [],
        **_kept(summary, curve),
        "alarms": [
            {"kind": a.kind, "feature": a.feature, "others": list(a.others), "words": a.words} for a in summary.alarms
        ],
    }


def _importances(table: ImportanceTable) -> list[dict[str, Any]]:
    """Features with the importance of their group; a copy of an important feature does not hide it so."""
    groups = _groups(table)
    alone = {row.feature: row for row in table.rows}
    return [
        {
            "feature": member.feature,
            "group": groups[member.feature][0] if member.feature in groups else None,
            "importance": unit.drop,
            "low": unit.low,
            "high": unit.high,
            "alone": alone[member.feature].drop,
        }
        for unit in table.units
        for member in unit.members or (unit,)
    ]


def _point(point: FeaturePoint) -> dict[str, Any]:
    loss = point.loss
    return {
        "k": point.k,
        "score": point.score,
        "low": point.low,
        "high": point.high,
        "loss": loss.mean if loss else None,
        "loss_low": loss.low if loss else None,
        "loss_high": loss.high if loss else None,
        "fit_seconds": point.fit_seconds,
        "repeats": point.repeats,
        "features": list(point.features),
    }


def _kept(summary: Summary, curve: FeatureCurve | None) -> dict[str, Any]:
    data = summary.state.data
    now = table_bytes(data) if data else None
    if data is None or curve is None:
        return {"keep": [], "keep_share": None, "bytes_now": now, "bytes_kept": None}
    kept = curve.keep
    if kept is None:
        return {"keep": [f.name for f in data.features], "keep_share": 1.0, "bytes_now": now, "bytes_kept": now}
    return {
        "keep": list(kept.features),
        "keep_share": curve.share(kept.k),
        "bytes_now": now,
        "bytes_kept": table_bytes(data, kept.k),
    }
