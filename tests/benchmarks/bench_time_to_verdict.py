"""Time from start to a decisive verdict, against scikit-learn's learning_curve over the same models.

    OMP_NUM_THREADS=1 PYTHONPATH=src python tests/benchmarks/bench_time_to_verdict.py --table flights
    OMP_NUM_THREADS=1 PYTHONPATH=src python tests/benchmarks/bench_time_to_verdict.py --table flights_3m --part 0.2
    OMP_NUM_THREADS=1 PYTHONPATH=src python tests/benchmarks/bench_time_to_verdict.py --growth

Ours: from opening the table to the end of the study, with the start of the two worker processes. The peer: the same
pipelines (the catalogue's, preprocessing fitted in each fold), ``learning_curve`` with 5 sizes and 5 shuffled folds in
two processes, from the encoded matrix on. It takes very long, so a stated part of its fits is run and the rest is
reckoned: with ``--part`` one fold of five at each size (times five), the sizes cut to that part of the rows and the
time scaled by rows (linearly, which favours the peer). Whether the verdict agrees with the full curve is seen by
fitting the verdict's model on all rows: does it gain the margin from our largest size on?

``--growth`` times the same study on 300,000, 3,000,000 and 30,000,000 rows of a table whose curve flattens (the
built-in "enough rows", made larger), from Parquet files. How far up a study has to look hangs on which rows are held
out, so each is run with several seeds, and their medians are compared.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from curve_library import DATA

from scalewise import Study
from scalewise.core.spec import LeftOut, Trial
from scalewise.data.examples import generated_table, get_example
from scalewise.data.prepare import prepare
from scalewise.data.sources import open_source
from scalewise.data.store import SampleStore, load_sample
from scalewise.models.catalog import Problem, default_models, get_model
from scalewise.models.fitting import run_trial
from scalewise.options import StudyOptions

MARGIN = 0.005
FOLDS, SIZES = 5, 5


def flights() -> tuple[object, StudyOptions]:
    example = get_example("flights")
    return example.open(), StudyOptions("late", exclude=example.left_out)


def flights_3m(folder: Path) -> tuple[object, StudyOptions]:
    """Whether a flight is more than 15 minutes late, as a Parquet file of its own."""
    table = pq.read_table(DATA / "flights_3m.parquet")
    table = table.append_column("late", pc.greater(table["delay"], 15))
    path = folder / "flights_3m.parquet"
    pq.write_table(table, path, row_group_size=1 << 20)
    return str(path), StudyOptions("late", exclude=(LeftOut("delay", "is what late is made from"),))


def enough_rows(folder: Path, n_rows: int) -> tuple[object, StudyOptions]:
    path = folder / f"enough_{n_rows}.parquet"
    writer, seed = None, 0
    while n_rows > 0:
        part = generated_table("enough rows", seed)
        part = part.slice(0, min(n_rows, part.num_rows))
        writer = writer or pq.ParquetWriter(path, part.schema)
        writer.write_table(part)
        n_rows, seed = n_rows - part.num_rows, seed + 1
    assert writer is not None
    writer.close()
    return str(path), StudyOptions("bought")


def ours(table: object, options: StudyOptions) -> tuple[float, Study]:
    """Seconds to the end of the study, by parts."""
    start = time.perf_counter()
    with Study(table, options.target, options=options, workers=2) as study:
        started = time.perf_counter()
        study.run()
        prepared = time.perf_counter()
        study.wait()
        ended = time.perf_counter()
    state, verdict = study.state, study.verdict
    fits = sum(r.fit_seconds + r.score_seconds for r in state.records.values())
    print(
        f"ours: {ended - start:.1f} s (engine {started - start:.1f}, table taken up {prepared - started:.1f}, "
        f"fits on two workers {fits / 2:.1f}); {len(state.records)} of {len(state.planned())} trials, up to "
        f"{max(t.n_rows for t in state.records):,} rows; ended: {state.ending}"
    )
    print(f"    {verdict.action}: {verdict.sentence}", flush=True)
    return ended - start, study


def agrees(table: object, options: StudyOptions, study: Study) -> str:
    """Whether the verdict's model gains at least the margin on all rows, as the verdict says or denies."""
    exclude = {column.name: column.reason for column in options.exclude}
    prepared = prepare(open_source(table), options.target, exclude=exclude)
    store = SampleStore(prepared)
    full = prepared.data.n_train_rows
    store.ensure({0: full})
    curve = next(m.curve for m in study.summary.models if m.curve.model.label == study.verdict.model)
    record = run_trial(store.ref, Trial(curve.model.name, full), "roc_auc", options.seed)
    store.close()
    gain = record.score - curve.last.score
    said = {"use_more_rows": True, "collect_rows": True, "stop": False}.get(study.verdict.action)
    judged = "agrees" if said == (gain >= MARGIN) else "differs"
    return f"full curve: {gain:+.4f} with all {full:,} rows; the verdict {judged}"


def peer(table: object, options: StudyOptions, part: float) -> float:
    """Seconds of the whole learning_curve, reckoned from a part of it."""
    from sklearn.model_selection import StratifiedKFold, learning_curve

    exclude = {column.name: column.reason for column in options.exclude}
    prepared = prepare(open_source(table), options.target, exclude=exclude)
    store = SampleStore(prepared)
    n_rows = round(part * prepared.data.n_train_rows)
    store.ensure({0: n_rows})
    # Copies: what is mapped into memory does not reach the peer's processes as it is.
    matrix, labels = map(np.array, load_sample(store.ref, 0, n_rows))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    one = [next(iter(folds.split(matrix, labels)))] if part < 1 else folds
    problem = Problem(prepared.data.task, prepared.data.features, len(prepared.data.classes), n_rows, 0)
    total = 0.0
    for name in default_models(prepared.data.task):
        pipeline = get_model(name).build(problem)
        start = time.perf_counter()
        _, _, scores = learning_curve(
            pipeline, matrix, labels, cv=one, n_jobs=2, scoring="roc_auc", train_sizes=np.linspace(0.1, 1.0, SIZES)
        )
        seconds = time.perf_counter() - start
        whole = seconds if part == 1 else seconds * FOLDS / part
        total += whole
        print(
            f"    peer, {name}: {seconds:.1f} s measured, {whole:.0f} s the whole; {scores.mean(axis=1).round(4)}",
            flush=True,
        )
    store.close()
    return total


def growth(folder: Path, sizes: list[int], seeds: int) -> None:
    """How the time to a verdict grows with the table, from the first size on."""
    medians = []
    for n_rows in sizes:
        table, options = enough_rows(folder, n_rows)
        medians.append(median(ours(table, replace(options, seed=seed))[0] for seed in range(seeds)))
        print(f"{n_rows:,} rows: {medians[-1]:.1f} s, {medians[-1] / medians[0]:.2f} x (to reach 1.5)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", choices=("flights", "flights_3m"), default="flights")
    parser.add_argument("--part", type=float, default=1.0, help="part of the rows that the peer gets, one fold of five")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--rows", type=int, nargs="*", default=[300_000, 3_000_000, 30_000_000])
    parser.add_argument("--seeds", type=int, default=8)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if asked.growth:
            growth(folder, asked.rows, asked.seeds)
            return
        table, options = flights() if asked.table == "flights" else flights_3m(folder)
        seconds, study = ours(table, options)
        print("   ", agrees(table, options, study), flush=True)
        if not asked.no_peer:
            whole = peer(table, options, asked.part)
            print(f"peer {whole:.0f} s, ours {seconds:.1f} s: {whole / seconds:.1f} x (to reach 20)")


if __name__ == "__main__":
    main()
