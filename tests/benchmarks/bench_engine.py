"""The local engine against a plain joblib loop: the same trials, the same number of processes, both warm.

Run ``python tests/benchmarks/bench_engine.py``. Each round runs both, one after the other, in an order that changes
from round to round; the ratio of their wall times is told for each length of trial. At most 1.10 is asked for.
"""

from __future__ import annotations

import argparse
import sys
from functools import cache, partial
from pathlib import Path
from queue import SimpleQueue

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]  # for worker processes too

from contest import compare, seconds_of, tell_ratio, verdict  # noqa: E402 - found by that path

MOST = 1.10


@cache
def table():
    import numpy as np

    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 12))
    return X, (X[:, 0] + X[:, 1] * X[:, 2] > rng.normal(size=2000)).astype(int)


def fit(max_iter, seed):
    """Fit boosting with a fixed number of trees: always the same amount of work."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    from scalewise.core.results import TrialRecord

    X, y = table()
    model = HistGradientBoostingClassifier(max_iter=max_iter, early_stopping=False, random_state=seed).fit(X, y)
    return TrialRecord(model.score(X[:200], y[:200]), (), 0.0, 0.0, 0.0)


def warm_up():
    fit(2, 0)


def trees_that_take(seconds):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        fit(50, 0)
        times = [seconds_of(partial(fit, 50, seed)) for seed in range(5)]
    return max(1, round(50 * seconds / min(times)))


class Local:
    """scalewise's engine, with a consumer of its reports where the runner would be."""

    def __init__(self, n_workers):
        from scalewise.engines.local import LocalEngine

        self.inbox = SimpleQueue()
        self.engine = LocalEngine(n_workers, warm_up="bench_engine:warm_up", spares=0)
        self.engine.start(self.inbox.put)
        self.n_workers = n_workers

    def run(self, calls):
        from scalewise.core.events import TrialFailed, TrialFinished
        from scalewise.core.spec import Trial
        from scalewise.engines.base import TrialTask

        for number, call in enumerate(calls):
            self.engine.submit(TrialTask(str(number), "study", Trial("boosting", number + 1), call))
        n_left = len(calls)
        while n_left:
            event = self.inbox.get().event
            if isinstance(event, TrialFailed):
                raise SystemExit(event.reason)
            n_left -= isinstance(event, TrialFinished)

    def close(self):
        self.engine.close()


class Joblib:
    """A plain joblib loop."""

    def __init__(self, n_workers):
        from joblib import Parallel, parallel_config

        with parallel_config("loky", inner_max_num_threads=1):
            self.parallel = Parallel(n_jobs=n_workers)

    def run(self, calls):
        from joblib import delayed

        self.parallel(delayed(call.func)(*call.args) for call in calls)

    def close(self):
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True, kill_workers=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    import bench_engine as importable

    contestants = {"scalewise": Local(options.workers), "joblib": Joblib(options.workers)}
    for contestant in contestants.values():
        contestant.run([partial(importable.fit, 5, seed) for seed in range(10 * options.workers)])
    worst = 0.0
    for length, n_trials in ((0.05, 40), (0.2, 16)):
        calls = [partial(importable.fit, trees_that_take(length), seed) for seed in range(n_trials)]
        seconds = compare(contestants, calls, options.rounds)
        what = f"{n_trials} trials of {1000 * length:.0f} ms, {options.workers} processes"
        worst = max(worst, tell_ratio(what, seconds))
    for contestant in contestants.values():
        contestant.close()
    sys.exit(verdict(worst, MOST))


if __name__ == "__main__":
    main()
