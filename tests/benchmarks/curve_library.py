"""Measured learning curves as the forecast's training and benchmark read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scalewise.core.forecasting.curve_points import CurvePoints, curve_points

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
LCDB = DATA / "lcdb10_accuracy.parquet"
MEASURED = Path(__file__).resolve().parent / "measured_curves.parquet"
R_TABLES = Path(__file__).resolve().parent / "r_table_curves.parquet"
CATALOGUE = Path(__file__).resolve().parent / "catalogue_curves.parquet"
FRACTIONS = (0.01, 0.02, 0.05, 0.10, 0.25, 0.50)
FOLDS = 10
CEILINGS = {
    "accuracy": 1.0,
    "balanced accuracy": 1.0,
    "roc auc": 1.0,
    "r2": 1.0,
    "log loss": 0.0,
    "rmse": 0.0,
    "mae": 0.0,
}
# What the forecast calls a learner (scalewise.core.forecasting.company.LEARNERS).
KINDS = {
    "bayes": ("BernoulliNB", "MultinomialNB", "bayes", "naive Bayes"),
    "boosting": ("GradientBoostingClassifier", "adaboost", "boosting"),
    "discriminant": ("LinearDiscriminantAnalysis", "lda"),
    "forest": ("ExtraTreesClassifier", "RandomForestClassifier", "extra trees", "forest"),
    "kernel": ("SVC_poly", "SVC_rbf", "svc", "svr"),
    "linear": (
        *("LogisticRegression", "RidgeClassifier", "SVC_linear", "logistic", "weak logistic"),
        *("lasso", "linear", "quadratic", "ridge"),
    ),
    "neighbors": ("KNeighborsClassifier", "neighbours"),
    "network": ("MLPClassifier", "network"),
    "quadratic discriminant": ("QuadraticDiscriminantAnalysis",),
    "sgd": ("PassiveAggressiveClassifier", "Perceptron", "SGDClassifier", "sgd"),
    "sigmoid kernel": ("SVC_sigmoid",),
    "tree": ("DecisionTreeClassifier", "ExtraTreeClassifier", "tree"),
}
KIND_OF = {learner: kind for kind, learners in KINDS.items() for learner in learners}


@dataclass(frozen=True, eq=False)
class Curve:
    """One measured curve: sizes, scores of some repeats, training scores, and the truth from all repeats."""

    table: str
    learner: str
    metric: str
    n: np.ndarray
    scores: np.ndarray
    train: np.ndarray
    truth: np.ndarray

    @property
    def ceiling(self) -> float:
        return CEILINGS[self.metric]

    @property
    def kind(self) -> str:
        return KIND_OF[self.learner]


def lcdb_curves(path: Path = LCDB) -> list[Curve]:
    frame = pd.read_parquet(path).sort_values("n")
    columns = [f"score_r{at}" for at in range(5)]
    return [
        Curve(
            f"openml {table}",
            learner,
            "accuracy",
            rows.n.to_numpy(),
            rows[columns].to_numpy(),
            rows.score_train.to_numpy(),
            rows.score_mean_all.to_numpy(),
        )
        for (table, learner), rows in frame.groupby(["openmlid", "learner"])
    ]


def measured_curves(path: Path) -> list[Curve]:
    """Read what measure_curves.py, measure_catalogue.py or measure_r_tables.py wrote.

    Half of the repeats are shown, the mean of all is the truth.
    """
    frame = pd.read_parquet(path).sort_values("n")
    columns = [name for name in frame if name.startswith("score_r")]
    found = []
    for (table, learner, metric), rows in frame.groupby(["table", "learner", "metric"]):
        scores = rows[columns].to_numpy()
        rows, scores = rows[np.isfinite(scores).sum(axis=1) > 4], scores[np.isfinite(scores).sum(axis=1) > 4]
        if len(rows) > 5:
            truth = np.nanmean(scores, axis=1)
            shown = scores[:, : len(columns) // 2]
            found.append(Curve(table, learner, metric, rows.n.to_numpy(), shown, rows.score_train.to_numpy(), truth))
    return found


def folds(curves: list[Curve]) -> dict[str, int]:
    """Return the fold of every table: the tables in order of their names, dealt by a permutation of seed 0."""
    names = sorted({curve.table for curve in curves if curve.table.startswith("openml")})
    others = sorted({curve.table for curve in curves} - set(names))
    sources = sorted(set(map(source, others)))
    order = np.random.default_rng(0).permutation(len(names))
    return dict(zip(names, (order % FOLDS).tolist(), strict=True)) | {
        name: sources.index(source(name)) % FOLDS for name in others
    }


def source(table: str) -> str:
    """Return where a measured table comes from: two targets of one real table never part between folds."""
    if table.startswith(("classes ", "numbers ", "world ")):
        return table
    return " ".join(table.split(" ")[: 2 if table.startswith("r ") else 1])


def grouped(curves: list[Curve]) -> list[list[Curve]]:
    """Return the curves that keep one another company: of one table and one metric."""
    found: dict[tuple[str, str], list[Curve]] = {}
    for curve in curves:
        found.setdefault((curve.table, curve.metric), []).append(curve)
    return list(found.values())


def beside(curve: Curve, places: np.ndarray, others: list[Curve], with_train: bool = True) -> tuple[CurvePoints, ...]:
    """Return what is seen of other curves at the sizes at which a curve is seen."""
    found = []
    for other in others:
        at = np.isin(other.n, curve.n[places])
        if np.isfinite(other.scores[at]).any():
            train = other.train[at] if with_train else None
            found.append(curve_points(other.n[at], other.scores[at], train))
    return tuple(found)


def seen_up_to(curve: Curve, fraction: float, *, half_octaves: bool) -> np.ndarray:
    """Return the places of the points that a person sees at a fraction of the largest size.

    Either every half octave, or 1, 2, 5, 10, 25 and 50 % only; always the largest size not above the fraction.
    """
    wanted = [part * curve.n[-1] * 1.0001 for part in FRACTIONS if part <= fraction + 1e-9]
    places = np.searchsorted(curve.n, wanted, side="right") - 1
    places = np.unique(places[places >= 0])
    return np.arange(places[-1] + 1) if half_octaves and len(places) else places


def prefixes(curves: list[Curve], fraction: float, *, half_octaves: bool) -> Iterator[tuple[Curve, np.ndarray]]:
    for curve in curves:
        places = seen_up_to(curve, fraction, half_octaves=half_octaves)
        if len(places) and np.isfinite(curve.scores[places[-1]]).any():
            yield curve, places
