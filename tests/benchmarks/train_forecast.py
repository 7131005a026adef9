"""Train the small model behind ``scalewise.core.extrapolation.forecast``.

    OMP_NUM_THREADS=1 PYTHONPATH=src python tests/benchmarks/train_forecast.py [--measured CURVES] [--nets MODEL]

Reads ``../shared/data/lcdb10_accuracy.parquet`` and ``measured_curves.parquet`` (of measure_curves.py), cuts the curves
of every table at random sizes, and fits two nets of quantiles per fold on the tables of the other folds. The nets learn
to do without the companions or the kind of learner, which are hidden from them at random. One more net per fold tells
the kind of learner from the curve. The product ships them all and averages them; the benchmark scores every table with
the nets that never saw it. The calibration factors come from those out-of-fold forecasts. With ``--nets`` the nets of
quantiles are those of an earlier model, and only what tells the kind of learner and the calibration are made anew.
Everything is seeded; the result is plain numbers in ``core/forecasting/forecast_model.npz``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from curve_library import FOLDS, LCDB, MEASURED, Curve, beside, folds, grouped, lcdb_curves, measured_curves
from forecast_examples import JOBS, MOST_COMPANIONS, Examples, ahead, cut, examples, kind_examples
from joblib import Parallel, delayed
from pinball_net import LEVELS, Net, fit_kind_net, fit_net, standardise
from scipy.optimize import minimize
from scipy.special import logit

from scalewise.core.extrapolation import forecast_with
from scalewise.core.forecasting.company import COMPANY, LEARNERS, Company
from scalewise.core.forecasting.curve_points import CurvePoints, curve_points
from scalewise.core.forecasting.forecast_features import FEATURES, curve_shape
from scalewise.core.forecasting.kinds import N_TRACES
from scalewise.core.forecasting.power_law import fit_power_law
from scalewise.core.forecasting.quantile_net import QuantileNet, quantile_net

MODEL = Path(__file__).resolve().parents[2] / "src" / "scalewise" / "core" / "forecasting" / "forecast_model.npz"
KNOTS = np.array([0.5, 1.2, 2.2, 3.4, 4.5])
NEAR = 0.5
GAPS = (0.10, 0.75, 0.90)
NETS = 2
# How often a curve is seen alone, with only one of both, and with its kind of learner and companions alike.
ALONE, ONE = 0.40, 0.15
# Gates for what is missing: one each for the features of the curve, and one for all companions.
GATES = len(FEATURES) + 1


def train(data: Examples, epochs: int) -> dict[str, np.ndarray]:
    """Fit the nets of every fold on the tables of the others."""
    compressed = np.arcsinh(data.features)
    centre, width = np.nanmean(compressed, axis=0), np.nanstd(compressed, axis=0) + 1e-6
    # An unknown kind of learner is none of them: zeros.
    centre[-len(LEARNERS) :], width[-len(LEARNERS) :] = 0.0, 0.5
    model = {"levels": LEVELS, "centre": centre, "width": width}
    inputs = standardise(data.features, centre, width, GATES)
    members = [(fold, seed) for seed in range(NETS) for fold in range(FOLDS)]
    work = (delayed(member)(inputs, data, epochs, fold, seed) for fold, seed in members)
    nets = list(Parallel(JOBS, verbose=5)(work))
    return model | stacked(nets, [fold for fold, _ in members])


def stacked(nets: list[Net], folds: list[int], prefix: str = "") -> dict[str, np.ndarray]:
    """Return the arrays of the model file for some nets, and the folds that they never saw."""
    found = {f"{prefix}folds": np.array(folds)}
    for at in range(len(nets[0].layers) // 2):
        found[f"{prefix}weights_{at}"] = rounded(np.stack([net.layers[2 * at] for net in nets]))
        found[f"{prefix}offsets_{at}"] = rounded(np.stack([net.layers[2 * at + 1] for net in nets]))
    return found


def rounded(values: np.ndarray) -> np.ndarray:
    """Return values of eight binary digits, which move no forecast visibly, and of which more fit in a small file."""
    digits, exponents = np.frexp(values.astype(np.float64))
    return np.ldexp(np.round(digits * 2**8) / 2**8, exponents)


def train_kinds(curves: list[Curve], cuts: int, epochs: int) -> dict[str, np.ndarray]:
    """Fit the nets that tell the kind of learner, one for every fold, on the tables of the others."""
    traits, kinds, fold_of = kind_examples(curves, cuts)
    compressed = np.arcsinh(traits)
    centre, width = np.nanmean(compressed, axis=0), np.nanstd(compressed, axis=0) + 1e-6
    inputs = standardise(traits, centre, width, traits.shape[1] - N_TRACES)
    used = [fold_of != fold for fold in range(FOLDS)]
    work = (delayed(fit_kind_net)(inputs[rows], kinds[rows], epochs, fold) for fold, rows in enumerate(used))
    nets = list(Parallel(JOBS, verbose=5)(work))
    return {"kind_centre": centre, "kind_width": width} | stacked(nets, list(range(FOLDS)), "kind_")


def member(inputs: np.ndarray, data: Examples, epochs: int, fold: int, seed: int) -> Net:
    used = data.fold != fold
    return fit_net(inputs[used], data.outcomes[used], data.weights[used], epochs, seed, hide)


def hide(inputs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return inputs of which some know of no companions, and some of no kind of learner."""
    own, values = len(FEATURES), len(FEATURES) + len(COMPANY) + len(LEARNERS)
    found = inputs.copy()
    alone, unknown = hidden(len(found), rng)
    found[alone, own : own + len(COMPANY)] = 0.0
    found[alone, values + own] = 1.0
    found[unknown, own + len(COMPANY) : values] = 0.0
    return found


