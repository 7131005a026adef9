"""Intervals from what varies over samples and what varies over holdouts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["LEVEL", "Gain", "holdout_noise", "interval", "t_interval"]

LEVEL = 0.9
"""Every interval is one of 90 %."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A paired difference of scores, second minus first, with its 90 % interval.

    Parameters
    ----------
    mean, low, high : float
    se : float
        Standard error.
    df : float
        Degrees of freedom behind `se`.
    """

    mean: float
    low: float
    high: float
    se: float
    df: float

    def probability_above(self, least: float) -> float:
        """Probability that the true difference is at least `least`."""
        if self.se == 0:
            return float(self.mean >= least)
        from scipy.special import stdtr

        return float(stdtr(self.df, (self.mean - least) / self.se))


def interval(mean: float, training: float, training_df: float, blocks: Sequence[Sequence[float]]) -> Gain:
    """A t interval from the variance of the mean over repeats and the spread over holdout blocks."""
    return t_interval(mean, training, training_df, *holdout_noise(blocks))


def holdout_noise(blocks: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Variance of the mean over the holdout's blocks, and how many of them count."""
    scores = np.asarray(blocks, dtype=float)
    over_blocks = scores[:, np.isfinite(scores).all(axis=0)].mean(axis=0)
    n_blocks = len(over_blocks)
    return (float(np.var(over_blocks, ddof=1)) / n_blocks if n_blocks > 1 else 0.0), n_blocks


def t_interval(mean: float, training: float, training_df: float, holdout: float, n_blocks: int) -> Gain:
    """A t interval from the variances of the mean over samples and over holdouts."""
    variance = training + holdout
    if variance <= 0:
        return Gain(mean, mean, mean, 0.0, training_df)
    parts = training**2 / training_df + (holdout**2 / (n_blocks - 1) if n_blocks > 1 else 0.0)
    df = variance**2 / parts
    from scipy.special import stdtrit

    reach = float(stdtrit(df, (1 + LEVEL) / 2)) * math.sqrt(variance)
    return Gain(mean, mean - reach, mean + reach, math.sqrt(variance), df)
