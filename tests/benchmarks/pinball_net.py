"""A small net of quantiles, trained with numpy alone, so that the shipped model depends on no library's format."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

LEVELS = np.array([0.025, 0.05, 0.1, 0.175, 0.25, 0.35, 0.5, 0.65, 0.75, 0.825, 0.9, 0.95, 0.975])
HIDDEN = (128, 64)
KIND_HIDDEN = (64, 32)
DROP = 0.25
BATCH = 512
Hide = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def standardise(features: np.ndarray, centre: np.ndarray, width: np.ndarray, n_gates: int) -> np.ndarray:
    """Return network inputs: compressed, centred, and, for the first columns, told apart from what is missing."""
    scaled = (np.arcsinh(features) - centre) / width
    missing = np.isnan(scaled)
    return np.concatenate([np.clip(np.where(missing, 0, scaled), -4, 4), missing[:, :n_gates]], axis=1).astype(
        np.float32
    )


class Net:
    """A two-layer perceptron of quantiles under the pinball loss, fitted by Adam; numpy only."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator, hidden: tuple[int, ...] = HIDDEN) -> None:
        sizes = (inputs, *hidden, outputs)
        self.rng = rng
        self.layers = []
        for fan_in, fan_out in pairwise(sizes):
            gain = 0.1 if fan_out == outputs else 1.0
            self.layers.append((rng.normal(size=(fan_in, fan_out)) * np.sqrt(2 / fan_in) * gain).astype(np.float32))
            self.layers.append(np.zeros(fan_out, np.float32))
        self.moments = [(np.zeros_like(layer), np.zeros_like(layer)) for layer in self.layers]
        self.steps = 0

    def forward(self, inputs: np.ndarray, drop: float = 0.0) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the activations of every layer and the gates that the gradient passes."""
        active, gates = [inputs], []
        for at in range(0, len(self.layers) - 2, 2):
            value = active[-1] @ self.layers[at] + self.layers[at + 1]
            gate = np.where(value > 0, np.float32(1), np.float32(0.05))
            if drop:
                gate *= (self.rng.random(gate.shape, dtype=np.float32) > drop) / np.float32(1 - drop)
            gates.append(gate)
            active.append(value * gate)
        return [*active, active[-1] @ self.layers[-2] + self.layers[-1]], gates

    def gradients(self, inputs: np.ndarray, wanted: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
        active, gates = self.forward(inputs, drop=DROP)
        back = self.slopes(active[-1], wanted, weight) / np.float32(len(inputs))
        found = []
        for at in range(len(gates), -1, -1):
            found += [back.sum(axis=0), active[at].T @ back]
            if at:
                back = (back @ self.layers[2 * at].T) * gates[at - 1]
        return found[::-1]

    def slopes(self, outputs: np.ndarray, wanted: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the slopes of the loss in every output."""
        levels = np.tile(LEVELS, wanted.shape[1]).astype(np.float32)
        residual = np.repeat(wanted, len(LEVELS), axis=1) - outputs
        # A pinball loss rounded off at its tip: its gradient is a ramp there.
        return -(levels - 0.5 + np.clip(residual / 0.02, -1, 1) / 2) * np.repeat(weight, len(LEVELS), axis=1)

    def step(self, gradients: list[np.ndarray], rate: float, decay: float = 1e-3) -> None:
        self.steps += 1
        for at, gradient in enumerate(gradients):
            first, second = self.moments[at]
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            change = first / (1 - 0.9**self.steps) / (np.sqrt(second / (1 - 0.999**self.steps)) + 1e-8)
            self.layers[at] -= rate * (change + decay * self.layers[at] * (gradient.ndim == 2))


class KindNet(Net):
    """The same of log probabilities of kinds, under the logarithmic loss."""

    def slopes(self, outputs: np.ndarray, wanted: np.ndarray, weight: np.ndarray) -> np.ndarray:
        raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return (raised / raised.sum(axis=1, keepdims=True) - wanted) * weight


def fit_net(inputs: np.ndarray, outcomes: np.ndarray, weights: np.ndarray, epochs: int, seed: int, hide: Hide) -> Net:
    """Fit a net; `hide` takes a copy of each batch of inputs and leaves out what a net should learn to do without."""
    rng = np.random.default_rng(seed)
    net = Net(inputs.shape[1], outcomes.shape[1] * len(LEVELS), rng)
    net.layers[-1][:] = np.quantile(outcomes, LEVELS, axis=0).T.ravel()
    wanted, weight = outcomes.astype(np.float32), (weights / weights.mean(axis=0)).astype(np.float32)
    descend(net, inputs, wanted, weight, epochs, hide)
    return net


def fit_kind_net(inputs: np.ndarray, kinds: np.ndarray, epochs: int, seed: int) -> Net:
    """Fit a net to kinds of shape (n_examples, n_kinds), each row of which is one for its kind and zero elsewhere."""
    net = KindNet(inputs.shape[1], kinds.shape[1], np.random.default_rng(seed), KIND_HIDDEN)
    descend(net, inputs, kinds.astype(np.float32), np.ones((len(kinds), 1), np.float32), epochs)
    return net


def descend(
    net: Net, inputs: np.ndarray, wanted: np.ndarray, weight: np.ndarray, epochs: int, hide: Hide | None = None
) -> None:
    batches = len(inputs) // BATCH
    for epoch in range(epochs):
        order = net.rng.permutation(len(inputs))
        for at in range(batches):
            rows = order[at * BATCH : (at + 1) * BATCH]
            done = (epoch * batches + at) / (epochs * batches)
            rate = float(3e-3 * min(1.0, net.steps / 200 + 0.01) * 0.5 * (1 + np.cos(np.pi * done)))
            shown = inputs[rows] if hide is None else hide(inputs[rows], net.rng)
            net.step(net.gradients(shown, wanted[rows], weight[rows]), rate)
