"""Learning a folder of Parquet files block by block, against a loop of scikit-learn's `partial_fit` written by hand.

Run it with ``python tests/benchmarks/bench_incremental.py``. Both go through the same rows once with the same
preprocessing, in one process and with one thread for each numeric library, and score the holdout after each block of
100,000 rows; ours runs on a worker of the local engine, under the runner. They take turns, in an order that
changes, and the median over turns of the ratio counts.

Aims: at most 1.15 times the wall time of the loop; the memory that a stream takes in its worker is the same for a fifth
of the table, and for five times the table with ``--larger`` (whose files are links to the same ones).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MB = 1e6
AIM_RATIO, AIM_GROWTH = 1.15, 1.1
FILE_ROWS, GROUP_ROWS = 1_000_000, 100_000
N_NUMBERS, CATEGORIES = 10, ("red", "green", "blue", "grey")


def make(folder: Path, n_rows: int) -> None:
    """Write files of a million rows: numbers, a category and a target."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(-(-n_rows // FILE_ROWS)):
        path = folder / f"{number:04d}.parquet"
        n = min(FILE_ROWS, n_rows - number * FILE_ROWS)
        if path.exists():
            continue
        random = np.random.default_rng(number)
        columns = {f"x{i}": random.normal(size=n) for i in range(N_NUMBERS)}
        colour = random.integers(0, len(CATEGORIES), n)
        columns["y"] = sum(columns[f"x{i}"] * 0.5**i for i in range(N_NUMBERS)) + random.logistic(size=n) > colour - 1.5
        columns["colour"] = pa.DictionaryArray.from_arrays(pa.array(colour), pa.array(CATEGORIES)).cast(pa.string())
        pq.write_table(pa.table(columns), path.with_suffix(".part"), row_group_size=GROUP_ROWS)
        path.with_suffix(".part").rename(path)


