"""Compare the forecast with its peers on measured curves of data sets that it has not seen.

    OMP_NUM_THREADS=1 PYTHONPATH=src python tests/benchmarks/bench_forecast.py

Every curve of ``../shared/data/lcdb10_accuracy.parquet`` is cut at 5, 10, 25 and 50 % of its largest size (the largest
size not above it), and the score at the largest size is forecast; the truth is the mean of all repeats. The model's
part is played by the two nets that never saw the data set (``curve_library.folds``: openmlids in order, dealt into
ten folds by a permutation of seed 0), and by the one net that tells the kind of learner and never saw it either, so
all data sets count as held out. What ships averages all twenty, and all ten; from two nets instead of one the error
falls by no more than 0.2 percent.
Every table comes three times: from the curve alone, with its kind of learner, and with that and up to five companions,
as a study has them: linear, tree, forest, boosting and neighbours on the same table, seen at the same sizes.
Curves of other metrics and of regression, from measure_curves.py, are reported below, held out by table as well, and so
are those of which none was trained on: of the catalogue's own models, from measure_catalogue.py, and of more than a
hundred tables of R packages, from measure_r_tables.py.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from curve_library import (
    CATALOGUE,
    LCDB,
    MEASURED,
    R_TABLES,
    Curve,
    beside,
    folds,
    grouped,
    lcdb_curves,
    measured_curves,
    prefixes,
)
from scipy.optimize import least_squares

from scalewise.core.deciding.contest import PROBABLE, normal_above, wins_by
from scalewise.core.extrapolation import forecast_with
from scalewise.core.forecasting.company import ALONE, Company
from scalewise.core.forecasting.curve_points import CurvePoints, curve_points
from scalewise.core.forecasting.power_law import EXPONENTS, fit_power_law, grid_fit
from scalewise.core.forecasting.quantile_net import load_quantile_net
from scalewise.core.prospects import REACH_SDS

SHARES = (0.05, 0.10, 0.25, 0.50)
GAINS = (0.005, 0.010)
# Learners that keep the others company: the likes of what a study fits.
LADDER = ("linear", "tree", "forest", "boosting", "neighbors")
# As Forecast.answers decides, distance aside.
SURE = 0.74
Known = Literal["curve", "learner", "company"]
KNOWN: dict[Known, str] = {
    "curve": "from the curve alone",
    "learner": "with kind of learner",
    "company": "with kind of learner and companions",
}
Peer = Callable[[CurvePoints, float, float], float]


def last_value(points: CurvePoints, target: float, ceiling: float) -> float:
    return float(points.score[-1])


def plain_pow3(points: CurvePoints, target: float, ceiling: float) -> float:
    asymptotes, amplitudes, errors = grid_fit(points.n, points.score, np.ones(points.size), np.inf)
    best = int(np.argmin(errors))
    return float(asymptotes[best] - amplitudes[best] * (target / points.n[-1]) ** -EXPONENTS[best])


def constrained_pow3(points: CurvePoints, target: float, ceiling: float) -> float:
    return float(fit_power_law(points, ceiling).predict([target])[0])


def shifted(family: Callable[..., np.ndarray], low: list[float], start: list[float], high: list[float]) -> Peer:
    """Fit a family of four parameters by bounded least squares and move it to the last score."""

    def peer(points: CurvePoints, target: float, ceiling: float) -> float:
        last, extent = float(points.score[-1]), float(np.ptp(points.score)) + 1e-6
        sizes, scores = points.n / points.n[-1], (points.score - last) / extent

        def misfit(found: np.ndarray) -> np.ndarray:
            return family(sizes, *found) - scores

        found = least_squares(misfit, start, bounds=(low, high), max_nfev=15).x
        gain = float(family(target / points.n[-1], *found) - family(1.0, *found))
        return min(last + extent * gain, ceiling)

    return peer


def pow4(n: np.ndarray, a: float, b: float, c: float, d: float) -> np.ndarray:
    return a - b * (n + d) ** -c


def mmf4(n: np.ndarray, a: float, b: float, c: float, d: float) -> np.ndarray:
    return (a * b + c * n**d) / (b + n**d)


PEERS: dict[str, Peer] = {
    "last value": last_value,
    "pow3 plain": plain_pow3,
    "pow4 shifted": shifted(pow4, [-1, 0, 0.01, 0], [0.3, 0.3, 0.5, 0.01], [20, 20, 3, 1]),
    "mmf4 shifted": shifted(mmf4, [-20, 1e-6, -1, 0.01], [-1, 0.3, 0.3, 0.7], [1, 50, 20, 5]),
    "pow3 constrained": constrained_pow3,
}
SLOW = ("pow4 shifted", "mmf4 shifted")


def mates(curves: list[Curve]) -> dict[int, list[Curve]]:
    """Return the companions of every curve, by its id: one of each other kind, as few studies fit two of a kind."""
    found = {}
    for group in grouped(curves):
        kinds = {curve.kind: curve for curve in reversed(group)}
        for curve in group:
            found[id(curve)] = [kinds[kind] for kind in LADDER if kind in kinds and kind != curve.kind]
    return found


def evaluate(
    curves: list[Curve],
    peers: dict[str, Peer],
    *,
    half_octaves: bool,
    shares: tuple[float, ...] = SHARES,
    known: Known = "curve",
) -> pd.DataFrame:
    """Forecast every cut of every curve, with what is known of its surroundings; one row each."""
    net, fold_of, mates_of = load_quantile_net(), folds(curves), mates(curves)
    rows = []
    for share in shares:
        for curve, places in prefixes(curves, share, half_octaves=half_octaves):
            points = curve_points(curve.n[places], curve.scores[places], curve.train[places])
            target, top = float(curve.n[-1]), curve.ceiling
            row = {name: peer(points, target, top) for name, peer in peers.items()}
            around = ALONE if known == "curve" else Company(curve.kind)
            if known == "company":
                around = Company(curve.kind, beside(curve, places, mates_of[id(curve)]))
            options = {"max_score": top, "around": around, "fold": fold_of[curve.table]}
            start = time.process_time()
            made = [forecast_with(net, points, curve.n[-1:] * 1.0, min_gain=gain, **options) for gain in GAINS]
            row |= {"seconds": (time.process_time() - start) / len(GAINS)}
            row |= {"ours": made[0].mean[0], "low": made[0].low[0], "high": made[0].high[0]}
            row |= {"gain": made[0].gain[0], "gain_low": made[0].gain_low[0], "gain_high": made[0].gain_high[0]}
            row |= {f"p {gain}": one.p_gain[0] for gain, one in zip(GAINS, made, strict=True)}
            row |= {"learner": curve.learner, "metric": curve.metric, "table": curve.table, "share": share}
            row |= {"truth": curve.truth[-1], "here": curve.truth[places[-1]], "rerun": np.nanmean(curve.scores[-1])}
            row |= {"extent": np.ptp(curve.truth), "method": made[0].method, "flags": " ".join(made[0].flags)}
            rows.append(row)
    return pd.DataFrame(rows)


def winkler(found: pd.DataFrame) -> pd.Series:
    miss = np.maximum(found.low - found.truth, 0) + np.maximum(found.truth - found.high, 0)
    return found.high - found.low + 20 * miss


def inside(found: pd.DataFrame) -> pd.Series:
    return (found.truth >= found.low - 1e-9) & (found.truth <= found.high + 1e-9)


def print_gains(found: pd.DataFrame) -> None:
    """Hold the gain as it is told against the way from the last measured score to the expected one."""
    rise = found.truth - found.here
    told = {"the gain": found[["gain", "gain_low", "gain_high"]]}
    told["score less the last"] = found[["ours", "low", "high"]].sub(found["last value"], axis=0)
    rows = {}
    for name, (middle, low, high) in ((name, part.to_numpy().T) for name, part in told.items()):
        covers = (rise >= low - 1e-9) & (rise <= high + 1e-9)
        rows[name] = (np.abs(middle - rise).mean(), covers.mean(), (high - low).mean())
    table = pd.DataFrame(rows, index=["error of the gain", "coverage", "width"])
    print(table.to_string(float_format="{:.4f}".format))


def print_errors(found: pd.DataFrame) -> None:
    names = [name for name in (*PEERS, "ours", "rerun") if name in found]
    errors = found[names].sub(found.truth, axis=0).abs().groupby(found.share).mean().T
    errors["all"] = found[names].sub(found.truth, axis=0).abs().mean()
    print(errors.rename({"rerun": "really running it"}).to_string(float_format="{:.4f}".format))


def print_intervals(found: pd.DataFrame) -> None:
    table = pd.DataFrame({"coverage": inside(found), "Winkler": winkler(found), "width": found.high - found.low})
    table = table.groupby(found.share).mean().T
    table["all"] = [inside(found).mean(), winkler(found).mean(), (found.high - found.low).mean()]
    print(table.to_string(float_format="{:.3f}".format))
    learners = inside(found).groupby(found.learner).mean().sort_values()
    print("coverage by learner: " + ", ".join(f"{name} {value:.2f}" for name, value in learners.items()))


def decisions(found: pd.DataFrame, gain: float) -> pd.DataFrame:
    """Return, for every cut, who is right about gaining that much, and whether we say yes or no at all."""
    truth, p = found.truth - found.here >= gain, found[f"p {gain}"]
    return pd.DataFrame(
        {
            "ours": (p >= 0.5) == truth,
            "decided": (p >= SURE) | (p <= 1 - SURE),
            "pow3": (found["pow3 constrained"] - found["last value"] >= gain) == truth,
            "really running it": (found.rerun - found["last value"] >= gain) == truth,
        }
    )


def print_decisions(found: pd.DataFrame) -> None:
    for gain in GAINS:
        right = decisions(found, gain)
        by_share = right.groupby(found.share).mean().T
        by_share["all"] = right.mean()
        print(f"right about a gain of at least {gain}\n{by_share.to_string(float_format='{:.3f}'.format)}")


def print_aims(found: pd.DataFrame) -> None:
    """Hold the measured values against what was to be reached."""
    error = found[["last value", "pow3 constrained", "ours"]].sub(found.truth, axis=0).abs().mean()
    covered = inside(found).groupby(found.share).mean()
    aims = [
        ("error / last value", error["ours"] / error["last value"], "<=", 0.55),
        ("error / pow3 constrained", error["ours"] / error["pow3 constrained"], "<=", 0.82),
        ("least coverage of a fraction", covered.min(), ">=", 0.87),
        ("greatest coverage of a fraction", covered.max(), "<=", 0.93),
        ("least coverage of a learner", inside(found).groupby(found.learner).mean().min(), ">=", 0.80),
        ("mean Winkler score", winkler(found).mean(), "<=", 0.15),
        ("ms a curve", 1e3 * found.seconds.mean(), "<=", 10.0),
    ]
    for gain, least in zip(GAINS, (0.84, 0.85), strict=True):
        right = decisions(found, gain)
        aims.append((f"right about {gain}", right.ours.mean(), ">=", least))
        aims.append((f"yes or no about {gain}", right.decided.mean(), ">=", 0.70))
        aims.append((f"right where yes or no about {gain}", right.ours[right.decided].mean(), ">=", 0.92))
    for name, value, sign, aim in aims:
        reached = value <= aim if sign == "<=" else value >= aim
        print(f"{name:36s} {value:7.3f}  {sign} {aim:<5g} {'reached' if reached else 'MISSED'}")


def print_overtaking(found: pd.DataFrame) -> None:
    """How often models behind the leader end ahead of it by 0.005, and at all, beside what two forecasts say of that.

    Taken as independent (normal, from the 90 % intervals), and as the product takes them (`contest.wins_by`).
    """
    rows = []
    for _, group in found.groupby(["table", "metric", "share"]):
        leader = group.loc[group["last value"].idxmax()]
        for _, other in group.drop(leader.name).iterrows():
            sd = math.hypot(other.high - other.low, leader.high - leader.low) / (2 * REACH_SDS)
            ahead = other.ours - leader.ours
            chances = normal_above(ahead, sd, GAINS[0]), wins_by(ahead, sd, GAINS[0])
            lead = other.truth - leader.truth
            rows.append((*chances, lead >= GAINS[0], wins_by(ahead, sd, 0.0), lead > 0))
    every = pd.DataFrame(rows, columns=["independent", "as taken", "did", "chance", "got ahead"])
    said, pairs = every[every.chance >= PROBABLE], every[["independent", "as taken", "did"]]
    bins = pd.cut(pairs.independent, [0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0], include_lowest=True)
    table = pairs.groupby(bins, observed=True).mean().assign(pairs=pairs.groupby(bins, observed=True).size())
    print("models behind that end ahead by 0.005, beside what is said of them")
    print(table.to_string(float_format="{:.3f}".format))
    promised, came = said[["chance", "got ahead"]].astype(float).mean()
    print(f"said to overtake the leader probably: {len(said)}, with a chance of {promised:.3f}; got ahead {came:.3f}")


def print_transfer(curves: list[Curve], known: Known) -> None:
    """Errors and coverage by metric, in parts of each curve's own extent."""
    peers = {name: PEERS[name] for name in ("last value", "pow3 constrained")}
    found = evaluate(curves, peers, half_octaves=True, shares=(0.10, 0.25, 0.50), known=known)
    found = found[found.extent > 0]
    table = found[[*peers, "ours"]].sub(found.truth, axis=0).abs().div(found.extent, axis=0)
    table["Winkler"] = winkler(found) / found.extent
    table["coverage"], table["fallback"] = inside(found), found.method != "trained"
    means = table.groupby(found.metric).mean()
    medians = table.groupby(found.metric).median()
    for name, middle in (("mean", means), ("median", medians)):
        means[f"ours / pow3, {name}"] = middle["ours"] / middle["pow3 constrained"]
    print(means.assign(cuts=found.groupby("metric").size()).to_string(float_format="{:.3f}".format))
    by_learner = (
        table[["pow3 constrained", "ours"]]
        .groupby(found.learner)
        .mean()
        .assign(coverage=table.coverage.groupby(found.learner).mean())
    )
    print(by_learner.to_string(float_format="{:.3f}".format))
    if known == "company":
        print_overtaking(found[found.metric.isin(["accuracy", "roc auc", "r2"])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lcdb", type=Path, default=LCDB)
    parser.add_argument("--quick", action="store_true", help="leave out the two slow peers")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    curves = lcdb_curves(options.lcdb)
    peers = {name: peer for name, peer in PEERS.items() if not (options.quick and name in SLOW)}
    for half_octaves, known in product((False, True), KNOWN):
        print("\npoints at every half octave" if half_octaves else "\npoints at 1, 2, 5, 10, 25, 50 % only", end=", ")
        print(KNOWN[known])
        found = evaluate(curves, peers, half_octaves=half_octaves, known=known)
        print_errors(found)
        print_intervals(found)
        print_gains(found)
        print_decisions(found)
        print_aims(found)
        print(f"fallback in {(found.method != 'trained').mean():.3f}")
        if known == "company" and half_octaves:
            print_overtaking(found)
    checks = {
        "other metrics and regression": MEASURED,
        "the catalogue's own models": CATALOGUE,
        "tables of R packages": R_TABLES,
    }
    for (name, path), known in product(checks.items(), KNOWN):
        print(f"\n{name}, held-out tables, errors in parts of the curve's extent, {KNOWN[known]}")
        print_transfer(measured_curves(path), known)


if __name__ == "__main__":
    main()
