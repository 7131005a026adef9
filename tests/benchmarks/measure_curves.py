"""Measure learning curves in other metrics and on other tables than the Learning Curve Database holds.

    OMP_NUM_THREADS=1 python tests/benchmarks/measure_curves.py --out CURVES.parquet

The forecast is trained on accuracy curves of the Learning Curve Database; ROC AUC, log loss, R² and error curves
of the six tables in ``../shared/data`` and of generated tables show whether it carries over, and add their
shapes to the training. One row per (table, learner, metric, n): ``score_r0`` ... of every repeat and ``score_train``.
The output grows table by table, so that an interrupted run is of use.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets, metrics
from sklearn.base import clone, is_classifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, QuantileTransformer, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
REPEATS, TEST_ROWS, SMALLEST, LARGEST = 6, 2_000, 64, 4_096

CLASSIFIERS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
    "weak logistic": make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300)),
    "sgd": make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", max_iter=30, tol=None)),
    "naive Bayes": GaussianNB(),
    "lda": LinearDiscriminantAnalysis(),
    "tree": DecisionTreeClassifier(min_samples_leaf=3),
    "forest": RandomForestClassifier(n_estimators=40, min_samples_leaf=2),
    "boosting": HistGradientBoostingClassifier(max_iter=60),
    "adaboost": AdaBoostClassifier(n_estimators=25),
    "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(15)),
    "network": make_pipeline(StandardScaler(), MLPClassifier((32,), max_iter=40)),
    "svc": make_pipeline(StandardScaler(), SVC()),
}
REGRESSORS = {
    "linear": LinearRegression(),
    "ridge": make_pipeline(StandardScaler(), Ridge(10.0)),
    "lasso": make_pipeline(StandardScaler(), Lasso(0.02)),
    "quadratic": make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge(1.0)),
    "tree": DecisionTreeRegressor(min_samples_leaf=3),
    "forest": RandomForestRegressor(n_estimators=20, min_samples_leaf=2, max_features=0.5),
    "extra trees": ExtraTreesRegressor(n_estimators=20, max_features=0.5),
    "boosting": HistGradientBoostingRegressor(max_iter=60),
    "neighbours": make_pipeline(StandardScaler(), KNeighborsRegressor(10)),
    "network": make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(32,), max_iter=60)),
    "svr": make_pipeline(StandardScaler(), SVR()),
}

# Another column of a real table, foretold from the rest, is another question with another curve.
OTHER_TARGETS = [
    ("adult", "age"),
    ("adult", "marital_status"),
    ("adult", "hours_per_week"),
    ("adult", "occupation"),
    ("diamonds", "cut"),
    ("diamonds", "clarity"),
    ("diamonds", "depth"),
    ("bikeshare", "weathersit"),
    ("bikeshare", "hum"),
]

Table = tuple[np.ndarray, np.ndarray]


def parquet(name: str, target: str, transform: Callable[[pd.Series], pd.Series] = lambda y: y) -> Table:
    """Read one table, one-hot encode what is not numeric, and scale nothing."""
    frame = pd.read_parquet(DATA / f"{name}.parquet")
    frame = frame.sample(min(len(frame), 40_000), random_state=0).dropna(subset=[target])
    y = transform(frame.pop(target))
    for column in frame.columns:
        if pd.api.types.is_datetime64_any_dtype(frame[column]):
            frame[f"{column} hour"], frame[column] = frame[column].dt.hour, frame[column].dt.dayofyear
        elif not pd.api.types.is_numeric_dtype(frame[column]):
            common = frame[column].value_counts().index[:20]
            frame[column] = frame[column].where(frame[column].isin(common))
    X = pd.get_dummies(frame).fillna(0).to_numpy(float)
    return X[:, X.std(axis=0) > 0], y.to_numpy()


def codes(y: pd.Series) -> pd.Series:
    return pd.Series(pd.factorize(y)[0])


def real_tables() -> Iterator[tuple[str, Callable[[], Table]]]:
    yield "adult", lambda: parquet("adult", "class", codes)
    yield "diamonds", lambda: parquet("diamonds", "price", np.log)
    yield "credit_default", lambda: parquet("credit_default", "default_payment_next_month", codes)
    yield "bikeshare", lambda: parquet("bikeshare", "bikers")
    yield "letter", lambda: parquet("letter", "lettr", codes)
    yield "flights", lambda: parquet("flights_3m", "delay", lambda y: y.clip(-30, 120))
    yield "flights late", lambda: parquet("flights_3m", "delay", lambda y: (y > 15).astype(int))
    for name, target in OTHER_TARGETS:
        yield f"{name} {target}", lambda name=name, target=target: parquet(name, target, by_kind)


def by_kind(y: pd.Series) -> pd.Series:
    """Leave numbers as they are, in units of their spread, and number the classes of anything else."""
    if pd.api.types.is_numeric_dtype(y) and y.nunique() >= 30:
        return y.clip(y.quantile(0.005), y.quantile(0.995)) / y.std()
    return codes(y.where(y.isin(y.value_counts().index[:12])).fillna("other").astype(str))


def classes(seed: int) -> Table:
    """Generate a classification table whose size, noise and difficulty depend on the seed."""
    rng = np.random.default_rng(seed)
    features, n_classes = int(rng.integers(5, 60)), int(rng.choice([2, 2, 3, 6]))
    informative = int(rng.integers(4, max(5, features // 2 + 4)))
    features = max(features, informative)
    return datasets.make_classification(
        14_000, features, n_informative=informative, n_redundant=0, n_classes=n_classes,
        n_clusters_per_class=int(rng.integers(1, 5)) if 2**informative >= 5 * n_classes else 1,
        flip_y=float(rng.choice([0.0, 0.05, 0.3])), class_sep=float(rng.uniform(0.4, 1.5)),
        weights=[0.9] if n_classes == 2 and rng.random() < 0.4 else None, random_state=seed,
    )  # fmt: skip


def numbers(seed: int) -> Table:
    """Generate a regression table of one of four kinds."""
    rng = np.random.default_rng(seed)
    noise = float(rng.choice([0.1, 1.0, 3.0]))
    kind = seed % 4
    if kind == 0:
        return datasets.make_friedman1(14_000, int(rng.integers(5, 40)), noise=noise, random_state=seed)
    if kind == 1:
        X, y = datasets.make_friedman2(14_000, noise=100 * noise, random_state=seed)
        return QuantileTransformer(random_state=0).fit_transform(X), y / y.std()
    features = int(rng.integers(10, 120))
    X, y = datasets.make_regression(14_000, features, n_informative=features // 2, random_state=seed)
    y = y / y.std() + noise * rng.normal(size=len(y))
    return X, y if kind == 2 else np.tanh(y) + 0.3 * X[:, 0] * X[:, 1]


def tables() -> Iterator[tuple[str, Callable[[], Table]]]:
    """Real and generated tables in turn."""
    made = [(f"classes {seed}", lambda seed=seed: classes(seed)) for seed in range(16)]
    made = [pair for at in range(16) for pair in (made[at], (f"numbers {at}", lambda at=at: numbers(at)))]
    real = list(real_tables())
    yield from (pair for pairs in zip(real, made[: len(real)], strict=True) for pair in pairs)
    yield from made[len(real) :]


def scores_of(model: object, X: np.ndarray, y: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Score a fitted model in every metric that fits it, greater is better."""
    predicted = model.predict(X)
    if not is_classifier(model):
        error = metrics.mean_squared_error(y, predicted)
        absolute = metrics.mean_absolute_error(y, predicted)
        return {"r2": metrics.r2_score(y, predicted), "rmse": -(error**0.5), "mae": -absolute}
    found = {"accuracy": metrics.accuracy_score(y, predicted)}
    found["balanced accuracy"] = metrics.recall_score(y, predicted, average="macro", zero_division=0)
    if hasattr(model, "predict_proba"):
        known = np.zeros((len(X), len(labels)))
        known[:, np.searchsorted(labels, model.classes_)] = model.predict_proba(X)
        known = np.clip(known, 1e-3, None)
        known /= known.sum(axis=1, keepdims=True)
        found["log loss"] = -metrics.log_loss(y, known, labels=labels)
        chosen = known[:, 1] if len(labels) == 2 else known
        if len(np.unique(y)) == len(labels):
            found["roc auc"] = metrics.roc_auc_score(y, chosen, multi_class="ovr", labels=labels)
    return found


