"""What every plot is: a pure selection of what to show, and a widget that shows it.

`select` turns a summary and what the person chose to see into a frame: small, frozen and comparable. `draw` brings the
widget up to a frame and touches only what differs from the frame before. The pump calls both about ten times a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast

import ipywidgets as widgets

from scalewise.core.summary import Summary
from scalewise.errors import InputError, unknown_name

__all__ = ["ENTRY_POINTS", "MOST_IN_FIGURE", "MOST_IN_SERIES", "PLOTS", "Plot", "View", "load_plot", "plot_names"]

MOST_IN_SERIES = 199
MOST_IN_FIGURE = 1_999
"""bqplot sends whole arrays anew with every change, so frames are bounded."""

ENTRY_POINTS = "scalewise.plots"
"""Entry-point group by which other packages add plots."""

PLOTS: Mapping[str, str] = MappingProxyType(
    {
        "learning_curve": "scalewise.plots.learning_curve:LearningCurvePlot",
        "importance": "scalewise.plots.importance:ImportancePlot",
        "rank_stability": "scalewise.plots.rank_stability:RankStabilityPlot",
        "feature_curve": "scalewise.plots.feature_curve:FeatureCurvePlot",
        "fit_time": "scalewise.plots.fit_time:FitTimePlot",
    }
)
"""Built-in plots: where each is found, imported only when it is opened."""

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class View:
    """What the person chose to see.

    Parameters
    ----------
    log_rows : bool
        Whether rows stand on a logarithmic axis.
    show_train : bool
        Whether scores on the training rows are drawn.
    hidden : frozenset of str
        Names of models switched off.
    importance_model : str or None
        Name of the model whose importances are shown; by default the one that the verdict is about.
    search : str
        Only features with this text in their name are shown.
    open_groups : frozenset of str
        First features of the groups whose members are shown.
    keep : int or None
        The number of features looked at; None for the smallest that is enough.
    """

    log_rows: bool = True
    show_train: bool = True
    hidden: frozenset[str] = frozenset()
    importance_model: str | None = None
    search: str = ""
    open_groups: frozenset[str] = frozenset()
    keep: int | None = None


class Plot(Protocol[F]):
    """One plot of the page.

    Attributes
    ----------
    name : str
        As in the table of plots.
    title : str
        What people read above it.
    widget : ipywidgets.Widget
        What the page places; as wide as its container.
    """

    name: str
    title: str
    widget: widgets.DOMWidget

    def select(self, summary: Summary, view: View) -> F:
        """Pick what to show. Pure: the same arguments give an equal frame, and nothing is touched."""
        ...

    def draw(self, frame: F) -> None:
        """Bring the widget up to a frame. A frame equal to the one before draws nothing."""
        ...

    def close(self) -> None:
        """Close every widget that the plot made. Twice is fine."""
        ...


def plot_names() -> tuple[str, ...]:
    """Names of the built-in plots, then of those that other packages add."""
    added = (point.name for point in entry_points(group=ENTRY_POINTS))
    return tuple(dict.fromkeys((*PLOTS, *added)))


def load_plot(name: str) -> type[Plot[Any]]:
    """Find the class of a plot by its name.

    Raises
    ------
    InputError
        If no plot has this name.
    """
    if name in PLOTS:
        module, _, attribute = PLOTS[name].partition(":")
        return cast("type[Plot[Any]]", getattr(import_module(module), attribute))
    for point in entry_points(group=ENTRY_POINTS, name=name):
        return cast("type[Plot[Any]]", point.load())
    raise InputError(unknown_name("plot", name, plot_names()))
