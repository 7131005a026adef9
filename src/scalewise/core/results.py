"""What a worker measured: the small plain records that travel back from trials and streams."""

from __future__ import annotations

from dataclasses import dataclass

from scalewise.core.spec import DataSpec, ModelSpec, Trial

__all__ = [
    "FeatureImportance",
    "GroupImportance",
    "Setting",
    "StreamPoint",
    "StreamResult",
    "TrialRecord",
    "UnitResult",
]


@dataclass(frozen=True, slots=True)
class FeatureImportance:
    """How much the score drops when one feature's values are shuffled among holdout rows.

    Parameters
    ----------
    feature : str
    drop : float
        Mean drop, in the metric's units.
    drop_se : float
        Its standard error over disjoint parts of the holdout.
    """

    feature: str
    drop: float
    drop_se: float


@dataclass(frozen=True, slots=True)
class GroupImportance:
    """How much the score drops when correlated features are shuffled together, rows kept whole among them.

    Parameters
    ----------
    features : tuple of str
        In the order of the table.
    drop, drop_se : float
        As in `FeatureImportance`.
    """

    features: tuple[str, ...]
    drop: float
    drop_se: float


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter of a model, by scikit-learn's name, set to another value than its recipe does."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """What one trial measured.

    Parameters
    ----------
    score : float
        On the whole holdout; greater is better.
    block_scores : tuple of float
        What each of the holdout's fixed blocks makes of it: the same rows for every trial of a study, so that
        differences between trials can be paired. Their mean is the score, but for metrics that can only score a block
        alone; NaN where that cannot be done.
    train_score : float
        On (at most some thousand of) the rows it was trained on.
    fit_seconds, score_seconds : float
        Wall time of fitting, preprocessing included, and of reading and scoring.
    peak_bytes : int
        Memory that fitting took on top of what the worker held before; 0 where it cannot be measured.
    importances : tuple of FeatureImportance
        Empty for models that look at no feature. Of a trial with probes, those of the probes.
    remarks : tuple of str
        Warnings raised meanwhile, such as a solver that did not converge.
    worker_bytes : int
        The most memory that the whole worker held during the trial: itself, its holdout, the sample, every copy; 0
        where it cannot be measured.
    groups : tuple of GroupImportance
        Of correlated features, shuffled together.
    kept : tuple of str
        The features of a trial on the best few, best first.
    n_copies : int
        Holdout rows that stand word for word among the training rows; -1 where that was not looked at.
    chosen : tuple of Setting
        Of a trial that tries settings: the best ones; empty where none of them beats the recipe's own.
    search_seconds : float
        Wall time of trying settings, before the fit with the best.
    """

    score: float
    block_scores: tuple[float, ...]
    train_score: float
    fit_seconds: float
    score_seconds: float
    peak_bytes: int = 0
    importances: tuple[FeatureImportance, ...] = ()
    remarks: tuple[str, ...] = ()
    worker_bytes: int = 0
    groups: tuple[GroupImportance, ...] = ()
    kept: tuple[str, ...] = ()
    n_copies: int = -1
    chosen: tuple[Setting, ...] = ()
    search_seconds: float = 0.0

    def __hash__(self) -> int:
        # Thousands are looked up again and again; the first numbers tell them apart.
        return hash((self.score, self.train_score, self.fit_seconds))


@dataclass(frozen=True, slots=True)
class StreamPoint:
    """A model's score while it learns block by block.

    Parameters
    ----------
    n_rows : int
        Rows it has learned from so far, those of earlier passes included.
    score : float
        On the whole holdout; greater is better.
    block_scores : tuple of float
        On each of the holdout's blocks, as in a `TrialRecord`.
    seconds : float
        Wall time since the stream began on its worker.
    """

    n_rows: int
    score: float
    block_scores: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class StreamResult:
    """What a stream leaves behind.

    Parameters
    ----------
    point : StreamPoint
        The last score.
    model : bytes
        The fitted scikit-learn pipeline, pickled; it takes canonical matrices, shape (n_rows, n_features).
    peak_bytes : int
        Memory that it took on top of what the worker held before; 0 where it cannot be measured.
    remarks : tuple of str
        Warnings raised meanwhile.
    """

    point: StreamPoint
    model: bytes
    peak_bytes: int = 0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What a few trials with another sampling unit measured.

    Parameters
    ----------
    data : DataSpec
        The table by that unit.
    model : ModelSpec
    trials : tuple of Trial
    records : tuple of TrialRecord
        One for each trial.
    """

    data: DataSpec
    model: ModelSpec
    trials: tuple[Trial, ...]
    records: tuple[TrialRecord, ...]