def link(folder: Path, source: Path, n_rows: int) -> None:
    """Make a longer table of links to the files of another."""
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(source.glob("*.parquet"))
    for number in range(max(1, n_rows // FILE_ROWS)):
        path = folder / f"{number:04d}.parquet"
        if not path.exists():
            os.link(files[number % len(files)], path)


def ours(folder: Path) -> dict[str, float]:
    """Stream through the runner and a worker process."""
    from scalewise.engines.local import LocalEngine
    from scalewise.options import StudyOptions
    from scalewise.study import Study

    options = StudyOptions("y", models=("dummy",), max_fraction=0.01, repeats=1)
    with Study(folder, "y", options=options, engine=LocalEngine(1, spares=0)) as study:
        study.run().wait()
        finished = []
        hear = study._runner._conductor._errands.hear_stream
        study._runner._conductor._errands.hear_stream = lambda whole, event, result: (
            finished.append(result),
            hear(whole, event, result),
        )
        began, before = time.perf_counter(), _cpu_seconds()
        study.stream("sgd").wait()
        seconds, cpu = time.perf_counter() - began, _cpu_seconds() - before
        stream = study.state.streams["sgd"]
        assert stream.phase == "finished", stream.reason
        point = stream.points[-1]
        peak = finished[-1].peak_bytes
    return {"seconds": seconds, "cpu": cpu, "rows": point.n_rows, "score": point.score, "peak": peak}


def _cpu_seconds() -> float:
    """Processor time of this process and its workers."""
    import psutil

    here = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (here, *here.children()))


def by_hand(folder: Path) -> dict[str, float]:
    """A loop over row groups, as one writes it in a notebook."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import roc_auc_score

    from scalewise.data.prepare import prepare
    from scalewise.data.sources import open_source
    from scalewise.models.memory import PeakMemory
    from scalewise.models.preprocessing import Problem, linear_columns

    prepared = prepare(open_source(folder), "y")
    data, held_out = prepared.data, prepared.draw.holdout_rows
    names = [feature.name for feature in data.features]
    known = {feature.name: pa.array(feature.categories) for feature in data.features if feature.kind == "category"}

    def matrix(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        columns = [
            pc.index_in(table[name], known[name]).to_numpy() if name in known else table[name].to_numpy()
            for name in names
        ]
        return np.column_stack(columns).astype(float), table["y"].to_numpy().astype(np.int32)

    source = open_source(folder)
    held = pa.Table.from_batches(source.take(held_out, [*names, "y"]))
    first = pa.Table.from_batches(source.take(np.sort(prepared.draw.training_rows(0, 20_000)), [*names, "y"]))
    memory = PeakMemory.start()
    began, before = time.perf_counter(), _cpu_seconds()
    columns = linear_columns(Problem("binary", data.features, 2, data.n_train_rows, 0))
    X, y = matrix(first)
    model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.05, alpha=1e-6, average=500)
    model.partial_fit(columns.fit_transform(X, y), y, classes=[0, 1])
    X_held, y_held = matrix(held)
    seen_held, start, n_rows, score = columns.transform(X_held), 0, len(y), 0.0
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=[*names, "y"])
                X, y = matrix(table)
                low, high = np.searchsorted(held_out, (start, start + len(y)))
                kept = np.delete(np.arange(len(y)), held_out[low:high] - start)
                model.partial_fit(columns.transform(X[kept]), y[kept])
                score = roc_auc_score(y_held, model.predict_proba(seen_held)[:, 1])
                start, n_rows = start + len(y), n_rows + len(kept)
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - before
    return {"seconds": seconds, "cpu": cpu, "rows": n_rows, "score": score, "peak": memory.bytes()}


def _in_another_process(folder: Path, what: str, n_rows: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, f"--only={what}", f"--rows={n_rows}", f"--folder={folder}"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{what:<8}{result['rows']:>14,} rows{result['seconds']:>9.1f} s{result['cpu']:>9.1f} s of processors"
        f"{result['peak'] / MB:>9.0f} MB   ROC AUC {result['score']:.4f}",
        flush=True,
    )
    return result


def main() -> int:
    """Make the tables unless they are there, take turns, and tell; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the table (whole millions)")
    parser.add_argument("--larger", action="store_true", help="also stream five times the table")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "scalewise-bench-incremental")
    parser.add_argument("--only", choices=("make", "ours", "by-hand"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        if asked.only == "make":
            make(asked.folder, asked.rows)
            return 0
        print(json.dumps((ours if asked.only == "ours" else by_hand)(asked.folder)))
        return 0
    table = asked.folder / str(asked.rows)
    subprocess.run([sys.executable, __file__, "--only=make", f"--rows={asked.rows}", f"--folder={table}"], check=True)
    runs: dict[str, list[dict[str, float]]] = {"ours": [], "by-hand": []}
    for turn in range(asked.turns):
        for what in sorted(runs, reverse=bool(turn % 2)):
            runs[what].append(_in_another_process(table, what, asked.rows))
    other_rows = [asked.rows // 5, *([5 * asked.rows] if asked.larger else [])]
    others = []
    for n_rows in other_rows:
        link(asked.folder / f"{n_rows}-of-{asked.rows}", table, n_rows)
        others.append(_in_another_process(asked.folder / f"{n_rows}-of-{asked.rows}", "ours", n_rows))
    turns = list(zip(runs["ours"], runs["by-hand"], strict=True))
    ratio, cpu = (statistics.median(a[what] / b[what] for a, b in turns) for what in ("seconds", "cpu"))
    peaks = [min(result["peak"] for result in runs["ours"]), *(result["peak"] for result in others)]
    growth = max(peaks) / max(1.0, min(peaks))
    print(f"wall time / loop by hand {ratio:.2f} (aim {AIM_RATIO})")
    print(f"processors / loop        {cpu:.2f}")
    print(f"largest / smallest peak  {growth:.2f} (aim {AIM_GROWTH})")
    reached = ratio <= AIM_RATIO and growth <= AIM_GROWTH
    print("reached" if reached else "MISSED")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
