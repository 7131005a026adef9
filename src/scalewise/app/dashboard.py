"""The dashboard: the page's layout, and the wiring between controls, runner and plots."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from scalewise.app.card import header_html, messages_html
from scalewise.app.controls import ControlActions, Controls
from scalewise.app.features import AlarmList, FeatureActions, FeatureTools
from scalewise.app.parts import put, say_again
from scalewise.app.pump import Pump
from scalewise.app.scale import ScaleActions, ScalePanel
from scalewise.app.table_menu import TableChoice, open_choice, table_choices
from scalewise.app.theme import css
from scalewise.app.tuning_panel import TuningPanel
from scalewise.app.unit_panel import UnitActions, UnitPanel
from scalewise.app.verdict_card import VerdictCard
from scalewise.core.spec import LeftOut
from scalewise.core.study import StudyState
from scalewise.core.summary import Summary, summarise, summary_steps
from scalewise.data.examples import is_example
from scalewise.data.screening import Screening
from scalewise.data.sources import open_source
from scalewise.engines import Engine, open_engine
from scalewise.errors import InputError, JournalError, unknown_name
from scalewise.journal import Journal, default_journal_path
from scalewise.options import StudyOptions
from scalewise.plots.base import Plot, View
from scalewise.plots.feature_curve import FeatureCurvePlot
from scalewise.plots.fit_time import FitTimePlot
from scalewise.plots.importance import ImportancePlot
from scalewise.plots.learning_curve import LearningCurvePlot
from scalewise.plots.rank_stability import RankStabilityPlot
from scalewise.runner import StudyRunner

__all__ = ["Dashboard", "explore"]

_LOOK_SECONDS = 1.0
"""How often a cluster is looked at."""
_LISTENING_SECONDS = (1.5, 4.0, 10.0)
"""A page misses what changes while it is being loaded, as a table is opened: it is said again after so many seconds."""

_VERDICTS_OWN = ("verdict's model", "")


class Dashboard(widgets.VBox):
    """The page: controls on the left, the verdict and the live plots on the right.

    Parameters
    ----------
    table : object or None
        An open source, or the name of a built-in example; None offers the examples.
    target : str or None
        The column to predict; None lets the person choose.
    journal : path or None
        Where finished trials are kept; by default a file in the user's cache folder.
    engine : str or Engine
        Where trials run.
    options : StudyOptions or None
        What the controls begin with.
    """

    def __init__(
        self,
        table: object = None,
        target: str | None = None,
        *,
        options: StudyOptions | None = None,
        journal: Path | str | None = None,
        engine: str | Engine = "local",
    ) -> None:
        self._table = table
        self._view = View()
        self._summary = summarise(StudyState())
        self._shown: tuple[StudyState, View] | None = None
        self._said: tuple[str, ...] = ()
        self._found: tuple[str, Screening | None, tuple[LeftOut, ...]] = "", None, ()
        place = open_engine(engine) if isinstance(engine, str) else engine
        self._workers_here = max(place.slots, os.cpu_count() or 1)
        kept, trouble = _open_journal(journal)
        self._pump = Pump(self._draw, self._answer)
        self.runner = StudyRunner(place, kept, on_publish=self._pump.request)
        self.scale = ScalePanel(self._scale_actions())
        self.units = UnitPanel(UnitActions(self.runner.check_unit, self.runner.sample_by, self.runner.drop_check))
        self.tuning = TuningPanel(self.runner.tune, lambda model: self.controls.go_on_with(model))
        self.controls = Controls(table_choices(table, target, options), self._actions(), extra=self.scale.button)
        self._make_widgets()
        super().__init__(self._lay_out())
        self.add_class("scalewise")
        # atexit.register keeps the dashboard alive until then, as the kernel's own display does.
        atexit.register(self.runner.close)
        self.controls.open_first()
        if trouble:
            self.runner.note("warning", trouble)
        self._pump.request()

    @property
    def state(self) -> StudyState:
        """The latest state of the study on the page."""
        return self.runner.state

    def tick(self) -> None:
        """Bring the page up to date now; only needed where no event loop is running."""
        self._pump.tick()

    def close(self) -> None:
        """End the study, its workers and the page's widgets. Closing twice is fine."""
        self._pump.close()
        self.runner.close()
        atexit.unregister(self.runner.close)
        for plot in self._plots:
            plot.close()
        super().close()

    def _actions(self) -> ControlActions:
        runner = self.runner
        return ControlActions(
            self._open_table,
            runner.prepare,
            runner.start,
            self._change,
            runner.stop,
            runner.clear,
            runner.sample_by,
        )

    def _scale_actions(self) -> ScaleActions:
        runner = self.runner
        return ScaleActions(
            runner.move, runner.accept, runner.come_home, runner.scale, runner.stream, self._pump.request
        )

    def _open_table(self, choice: TableChoice, path: str) -> None:
        self.runner.open(path or choice.label, partial(open_choice, choice, path, self._table))
        if choice.target:
            task = choice.given.task if choice.given else None
            self.runner.prepare(replace(self.controls.options(), target=choice.target, task=task))

    def _make_widgets(self) -> None:
        self._learning = LearningCurvePlot(on_toggle=self._toggle)
        self._importance, self._fit_time = ImportancePlot(on_open=self._open_group), FitTimePlot()
        self._ranks, self._few = RankStabilityPlot(), FeatureCurvePlot()
        self._plots: tuple[Plot[Any], ...] = (
            self._learning,
            self._importance,
            self._ranks,
            self._fit_time,
            self._few,
        )
        self.features, self.alarms = FeatureTools(self._feature_actions()), AlarmList(self.controls.leave_out)
        self._header, self._messages, self._card = widgets.HTML(), widgets.HTML(), VerdictCard()
        self._verdict = self._card.head
        self._log_rows = widgets.ToggleButtons(options=[("log", True), ("linear", False)], tooltips=["", ""])
        self._show_train = widgets.Checkbox(value=True, description="training score", indent=False)
        self._which = widgets.Dropdown(options=[_VERDICTS_OWN], description="Model whose features are shown")
        self._search = widgets.Text(placeholder="search features", description="Search features")
        self._log_rows.observe(lambda change: self._look(log_rows=change["new"]), "value")
        self._show_train.observe(lambda change: self._look(show_train=change["new"]), "value")
        self._which.observe(lambda change: self._look(importance_model=change["new"] or None), "value")
        self._what = widgets.ToggleButtons(options=[("now", False), ("as it grows", True)], tooltips=["", ""])
        self._what.observe(lambda change: self._show_ranks(change["new"]), "value")
        self._either = widgets.VBox([self._importance.widget])
        self._either.add_class("sw-either")
        self._search.observe(lambda change: self._look(search=change["new"]), "value")

    def _lay_out(self) -> list[widgets.Widget]:
        rows = widgets.HBox([widgets.HTML("<span class='sw-label'>rows</span>"), self._log_rows])
        small = widgets.HBox(
            [
                self._importance_panel(),
                _panel("Time and memory of one fit", self._fit_time.widget, []),
            ]
        )
        small.add_class("sw-small-plots")
        few = widgets.HBox([self._few.widget, self.features.widget])
        few.add_class("sw-few")
        main = widgets.VBox(
            [
                self._card.widget,
                self.units.widget,
                self.tuning.widget,
                self.alarms.widget,
                self.scale.widget,
                _panel("Learning curve", self._learning.widget, [self._show_train, rows]),
                small,
                _panel(self._few.title, few, [self.features.button]),
                self._messages,
            ]
        )
        main.add_class("sw-main")
        body = widgets.HBox([self.controls.widget, main])
        body.add_class("sw-body")
        return [_style(), self._header, body]

    def _change(self, options: StudyOptions) -> None:
        self.runner.change(options)
        self._pump.answer()

    def _importance_panel(self) -> widgets.VBox:
        return _panel(self._importance.title, self._either, [self._what, self._which, self._search])

    def _feature_actions(self) -> FeatureActions:
        return FeatureActions(self._find_features, lambda k: self._look(keep=k), self.controls.leave_out)

    def _find_features(self) -> None:
        """Find out how few features would do, with the model whose importances are looked at."""
        self.runner.features(self._view.importance_model)

    def _show_ranks(self, shown: bool) -> None:
        # Placed or not, never hidden: a figure that is not displayed measures itself as smaller than nothing.
        self._either.children = [self._ranks.widget if shown else self._importance.widget]

    def _open_group(self, feature: str) -> None:
        self._look(open_groups=self._view.open_groups ^ {feature})

    def _toggle(self, model: str) -> None:
        self._look(hidden=self._view.hidden ^ {model})

    def _look(self, **changes: Any) -> None:
        self._view = replace(self._view, **changes)
        self._pump.answer()

    def _answer(self) -> None:
        """Show what a person changed on what was worked out last; called by the pump, like `_draw`."""
        self.controls.render_rows(self.runner.state)
        for plot in self._plots:
            plot.draw(plot.select(self._summary, self._view))

    def _draw(self) -> Iterator[None]:
        """Bring every widget up to the latest state, in steps; called by the pump, on the thread that owns widgets."""
        state, view = self.runner.state, self._view
        self.scale.render(state, self.runner.engine, self._workers_here)
        if state.away:
            self._pump.look_again(_LOOK_SECONDS)
        if self._shown is not None and self._shown[0] is state and self._shown[1] == view:
            return
        self._shown = state, view
        yield
        if self._summary.state is not state:
            self._summary = yield from summary_steps(state)
        yield from self._show(self._summary)

    def _show(self, summary: Summary) -> Iterator[None]:
        self._card.render(summary)
        put(self._messages, "value", messages_html(summary, self._sought(self._view.search)))
        self.controls.render(summary)
        self.units.render(summary)
        self.tuning.render(summary)
        self._offer_models(summary)
        self.alarms.render(summary)
        self.features.render(summary, self.controls.left_out)
        for plot in self._plots:
            yield
            plot.draw(plot.select(summary, self._view))
        # Last, so that a phase stands on the page only when all that belongs to it does.
        put(self._header, "value", header_html(summary.state))
        if summary.state.columns != self._said:
            self._said = summary.state.columns
            self._pump.later(_LISTENING_SECONDS, partial(say_again, self))

    def _sought(self, text: str) -> tuple[LeftOut, ...]:
        """Columns left out by screening whose names hold a text, and why."""
        screening, data = self.runner.screening, self.state.data
        if not text.strip() or screening is None or data is None:
            return ()
        # Going through a million names at every stroke of the pump would be felt.
        if self._found[:2] != (text, screening):
            found = screening.left_out(text.strip(), {feature.name for feature in data.features})
            self._found = text, screening, found
        return self._found[2]

    def _offer_models(self, summary: Summary) -> None:
        """Keep the importance menu to the models that have importances."""
        found = [(m.curve.model.label, m.curve.model.name) for m in summary.models if m.importances]
        options = [_VERDICTS_OWN, *found]
        if list(self._which.options) != options:
            chosen = self._which.value
            self._which.options = options
            # By their names: two models with settings of a person's own can have the same label.
            self._which.value = chosen if chosen in [name for _, name in options] else ""


