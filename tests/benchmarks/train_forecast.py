"""Train the small model behind ``scalewise.core.extrapolation.forecast``.

    OMP_NUM_THREADS=1 PYTHONPATH=src python tests/benchmarks/train_forecast.py [--measured CURVES.parquet]

Reads ``../shared/data/lcdb10_accuracy.parquet`` and ``measured_curves.parquet`` (of measure_curves.py), cuts every
curve at random sizes, and fits two nets of quantiles per fold on the tables of the other folds. The product ships them
all and averages them; the benchmark scores every table with the nets that never saw it. The calibration factors come
from those out-of-fold forecasts. Everything is seeded; the result is plain numbers in ``core/forecast_model.npz``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from curve_library import FOLDS, LCDB, MEASURED, Curve, folds, lcdb_curves, measured_curves
from joblib import Parallel, delayed
from pinball_net import LEVELS, Net, fit_net, standardise
from scipy.optimize import minimize
from scipy.special import logit

from scalewise.core.curve_points import curve_points
from scalewise.core.extrapolation import forecast_with
from scalewise.core.forecast_features import FEATURES, curve_shape, target_features
from scalewise.core.power_law import fit_power_law
from scalewise.core.quantile_net import QuantileNet, quantile_net

MODEL = Path(__file__).resolve().parents[2] / "src" / "scalewise" / "core" / "forecast_model.npz"
FARTHEST = 40.0
LIMIT = 20.0
# Weight by the size of a curve's changes: much for the score, whose error counts in the metric's units, little for the
# gain, where quiet curves are the ones to decide.
POWERS = (0.75, 0.4)
KNOTS = np.array([0.5, 1.2, 2.2, 3.4, 4.5])
NEAR = 0.5
GAPS = (0.10, 0.75, 0.90)
NETS = 2
JOBS = 2


@dataclass
class Examples:
    """Rows to learn from: features, the two outcomes in units of the curve, weight, fold."""

    features: np.ndarray
    outcomes: np.ndarray
    weights: np.ndarray
    fold: np.ndarray
    plain: np.ndarray


def cut(curve: Curve, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Choose the points that are seen and the later ones that are asked for."""
    last = len(curve.n) - 1
    near = curve.n[-1] / 2 ** rng.uniform(0.9, 5.0)
    end = np.searchsorted(curve.n, near, side="right") - 1 if rng.random() < 0.7 else rng.integers(0, last)
    end = int(np.clip(end, 0, last - 1))
    start = 0 if rng.random() < 0.6 else int(rng.integers(0, end + 1))
    kind = rng.random()
    if kind < 0.5:
        steps = [np.array([1, 2, 5, 10, 25, 50]), np.array([1, 2.5, 5, 10, 20, 50]), 2.0 ** np.arange(8)]
        wanted = curve.n[end] / steps[int(rng.integers(3))][: int(rng.integers(1, 8))] * 1.0001
        places = np.searchsorted(curve.n, wanted, side="right") - 1
        places = np.unique(places[places >= 0])
    else:
        places = np.arange(start, end + 1)
        if kind > 0.85:
            places = np.unique(np.append(places[rng.random(len(places)) < rng.uniform(0.3, 1.0)], end))
    later = np.arange(end + 1, last + 1)
    later = later[curve.n[later] <= FARTHEST * curve.n[end]]
    chosen = rng.choice(later, min(2, len(later)), replace=False) if len(later) else later
    reach = [last] if curve.n[last] <= FARTHEST * curve.n[end] else []
    return places, np.unique(np.append(chosen, reach).astype(int))


def bent(curve: Curve, rng: np.random.Generator) -> Curve:
    """Return the curve as another metric might show it: a power of the distance to the best score."""
    power = float(rng.choice([0.5, 1.7]))

    def bend(score: np.ndarray) -> np.ndarray:
        return curve.ceiling - np.maximum(curve.ceiling - score, 0) ** power

    return Curve(
        curve.table, curve.learner, curve.metric, curve.n, bend(curve.scores), bend(curve.train), bend(curve.truth)
    )


