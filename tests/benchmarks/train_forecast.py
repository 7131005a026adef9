"""Train the small model behind ``scalewise.core.extrapolation.forecast``.

    OMP_NUM_THREADS=1 PYTHONPATH=src python tests/benchmarks/train_forecast.py [--measured CURVES.parquet]

Reads ``../shared/data/lcdb10_accuracy.parquet`` (and the output of measure_curves.py if given), cuts every curve
at random sizes, and fits one net of quantiles per fold on the tables of the other folds. The product ships them
all and averages them; the benchmark scores every table with the net that never saw it. The calibration factors come
from those out-of-fold forecasts. Everything is seeded; the result is plain numbers in ``core/forecast_model.npz``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from curve_library import FOLDS, LCDB, Curve, folds, lcdb_curves, measured_curves
from pinball_net import LEVELS, fit_net, standardise

from scalewise.core.curve_points import curve_points
from scalewise.core.extrapolation import forecast_with
from scalewise.core.forecast_features import FEATURES, curve_shape, target_features
from scalewise.core.power_law import fit_power_law
from scalewise.core.quantile_net import QuantileNet

MODEL = Path(__file__).resolve().parents[2] / "src" / "scalewise" / "core" / "forecast_model.npz"
FARTHEST = 40.0
LIMIT = 20.0
# Weight by the size of a curve's changes: much for the score, whose error counts in the metric's units, little for the
# gain, where quiet curves are the ones to decide.
POWERS = (0.75, 0.4)
KNOTS = np.array([0.5, 1.2, 2.2, 3.4, 4.5])
NEAR = 0.5


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
    rng = np.random.default_rng(7)
    fold_of = folds(curves)
    rows: list[tuple[np.ndarray, ...]] = []
    units = typical_units(curves)
    for curve in curves:
        share = cuts if curve.table.startswith("openml") else max(1, cuts // 3)
        for at in range(share):
            other = at % 6 == 5
            made = example(bent(curve, rng) if other else curve, rng)
            if made is not None:
                unit = units[curve.metric] * (3.0 if other else 1.0)
                size = len(made[0])
                plain = np.full(size, not other and curve.metric == "accuracy")
                rows.append(
                    (made[0], made[1], (made[2] / unit)[:, None] ** POWERS, np.full(size, fold_of[curve.table]), plain)
                )
    return Examples(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))


def typical_units(curves: list[Curve]) -> dict[str, float]:
    """Return the mean spread of each metric's curves, so that no metric outweighs the others."""
    found: dict[str, list[float]] = {}
    for curve in curves:
        found.setdefault(curve.metric, []).append(float(np.ptp(curve.truth[len(curve.n) // 2 :])))
    return {metric: float(np.mean(values)) for metric, values in found.items()}


def train(data: Examples, epochs: int) -> dict[str, np.ndarray]:
    """Fit the nets of every fold; net k has not seen the tables of fold k."""
    compressed = np.arcsinh(data.features)
    model = {"levels": LEVELS, "centre": np.nanmean(compressed, axis=0), "width": np.nanstd(compressed, axis=0) + 1e-6}
    inputs = standardise(data.features, model["centre"], model["width"])
    nets = []
    for fold in range(FOLDS):
        used = data.fold != fold
        start = time.perf_counter()
        nets.append(fit_net(inputs[used], data.outcomes[used], data.weights[used], epochs, seed=0))
        print(f"fold {fold}: {time.perf_counter() - start:.0f} s", flush=True)
    for at in range(len(nets[0].layers) // 2):
        model[f"weights_{at}"] = np.stack([net.layers[2 * at] for net in nets])
        model[f"offsets_{at}"] = np.stack([net.layers[2 * at + 1] for net in nets])
    return model


def as_net(model: dict[str, np.ndarray]) -> QuantileNet:
    layers = sum(name.startswith("weights_") for name in model)
    members = tuple(
        tuple((model[f"weights_{at}"][member], model[f"offsets_{at}"][member]) for at in range(layers))
        for member in range(len(model["weights_0"]))
    )
    plain = {name: value for name, value in model.items() if not name.startswith(("weights_", "offsets_"))}
    return QuantileNet(members=members, **plain)


def fallback(model: dict[str, np.ndarray], data: Examples) -> dict[str, np.ndarray]:
    """Add the quantiles around the power law by distance, and neutral factors to be calibrated."""
    octaves = data.features[:, FEATURES.index("octaves")]
    around = data.outcomes - data.features[:, [FEATURES.index("law_gain")]]
    tables = [np.quantile(around[np.abs(octaves - knot) < NEAR], LEVELS, axis=0).T for knot in KNOTS]
    noise = data.features[data.plain, FEATURES.index("noise")]
    edges = np.quantile(noise, [1 / 3, 2 / 3])
    return model | {"knots": KNOTS, "edges": edges, "fallback": np.array(tables), "factors": np.ones((3, len(KNOTS)))}


def misfits(net: QuantileNet, curves: list[Curve], cuts: int) -> np.ndarray:
    """Return octaves, noise and misfit of forecasts by the nets that never saw the table, shape (n, 3).

    A misfit of one means that the truth lies on the border of the interval.
    """
    rng, fold_of = np.random.default_rng(11), folds(curves)
    rows = []
    for curve in [curve for curve in curves for _ in range(cuts)]:
        places, later = cut(curve, rng)
        if not len(later) or not np.isfinite(curve.scores[places[-1]]).any():
            continue
        points = curve_points(curve.n[places], curve.scores[places], curve.train[places])
        top = curve.ceiling
        made = forecast_with(
            net, points, curve.n[later] * 1.0, min_gain=0.005, max_score=top, member=fold_of[curve.table]
        )
        if made.method != "trained":
            continue
        shape = curve_shape(points, fit_power_law(points, top))
        truth = curve.truth[later]
        side = np.where(truth < made.mean, made.mean - made.low, made.high - made.mean)
        misfit = np.abs(truth - made.mean) / np.maximum(side, 1e-9)
        octaves = np.log2(curve.n[later] / points.n[-1])
        rows.append(np.column_stack([octaves, np.full(len(later), shape.values["noise"]), misfit]))
    return np.concatenate(rows)


def calibrate(model: dict[str, np.ndarray], curves: list[Curve], cuts: int) -> dict[str, np.ndarray]:
    """Set the conformal factors, by distance and noise, from forecasts of tables that the net never saw."""
    octaves, noise, misfit = misfits(as_net(model), curves, cuts).T
    group = np.searchsorted(model["edges"], noise)
    near = [np.abs(octaves - knot) < NEAR for knot in KNOTS]
    return model | {"factors": np.array([[level_of(misfit[(group == g) & n], 0.9) for n in near] for g in range(3)])}


def level_of(values: np.ndarray, level: float) -> float:
    """Return the conformal quantile of a finite sample."""
    return float(np.quantile(values, min(1.0, level * (1 + 1 / len(values))), method="higher"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lcdb", type=Path, default=LCDB)
    parser.add_argument("--measured", type=Path, default=None, help="output of measure_curves.py, to learn from too")
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--cuts", type=int, default=28, help="cuts of each curve")
    parser.add_argument("--epochs", type=int, default=14)
    options = parser.parse_args()
    curves = lcdb_curves(options.lcdb) + (measured_curves(options.measured) if options.measured else [])
    data = examples(curves, options.cuts)
    print(f"{len(curves)} curves, {len(data.features)} examples", flush=True)
    model = fallback(train(data, options.epochs), data)
    save(calibrate(model, [curve for curve in curves if curve.metric == "accuracy"], options.cuts // 3), options.out)


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
