"""Peak memory of the main process for a 1 % study of a Parquet file of 10 million rows and 30 columns; aim: 500 MB.

Run it with ``python tests/benchmarks/bench_memory.py``. The file (about 1.5 GB) is made once in the folder for
temporary files, by a process of its own, so that only the study is measured: preparing the table, laying out the
samples, and everything that the main process does while its workers fit.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MB = 1e6
AIM_BYTES = 500 * MB
REPEATS = 5
GROUP_ROWS = 500_000


def make(path: Path, n_rows: int, n_columns: int) -> None:
    """Write numbers, categories, labels, dates and a target, one row group after another."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(0)
    writer = None
    unfinished = path.with_suffix(".part")
    for start in range(0, n_rows, GROUP_ROWS):
        n = min(GROUP_ROWS, n_rows - start)
        numbers = {f"x{i:02d}": random.normal(size=n) for i in range(n_columns // 2)}
        counts = {f"n{i:02d}": random.integers(0, 1000, n) for i in range(n_columns - len(numbers) - 5)}
        text = {
            "city": pa.array(np.array([f"city {i}" for i in range(40)])[random.integers(0, 40, n)]),
            "shop": pa.array(np.array([f"shop {i}" for i in range(5000)])[random.integers(0, 5000, n)]),
        }
        when = pa.array(1_700_000_000 + np.arange(start, start + n), pa.timestamp("s"))
        y = numbers["x00"] + random.logistic(size=n) > 1
        table = pa.table({**numbers, **counts, **text, "when": when, "open": random.uniform(size=n) < 0.5, "y": y})
        writer = writer or pq.ParquetWriter(unfinished, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    unfinished.rename(path)


def measure(path: Path) -> dict[str, float]:
    """Study 1 % of the table as the shell does, this process being the main one; seconds and bytes."""
    import psutil

    from scalewise.data.sources import open_source
    from scalewise.options import StudyOptions
    from scalewise.study import Study

    imported = psutil.Process().memory_info().rss
    source = open_source(path)
    options = StudyOptions("y", models=("dummy", "linear"), max_fraction=0.01, repeats=REPEATS)
    start = time.perf_counter()
    with Study(source, "y", options=options) as study:
        study.run()
        ready = time.perf_counter()
        study.wait()
        done = time.perf_counter()
        n_trials = len(study.state.records)
    return {
        "n_rows": source.n_rows(),
        "n_columns": len(source.schema()),
        "file_bytes": source.n_bytes(),
        "n_trials": n_trials,
        "prepare_seconds": ready - start,
        "study_seconds": done - ready,
        "imported_bytes": imported,
        "peak_bytes": _peak_bytes(),
    }


def _peak_bytes() -> int:
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _in_another_process(*arguments: str) -> str:
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def main() -> int:
    """Make the file unless it is there, measure, and tell; 1 where the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--only", choices=("make", "measure"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    path = Path(tempfile.gettempdir()) / f"scalewise-bench-{asked.rows}x{asked.columns}.parquet"
    if asked.only == "make":
        make(path, asked.rows, asked.columns)
        return 0
    if asked.only == "measure":
        print(json.dumps(measure(path)))
        return 0
    size = [f"--rows={asked.rows}", f"--columns={asked.columns}"]
    if not path.exists():
        _in_another_process("--only=make", *size)
    result = json.loads(_in_another_process("--only=measure", *size))
    for name, value in result.items():
        print(f"{name:16} {value / MB:10,.1f} MB" if name.endswith("bytes") else f"{name:16} {value:10,.1f}")
    reached = result["peak_bytes"] < AIM_BYTES
    print(f"peak / aim       {result['peak_bytes'] / AIM_BYTES:10.2f}   {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