def example(curve: Curve, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return features, outcomes and weights of one cut through a curve."""
    places, later = cut(curve, rng)
    shown = curve.scores
    if rng.random() < 0.3:
        shown = shown[:, rng.permutation(shown.shape[1])[: int(rng.integers(1, shown.shape[1]))]]
    if not len(later) or not np.isfinite(shown[places[-1]]).any():
        return None
    train = curve.train[places] if rng.random() < 0.75 else None
    points = curve_points(curve.n[places], shown[places], train)
    law = fit_power_law(points, curve.ceiling if rng.random() < 0.75 else None)
    shape = curve_shape(points, law)
    if shape.scale <= 1e-9:
        return None
    features = target_features(shape, law, np.log2(curve.n[later] / points.n[-1]))
    from_seen = (curve.truth[later] - points.score[-1]) / shape.scale
    gain = (curve.truth[later] - curve.truth[places[-1]]) / shape.scale
    outcomes = np.clip(np.column_stack([from_seen, gain]), -LIMIT, LIMIT)
    return features, outcomes, np.full(len(later), shape.scale)


def examples(curves: list[Curve], cuts: int) -> Examples:
    fold_of, units = folds(curves), typical_units(curves)
    work = (delayed(examples_of)(curve, at, cuts, units, fold_of[curve.table]) for at, curve in enumerate(curves))
    rows = [row for found in Parallel(JOBS)(work) for row in found]
    return Examples(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))


def examples_of(curve: Curve, seed: int, cuts: int, units: dict[str, float], fold: int) -> list[tuple[np.ndarray, ...]]:
    """Return features, outcomes, weights, fold and plainness of random cuts through one curve."""
    rng = np.random.default_rng([7, seed])
    rows = []
    for at in range(cuts if curve.table.startswith("openml") else max(1, cuts // 3)):
        other = at % 6 == 5
        made = example(bent(curve, rng) if other else curve, rng)
        if made is not None:
            features, outcomes, scales = made
            weights = (scales / (units[curve.metric] * (3.0 if other else 1.0)))[:, None] ** POWERS
            plain = np.full(len(scales), not other and curve.metric == "accuracy")
            rows.append((features, outcomes, weights, np.full(len(scales), fold), plain))
    return rows


def typical_units(curves: list[Curve]) -> dict[str, float]:
    """Return the mean spread of each metric's curves, so that no metric outweighs the others."""
    found: dict[str, list[float]] = {}
    for curve in curves:
        found.setdefault(curve.metric, []).append(float(np.ptp(curve.truth[len(curve.n) // 2 :])))
    return {metric: float(np.mean(values)) for metric, values in found.items()}


def train(data: Examples, epochs: int) -> dict[str, np.ndarray]:
    """Fit the nets of every fold on the tables of the others."""
    compressed = np.arcsinh(data.features)
    model = {"levels": LEVELS, "centre": np.nanmean(compressed, axis=0), "width": np.nanstd(compressed, axis=0) + 1e-6}
    inputs = standardise(data.features, model["centre"], model["width"])
    members = [(fold, seed) for seed in range(NETS) for fold in range(FOLDS)]
    work = (delayed(member)(inputs, data, epochs, fold, seed) for fold, seed in members)
    nets = list(Parallel(JOBS, verbose=5)(work))
    model["folds"] = np.array([fold for fold, _ in members])
    for at in range(len(nets[0].layers) // 2):
        model[f"weights_{at}"] = np.stack([net.layers[2 * at] for net in nets])
        model[f"offsets_{at}"] = np.stack([net.layers[2 * at + 1] for net in nets])
    return model


def member(inputs: np.ndarray, data: Examples, epochs: int, fold: int, seed: int) -> Net:
    used = data.fold != fold
    return fit_net(inputs[used], data.outcomes[used], data.weights[used], epochs, seed)


def fallback(model: dict[str, np.ndarray], data: Examples) -> dict[str, np.ndarray]:
    """Add the quantiles around the power law by distance, and neutral factors to be calibrated."""
    octaves = data.features[:, FEATURES.index("octaves")]
    around = data.outcomes - data.features[:, [FEATURES.index("law_gain")]]
    tables = [np.quantile(around[np.abs(octaves - knot) < NEAR], LEVELS, axis=0).T for knot in KNOTS]
    edges = np.nanquantile(data.features[data.plain, FEATURES.index("gap")], GAPS)
    neutral = {"factors": np.ones((len(GAPS) + 2, len(KNOTS))), "odds": np.array([1.0, 0.0])}
    return model | {"knots": KNOTS, "edges": edges, "fallback": np.array(tables)} | neutral


def trials(net: QuantileNet, curves: list[Curve], fold: int, cuts: int) -> np.ndarray:
    """Return forecasts by the nets that never saw the fold of the curves: octaves, gap, misfit, p_gain and gained.

    A misfit of one means that the truth lies on the border of the interval.
    """
    rng = np.random.default_rng([11, fold])
    rows = []
    for curve in [curve for curve in curves for _ in range(cuts)]:
        places, later = cut(curve, rng)
        if not len(later) or not np.isfinite(curve.scores[places[-1]]).any():
            continue
        train = curve.train[places] if rng.random() < 0.75 else None
        points, top = curve_points(curve.n[places], curve.scores[places], train), curve.ceiling
        margin = float(rng.choice([0.005, 0.01])) * (1.0 if curve.metric == "accuracy" else 2 * np.ptp(curve.truth))
        made = forecast_with(net, points, curve.n[later] * 1.0, min_gain=margin, max_score=top, fold=fold)
        if made.method != "trained":
            continue
        shape, truth = curve_shape(points, fit_power_law(points, top)), curve.truth[later]
        side = np.where(truth < made.mean, made.mean - made.low, made.high - made.mean)
        misfit = np.abs(truth - made.mean) / np.maximum(side, 1e-9)
        octaves = np.log2(curve.n[later] / points.n[-1])
        gained = truth - curve.truth[places[-1]] >= margin
        gap = np.full(len(later), shape.values["gap"])
        rows.append(np.column_stack([octaves, gap, misfit, made.p_gain, gained]))
    return np.concatenate(rows)


def calibrate(model: dict[str, np.ndarray], curves: list[Curve], cuts: int) -> dict[str, np.ndarray]:
    """Set the conformal factors and the odds from forecasts of tables that the nets never saw."""
    net, fold_of = quantile_net(model), folds(curves)
    parts = [[curve for curve in curves if fold_of[curve.table] == fold] for fold in range(FOLDS)]
    work = (delayed(trials)(net, part, fold, cuts) for fold, part in enumerate(parts))
    octaves, gap, misfit, p_gain, gained = np.concatenate(list(Parallel(JOBS)(work))).T
    near = [np.abs(octaves - knot) < NEAR for knot in KNOTS]
    group = np.searchsorted(model["edges"], gap)
    groups = [(group == at) & np.isfinite(gap) for at in range(len(GAPS) + 1)] + [~np.isfinite(gap)]
    factors = [[level_of(misfit[chosen & close], 0.9) for close in near] for chosen in groups]
    return model | {"factors": np.array(factors), "odds": odds(p_gain, gained)}


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
    parser.add_argument("--cuts", type=int, default=24, help="cuts of each curve")
    parser.add_argument("--epochs", type=int, default=14)
    options = parser.parse_args()
    curves = lcdb_curves(options.lcdb) + measured_curves(options.measured)
    data = examples(curves, options.cuts)
    print(f"{len(curves)} curves, {len(data.features)} examples", flush=True)
    model = fallback(train(data, options.epochs), data)
    save(calibrate(model, curves, options.cuts // 4), options.out)


def save(model: dict[str, np.ndarray], path: Path) -> None:
    """Write the nets in half precision, which moves no forecast visibly, and the tables in single precision."""
    halves = ("weights_", "offsets_")
    stored = {
        name: value.astype(np.float16 if name.startswith(halves) else np.float32) for name, value in model.items()
    }
    np.savez_compressed(path, **stored)
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
