"""All that a decision and the ways forward are worked out from, and what this machine can do of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scalewise.core.deciding.contest import Contest
from scalewise.core.features.feature_curve import FeatureCurve
from scalewise.core.machine import Machine
from scalewise.core.plan import FeaturePlan
from scalewise.core.prospects import ModelSummary, Outlook
from scalewise.core.spec import ROWS, SamplingUnit
from scalewise.core.tuning import Tuning
from scalewise.core.wording import byte_text

__all__ = ["PATIENCE_MINUTES", "Scene", "lacks_memory", "takes_long"]

PATIENCE_MINUTES = 480.0
"""A fit that takes longer than a night is too long, unless the study's budget is longer still."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The models side by side, how far to look ahead, and what a person and this machine allow.

    Parameters
    ----------
    contest : Contest
    ahead : ModelSummary
        The model to use with more rows: the simplest that is probably within the margin of the best there.
    target : int
        Training rows that the decision looks ahead to.
    margin : float
        The least gain that counts.
    machine : Machine or None
    price_per_hour, budget_minutes : float or None
    sizes : tuple of int
        Training sizes that a study of the table may visit, ascending.
    repeats : int
        Samples that the plan draws of a size where that is cheap.
    few : FeatureCurve or None
        Score against number of features, once that was asked for.
    tuned : Tuning or None
        What other settings of a model brought, once that was asked for.
    unfit : frozenset of str
        Names of models that some trials of failed for good.
    unit : SamplingUnit
        What is drawn.
    few_asked : FeaturePlan or None
        What finding out about few features would take, where that was not tried and can be.
    untimely : int
        Rows of the largest sample that the study may take, where its budget of time was spent before; else 0.
    """

    contest: Contest
    ahead: ModelSummary
    target: int
    margin: float
    machine: Machine | None = None
    price_per_hour: float | None = None
    budget_minutes: float | None = None
    sizes: tuple[int, ...] = ()
    repeats: int = 1
    few: FeatureCurve | None = None
    tuned: Tuning | None = None
    unfit: frozenset[str] = frozenset()
    unit: SamplingUnit = ROWS
    few_asked: FeaturePlan | None = None
    untimely: int = 0

    @property
    def here(self) -> ModelSummary:
        """The pick as it stands now."""
        return self.contest.pick

    @property
    def full(self) -> int:
        """Training rows of the table."""
        return self.here.curve.n_train_rows

    @property
    def all_used(self) -> bool:
        """Whether the pick was fitted on all rows of the table."""
        return self.here.curve.last.n_rows >= self.full

    @property
    def is_out_of_reach(self) -> bool:
        """Whether no score that there can be is the margin better than what the pick has, its noise allowed for."""
        curve = self.here.curve
        return curve.span.clip_gain(self.margin, curve.last.low) < self.margin

    def has_larger(self, model: ModelSummary) -> bool:
        """Whether the table has larger sizes than those that a model was fitted on, and it is fitted on so many."""
        return self._next_size(model) is not None

    def lacked_time(self, model: ModelSummary) -> bool:
        """Whether a larger sample was allowed for a model, and only the budget of time did not reach for it."""
        n_rows = self._next_size(model)
        return n_rows is not None and n_rows <= self.untimely and model.curve.model.name not in self.unfit

    def _next_size(self, model: ModelSummary) -> int | None:
        """The next size that the table has for a model, which may be beyond what a study was allowed."""
        last, most = model.curve.last.n_rows, model.curve.model.max_rows
        return next((n_rows for n_rows in self.sizes if last < n_rows <= (most or n_rows)), None)

    def is_behind(self, model: ModelSummary) -> bool:
        """Whether a model is behind the pick now, so that what more rows bring with it counts from the pick on."""
        lead = None if model is self.here else self.contest.leads.get(model.curve.model.name)
        return lead is not None and lead.mean < 0

    @property
    def tuned_is_studied(self) -> bool:
        """Whether the model with the best settings is studied itself by now, so that its own curve tells."""
        return self.tuned is not None and bool(self.tuned.chosen) and self.tuned.tuned in self.contest.leads

    @property
    def patience_minutes(self) -> float:
        """How long one fit may take."""
        return max(PATIENCE_MINUTES, self.budget_minutes or 0.0)

    def gain(self, model: ModelSummary, n_rows: int) -> Outlook | None:
        """What so many rows would bring with a model."""
        return self.contest.gain(model, n_rows, self.margin)

    def minutes(self, model: ModelSummary, n_rows: int, fits: int) -> float:
        """Wall time of some fits, as many side by side as there are workers."""
        return self.rounds(fits) * model.seconds(n_rows) / 60

    def rounds(self, fits: int) -> int:
        """How many fits follow each other where as many run side by side as there are workers."""
        return math.ceil(fits / (self.machine.workers if self.machine else 1))

    def money(self, minutes: float) -> float | None:
        """What so many minutes of one worker cost."""
        return None if self.price_per_hour is None else self.price_per_hour * minutes / 60

    def most_rows_here(self, model: ModelSummary) -> int:
        """Rows, at most those of the target, that a worker of this machine has memory for."""
        if self.machine is None or model.memory is None:
            return self.target
        return model.memory.most_rows(self.machine.free_bytes, self.target)


def lacks_memory(scene: Scene) -> str:
    """Why this machine has no memory to fit the model ahead on the target's rows; empty where it has, or may have."""
    n_bytes = scene.ahead.worker_bytes(scene.target)
    if scene.machine is None or n_bytes <= scene.machine.free_bytes:
        return ""
    return f"a fit there takes about {byte_text(n_bytes)}, and {byte_text(scene.machine.free_bytes)} are free here"


def takes_long(scene: Scene) -> str:
    """Say so where a fit of the model ahead on the target's rows takes longer than anybody waits; else empty.

    A cluster is no help: one fit runs on one of its workers, which is not known to be faster than those here.
    """
    if scene.ahead.seconds(scene.target) / 60 <= scene.patience_minutes:
        return ""
    limit = "the budget" if scene.patience_minutes > PATIENCE_MINUTES else "a night"
    return f"more than {limit}, and one fit takes as long on a cluster of workers like those here"
