"""How much of a study is measured; it may change while the study runs, and finished trials stay valid."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scalewise.core.spec import ModelSpec, Trial
from scalewise.errors import InputError

__all__ = ["FeaturePlan", "Plan", "TuningPlan"]


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """How few features are tried: one model at one size on its best k features, and beside columns of noise.

    Parameters
    ----------
    model : str
        Its name.
    n_rows : int
        Training rows.
    ks : tuple of int
        Numbers of features, ascending.
    repeats : int
        Samples of that size.
    probes : int
        Columns of noise added to a fit of each repeat, to see which importance noise has.
    keep : int or None
        The number of features that a person wants to keep; None leaves it to the scores.
    """

    model: str
    n_rows: int
    ks: tuple[int, ...]
    repeats: int = 3
    probes: int = 0
    keep: int | None = None


@dataclass(frozen=True, slots=True)
class TuningPlan:
    """How it is found out what other settings of one model bring, at one size.

    Parameters
    ----------
    model : str
        Its name.
    n_rows : int
        Training rows.
    settings : int
        How many are tried beside the recipe's own.
    repeats : int
        Samples of that size.
    """

    model: str
    n_rows: int
    settings: int
    repeats: int = 3

    @property
    def tuned(self) -> tuple[Trial, ...]:
        """The trials that try settings."""
        return tuple(Trial(self.model, self.n_rows, repeat, settings=self.settings) for repeat in range(self.repeats))

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial that tells: those that try settings, and those by the recipe that they are compared with."""
        return (*self.tuned, *(trial.plain() for trial in self.tuned))


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of a study is measured; may change while it runs.

    Parameters
    ----------
    models : tuple of ModelSpec
        From simple to complex.
    max_fraction : float
        The largest sample, as a fraction of the training rows, in (0, 1].
    repeats : int
        Samples drawn at each size where fits are cheap; dear sizes get fewer.
    min_gain : float
        The least gain in the metric that a person cares for.
    budget_minutes : float or None
        Wall time that the study may take from its first fit on; None where it has no end but its own.
    price_per_hour : float or None
        What an hour of one worker costs, in whatever currency; None where nobody asks.
    everything : bool
        Whether every planned trial is run, also those that can no longer change the answer.
    pinned : tuple of str
        Names of models that are never dropped, and are looked at as far up as the answer's.
    features : FeaturePlan or None
        Whether it is looked for how few features would do, once a person asks.
    tuning : TuningPlan or None
        Whether other settings of a model are tried, once a person asks.
    """

    models: tuple[ModelSpec, ...]
    max_fraction: float = 0.1
    repeats: int = 5
    min_gain: float = 0.005
    budget_minutes: float | None = None
    price_per_hour: float | None = None
    everything: bool = False
    pinned: tuple[str, ...] = ()
    features: FeaturePlan | None = None
    tuning: TuningPlan | None = None

    def asks_beyond(self, other: Plan) -> bool:
        """Whether a person who had another plan asks for more points on the learning curves by this one."""
        return (
            self.max_fraction > other.max_fraction
            or self.repeats > other.repeats
            or self.everything > other.everything
            or not {model.name for model in self.models} <= {model.name for model in other.models}
            or not set(self.pinned) <= set(other.pinned)
        )

    def __post_init__(self) -> None:
        if not self.models:
            raise InputError("No model is chosen. Choose at least one.")
        if not 0 < self.max_fraction <= 1:
            raise InputError(f"The largest fraction is {self.max_fraction}; it must be above 0 and at most 1 (100 %).")
        if not 1 <= self.repeats <= 50:
            raise InputError(f"Repeats are {self.repeats}; they must be from 1 to 50.")
        if not (self.min_gain >= 0 and math.isfinite(self.min_gain)):
            raise InputError(f"The least gain that counts is {self.min_gain}; it must be a number of 0 or more.")
        if self.budget_minutes is not None and not (self.budget_minutes > 0 and math.isfinite(self.budget_minutes)):
            raise InputError(f"The budget is {self.budget_minutes} minutes; it must be above 0. Leave it out for none.")
        if self.price_per_hour is not None and not (self.price_per_hour >= 0 and math.isfinite(self.price_per_hour)):
            raise InputError(f"The price of an hour is {self.price_per_hour}; it must be a number of 0 or more.")
