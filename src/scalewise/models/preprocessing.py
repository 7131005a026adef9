"""Which transformers a family of models puts before its estimator, by the kind of each feature."""

from __future__ import annotations

from dataclasses import dataclass

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline

from scalewise.core.spec import Feature, FeatureKind, Task
from scalewise.models.encoding import Bins, Codes, DateParts, Numbers, OneHot, TreeReady
from scalewise.models.target_means import TargetMeans

__all__ = ["Problem", "binned_columns", "linear_columns", "tree_columns"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What a recipe may depend on.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    features : tuple of Feature
        The columns of the canonical matrix, in order.
    n_classes : int
        Classes among the training rows; 0 for regression.
    n_rows : int
        Training rows.
    seed : int
        Decides everything random.
    """

    task: Task
    features: tuple[Feature, ...]
    n_classes: int
    n_rows: int
    seed: int

    def columns(self, *kinds: FeatureKind) -> list[int]:
        """Places of the features of some kinds, kind by kind."""
        return [at for kind in kinds for at, feature in enumerate(self.features) if feature.kind == kind]


def linear_columns(problem: Problem, *, dense: bool = False) -> ColumnTransformer:
    """Scale numbers, one-hot categories, encode labels by their target and dates as waves.

    Parameters
    ----------
    problem : Problem
    dense : bool
        Never return a sparse matrix.
    """
    categories = problem.columns("category")
    return ColumnTransformer(
        [
            ("number", Numbers(), problem.columns("number")),
            ("category", OneHot(_n_categories(problem)), categories),
            ("label", _target_means(problem), problem.columns("label")),
            ("date", make_pipeline(DateParts(waves=True), Numbers()), problem.columns("date")),
        ],
        sparse_threshold=0.0 if dense else 0.3,
    )


def tree_columns(problem: Problem) -> tuple[Pipeline, list[int]]:
    """Leave numbers and categories as they are, encode labels by their target and dates as parts.

    Returns
    -------
    columns : Pipeline
    categories : list of int
        Which of its output's columns hold category codes.
    """
    categories = problem.columns("category")
    columns = ColumnTransformer(
        [
            ("kept", "passthrough", categories + problem.columns("number")),
            ("date", DateParts(), problem.columns("date")),
            ("label", _target_means(problem), problem.columns("label")),
        ]
    )
    return make_pipeline(columns, TreeReady()), list(range(len(categories)))


def binned_columns(problem: Problem, n_bins: int) -> tuple[ColumnTransformer, list[int]]:
    """Turn every column into small whole numbers.

    Returns
    -------
    columns : ColumnTransformer
    n_values : list of int
        How many values each of its output's columns can take.
    """
    categories, numbers = problem.columns("category"), problem.columns("number")
    dates, labels = problem.columns("date"), problem.columns("label")
    known = _n_categories(problem)
    columns = ColumnTransformer(
        [
            ("category", Codes(known), categories),
            ("number", Bins(n_bins), numbers),
            ("date", make_pipeline(DateParts(), Bins(n_bins)), dates),
            ("label", make_pipeline(_target_means(problem), Bins(n_bins)), labels),
        ]
    )
    n_cut = len(numbers) + 4 * len(dates) + _n_encoded(problem)
    return columns, [n + 2 for n in known] + [n_bins + 1] * n_cut


def _n_categories(problem: Problem) -> tuple[int, ...]:
    return tuple(len(problem.features[at].categories) for at in problem.columns("category"))


def _n_encoded(problem: Problem) -> int:
    """How many columns the labels turn into."""
    return len(problem.columns("label")) * (problem.n_classes if problem.task == "multiclass" else 1)


def _target_means(problem: Problem) -> TargetMeans:
    return TargetMeans(classes=problem.task != "regression", seed=problem.seed)
