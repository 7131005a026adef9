"""Ranking 100,000 columns of 20,000 rows in a Parquet file: peak memory and seconds; aim: below 2 GB.

Run it with ``python tests/benchmarks/bench_wide.py``. The file (8 GB of random numbers in single precision) is made
once in the folder for temporary files, by a process of its own, so that only the study is measured: screening (with the
start of a worker), and a study of the columns that are left with its permutation importances. The peer, in a third
process, only reads the file once with pyarrow, a thousand columns at a time; screening reads it twice.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MB = 1e6
AIM_BYTES = 2000 * MB
GROUP_ROWS = 4_000
BLOCK_COLUMNS = 1_000


def make(path: Path, n_rows: int, n_columns: int) -> None:
    """Write noise, and a target that goes with one column, with the square of another, and with a product."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(0)
    names, writer = [*(f"x{place}" for place in range(n_columns)), "y"], None
    unfinished = path.with_suffix(".part")
    for start in range(0, n_rows, GROUP_ROWS):
        X = random.standard_normal((n_columns, min(GROUP_ROWS, n_rows - start)), dtype=np.float32)
        golden, square, partner = (X[place] for place in planted(n_columns))
        noise = random.standard_normal(X.shape[1])
        y = golden + 0.3 * square**2 + 0.3 * golden * partner + noise > 0.3
        table = pa.table([*(pa.array(column) for column in X), pa.array(y)], names=names)
        writer = writer or pq.ParquetWriter(unfinished, table.schema, use_dictionary=False, compression="none")
        writer.write_table(table)
    assert writer is not None
    writer.close()
    unfinished.rename(path)


def planted(n_columns: int) -> tuple[int, int, int]:
    """Places of the columns that carry the target."""
    return n_columns // 2, n_columns // 3, n_columns - 1


def measure(path: Path, n_columns: int) -> dict[str, object]:
    """Rank the columns and study the best, this process being the main one."""
    import psutil

    from scalewise.options import StudyOptions
    from scalewise.study import Study

    imported = psutil.Process().memory_info().rss
    start = time.perf_counter()
    with Study(path, "y", options=StudyOptions("y", models=("linear", "boosting"), repeats=1), workers=1) as study:
        study.run()
        ready = time.perf_counter()
        ranked = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        study.wait()
        done = time.perf_counter()
        importances = study.importances().query("model == 'boosting'")
        studied = {feature.name for feature in study.state.data.features}
    best = importances.sort_values("importance", ascending=False)["feature"].head(3)
    wanted = [f"x{place}" for place in planted(n_columns)]
    return {
        "ranking_seconds": ready - start,
        "study_seconds": done - ready,
        "imported_bytes": imported,
        "ranking_peak_bytes": ranked * _unit(),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _unit(),
        "worker_peak_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _unit(),
        "planted_and_studied": f"{len(studied & set(wanted))} of {len(wanted)}",
        "best_by_permutation": ", ".join(best),
    }


def read(path: Path) -> dict[str, object]:
    """Read everything once, some columns at a time."""
    import pyarrow.parquet as pq

    start = time.perf_counter()
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        for at in range(0, len(names), BLOCK_COLUMNS):
            for _ in file.iter_batches(columns=names[at : at + BLOCK_COLUMNS]):
                pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _unit()
    return {"seconds": time.perf_counter() - start, "peak_bytes": peak}


def _unit() -> int:
    return 1 if sys.platform == "darwin" else 1024


def _in_another_process(*arguments: str) -> str:
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def _told(name: str, value: object) -> str:
    if not isinstance(value, int | float):
        return str(value)
    return f"{value / MB:10,.0f} MB" if name.endswith("bytes") else f"{value:10,.1f} s"


def main() -> int:
    """Make the file unless it is there, measure, and tell; 1 where the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--columns", type=int, default=100_000)
    parser.add_argument("--only", choices=("make", "measure", "read"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    path = Path(tempfile.gettempdir()) / f"scalewise-wide-{asked.rows}x{asked.columns}.parquet"
    if asked.only == "make":
        make(path, asked.rows, asked.columns)
        return 0
    if asked.only:
        print(json.dumps(read(path) if asked.only == "read" else measure(path, asked.columns)))
        return 0
    size = [f"--rows={asked.rows}", f"--columns={asked.columns}"]
    if not path.exists():
        _in_another_process("--only=make", *size)
    peer = json.loads(_in_another_process("--only=read", *size))
    result = json.loads(_in_another_process("--only=measure", *size))
    for name, value in result.items():
        print(f"{name:20} {_told(name, value)}")
    print(f"reading the file once: {peer['seconds']:.1f} s, {peer['peak_bytes'] / MB:,.0f} MB")
    print(
        f"ranking / reading: {result['ranking_seconds'] / peer['seconds']:.2f} x the time, "
        f"{result['ranking_peak_bytes'] / peer['peak_bytes']:.2f} x the memory"
    )
    reached = result["peak_bytes"] < AIM_BYTES
    print(f"peak / aim: {result['peak_bytes'] / AIM_BYTES:.2f}   {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
