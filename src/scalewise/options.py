"""What a person asks for, before the table is known: turned into a metric and a plan once it is."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING

from scalewise.core.margin import usual_margin
from scalewise.core.model_names import told_apart
from scalewise.core.plan import Plan
from scalewise.core.sizes import default_fraction
from scalewise.core.spec import ROWS, DataSpec, LeftOut, MetricSpec, ModelSpec, SamplingUnit, Task
from scalewise.errors import InputError

if TYPE_CHECKING:
    from scalewise.data.prepare import Prepared
    from scalewise.data.sources import Source

__all__ = ["StudyOptions", "metric_spec", "model_specs"]


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """How a table is to be studied; what is None or empty is settled by the table.

    Parameters
    ----------
    target : str
        The column to predict.
    task : {"binary", "multiclass", "regression"} or None
    metric : str or None
        A scikit-learn scorer name.
    models : tuple of str or None
        Catalogue names, also with own settings, ``"linear(C=0.1)"``; None means the usual ones of the task.
    max_fraction : float or None
        The largest sample, as a fraction of the training rows; by default a tenth, or more of a small table.
    repeats, seed : int
        With a stretch of time as the sampling unit every sample is drawn once: there is only one past.
    min_gain : float or None
        The least gain that counts, in the metric's units; by default 0.005, and of an error in the target's units that
        part of the target's standard deviation.
    unit : SamplingUnit
    exclude : tuple of LeftOut
        Columns that models must not see, and why.
    budget_minutes : float or None
        Wall time that the study may take from its first fit on.
    price_per_hour : float or None
        What an hour of one worker costs.
    max_features : int or None
        How many columns to study at the most, chosen by screening on training rows; by default 300 of a table that has
        more than 1,000.
    everything : bool
        Whether every planned trial is run, also those that can no longer change the answer.
    pinned : tuple of str
        Models that are never dropped, of those that are studied, and are looked at as far up as the answer's.

    Raises
    ------
    InputError
        If a choice is of another kind than these.
    """

    target: str
    task: Task | None = None
    metric: str | None = None
    models: tuple[str, ...] | None = None
    max_fraction: float | None = None
    repeats: int = 5
    seed: int = 0
    min_gain: float | None = None
    unit: SamplingUnit = ROWS
    exclude: tuple[LeftOut, ...] = ()
    budget_minutes: float | None = None
    price_per_hour: float | None = None
    max_features: int | None = None
    everything: bool = False
    pinned: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        numbers = ("max_fraction", "repeats", "seed", "min_gain", "budget_minutes", "price_per_hour", "max_features")
        whole = {"repeats", "seed", "max_features"}
        for name in numbers:
            _check_number(name, getattr(self, name), whole=name in whole)
        for name in ("models", "pinned"):
            _check_each(name, getattr(self, name), str, '("linear", "boosting")')
        _check_each("exclude", self.exclude, LeftOut, '(scalewise.LeftOut("name", "why"),)')
        if not isinstance(self.unit, SamplingUnit):
            example = 'scalewise.SamplingUnit("group", "patient")'
            raise InputError(f"unit is {self.unit!r}; give a sampling unit, such as {example}.")

    def preparing(self, source: Source) -> Generator[tuple[int, int], None, Prepared]:
        """Look at a table with the target in mind, a bit at each step; see `scalewise.data.prepare.preparing`.

        Raises
        ------
        ScalewiseError
            If the table or the target cannot be studied as asked.
        """
        from scalewise.data.prepare import preparing

        return preparing(
            source,
            self.target,
            task=self.task,
            unit=self.unit,
            seed=self.seed,
            exclude={column.name: column.reason for column in self.exclude},
            max_features=self.max_features,
        )

    def metric_spec(self, data: DataSpec) -> MetricSpec:
        """The metric for a prepared table.

        Raises
        ------
        MetricError
            If it does not fit the task.
        """
        return metric_spec(self.metric, data)

    def plan(self, data: DataSpec) -> Plan:
        """The plan for a prepared table.

        Raises
        ------
        InputError
            If a model is not known, does not fit the task or is pinned but not studied, or a number is out of range.
        """
        models = model_specs(self.models, data.task)
        _check_pinned(self.pinned, [model.name for model in models])
        metric = self.metric_spec(data)
        min_gain = usual_margin(metric, data) if self.min_gain is None else self.min_gain
        _check_gain(min_gain, metric)
        fraction = default_fraction(data) if self.max_fraction is None else self.max_fraction
        return Plan(
            models,
            fraction,
            1 if data.unit.is_one_sample else self.repeats,
            min_gain,
            self.budget_minutes,
            self.price_per_hour,
            self.everything,
            self.pinned,
        )


def _check_number(name: str, value: object, *, whole: bool) -> None:
    """Say so where a choice is no number; those that may be left out are None then."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, Integral if whole else Real)):
        raise InputError(f"{name} is {value!r}; give a {'whole ' if whole else ''}number.")


def _check_each(name: str, values: object, kind: type, example: str) -> None:
    """Say so where a choice does not hold things of one kind; one left out is None."""
    if values is None:
        return
    if isinstance(values, str) or not isinstance(values, Iterable) or not all(isinstance(v, kind) for v in values):
        raise InputError(f"{name} is {values!r}; give a tuple, such as {example}.")


def metric_spec(name: str | None, data: DataSpec) -> MetricSpec:
    """A metric by its scorer name; the task's usual one for None.

    Raises
    ------
    MetricError
        If it does not fit the task.
    """
    from scalewise.models import metrics

    name = name or metrics.default_metric(data.task)
    metrics.check_metric(name, data.task, len(data.classes))
    return metrics.metric_spec(name)


def _check_pinned(pinned: tuple[str, ...], models: list[str]) -> None:
    """Say so if a model is pinned that is not studied: it would be left out all the same."""
    from scalewise.models.catalog import get_model

    for name in pinned:
        if get_model(name).name not in models:
            raise InputError(f"The model {name!r} is pinned, but not studied. Valid: {', '.join(models)}.")


def _check_gain(min_gain: float, metric: MetricSpec) -> None:
    """Say so if no two scores are so far apart."""
    worst, best = metric.span.worst, metric.span.best
    if min_gain > best - worst and math.isfinite(min_gain):
        raise InputError(
            f"The least gain that counts is {min_gain:g}, but {metric.label} goes from {worst:g} to {best:g}. "
            "Give a smaller one."
        )


def model_specs(names: tuple[str, ...] | None, task: Task) -> tuple[ModelSpec, ...]:
    """Models by their names, from simple to complex; the usual ones for None.

    Raises
    ------
    InputError
        If one is not known or cannot learn the task, or not with these settings.
    """
    from scalewise.models.catalog import check_model, default_models, get_model

    entries = {get_model(name).name: get_model(name) for name in (default_models(task) if names is None else names)}
    for name in entries:
        check_model(name, task)
    ordered = sorted(entries.values(), key=lambda entry: entry.rung)
    labels = told_apart({entry.name: entry.label for entry in ordered})
    return tuple(replace(entry.spec, label=labels[entry.name]) for entry in ordered)
