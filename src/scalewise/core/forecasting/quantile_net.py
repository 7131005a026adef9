"""The small trained model behind the forecast: plain numbers, evaluated with numpy.

A few perceptrons of two layers read the features of a curve and return quantiles of what is to come. Their inputs
are compressed and clipped, so that no strange curve can drive them far outside what they were trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Layers = tuple[tuple[Singles, Singles], ...]

_FILE = "forecast_model.npz"
_CLIP = 4.0
_LEAK = 0.05
# One training example in 170 has a compressed feature this many standard deviations out; such curves are strange.
_STRANGE = 6.0
# A kind of learner that a curve looks less like than this does not show in the forecast.
_UNLIKELY = 0.03
_KIND = "kind_"

__all__ = ["KindNet", "QuantileNet", "load_quantile_net", "quantile_net"]


@dataclass(frozen=True, eq=False)
class QuantileNet:
    """Quantiles of the coming score and of the coming gain, in units of the curve.

    Attributes
    ----------
    levels : ndarray of shape (n_levels,)
        Probabilities of the quantiles, ascending, the median in the middle.
    centre, width : ndarray of shape (n_features,)
        Standardisation of the compressed features.
    layers : tuple of (ndarray, ndarray)
        Weights of shape (n_members, n_inputs, n_outputs) and offsets of shape (n_members, n_outputs) of every layer.
    folds : ndarray of shape (n_members,)
        The fold of the training tables that a member never saw.
    knots : ndarray of shape (n_knots,)
        Octaves at which the calibration tables are given.
    edges : ndarray of shape (n_groups - 2,)
        Borders between groups of curves by the gap between training and test score, in units of the curve.
    factors : ndarray of shape (2, n_groups, n_knots)
        Conformal factors by which intervals are stretched, of curves alone and of those in company (whose kind of
        learner or companions are known); the last group is of curves whose gap is unknown.
    gain_factors : ndarray of shape (2, n_groups, n_knots)
        The same for intervals of the gain.
    odds : ndarray of shape (2, 2)
        Slope and offset by which the log odds of a gain are corrected, of curves alone and of those in company.
    fallback : ndarray of shape (n_knots, 2, n_levels)
        Quantiles of score and gain around the power law, for curves unlike those of the training.
    kinds : KindNet
        What tells the kind of learner where it is unknown.
    """

    levels: Floats
    centre: Floats
    width: Floats
    layers: Layers
    folds: Floats
    knots: Floats
    edges: Floats
    factors: Floats
    gain_factors: Floats
    odds: Floats
    fallback: Floats
    kinds: KindNet

    def quantiles(self, features: Floats, fold: int | None = None) -> Floats:
        """Return the quantiles of score and gain relative to the last score.

        Parameters
        ----------
        features : ndarray of shape (n_targets, n_features)
            Features as `scalewise.core.forecasting.forecast_features.target_features` gives them, then those of
            `scalewise.core.forecasting.company.company_features`.
        fold : int, optional
            Only the nets that never saw the tables of this fold; the mean of all by default.

        Returns
        -------
        ndarray of shape (n_targets, 2, n_levels)
            Ascending along the last axis.
        """
        inputs = _inputs(features, self.centre, self.width, self.layers)
        outputs = _outputs(inputs, _members(self.layers, self.folds, fold)).mean(axis=0)
        return np.sort(outputs.reshape(len(features), 2, len(self.levels)), axis=2)

    def mixed_quantiles(self, features: Floats, traits: Floats, fold: int | None = None) -> Floats:
        """Return the quantiles of a curve alone: a mixture over the kinds of learners that it looks like.

        Parameters
        ----------
        features : ndarray of shape (n_targets, n_features)
            As for `quantiles`, the last columns being those of the kinds of learners.
        traits : ndarray of shape (n_traits,)
            Features as `scalewise.core.forecasting.kinds.kind_features` gives them.
        fold : int, optional
            Only the nets that never saw the tables of this fold.

        Returns
        -------
        ndarray of shape (n_targets, 2, n_levels)
            Ascending along the last axis.
        """
        beliefs = self.kinds.beliefs(traits, fold)
        likely = np.flatnonzero(beliefs > _UNLIKELY)
        told = np.repeat(features[None], len(likely), axis=0)
        told[:, :, -len(beliefs) :] = np.eye(len(beliefs))[likely, None]
        found = self.quantiles(told.reshape(-1, features.shape[1]), fold)
        return _mixture(found.reshape(len(likely), *features.shape[:1], 2, -1), beliefs[likely], self.levels)

    def strange(self, features: Floats) -> NDArray[np.bool_]:
        """Return which features lie far outside of what the training saw, shape (n_targets, n_features)."""
        scaled = (np.arcsinh(features) - self.centre) / self.width
        outside: NDArray[np.bool_] = np.abs(scaled) > _STRANGE
        return outside

    def stretch(self, factors: Floats, octaves: Floats, gap: float, in_company: bool) -> Floats:
        """Return the conformal factor at some distances, of the model's `factors` or `gain_factors`: (n_targets,)."""
        group = int(np.searchsorted(self.edges, gap)) if np.isfinite(gap) else -1
        return np.asarray(np.interp(octaves, self.knots, factors[int(in_company), group]), dtype=np.float64)

    def corrected(self, probability: Floats, in_company: bool) -> Floats:
        """Return probabilities of a gain, set right on the tables that the nets never saw (Platt's scaling)."""
        from scipy.special import expit, logit

        slope, offset = self.odds[int(in_company)]
        return np.asarray(expit(slope * logit(probability) + offset), dtype=np.float64)

    def fallback_quantiles(self, octaves: Floats) -> Floats:
        """Return quantiles around the power law at some distances, shape (n_targets, 2, n_levels)."""
        flat = self.fallback.reshape(len(self.knots), -1)
        columns = [np.interp(octaves, self.knots, flat[:, at]) for at in range(flat.shape[1])]
        return np.stack(columns, axis=1).reshape(len(octaves), *self.fallback.shape[1:])


