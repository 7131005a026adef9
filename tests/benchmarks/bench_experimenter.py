"""Replay measured learning curves as if they were live, and see what stopping early saves and costs.

    OMP_NUM_THREADS=1 PYTHONPATH=src python tests/benchmarks/bench_experimenter.py

One study for each data set (openmlid) of ``../shared/data/lcdb10_accuracy.parquet``: its learners, its sizes from 50
rows on and its five repeats, with the plan's repeats at each size; a trial gives its recorded score and costs its
recorded fit time. The shipped code decides (``agenda`` in ``core/experimenting``), one trial at a time, with the
forecast's part played by the nets that never saw the data set. At the end a person has either the best model as it
was fitted (where the verdict says that more data no longer helps) or, where it says that more data helps, that model
fitted on all rows, whose fit is paid for too. *Loss* is how much better the best model of the full study is, by the
mean of all recorded repeats. The peers are running everything and a plateau rule: sizes ascending, all repeats, each
learner until a doubling brings it less than the margin.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from curve_library import KIND_OF, LCDB, folds, lcdb_curves

from scalewise.core import events as ev
from scalewise.core import study, summary
from scalewise.core.extrapolation import Forecast, forecast_with
from scalewise.core.folding import fold
from scalewise.core.forecasting.company import company
from scalewise.core.forecasting.curve_points import curve_points, sizes
from scalewise.core.forecasting.quantile_net import load_quantile_net
from scalewise.core.plan import Plan
from scalewise.core.results import TrialRecord
from scalewise.core.sizes import repeats_at
from scalewise.core.spec import DataSpec, Feature, MetricSpec, ModelSpec, StudySpec, Trial
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise

MARGIN = 0.005
SMALLEST = 50
REPEATS = 5


@dataclass(frozen=True, eq=False)
class Table:
    """All that was measured on one data set."""

    name: str
    fold: int
    records: dict[Trial, TrialRecord]
    truth: dict[tuple[str, int], float]
    tops: dict[str, int]

    def seconds(self, trials: set[Trial]) -> float:
        return sum(self.records[t].fit_seconds for t in trials)


def tables(path: Path) -> list[Table]:
    fold_of = folds(lcdb_curves(path))
    frame = pd.read_parquet(path)
    frame = frame[frame.n >= SMALLEST]
    return [table(f"openml {name}", rows, fold_of[f"openml {name}"]) for name, rows in frame.groupby("openmlid")]


def table(name: str, rows: pd.DataFrame, fold: int) -> Table:
    records, truth = {}, {}
    for row in rows.itertuples():
        truth[row.learner, row.n] = row.score_mean_all
        for repeat in range(repeats_at(row.n, REPEATS)):
            score = getattr(row, f"score_r{repeat}")
            if np.isfinite(score):
                records[Trial(row.learner, row.n, repeat)] = TrialRecord(
                    score, (), row.score_train, row.fit_seconds, 0.0
                )
    return Table(name, fold, records, truth, rows.groupby("learner").n.max().to_dict())


def started(found: Table) -> StudyState:
    full = max(found.tops.values())
    data = DataSpec(found.name, found.name, "y", "multiclass", (), (Feature("x", "number"),), full, 1_000, SMALLEST)
    plan = Plan(tuple(ModelSpec(n, n, 1) for n in sorted(found.tops)), 1.0, REPEATS, MARGIN)
    begun = ev.StudyStarted(study=StudySpec(data, MetricSpec("accuracy", "accuracy", 1.0)), plan=plan)
    return fold(fold(StudyState(), begun), ev.SampleReady(n_rows=full))


def replay(found: Table) -> dict[str, object]:
    """Run one study to its end."""
    planned = tuple(sorted(found.records, key=lambda t: (t.n_rows, t.repeat, t.model)))
    held_out = partial(_forecast, fold=found.fold)
    with (
        mock.patch.object(study, "planned_trials", lambda *_: planned),
        mock.patch.object(summary, "forecast", held_out),
        mock.patch.object(summary, "_learner", lambda curve: KIND_OF[curve.model.name]),
    ):
        state, seconds = started(found), []
        while True:
            begin = time.process_time()
            made = summarise(state)
            seconds.append(time.process_time() - begin)
            if made.agenda.ending or not made.agenda.trials:
                return _outcome(found, made) | {"milliseconds": 1e3 * float(np.mean(seconds))}
            trial = made.agenda.trials[0]
            state = fold(state, ev.TrialFinished(trial=trial, record=found.records[trial]))


def _forecast(
    n_rows: object,
    test: object,
    train: object,
    *,
    targets: object,
    learner: str | None,
    companions: Sequence[Sequence[object]],
    **options: float,
) -> Forecast:
    """Forecast as the product does, with the nets that never saw the data set."""
    points, around = curve_points(n_rows, test, train), company(learner, companions)
    return forecast_with(load_quantile_net(), points, sizes(targets, "targets"), around=around, **options)


def _outcome(found: Table, made: summary.Summary) -> dict[str, object]:
    """What a person ends with who follows the verdict, and what it took."""
    curves, verdict = [m.curve for m in made.models], made.verdict
    named = next((c for c in curves if c.model.label == verdict.model), None)
    if named is None or verdict.action == "cannot_tell":
        # Whoever is told nothing keeps the best of what was measured about as far as any.
        most = max(c.last.n_rows for c in curves)
        named = max((c for c in curves if 2 * c.last.n_rows >= most), key=lambda c: c.last.score)
    chosen = named
    name, size, top = chosen.model.name, chosen.last.n_rows, found.tops[chosen.model.name]
    advised = 0.0
    if verdict.action != "stop" and size < top:
        advised = next(r.fit_seconds for t, r in found.records.items() if t.model == name and t.n_rows == top)
        size = top
    seconds = found.seconds(set(made.state.records))
    return {
        "table": found.name,
        "rows": max(found.tops.values()),
        "ending": made.agenda.ending,
        "action": verdict.action,
        "seconds": seconds + advised,
        "everything": found.seconds(set(found.records)),
        "share": (seconds + advised) / found.seconds(set(found.records)),
        "loss": best_of_all(found) - found.truth[name, size],
        "reached": chosen.last.n_rows / max(found.tops.values()),
        "trials": len(made.state.records) / len(found.records),
        "dropped": len(made.agenda.dropped),
        "chosen": name,
    }


def best_of_all(found: Table) -> float:
    """The true score of the model that running everything would choose."""
    shown = {
        model: np.mean([r.score for t, r in found.records.items() if (t.model, t.n_rows) == (model, top)] or [-1.0])
        for model, top in found.tops.items()
    }
    winner = max(shown, key=lambda model: shown[model])
    return found.truth[winner, found.tops[winner]]


def plateau(found: Table) -> dict[str, object]:
    """Each learner on its own: all repeats of each size, until a doubling brings less than the margin."""
    done: set[Trial] = set()
    ends = {}
    for model in found.tops:
        seen: dict[int, float] = {}
        for n in sorted({t.n_rows for t in found.records if t.model == model}):
            now = {t for t in found.records if t.model == model and t.n_rows == n}
            done |= now
            seen[n] = float(np.mean([found.records[t].score for t in now]))
            half = [m for m in seen if m <= 0.51 * n]
            if len(seen) >= 4 and half and seen[n] - seen[max(half)] < MARGIN:
                break
        ends[model] = (seen[n], n)
    name = max(ends, key=lambda m: ends[m][0])
    share = found.seconds(done) / found.seconds(set(found.records))
    return {"share": share, "loss": best_of_all(found) - found.truth[name, ends[name][1]]}


def tell(found: pd.DataFrame, simple: pd.DataFrame) -> None:
    print(f"{len(found)} data sets, margin {MARGIN}")
    pooled = found.seconds.sum() / found.everything.sum()
    print(f"share of the fit time: mean {found.share.mean():.3f} (to reach .40), pooled {pooled:.3f}")
    print(
        f"loss against running everything: mean {found.loss.mean():.4f} (to reach .003), worst {found.loss.max():.4f}, "
        f"within the margin in {(found.loss <= MARGIN).mean():.2f}"
    )
    print(f"plateau rule: share {simple.share.mean():.3f}, loss {simple.loss.mean():.4f}")
    groups = found.groupby(["ending", "action"])
    table = groups[["share", "loss", "reached", "trials", "dropped"]].mean().assign(n=groups.size())
    print(table.to_string(float_format="{:.4f}".format))
    print(f"{found.milliseconds.mean():.1f} ms of processor time a decision")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lcdb", type=Path, default=LCDB)
    parser.add_argument("--only", default="", help="openmlids, with commas")
    parser.add_argument("--every", type=int, default=1, help="take each so manieth data set")
    parser.add_argument("--out", type=Path, default=None, help="write one line a data set as CSV")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = tables(options.lcdb)[:: options.every]
    if options.only:
        chosen = [t for t in chosen if t.name.removeprefix("openml ") in options.only.split(",")]
    with Pool(2) as pool:
        found = pd.DataFrame(pool.imap_unordered(replay, chosen))
    if options.out:
        found.to_csv(options.out)
    tell(found, pd.DataFrame([plateau(t) for t in chosen]))


if __name__ == "__main__":
    main()