def hidden(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw where the companions, and where the kind of learner, are hidden; both of shape (count,)."""
    drawn = rng.random(count)
    return drawn < ALONE + ONE, (drawn < ALONE) | (drawn > 1 - ONE)


def fallback(model: dict[str, np.ndarray], data: Examples) -> dict[str, np.ndarray]:
    """Add the quantiles around the power law by distance, and the borders between gaps."""
    octaves = data.features[:, FEATURES.index("octaves")]
    around = data.outcomes - data.features[:, [FEATURES.index("law_gain")]]
    tables = [np.quantile(around[np.abs(octaves - knot) < NEAR], LEVELS, axis=0).T for knot in KNOTS]
    edges = np.nanquantile(data.features[data.plain, FEATURES.index("gap")], GAPS)
    return model | {"knots": KNOTS, "edges": edges, "fallback": np.array(tables)}


def trials(net: QuantileNet, curves: list[Curve], fold: int, cuts: int) -> np.ndarray:
    """Return forecasts by the nets that never saw the fold: see `trial`.

    Every cut is forecast alone, and once more in company where something is told of its surroundings.
    """
    rng = np.random.default_rng([11, fold])
    rows = []
    for curve, group in [(curve, table) for table in grouped(curves) for curve in table for _ in range(cuts)]:
        places = cut(curve, rng)
        later = ahead(curve, int(places[-1]), rng)
        if not len(later) or not np.isfinite(curve.scores[places[-1]]).any():
            continue
        train = curve.train[places] if rng.random() < 0.75 else None
        points = curve_points(curve.n[places], curve.scores[places], train)
        margin = float(rng.choice([0.005, 0.01])) * (1.0 if curve.metric == "accuracy" else 2 * np.ptp(curve.truth))
        around = company_of(curve, group, places, train is not None, rng)
        # Far ahead, too few curves of a group are alone by the draw; but all can be seen alone.
        rows += trial(net, points, curve, later, margin, Company(), fold)
        if in_company(around):
            rows += trial(net, points, curve, later, margin, around, fold)
    return np.concatenate(rows)


def trial(
    net: QuantileNet, points: CurvePoints, curve: Curve, later: np.ndarray, margin: float, around: Company, fold: int
) -> list[np.ndarray]:
    """Return the forecasts of one cut, none where the nets do not answer.

    The columns are octaves, gap, misfit of the score, misfit of the gain, p_gain, gained, in company or not. A misfit
    of one means that the truth lies on the border of the interval.
    """
    top, truth = curve.ceiling, curve.truth[later]
    made = forecast_with(net, points, curve.n[later] * 1.0, min_gain=margin, max_score=top, around=around, fold=fold)
    if made.method != "trained":
        return []
    rise = truth - curve.truth[curve.n == points.n[-1]]
    misfits = misfit(truth, made.mean, made.low, made.high), misfit(rise, made.gain, made.gain_low, made.gain_high)
    gap = curve_shape(points, fit_power_law(points, top)).values["gap"]
    columns = (np.log2(curve.n[later] / points.n[-1]), gap, *misfits, made.p_gain, rise >= margin, in_company(around))
    return [np.column_stack(np.broadcast_arrays(*columns))]


def misfit(truth: np.ndarray, mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    side = np.where(truth < mean, mean - low, high - mean)
    return np.abs(truth - mean) / np.maximum(side, 1e-9)


def in_company(around: Company) -> bool:
    return around.learner is not None or bool(around.curves)


def company_of(
    curve: Curve, group: list[Curve], places: np.ndarray, with_train: bool, rng: np.random.Generator
) -> Company:
    """Return what is told of a curve's surroundings, some of it hidden as in the training."""
    (alone,), (unknown,) = hidden(1, rng)
    others = [group[at] for at in rng.permutation(len(group)) if group[at] is not curve]
    chosen = [] if alone else others[: int(rng.integers(1, MOST_COMPANIONS + 1))]
    return Company(None if unknown else curve.kind, beside(curve, places, chosen, with_train))


def calibrate(model: dict[str, np.ndarray], curves: list[Curve], cuts: int) -> dict[str, np.ndarray]:
    """Set the conformal factors and the odds from forecasts of tables that the nets never saw."""
    ones = np.ones((2, len(GAPS) + 2, len(KNOTS)))
    neutral = {"factors": ones, "gain_factors": ones, "odds": np.array([[1.0, 0.0]] * 2)}
    net, fold_of = quantile_net(model | neutral), folds(curves)
    parts = [[curve for curve in curves if fold_of[curve.table] == fold] for fold in range(FOLDS)]
    work = (delayed(trials)(net, part, fold, cuts) for fold, part in enumerate(parts))
    found = np.concatenate(list(Parallel(JOBS)(work)))
    states = [found[found[:, -1] == known] for known in (0, 1)]
    return model | {
        "factors": np.array([factors(state, state[:, 2], model["edges"]) for state in states]),
        "gain_factors": np.array([factors(state, state[:, 3], model["edges"]) for state in states]),
        "odds": np.array([odds(state[:, 4], state[:, 5]) for state in states]),
    }


def factors(found: np.ndarray, misfits: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return conformal factors by the gap of the curve and by distance."""
    octaves, gap = found.T[:2]
    near = [np.abs(octaves - knot) < NEAR for knot in KNOTS]
    group = np.searchsorted(edges, gap)
    groups = [(group == at) & np.isfinite(gap) for at in range(len(GAPS) + 1)] + [~np.isfinite(gap)]
    return np.array([[level_of(misfits[chosen & close], 0.9) for close in near] for chosen in groups])


def odds(p_gain: np.ndarray, gained: np.ndarray) -> np.ndarray:
    """Return slope and offset of the log odds that make the probabilities most likely (Platt's scaling)."""
    known = logit(np.clip(p_gain, 1e-4, 1 - 1e-4))

    def loss(found: np.ndarray) -> float:
        return float(np.logaddexp(0, -np.where(gained > 0, 1, -1) * (found[0] * known + found[1])).mean())

    return np.asarray(minimize(loss, [1.0, 0.0], bounds=[(0.5, 2.0), (-1.0, 1.0)]).x)


def level_of(values: np.ndarray, level: float) -> float:
    """Return the conformal quantile of a finite sample."""
    return float(np.quantile(values, min(1.0, level * (1 + 1 / len(values))), method="higher"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lcdb", type=Path, default=LCDB)
    parser.add_argument("--measured", type=Path, default=MEASURED, help="output of measure_curves.py")
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--leads", type=int, default=3, help="looks at its table that each curve leads")
    parser.add_argument("--cuts", type=int, default=6, help="cuts of each curve for the calibration")
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--kind-cuts", type=int, default=20, help="looks at each curve that tell its kind of learner")
    parser.add_argument("--kind-epochs", type=int, default=30)
    parser.add_argument("--nets", type=Path, help="take the nets of quantiles from this model")
    options = parser.parse_args()
    curves = lcdb_curves(options.lcdb) + measured_curves(options.measured)
    if options.nets is None:
        data = examples(curves, options.leads)
        print(f"{len(curves)} curves, {len(data.features)} examples", flush=True)
        model = fallback(train(data, options.epochs), data)
    else:
        model = nets_of(options.nets)
    model |= train_kinds(curves, options.kind_cuts, options.kind_epochs)
    save(calibrate(model, curves, options.cuts), options.out)


def nets_of(path: Path) -> dict[str, np.ndarray]:
    """Return what was trained before, without what tells the kind of learner."""
    with np.load(path) as stored:
        found = {name: stored[name].astype(np.float64) for name in stored.files if not name.startswith("kind_")}
    return {
        name: rounded(value) if name.startswith(("weights_", "offsets_")) else value for name, value in found.items()
    }


def save(model: dict[str, np.ndarray], path: Path) -> None:
    """Write the nets in half precision, which moves no forecast visibly, and the tables in single precision."""
    stored = {
        name: value.astype(np.float16 if "weights_" in name or "offsets_" in name else np.float32)
        for name, value in model.items()
    }
    np.savez_compressed(path, **stored)
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
