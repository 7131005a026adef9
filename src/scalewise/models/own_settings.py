"""Recipes with a person's own settings for the last step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from scalewise.core.spec import Feature, Task
from scalewise.errors import InputError, unknown_name
from scalewise.models.preprocessing import Problem
from scalewise.models.threads import one_thread

__all__ = ["check_settings", "with_settings"]

Build = Callable[[Problem], Any]

_TRIED_ROWS = 60
"""Made-up rows that settings are tried on, to find out whether a model takes them."""
_MOST_TRIED = 30.0
_SHARES = ("max_features", "max_samples")
"""Up to 1 they are a part, and 1 is all, whatever the recipe has; beyond, they count."""
_ROWS = ("n_neighbors", "max_samples")
"""Counts of training rows: small samples have fewer, and then all of theirs are meant."""
_OF_THE_STUDY = {"random_state", "verbose", "n_jobs", "warm_start"}
"""What scikit-learn lets be set as well, but a study sets for every fit."""
_N_CLASSES: dict[Task, int] = {"binary": 2, "multiclass": 3, "regression": 0}


def with_settings(build: Build, settings: dict[str, float]) -> Build:
    """A recipe whose last step has other settings; it raises an `InputError` where there are none of such a name."""
    return partial(_built, build, settings)


def _built(build: Build, settings: dict[str, float], problem: Problem) -> Any:
    estimator = build(problem)
    own = estimator[-1].get_params()
    for name in settings:
        if _plain(name) in _OF_THE_STUDY:
            raise InputError(f"{name} is no setting of a model here: the study takes care of it. Leave it out.")
        if name not in own:
            raise InputError(
                unknown_name("setting", name, [one for one in own if _plain(one) not in _OF_THE_STUDY], most=len(own))
            )
    liked = {name: _like(name, own[name], value) for name, value in settings.items()}
    estimator[-1].set_params(**{name: _within(name, value, problem.n_rows) for name, value in liked.items()})
    return estimator


def _plain(name: str) -> str:
    """The name of a setting without that of the step it belongs to."""
    return name.rpartition("__")[2]


def _within(name: str, value: float, n_rows: int) -> float:
    """A count of rows that a sample has."""
    return min(value, n_rows) if name in _ROWS and isinstance(value, int) else value


def _like(name: str, own: object, value: float) -> float:
    """A value of the type that a setting has by the recipe: scikit-learn tells 1 from 1.0, and from True."""
    if isinstance(own, bool) and value in (0.0, 1.0):
        return bool(value)
    if name in _SHARES:
        return int(value) if value > 1.0 and value.is_integer() else value
    return int(value) if value.is_integer() and not isinstance(own, float) else value


def check_settings(build: Build, settings: dict[str, float], task: Task) -> None:
    """Find out early whether a model takes its settings, on a few made-up rows.

    Raises
    ------
    InputError
        If it does not.
    """
    rng, n_classes = np.random.default_rng(0), _N_CLASSES[task]
    X = rng.normal(size=(_TRIED_ROWS, 2))
    y = np.arange(_TRIED_ROWS) % n_classes if n_classes else X.sum(axis=1)
    problem = Problem(task, (Feature("a", "number"), Feature("b", "number")), n_classes, _TRIED_ROWS, 0)
    # A million rounds are possible as well, but nobody would wait for them here.
    quick = {name: min(value, _MOST_TRIED) if value.is_integer() else value for name, value in settings.items()}
    try:
        # How a fit on made-up rows comes out is no matter: a warning about it would only puzzle.
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _built(build, quick, problem).fit(X, y)
    except InputError:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"These settings are not possible: {str(error).splitlines()[0]}") from error
