"""What a study found, as pandas data frames: a function for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scalewise.core.spec import DataSpec
from scalewise.data.screening import Screening

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["curves_frame", "feature_curve_frame", "importances_frame", "screening_frame"]

_SCREENED = ["feature", "alone", "beyond", "studied", "reason"]
_TRIED = ["k", "score", "low", "high", "loss", "loss_low", "loss_high", "fit_seconds", "repeats", "features"]


def curves_frame(report: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each model and size of the report's curves."""
    return _frame([{"model": c["model"], **point} for c in report["curves"] for point in c["points"]])


def importances_frame(report: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each model and feature of the report's importances."""
    return _frame(
        [
            {"model": i["model"], **row, "noise_line": i["noise_line"]}
            for i in report["importances"]
            for row in i["features"]
        ]
    )


def feature_curve_frame(report: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each number of features that was tried."""
    return _frame(report["features"]["curve"], _TRIED)


def screening_frame(found: Screening | None, data: DataSpec | None) -> pd.DataFrame:
    """One row for each column that was screened, the studied ones first."""
    if found is None or data is None:
        return _frame([], _SCREENED)
    studied = {feature.name for feature in data.features}
    rows = [
        (name, float(alone), float(beyond), name in studied, "" if name in studied else found.why(place))
        for place, (name, alone, beyond) in enumerate(zip(found.names, found.alone, found.beyond, strict=True))
    ]
    frame = _frame(rows, _SCREENED)
    return frame.sort_values(["studied", "alone"], ascending=False, kind="stable", ignore_index=True)


def _frame(rows: Sequence[Any], columns: list[str] | None = None) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=columns)
