"""Other settings of a model, tried inside the training rows of one trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import ParameterSampler

from scalewise.models.catalog import ModelEntry
from scalewise.models.preprocessing import Problem
from scalewise.models.ranking import n_checked
from scalewise.models.scoring import Scoring, predict

__all__ = ["Settings", "best_settings", "drawn_settings"]

Floats = NDArray[np.float64]
Settings = dict[str, float]
"""Values of parameters of the last step of a model's pipeline, by scikit-learn's names."""

_BLOCKS = 10
"""Parts of the rows that judge, over which differences spread."""
_DIGITS = 3


def drawn_settings(entry: ModelEntry, problem: Problem, n_settings: int, seed: int) -> tuple[Settings, ...]:
    """Draw settings of a model that is tunable, at random.

    Parameters
    ----------
    entry : ModelEntry
    problem : Problem
    n_settings : int
    seed : int
        The same settings for the same seed and problem.
    """
    assert entry.settings is not None
    sampler = ParameterSampler(entry.settings(problem), n_settings, random_state=seed)
    return tuple({name: _plain(value) for name, value in drawn.items()} for drawn in sampler)


def _plain(value: Any) -> float:
    """A number that a person can write down: whole ones as they are, others to three digits."""
    return int(value) if isinstance(value, int | np.integer) else float(f"{value:.{_DIGITS}g}")


def best_settings(
    build: Callable[[int], Any],
    tried: Sequence[Settings],
    X: Floats,
    y: NDArray[Any],
    scoring: Scoring,
    n_classes: int,
) -> Settings:
    """Find the settings that beat the recipe's own most surely, on rows that neither was fitted on.

    The best of many scores is partly luck, and a recipe that is good already is made worse by following it. So settings
    count by how far they are ahead beyond the standard error of that, and none is taken that is not.

    Parameters
    ----------
    build : callable
        Takes a number of rows from the end of the sample; an unfitted pipeline for them, by the recipe.
    tried : sequence of Settings
    X : ndarray of shape (n_rows, n_features)
        A sample; its first rows judge, as in `scalewise.models.ranking.n_checked`.
    y : ndarray of shape (n_rows,)
    scoring : Scoring
    n_classes : int

    Returns
    -------
    Settings
        Empty for the recipe's own.
    """
    n_rows = n_checked(len(y))
    judges, rest = np.ascontiguousarray(X[:n_rows]), X[n_rows:]
    blocks = np.arange(n_rows) * _BLOCKS // n_rows

    def scores(settings: Settings) -> tuple[float, Floats]:
        estimator = build(len(rest))
        estimator[-1].set_params(**settings)
        estimator.fit(rest, y[n_rows:])
        score, on_blocks = scoring.with_blocks(y[:n_rows], predict(estimator, judges, n_classes), blocks)
        return score, np.asarray(on_blocks)

    own, own_blocks = scores({})
    best, most = Settings(), 0.0
    for settings in tried:
        score, on_blocks = scores(settings)
        lead = score - own - _standard_error(on_blocks - own_blocks)
        if lead > most:
            best, most = settings, lead
    return best


def _standard_error(differences: Floats) -> float:
    """Of the mean over blocks; endless where too few of them could be scored."""
    known = differences[np.isfinite(differences)]
    return float(known.std(ddof=1)) / math.sqrt(len(known)) if len(known) > 1 else math.inf
