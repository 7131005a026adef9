"""The ladder of models, from simple to complex: one entry each.

To add a model, write its recipe and add an entry to `MODELS`; ``tests/contracts/test_models.py`` then covers it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import scipy
import sklearn

from scalewise.core.model_names import named_with, parted, settings_text
from scalewise.core.spec import ModelSpec, Task
from scalewise.errors import InputError, unknown_name
from scalewise.models import recipes
from scalewise.models.own_settings import check_settings, with_settings
from scalewise.models.preprocessing import Problem

__all__ = ["MODELS", "ModelEntry", "check_model", "default_models", "get_model", "models_for", "versions"]

_RECIPES = 4
"""Raise it when a recipe or its scoring changes: finished trials of older recipes are then not taken up again."""

_SHORT = 20
"""Settings of so many characters are part of what people call a model."""

_ALL: tuple[Task, ...] = ("binary", "multiclass", "regression")
_CLASSES: tuple[Task, ...] = ("binary", "multiclass")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One rung of the ladder.

    Parameters
    ----------
    name : str
        Stands in plans, journals and commands.
    label : str
        What people call it.
    rung : int
        Its place from simple (0, which looks at no feature) to complex.
    tasks : tuple of {"binary", "multiclass", "regression"}
    summary : str
        What it is, in a sentence.
    build : callable
        From a `Problem` to an unfitted scikit-learn estimator that takes the canonical matrix, shape
        (n_rows, n_features).
    max_rows : int or None
        Training rows beyond which it is not sensible; None where there is no such limit.
    default : bool
        Whether a study includes it unless told otherwise.
    build_stream : callable or None
        For models that can learn block by block: from a `Problem` with all rows to a pipeline of two steps, whose
        first is fitted on the first block and whose last has ``partial_fit``.
    settings : callable or None
        For models that can be tuned: from a `Problem` to the distributions (of scipy.stats) that tuning draws
        parameters of the pipeline's last step from, by name. All are numbers.
    """

    name: str
    label: str
    rung: int
    tasks: tuple[Task, ...]
    summary: str
    build: Callable[[Problem], Any]
    max_rows: int | None = None
    default: bool = False
    build_stream: Callable[[Problem], Any] | None = None
    settings: Callable[[Problem], dict[str, Any]] | None = None

    @property
    def spec(self) -> ModelSpec:
        """What the core needs to know of it."""
        streams, tunes = self.build_stream is not None, self.settings is not None
        return ModelSpec(self.name, self.label, self.rung, self.max_rows, streams, tunes)


@lru_cache(maxsize=256)
def get_model(name: str) -> ModelEntry:
    """Return the entry of that name, which may have settings behind it: ``boosting(learning_rate=0.05)``.

    Raises
    ------
    InputError
        If there is none, or it has no settings.
    """
    base, settings = parted(name)
    for entry in MODELS:
        if entry.name == base:
            return _with_settings(entry, settings) if settings else entry
    raise InputError(unknown_name("model", base, (entry.name for entry in MODELS)))


@lru_cache(maxsize=256)
def check_model(name: str, task: Task) -> None:
    """Make sure that a model can learn a task, and takes the settings that are part of its name.

    Raises
    ------
    InputError
        If it does not.
    """
    (base, settings), fitting = parted(name), [entry.name for entry in models_for(task)]
    if base not in fitting:
        raise InputError(f"The model {base!r} cannot learn {task}. Valid: {', '.join(sorted(fitting))}.")
    if settings:
        check_settings(get_model(base).build, settings, task)


def _with_settings(entry: ModelEntry, settings: dict[str, float]) -> ModelEntry:
    if entry.settings is None:
        raise InputError(f"{entry.label} has no settings. Leave them out.")
    told = settings_text(settings)
    return replace(
        entry,
        name=named_with(entry.name, settings),
        label=f"{entry.label} ({told if len(told) <= _SHORT else f'{len(settings)} settings'})",
        summary=f"{entry.summary} With {told}.",
        build=with_settings(entry.build, settings),
        default=False,
        build_stream=None,
        settings=None,
    )


def models_for(task: Task) -> tuple[ModelEntry, ...]:
    """Return the entries that can learn a task, from simple to complex."""
    return tuple(sorted((entry for entry in MODELS if task in entry.tasks), key=lambda entry: entry.rung))


def default_models(task: Task) -> tuple[str, ...]:
    """Return the names that a study includes unless told otherwise, from simple to complex."""
    return tuple(entry.name for entry in models_for(task) if entry.default)


def versions() -> str:
    """Return the versions of all that computes the scores, in one line."""
    return f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, scipy {scipy.__version__}, recipes {_RECIPES}"


MODELS: tuple[ModelEntry, ...] = (
    ModelEntry(
        "dummy",
        "Baseline",
        0,
        _ALL,
        "Predicts the same for every row: the mean, or the share of each class.",
        recipes.dummy,
        default=True,
    ),
    ModelEntry(
        "linear",
        "Linear",
        1,
        _ALL,
        "Logistic regression, or ridge regression for numbers, on scaled and one-hot columns.",
        recipes.linear,
        default=True,
        settings=recipes.linear_settings,
    ),
    ModelEntry(
        "sgd",
        "Linear, stochastic",
        2,
        _ALL,
        "The linear model trained by stochastic gradient descent, which scales to any number of rows.",
        recipes.sgd,
        build_stream=recipes.sgd_stream,
        settings=recipes.sgd_settings,
    ),
    ModelEntry(
        "bayes",
        "Naive Bayes",
        3,
        _CLASSES,
        "Treats every column as independent evidence, numbers cut into bins.",
        recipes.bayes,
        build_stream=recipes.bayes,  # it counts, so that blocks add up to what one fit would have counted
        settings=recipes.bayes_settings,
    ),
    ModelEntry(
        "neighbors",
        "Nearest neighbours",
        3,
        ("regression",),
        "Averages the ten most similar training rows.",
        recipes.neighbors,
        max_rows=20_000,
        settings=recipes.neighbors_settings,
    ),
    ModelEntry(
        "forest",
        "Random forest",
        4,
        _ALL,
        "Averages 64 deep decision trees, each grown on its own draw of the rows.",
        recipes.forest,
        default=True,
        settings=recipes.forest_settings,
    ),
    ModelEntry(
        "boosting",
        "Gradient boosting",
        5,
        _ALL,
        "Adds small decision trees one after the other, each correcting the ones before.",
        recipes.boosting,
        default=True,
        settings=recipes.boosting_settings,
    ),
)
"""Every model, from simple to complex."""
