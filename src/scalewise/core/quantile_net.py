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

__all__ = ["QuantileNet", "load_quantile_net"]


@dataclass(frozen=True, eq=False)
class QuantileNet:
    """Quantiles of the coming score and of the coming gain, in units of the curve.

    Attributes
    ----------
    levels : ndarray of shape (n_levels,)
        Probabilities of the quantiles, ascending, the median in the middle.
    centre, width : ndarray of shape (n_features,)
        Standardisation of the compressed features.
    members : tuple
        Layers (weights, offsets) of every net; member k never saw the tables of fold k.
    knots : ndarray of shape (n_knots,)
        Octaves at which the calibration tables are given.
    edges : ndarray of shape (n_noise - 1,)
        Borders between the noise groups, in units of the curve.
    factors : ndarray of shape (n_noise, n_knots)
        Conformal factors by which intervals are stretched.
    fallback : ndarray of shape (n_knots, 2, n_levels)
        Quantiles of score and gain around the power law, for curves unlike those of the training.
    """

    levels: Floats
    centre: Floats
    width: Floats
    members: tuple[Layers, ...]
    knots: Floats
    edges: Floats
    factors: Floats
    fallback: Floats

    def quantiles(self, features: Floats, member: int | None = None) -> Floats:
        """Return the quantiles of score and gain relative to the last score.

        Parameters
        ----------
        features : ndarray of shape (n_targets, n_features)
            Features as `scalewise.core.forecast_features.target_features` gives them.
        member : int, optional
            One net only; the mean of all by default.

        Returns
        -------
        ndarray of shape (n_targets, 2, n_levels)
            Ascending along the last axis.
        """
        inputs = self._inputs(features)
        chosen = self.members if member is None else self.members[member : member + 1]
        outputs = np.mean([_outputs(inputs, layers) for layers in chosen], axis=0)
        return np.sort(outputs.reshape(len(features), 2, len(self.levels)), axis=2)

    def strange(self, features: Floats) -> NDArray[np.bool_]:
        """Return which features lie far outside of what the training saw, shape (n_targets, n_features)."""
        scaled = (np.arcsinh(features) - self.centre) / self.width
        outside: NDArray[np.bool_] = np.abs(scaled) > _STRANGE
        return outside

    def stretch(self, octaves: Floats, noise: float) -> Floats:
        """Return the conformal factor at some distances, shape (n_targets,)."""
        group = int(np.searchsorted(self.edges, noise))
        return np.asarray(np.interp(octaves, self.knots, self.factors[group]), dtype=np.float64)

    def fallback_quantiles(self, octaves: Floats) -> Floats:
        """Return quantiles around the power law at some distances, shape (n_targets, 2, n_levels)."""
        flat = self.fallback.reshape(len(self.knots), -1)
        columns = [np.interp(octaves, self.knots, flat[:, at]) for at in range(flat.shape[1])]
        return np.stack(columns, axis=1).reshape(len(octaves), *self.fallback.shape[1:])

    def _inputs(self, features: Floats) -> Floats:
        scaled = (np.arcsinh(features) - self.centre) / self.width
        missing = np.isnan(scaled)
        return np.concatenate([np.clip(np.where(missing, 0.0, scaled), -_CLIP, _CLIP), missing], axis=1)


def _outputs(inputs: Floats, layers: Layers) -> Floats:
    value = inputs
    for weights, offsets in layers[:-1]:
        value = value @ weights + offsets
        value = np.where(value > 0, value, _LEAK * value)
    weights, offsets = layers[-1]
    return np.asarray(value @ weights + offsets, dtype=np.float64)


@cache
def load_quantile_net() -> QuantileNet:
    """Read the model that ships with the package; the file holds arrays only."""
    with resources.files(__package__).joinpath(_FILE).open("rb") as file, np.load(file, allow_pickle=False) as stored:
        found = {name: np.asarray(stored[name], dtype=np.float64) for name in stored.files}
    n_layers = len([name for name in found if name.startswith("weights_")])
    n_members = len(found["weights_0"])
    members = tuple(
        tuple((found[f"weights_{at}"][member], found[f"offsets_{at}"][member]) for at in range(n_layers))
        for member in range(n_members)
    )
    plain = {name: value for name, value in found.items() if not name.startswith(("weights_", "offsets_"))}
    return QuantileNet(members=members, **plain)
