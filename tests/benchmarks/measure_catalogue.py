"""Measure learning curves of the catalogue's own models, as studies fit them, on samples up to 300,000 rows.

    OMP_NUM_THREADS=1 PYTHONPATH=src python tests/benchmarks/measure_catalogue.py --out CURVES.parquet --part 0 2

The Learning Curve Database holds other learners' accuracy, seldom over more than some ten thousand rows. Here are what
studies really draw: ROC AUC, log loss, accuracy, R² and errors of the catalogue's models, with their preparation of the
columns, on questions about the real tables in ``../shared/data`` (every column with something to foretell in turn) and
about generated ones. None of it is trained on: bench_forecast.py holds the forecast against it.

Rows and columns of the output are as measure_curves.py writes them. All repeats of a question share its holdout, as
those of a study do. The output grows question by question.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from curve_library import DATA
from measure_curves import classes, numbers, scores_of

from scalewise.core.spec import Trial
from scalewise.data.prepare import prepare
from scalewise.data.sources import open_source
from scalewise.data.store import SampleStore, load_holdout, load_sample
from scalewise.errors import InputError
from scalewise.models.catalog import models_for
from scalewise.models.fitting import fit_model

REPEATS, SMALLEST, LARGEST, SEED = 5, 64, 300_000, 0
METRICS = ("accuracy", "log loss", "roc auc", "r2", "rmse", "mae")
# Half octaves up to here, octaves beyond.
FINE = 8_192
# Identifiers, and columns that are another one in other words.
LEFT_OUT = {
    "adult": {"fnlwgt"},
    "credit_default": {"id"},
    "bikeshare": {"day"},
}
TWINS = [
    {"education", "education_num"},
    {"temp", "atemp"},
    {"season", "mnth"},
    {"weekday", "workingday", "holiday"},
    {"casual", "registered", "bikers"},
    {"x", "y", "z", "carat"},
    {"marital_status", "relationship"},
]
SKIPPED = {"native_country", "capital_loss", "holiday"}
Question = tuple[str, Callable[[], pd.DataFrame], str]


def real(name: str, target: str) -> pd.DataFrame:
    frame = pd.read_parquet(DATA / f"{name}.parquet").drop(columns=list(LEFT_OUT.get(name, ())))
    twins = set().union(*(group for group in TWINS if target in group)) - {target}
    frame = frame.drop(columns=[column for column in frame.columns if column in twins])
    rng = np.random.default_rng(SEED)
    return frame.iloc[rng.permutation(len(frame))[:400_000]].dropna(subset=[target])


def flights_3m(kind: str) -> pd.DataFrame:
    frame = real("flights_3m", "delay")
    if kind == "delay":
        frame["delay"] = frame["delay"].clip(-30, 120)
    return frame


def generated(make: Callable[[int], tuple[np.ndarray, np.ndarray]], seed: int) -> pd.DataFrame:
    X, y = make(seed)
    frame = pd.DataFrame(X, columns=[f"x{at}" for at in range(X.shape[1])])
    return frame.assign(y=np.array([f"c{label}" for label in y]) if y.dtype.kind in "iu" else y)


def world(seed: int) -> pd.DataFrame:
    """Generate a table as people have them: numbers and categories, some rare, of which few matter, and much noise.

    The answer, yes or no, one of three, or a number, follows single columns (lines, steps, waves) and pairs of them.
    """
    rng = np.random.default_rng([3, seed])
    n_rows = (20_000, 60_000, 400_000)[seed % 3]
    numbers_ = rng.normal(size=(n_rows, int(rng.integers(3, 25))))
    codes = [zipf(rng, n_rows, int(rng.choice([3, 10, 60, 400]))) for _ in range(int(rng.integers(0, 6)))]
    signal = sum((weight(rng) * effect(rng, column) for column in numbers_.T), np.zeros(n_rows))
    for code in codes:
        signal += weight(rng) * rng.normal(size=code.max() + 1)[code]
    for _ in range(int(rng.integers(0, 12))):
        one, other = rng.integers(numbers_.shape[1], size=2)
        signal += weight(rng) * effect(rng, numbers_[:, one]) * effect(rng, numbers_[:, other])
    signal = signal / signal.std() + float(rng.choice([0.3, 1.0, 2.5])) * rng.logistic(size=n_rows)
    kind = seed // 3 % 3
    cuts = np.quantile(signal, [rng.uniform(0.3, 0.95)] if kind == 0 else [0.4, 0.75])
    answer = signal if kind == 2 else np.array(["a", "b", "c"])[np.searchsorted(cuts, signal)]
    frame = pd.DataFrame(numbers_, columns=[f"n{at}" for at in range(numbers_.shape[1])])
    return frame.assign(**{f"c{at}": np.char.add("v", code.astype(str)) for at, code in enumerate(codes)}, y=answer)


def weight(rng: np.random.Generator) -> float:
    """Few columns matter much, many a little."""
    return float(rng.standard_cauchy()) if rng.random() < 0.6 else 0.0


def effect(rng: np.random.Generator, column: np.ndarray) -> np.ndarray:
    kinds = (column, (column > rng.normal()) - 0.5, np.sin(rng.uniform(0.5, 4) * column), np.abs(column) - 0.8)
    return np.asarray(kinds[int(rng.integers(len(kinds)))], dtype=float)


def zipf(rng: np.random.Generator, n_rows: int, n_values: int) -> np.ndarray:
    share = 1.0 / np.arange(1, n_values + 1) ** rng.uniform(0.0, 1.2)
    return rng.choice(n_values, n_rows, p=share / share.sum())


def questions() -> Iterator[Question]:
    # Whether a flight is late is left to the tests of the verdict.
    real_ones = [("flights_3m", "delay"), ("flights_3m", "distance"), ("flights_3m", "dow")]
    for name in ("adult", "credit_default", "bikeshare", "diamonds", "letter"):
        columns = pd.read_parquet(DATA / f"{name}.parquet").columns
        able = [c for c in columns if c not in SKIPPED | LEFT_OUT.get(name, set()) and c[-2:-1] != "_"]
        real_ones += [(name, target) for target in able[:: 2 if name in ("credit_default", "letter") else 1]]
    generators = {"world": world, "classes": partial(generated, classes), "numbers": partial(generated, numbers)}
    kinds = {"world": range(24), "classes": range(100, 110), "numbers": range(100, 110)}
    made = [(kind, seed) for kind, seeds in kinds.items() for seed in seeds]
    for at in range(max(len(real_ones), len(made))):
        if at < len(made):
            kind, seed = made[at]
            yield f"{kind} {seed}", partial(generators[kind], seed), "y"
        if at < len(real_ones):
            name, target = real_ones[at]
            make = flights_3m if name == "flights_3m" else partial(real, name)
            yield f"{name} to {target}", partial(make, target), target


def sizes_of(n_rows: int) -> list[int]:
    steps = [SMALLEST * 2 ** (at / 2) for at in range(30)]
    fine = [round(n) for n in steps if n <= FINE]
    coarse = [FINE * 2**at for at in range(1, 7)]
    return [n for n in (*fine, *coarse) if n <= min(n_rows, LARGEST)]


def curves(frame: pd.DataFrame, target: str, longest: float) -> Iterator[dict[str, object]]:
    """Measure every model of a question; a curve ends where a fit takes more than `longest` seconds of a processor."""
    prepared = prepare(open_source(frame), target)
    store = SampleStore(prepared)
    sizes = sizes_of(prepared.data.n_train_rows)
    store.ensure(dict.fromkeys(range(REPEATS), sizes[-1]))
    held = load_holdout(store.ref)
    try:
        for entry in models_for(prepared.data.task):
            if entry.rung == 0 or entry.name == "neighbors":
                continue
            for n_rows in sizes:
                if entry.max_rows and n_rows > entry.max_rows:
                    break
                began = time.process_time()
                yield from point(store, held, entry.name, n_rows)
                if (time.process_time() - began) / REPEATS > longest:
                    break
    finally:
        store.close()


def point(store: SampleStore, held: object, model: str, n_rows: int) -> Iterator[dict[str, object]]:
    labels = np.arange(len(store.ref.classes))
    test: list[dict[str, float]] = []
    train: list[dict[str, float]] = []
    for repeat in range(REPEATS):
        X, y = load_sample(store.ref, repeat, n_rows)
        if len(labels) and len(np.unique(y)) < 2:
            continue
        fitted = fit_model(store.ref, Trial(model, n_rows, repeat), SEED)
        test.append(scores_of(fitted, held.X[:10_000], held.y[:10_000], labels))
        train.append(scores_of(fitted, np.asarray(X[:2000]), np.asarray(y[:2000]), labels))
    for metric in METRICS:
        found = {f"score_r{at}": np.float32(row.get(metric, np.nan)) for at, row in enumerate(test)}
        known = [row[metric] for row in train if metric in row]
        if any(metric in row for row in test):
            train_score = np.float32(np.mean(known)) if known else np.nan
            yield {"learner": model, "metric": metric, "n": n_rows, "score_train": train_score} | found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), help="which part of how many: questions in turn")
    parser.add_argument("--longest", type=float, default=0.5, help="seconds of a fit after which a curve ends")
    parser.add_argument("--only", nargs="*", help="names of questions; all of them by default")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows: list[dict[str, object]] = []
    for at, (name, make, target) in enumerate(questions()):
        if at // 2 % options.part[1] != options.part[0] or (options.only and name not in options.only):
            continue
        began = time.process_time()
        frame = make()
        longest = options.longest * (6 if len(frame) >= 400_000 else 1)
        try:
            rows += [{"table": name} | row for row in curves(frame, target, longest)]
        except InputError as error:
            print(f"{name}: {error}", flush=True)
        print(f"{name}: {len(frame)} rows, {time.process_time() - began:.0f} s", flush=True)
        pd.DataFrame(rows).to_parquet(options.out)


if __name__ == "__main__":
    main()
