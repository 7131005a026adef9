"""The small trained model behind the forecast: plain numbers, evaluated with numpy.

A few perceptrons of two layers read the features of a curve and return quantiles of what is to come. Their inputs
are compressed and clipped, so that no strange curve can drive them far outside what they were trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Layers = tuple[tuple[Floats, Floats], ...]

_FILE = "forecast_model.npz"
_CLIP = 4.0
_LEAK = 0.05
# One training example in 170 has a compressed feature this many standard deviations out; such curves are strange.
_STRANGE = 6.0

__all__ = ["QuantileNet", "load_quantile_net", "quantile_net"]


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
    odds : ndarray of shape (2, 2)
        Slope and offset by which the log odds of a gain are corrected, of curves alone and of those in company.
    fallback : ndarray of shape (n_knots, 2, n_levels)
        Quantiles of score and gain around the power law, for curves unlike those of the training.
    """

    levels: Floats
    centre: Floats
    width: Floats
    layers: Layers
    folds: Floats
    knots: Floats
    edges: Floats
    factors: Floats
    odds: Floats
    fallback: Floats

    def quantiles(self, features: Floats, fold: int | None = None) -> Floats:
        """Return the quantiles of score and gain relative to the last score.

        Parameters
        ----------
        features : ndarray of shape (n_targets, n_features)
            Features as `scalewise.core.forecast_features.target_features` gives them, then those of
            `scalewise.core.company.company_features`.
        fold : int, optional
            Only the nets that never saw the tables of this fold; the mean of all by default.

        Returns
        -------
        ndarray of shape (n_targets, 2, n_levels)
            Ascending along the last axis.
        """
        layers = self.layers
        if fold is not None:
            chosen = self.folds == fold
            layers = tuple((weights[chosen], offsets[chosen]) for weights, offsets in layers)
        outputs = _outputs(self._inputs(features), layers).mean(axis=0)
        return np.sort(outputs.reshape(len(features), 2, len(self.levels)), axis=2)

    def strange(self, features: Floats) -> NDArray[np.bool_]:
        """Return which features lie far outside of what the training saw, shape (n_targets, n_features)."""
        scaled = (np.arcsinh(features) - self.centre) / self.width
        outside: NDArray[np.bool_] = np.abs(scaled) > _STRANGE
        return outside

    def stretch(self, octaves: Floats, gap: float, in_company: bool) -> Floats:
        """Return the conformal factor at some distances, shape (n_targets,)."""
        group = int(np.searchsorted(self.edges, gap)) if np.isfinite(gap) else -1
        return np.asarray(np.interp(octaves, self.knots, self.factors[int(in_company), group]), dtype=np.float64)

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

    def _inputs(self, features: Floats) -> Floats:
        scaled = (np.arcsinh(features) - self.centre) / self.width
        missing = np.isnan(scaled)
        values = np.clip(np.where(missing, 0.0, scaled), -_CLIP, _CLIP)
        # Companions miss all together: one gate tells, and the nets have no more.
        n_gates = self.layers[0][0].shape[1] - scaled.shape[1]
        return np.concatenate([values, missing[:, :n_gates]], axis=1)


def _outputs(inputs: Floats, layers: Layers) -> Floats:
    """Return the outputs of every member, shape (n_members, n_targets, n_outputs)."""
    value = inputs
    for weights, offsets in layers[:-1]:
        value = value @ weights + offsets[:, None]
        value = np.where(value > 0, value, _LEAK * value)
    weights, offsets = layers[-1]
    return np.asarray(value @ weights + offsets[:, None], dtype=np.float64)


@cache
def load_quantile_net() -> QuantileNet:
    """Read the model that ships with the package; the file holds arrays only."""
    with resources.files(__package__).joinpath(_FILE).open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return quantile_net({name: np.asarray(stored[name], dtype=np.float64) for name in stored.files})


def quantile_net(arrays: dict[str, Floats]) -> QuantileNet:
    """Put the arrays of a model file together: ``weights_0``, ``offsets_0``, ... and the other fields by name."""
    n_layers = len([name for name in arrays if name.startswith("weights_")])
    layers = tuple((arrays[f"weights_{at}"], arrays[f"offsets_{at}"]) for at in range(n_layers))
    plain = {name: value for name, value in arrays.items() if not name.startswith(("weights_", "offsets_"))}
    return QuantileNet(layers=layers, **plain)
