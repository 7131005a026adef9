"""How often the built-in tables with known answers get the right one, over many seeds.

    OMP_NUM_THREADS=1 PYTHONPATH=src:tests/support python tests/benchmarks/bench_known_answers.py --seeds 100

Every seed makes the table anew and draws holdout and samples anew. Trials run one after another in the order that the
experimenter asks for, two studies at a time, until the study ends by itself. The sizes of the tables are as built in.
The whole table may be used, and the models are the usual ones but for the forest, which takes most of the time and
never wins here; with ``--as-run`` both are what ``scalewise run`` takes where nothing else is said. Right are

- enough rows: more data no longer helps (``stop``);
- too few rows: more rows would help (``collect_rows``);
- golden feature: more data no longer helps, and 'demand' carries at least 90 % of the importance of the best model;
- grouped rows (whole patients): more patients would help (``collect_rows``); "enough" would be wrong.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import Counter
from dataclasses import replace
from functools import partial
from multiprocessing import Pool

from by_hand import study_by_hand

from scalewise.core.summary import Summary, summarise
from scalewise.data.examples import generated_table, get_example
from scalewise.data.frames import ArrowSource
from scalewise.options import StudyOptions

RIGHT = {
    "enough rows": "stop",
    "too few rows": "collect_rows",
    "golden feature": "stop",
    "grouped rows": "collect_rows",
}


def judge(seed: int, name: str, *, as_run: bool) -> tuple[str, str, bool, float, str]:
    """Study one table; its name, the verdict, whether that is right, seconds, and how it ended."""
    warnings.simplefilter("ignore")
    example, start = get_example(name), time.perf_counter()
    options = StudyOptions(example.target, seed=seed, unit=example.unit)
    if not as_run:
        options = replace(options, models=("dummy", "linear", "boosting"), max_fraction=1.0)
    made = summarise(study_by_hand(ArrowSource(generated_table(name, seed), name), options))
    right = made.verdict.action == RIGHT[name] and (name != "golden feature" or _golden(made) >= 0.9)
    return (
        name,
        made.verdict.action,
        right,
        time.perf_counter() - start,
        f"{made.agenda.ending}: {made.verdict.sentence}",
    )


def _golden(made: Summary) -> float:
    """The part of the best model's importance that the golden feature has."""
    best = max((m for m in made.models if m.importances), key=lambda m: m.curve.last.score)
    assert best.importances is not None
    drops = {row.feature: max(row.drop, 0.0) for row in best.importances.rows}
    return drops.get("demand", 0.0) / max(sum(drops.values()), 1e-12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--table", choices=list(RIGHT), default=None)
    parser.add_argument("--as-run", action="store_true", help="all models, and the largest sample of the default")
    parser.add_argument("--show", action="store_true", help="print each wrong verdict")
    options = parser.parse_args()
    for name in [options.table] if options.table else RIGHT:
        with Pool(2) as pool:
            found = pool.map(partial(judge, name=name, as_run=options.as_run), range(options.seeds), chunksize=1)
        rights = sum(right for _, _, right, _, _ in found)
        verdicts = ", ".join(f"{action} {n}" for action, n in Counter(f[1] for f in found).most_common())
        seconds = sum(f[3] for f in found) / len(found)
        print(
            f"{name}: {rights} of {len(found)} right (to reach 95 %); {verdicts}; {seconds:.1f} s a study", flush=True
        )
        if options.show:
            print(*(f"    {f[4]}" for f in found if not f[2]), sep="\n")


if __name__ == "__main__":
    main()