def curve(model: object, table: Table, sizes: np.ndarray, longest: float) -> Iterator[dict[str, object]]:
    """Fit one learner at every size and repeat, on nested rows; end where a fit takes more than `longest` seconds."""
    X, y = table
    labels = np.unique(y)
    for n in sizes:
        test: list[dict[str, float]] = []
        train: list[dict[str, float]] = []
        for repeat in range(REPEATS):
            order = np.random.default_rng(1000 + repeat).permutation(len(y))
            held, used = order[:TEST_ROWS], order[TEST_ROWS:][:n]
            if is_classifier(model) and len(np.unique(y[used])) < 2:
                continue
            start = time.perf_counter()
            fitted = clone(model).fit(X[used], y[used])
            test.append(scores_of(fitted, X[held], y[held], labels))
            train.append(scores_of(fitted, X[used][:2000], y[used][:2000], labels))
            seconds = time.perf_counter() - start
        for metric in sorted(set().union(*test)):
            found = {f"score_r{at}": row.get(metric, np.nan) for at, row in enumerate(test)}
            known = [row[metric] for row in train if metric in row]
            yield {"metric": metric, "n": int(n), "score_train": np.mean(known) if known else np.nan} | found
        if seconds > longest:
            return


def measure(out: Path, only: list[str] | None, longest: float, share: float) -> None:
    rows: list[dict[str, object]] = []
    rng = np.random.default_rng(0)
    for name, make in tables():
        if only and name not in only:
            continue
        table = make()
        y = table[1]
        counts = np.arange(2 * np.log2(SMALLEST), 2 * np.log2(LARGEST) + 1) / 2
        sizes = np.unique((2**counts).astype(int))
        sizes = sizes[sizes <= len(y) - TEST_ROWS]
        learners = CLASSIFIERS if len(np.unique(y)) < 30 else REGRESSORS
        for learner, model in learners.items():
            if rng.random() > share:
                continue
            start = time.perf_counter()
            rows += [{"table": name, "learner": learner} | row for row in curve(model, table, sizes, longest)]
            print(f"{name}, {learner}: {time.perf_counter() - start:.0f} s", flush=True)
        pd.DataFrame(rows).to_parquet(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="names of tables; all of them by default")
    parser.add_argument("--longest", type=float, default=2.0, help="seconds of a fit after which a curve ends")
    parser.add_argument("--share", type=float, default=1.0, help="part of the learners that each table gets")
    warnings.simplefilter("ignore")
    options = parser.parse_args()
    measure(options.out, options.only, options.longest, options.share)


if __name__ == "__main__":
    main()
