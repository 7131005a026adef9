"""How soon something is there: importing the package, and from Run to the first point on the flights.

    python tests/benchmarks/bench_start.py

The first point is timed in a warm kernel (table prepared, workers up), from the command to the first record, over some
runs with other seeds. The peer of the first point is the same trial called directly in this process; the peer of the
import is an empty interpreter.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from scalewise.core.spec import Trial
from scalewise.core.study import StudyState
from scalewise.data.examples import get_example
from scalewise.data.prepare import prepare
from scalewise.data.store import SampleStore
from scalewise.engines import open_engine
from scalewise.journal import Journal
from scalewise.models.fitting import run_trial
from scalewise.models.warmup import warm_up
from scalewise.options import StudyOptions
from scalewise.runner import StudyRunner

RUNS = 9


def main() -> None:
    bare, ours = _start_seconds("pass"), _start_seconds("import scalewise")
    print(f"import scalewise: {ours - bare:.3f} s on top of an interpreter's {bare:.3f} s ({ours / bare:.2f} x)")
    example = get_example("flights")
    source = example.open()
    options = [StudyOptions(example.target, seed=seed, exclude=example.left_out) for seed in range(RUNS + 1)]
    runner = StudyRunner(open_engine("local"), Journal())
    runner.open("flights", lambda: source)
    _until_warm(runner, options[0])
    points = [_first_point(runner, chosen) for chosen in options[1:]]
    runner.close()
    direct = statistics.median(_direct_seconds(options[1]) for _ in range(RUNS))
    for name, seconds in (
        ("any model", [p[0] for p in points]),
        ("a model that looks at features", [p[1] for p in points]),
    ):
        middle = statistics.median(seconds)
        print(f"Run to the first point of {name}: median {middle:.2f} s, worst {max(seconds):.2f} s of {RUNS}")
    print(f"the smallest linear trial called directly: {direct:.2f} s")


def _start_seconds(code: str) -> float:
    def once() -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    return statistics.median(once() for _ in range(RUNS))


def _until_warm(runner: StudyRunner, options: StudyOptions) -> None:
    runner.prepare(options)
    runner.start(options)
    while not {trial.model for trial in runner.state.records} >= {"linear", "forest", "boosting"}:
        time.sleep(0.05)
    runner.clear()
    runner.wait(60)
    time.sleep(10)


def _first_point(runner: StudyRunner, options: StudyOptions) -> tuple[float, float]:
    runner.prepare(options)
    runner.wait(60)
    start = time.perf_counter()
    runner.start(options)
    first = _seconds_until(lambda state: bool(state.records), runner, start)
    looking = _seconds_until(lambda state: any(t.model != "dummy" for t in state.records), runner, start)
    runner.clear()
    runner.wait(60)
    time.sleep(8)
    return first, looking


def _seconds_until(condition: Callable[[StudyState], bool], runner: StudyRunner, start: float) -> float:
    while not condition(runner.state):
        time.sleep(0.002)
    return time.perf_counter() - start


def _direct_seconds(options: StudyOptions) -> float:
    example = get_example("flights")
    store = SampleStore(prepare(example.open(), options.target, exclude={c.name: c.reason for c in options.exclude}))
    store.ensure({0: 1_000})
    warm_up()
    start = time.perf_counter()
    run_trial(store.ref, Trial("linear", 1_000), "roc_auc", 0)
    seconds = time.perf_counter() - start
    store.close()
    return seconds


if __name__ == "__main__":
    main()