def explore(
    table: object = None,
    target: str | None = None,
    *,
    options: StudyOptions | None = None,
    journal: Path | str | None = None,
) -> Dashboard:
    """Open the dashboard in a notebook.

    Parameters
    ----------
    table : object or None
        A pandas or Polars frame, a pyarrow Table or anything else with an Arrow stream, a path to a Parquet file, a
        folder of Parquet files or a CSV file, a `scalewise.SparseTable`, or the name of a built-in example. None offers
        the built-in examples.
    target : str or None
        The column to predict; None lets the person choose.
    options : StudyOptions or None
        What the controls begin with; a person can change it on the page.
    journal : path or None
        Where finished trials are kept; by default a file in the user's cache folder.

    Returns
    -------
    Dashboard
        A widget: the last expression of a cell shows it.

    Raises
    ------
    InputError
        If `table` is nothing that can be opened, or has no column `target`.

    Examples
    --------
    >>> scalewise.explore(df, target="late")  # doctest: +SKIP
    """
    if options is not None:
        target = target or options.target
        options = replace(options, target=target)
    if table is None or is_example(table):
        return Dashboard(table, target, options=options, journal=journal)
    named = isinstance(table, str | Path) or hasattr(table, "name")
    source = open_source(table, name=None if named else "your table")
    names = source.schema().names
    if target is not None and target not in names:
        raise InputError(unknown_name("column", target, names))
    return Dashboard(source, target, options=options, journal=journal)


def _open_journal(path: Path | str | None) -> tuple[Journal, str]:
    """The journal, or one in memory with the reason why."""
    try:
        return Journal(path or default_journal_path()), ""
    except JournalError as error:
        return Journal(None), f"{error} This session keeps its points in memory only."


def _panel(title: str, plot: widgets.Widget, tools: list[widgets.Widget]) -> widgets.VBox:
    heading = widgets.HBox([widgets.HTML(f"<h2 class='sw-title'>{title}</h2>"), *tools])
    heading.add_class("sw-heading")
    panel = widgets.VBox([heading, plot])
    panel.add_class("sw-panel")
    return panel


def _style() -> widgets.HTML:
    return widgets.HTML(f"<style>{css()}</style>", layout=widgets.Layout(display="none"))