@dataclass(frozen=True, eq=False)
class KindNet:
    """How much a curve looks like that of every kind of learner.

    Attributes
    ----------
    centre, width : ndarray of shape (n_traits,)
        Standardisation of the compressed traits.
    layers : tuple of (ndarray, ndarray)
        Weights and offsets of every layer, as those of `QuantileNet`.
    folds : ndarray of shape (n_members,)
        The fold of the training tables that a member never saw.
    """

    centre: Floats
    width: Floats
    layers: Layers
    folds: Floats

    def beliefs(self, traits: Floats, fold: int | None = None) -> Floats:
        """Return the probability of every kind of learner, shape (n_kinds,); without a fold the mean of all nets."""
        from scipy.special import softmax

        inputs = _inputs(traits[None], self.centre, self.width, self.layers)
        told = softmax(_outputs(inputs, _members(self.layers, self.folds, fold)), axis=2)
        return np.asarray(told.mean(axis=(0, 1)), dtype=np.float64)


def _members(layers: Layers, folds: Floats, fold: int | None) -> Layers:
    if fold is None:
        return layers
    chosen = folds == fold
    return tuple((weights[chosen], offsets[chosen]) for weights, offsets in layers)


def _inputs(features: Floats, centre: Floats, width: Floats, layers: Layers) -> Floats:
    scaled = (np.arcsinh(features) - centre) / width
    missing = np.isnan(scaled)
    values = np.clip(np.where(missing, 0.0, scaled), -_CLIP, _CLIP)
    # What comes last misses along with something before it, companions all together: the nets have no more gates.
    n_gates = layers[0][0].shape[1] - scaled.shape[1]
    return np.concatenate([values, missing[:, :n_gates]], axis=1)


def _outputs(inputs: Floats, layers: Layers) -> Floats:
    """Return the outputs of every member, shape (n_members, n_targets, n_outputs)."""
    value = inputs.astype(np.float32)
    for weights, offsets in layers[:-1]:
        value = value @ weights + offsets[:, None]
        value = np.maximum(value, _LEAK * value)
    weights, offsets = layers[-1]
    return np.asarray(value @ weights + offsets[:, None], dtype=np.float64)


def _mixture(quantiles: Floats, beliefs: Floats, levels: Floats) -> Floats:
    """Return quantiles of a mixture, shape (..., n_levels), from those of its parts, shape (n_parts, ..., n_levels)."""
    fine = np.interp(np.arange(0, len(levels) - 0.75, 0.5), np.arange(len(levels)), levels)
    edges = np.concatenate([[0.0], (fine[1:] + fine[:-1]) / 2, [1.0]])
    between = (quantiles[..., 1:] + quantiles[..., :-1]) / 2
    points = np.empty((*quantiles.shape[:-1], len(fine)))
    points[..., ::2], points[..., 1::2] = quantiles, between
    pooled = np.moveaxis(points, 0, -2).reshape(-1, len(beliefs) * len(fine))
    mass = (beliefs[:, None] / beliefs.sum() * np.diff(edges)).ravel()
    order = np.argsort(pooled, axis=1)
    below = np.cumsum(mass[order], axis=1) - mass[order] / 2
    rising = np.take_along_axis(pooled, order, axis=1)
    found = [np.interp(levels, under, values) for under, values in zip(below, rising, strict=True)]
    return np.array(found).reshape(*quantiles.shape[1:])


@cache
def load_quantile_net() -> QuantileNet:
    """Read the model that ships with the package; the file holds arrays only."""
    with resources.files(__package__).joinpath(_FILE).open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return quantile_net({name: np.asarray(stored[name], dtype=np.float64) for name in stored.files})


def quantile_net(arrays: dict[str, Floats]) -> QuantileNet:
    """Put the arrays of a model file together: ``weights_0``, ``offsets_0``, ... and the other fields by name.

    Those of the net for the kinds of learners are called ``kind_weights_0`` and so on.
    """
    kinds = {name.removeprefix(_KIND): value for name, value in arrays.items() if name.startswith(_KIND)}
    plain = {name: value for name, value in arrays.items() if not name.startswith(_KIND)}
    return QuantileNet(**_fields(plain), kinds=KindNet(**_fields(kinds)))


def _fields(arrays: dict[str, Floats]) -> dict[str, Any]:
    layered = ("weights_", "offsets_")
    n_layers = len([name for name in arrays if name.startswith("weights_")])
    # Single precision is twice as fast, and more than the nets are stored in.
    single = {name: value.astype(np.float32) for name, value in arrays.items() if name.startswith(layered)}
    layers = tuple((single[f"weights_{at}"], single[f"offsets_{at}"]) for at in range(n_layers))
    return {name: value for name, value in arrays.items() if not name.startswith(layered)} | {"layers": layers}
