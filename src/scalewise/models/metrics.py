"""Which scikit-learn scorers fit which task, and what to call them."""

from __future__ import annotations

from dataclasses import dataclass

from scalewise.core.spec import MetricSpec, Task
from scalewise.errors import MetricError, unknown_name

__all__ = ["check_metric", "default_metric", "metric_label", "metric_spec", "metrics_for"]


@dataclass(frozen=True, slots=True)
class _Metric:
    """One scorer: its scikit-learn name, its label, the tasks it fits, and as in `MetricSpec`."""

    name: str
    label: str
    tasks: tuple[Task, ...]
    best: float | None = 1.0
    worst: float | None = 0.0
    target_power: int = 0


_BINARY: tuple[Task, ...] = ("binary",)
_MULTI: tuple[Task, ...] = ("multiclass",)
_CLASSES: tuple[Task, ...] = ("binary", "multiclass")
_NUMBERS: tuple[Task, ...] = ("regression",)

_METRICS: tuple[_Metric, ...] = (
    _Metric("roc_auc", "ROC AUC", _BINARY),
    _Metric("neg_log_loss", "log loss (negated)", _CLASSES, 0.0, None),
    _Metric("average_precision", "average precision", _CLASSES),
    _Metric("roc_auc_ovr", "ROC AUC, one against the rest", _MULTI),
    _Metric("roc_auc_ovo", "ROC AUC, one against one", _MULTI),
    _Metric("roc_auc_ovr_weighted", "ROC AUC, one against the rest, weighted", _MULTI),
    _Metric("roc_auc_ovo_weighted", "ROC AUC, one against one, weighted", _MULTI),
    _Metric("accuracy", "accuracy", _CLASSES),
    _Metric("balanced_accuracy", "balanced accuracy", _CLASSES),
    _Metric("neg_brier_score", "Brier score (negated)", _CLASSES, 0.0, -2.0),
    _Metric("d2_log_loss_score", "D² log loss", _CLASSES, 1.0, None),
    _Metric("d2_brier_score", "D² Brier score", _CLASSES, 1.0, None),
    _Metric("f1", "F1", _BINARY),
    _Metric("precision", "precision", _BINARY),
    _Metric("recall", "recall", _BINARY),
    _Metric("jaccard", "Jaccard index", _BINARY),
    _Metric("f1_macro", "F1, mean over classes", _CLASSES),
    _Metric("f1_weighted", "F1, weighted mean over classes", _CLASSES),
    _Metric("f1_micro", "F1, all decisions pooled", _CLASSES),
    _Metric("precision_macro", "precision, mean over classes", _CLASSES),
    _Metric("precision_weighted", "precision, weighted mean over classes", _CLASSES),
    _Metric("precision_micro", "precision, all decisions pooled", _CLASSES),
    _Metric("recall_macro", "recall, mean over classes", _CLASSES),
    _Metric("recall_weighted", "recall, weighted mean over classes", _CLASSES),
    _Metric("recall_micro", "recall, all decisions pooled", _CLASSES),
    _Metric("jaccard_macro", "Jaccard index, mean over classes", _CLASSES),
    _Metric("jaccard_weighted", "Jaccard index, weighted mean over classes", _CLASSES),
    _Metric("jaccard_micro", "Jaccard index, all decisions pooled", _CLASSES),
    _Metric("matthews_corrcoef", "Matthews correlation", _CLASSES, 1.0, -1.0),
    _Metric("top_k_accuracy", "accuracy of the two likeliest classes", _MULTI),
    _Metric("positive_likelihood_ratio", "positive likelihood ratio", _BINARY, None),
    _Metric("neg_negative_likelihood_ratio", "negative likelihood ratio (negated)", _BINARY, 0.0, None),
    _Metric("r2", "R²", _NUMBERS, 1.0, None),
    _Metric("neg_root_mean_squared_error", "root mean squared error (negated)", _NUMBERS, 0.0, None, 1),
    _Metric("neg_mean_absolute_error", "mean absolute error (negated)", _NUMBERS, 0.0, None, 1),
    _Metric("neg_median_absolute_error", "median absolute error (negated)", _NUMBERS, 0.0, None, 1),
    _Metric("neg_mean_squared_error", "mean squared error (negated)", _NUMBERS, 0.0, None, 2),
    _Metric("neg_mean_absolute_percentage_error", "mean absolute percentage error (negated)", _NUMBERS, 0.0, None),
    _Metric("explained_variance", "explained variance", _NUMBERS, 1.0, None),
    _Metric("d2_absolute_error_score", "D² absolute error", _NUMBERS, 1.0, None),
    _Metric("neg_max_error", "largest error (negated)", _NUMBERS, 0.0, None, 1),
    _Metric("neg_mean_squared_log_error", "mean squared log error (negated)", _NUMBERS, 0.0, None),
    _Metric("neg_root_mean_squared_log_error", "root mean squared log error (negated)", _NUMBERS, 0.0, None),
    _Metric("neg_mean_poisson_deviance", "Poisson deviance (negated)", _NUMBERS, 0.0, None, 1),
    _Metric("neg_mean_gamma_deviance", "gamma deviance (negated)", _NUMBERS, 0.0, None),
)

_DEFAULTS: dict[Task, str] = {"binary": "roc_auc", "multiclass": "neg_log_loss", "regression": "r2"}
_WORDS: dict[Task, str] = {"binary": "two classes", "multiclass": "three or more classes", "regression": "numbers"}


def default_metric(task: Task) -> str:
    """Return the metric of a study that names none."""
    return _DEFAULTS[task]


def metrics_for(task: Task) -> tuple[str, ...]:
    """Return the scikit-learn scorer names that fit a task, the most usual first."""
    fitting = [metric.name for metric in _METRICS if task in metric.tasks]
    return (_DEFAULTS[task], *(name for name in fitting if name != _DEFAULTS[task]))


def check_metric(metric: str, task: Task, n_classes: int = 0) -> None:
    """Say so if a metric cannot score a task.

    Parameters
    ----------
    metric : str
        A scikit-learn scorer name.
    task : {"binary", "multiclass", "regression"}
    n_classes : int
        Classes of the target; 0 for regression.

    Raises
    ------
    MetricError
        If there is no such metric, or it does not fit the task.
    """
    if all(known.name != metric for known in _METRICS):
        raise MetricError(unknown_name("metric", metric, metrics_for(task)))
    if metric not in metrics_for(task):
        usual = ", ".join(metrics_for(task)[:6])
        found = f"{n_classes} classes" if n_classes else _WORDS[task]
        raise MetricError(
            f"The metric {metric!r} is for {_fits(metric)}, but this target has {found}. Choose one of: {usual}, ..."
        )


def metric_label(metric: str) -> str:
    """Return what people call a metric; names that are not known stay as they are."""
    return next((known.label for known in _METRICS if known.name == metric), metric)


def metric_spec(metric: str) -> MetricSpec:
    """Return what the core needs to know of a metric; of names that are not known, nothing but the name."""
    known = next((known for known in _METRICS if known.name == metric), None)
    if known is None:
        return MetricSpec(metric, metric)
    return MetricSpec(metric, known.label, known.best, known.worst, known.target_power)


def _fits(metric: str) -> str:
    tasks = next(known.tasks for known in _METRICS if known.name == metric)
    return " or ".join(_WORDS[task] for task in tasks)
