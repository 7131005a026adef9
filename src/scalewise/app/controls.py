"""The controls, in the order of deciding: table, target, metric, models, sample, then Run and Stop.

They own their widgets, turn them into `StudyOptions`, and say what a person did through `ControlActions`. They never
compute: whatever takes time happens on the runner's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets

from scalewise.app.model_list import ModelList
from scalewise.app.parts import amount_field, field, folded, put
from scalewise.app.progress import progress_html
from scalewise.app.table_menu import FILE, TableChoice
from scalewise.app.unit_control import UnitControl
from scalewise.core.margin import USUAL_MARGIN, usual_margin
from scalewise.core.sizes import STEPS, default_fraction
from scalewise.core.spec import ROWS, DataSpec, LeftOut, SamplingUnit, Task
from scalewise.core.study import StudyState
from scalewise.core.summary import Summary
from scalewise.core.wording import percent_text, rows_text
from scalewise.models.metrics import default_metric, metric_label, metric_spec, metrics_for
from scalewise.options import StudyOptions

__all__ = ["ControlActions", "Controls"]

_TASKS: tuple[tuple[str, Task], ...] = (
    ("two classes", "binary"),
    ("more classes", "multiclass"),
    ("a number", "regression"),
)
_NO_TARGET = ("Choose a column …", "")
_MOST_REMARKS = 3
"""There is room for so many beside the target; below the plots they are all listed."""


@dataclass(frozen=True, slots=True)
class ControlActions:
    """What a person can do; each is called with what they need, from whichever thread the callback runs on.

    Parameters
    ----------
    open_table : callable
        Given the chosen entry and the path beside it (empty unless a file is asked for).
    prepare, start, change : callable
        Given the options.
    stop, clear : callable
    sample_by : callable
        Given the sampling unit.
    """

    open_table: Callable[[TableChoice, str], None]
    prepare: Callable[[StudyOptions], None]
    start: Callable[[StudyOptions], None]
    change: Callable[[StudyOptions], None]
    stop: Callable[[], None]
    clear: Callable[[], None]
    sample_by: Callable[[SamplingUnit], None]


class Controls:
    """The left column of the page.

    Parameters
    ----------
    tables : sequence of TableChoice
        The first one is opened at the start.
    actions : ControlActions
    extra : ipywidgets.Widget
        Stands below everything else.

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(self, tables: Sequence[TableChoice], actions: ControlActions, *, extra: widgets.Widget) -> None:
        self._tables = {choice.value: choice for choice in tables}
        self._actions = actions
        self._drawing = False
        self._shown_data: DataSpec | None = None
        self._is_running = self._is_prepared = False
        self._columns: tuple[str, ...] | None = None
        self._left_out: tuple[LeftOut, ...] = ()
        self._usual_gain = USUAL_MARGIN
        self._make_widgets()
        self._begin_with(tables[0].given)
        self.widget = self._lay_out(extra)
        self._listen()

    def _make_widgets(self) -> None:
        full = widgets.Layout(width="100%")
        menu = [(choice.label, value) for value, choice in self._tables.items()]
        self.table = widgets.Dropdown(options=menu, layout=full)
        self.path = widgets.Text(placeholder="/path/to/table.parquet or .csv", continuous_update=False, layout=full)
        self.about = widgets.HTML()
        self.target = widgets.Dropdown(options=[_NO_TARGET], layout=full, disabled=True)
        self.remarks = widgets.HTML()
        self.task = widgets.Dropdown(options=[("guessed from the target", ""), *_TASKS], layout=full)
        self.unit = UnitControl(self._on_unit)
        self.metric = widgets.Dropdown(options=[], layout=full, disabled=True)
        self.models = ModelList(self._on_plan)
        labels = [(percent_text(step), step) for step in STEPS]
        self.fraction = widgets.SelectionSlider(options=labels, value=0.1, readout=False, layout=full)
        self.rows = widgets.HTML()
        self.everything = widgets.Checkbox(value=False, description="Run everything up to here", indent=False)
        self.repeats = widgets.BoundedIntText(value=5, min=1, max=50, layout=full)
        self.seed = widgets.BoundedIntText(value=0, min=0, max=2**31 - 1, layout=full)
        self.min_gain = widgets.FloatText(value=self._usual_gain, step=0.001, layout=full)
        self.budget = widgets.FloatText(value=0, step=1, layout=full)
        self.price = widgets.FloatText(value=0, step=0.01, layout=full)
        self.budget.tooltip = "Minutes that the study may take from its first fit on"
        self.price.tooltip = "What an hour of one worker costs"
        self.run = widgets.Button(description="Run", button_style="primary", disabled=True, tooltip="Start fitting")
        self.stop = widgets.Button(description="Stop", disabled=True, tooltip="End running fits, keep finished points")
        self.clear = widgets.Button(description="Clear", disabled=True, tooltip="Take the results off the page")
        self.progress = widgets.HTML()

    def _begin_with(self, given: StudyOptions | None) -> None:
        """Set what does not depend on the table to what was asked for; the rest is when the table is known."""
        if given is None:
            return
        self.repeats.value, self.seed.value = given.repeats, given.seed
        self.min_gain.value = self._usual_gain if given.min_gain is None else given.min_gain
        self.budget.value, self.price.value = given.budget_minutes or 0, given.price_per_hour or 0
        self.everything.value = given.everything
        if given.max_fraction is not None:
            steps = sorted({*STEPS, given.max_fraction})
            self.fraction.options = [(percent_text(step), step) for step in steps]

    @property
    def _given(self) -> StudyOptions | None:
        """What was asked for beforehand of the table that the menu stands on."""
        return self._tables[self.table.value].given

    def _lay_out(self, extra: widgets.Widget) -> widgets.VBox:
        buttons = widgets.HBox([self.run, self.stop, self.clear])
        buttons.add_class("sw-buttons")
        self._path_field = field("File", self.path)
        self._path_field.layout.display = "none"
        column = widgets.VBox(
            [
                field("Table", self.table),
                self._path_field,
                self.about,
                field("Target", self.target, self.remarks),
                self.unit.widget,
                field("Metric", self.metric),
                field("Models, from simple to complex", self.models.widget),
                field("Largest sample", self.fraction, self.rows),
                amount_field("Least gain that counts", self.min_gain),
                self._more_settings(),
                buttons,
                self.progress,
                extra,
            ]
        )
        column.add_class("sw-controls")
        return column

    def _more_settings(self) -> widgets.Accordion:
        pair = widgets.HBox([field("Repeats", self.repeats), field("Seed", self.seed)])
        pair.add_class("sw-pair")
        budget = amount_field("Budget, minutes", self.budget, "0: no limit")
        limits = widgets.HBox([budget, amount_field("Price an hour", self.price, "0: not asked for")])
        limits.add_class("sw-pair")
        # A box with words of its own shows no tip.
        meant = "<div class='sw-hint'>Do not stop when the answer is decided, and drop no model.</div>"
        everything = widgets.VBox([self.everything, widgets.HTML(meant)])
        everything.add_class("sw-field")
        return folded("More settings", [field("Task", self.task), pair, limits, everything])

    def _listen(self) -> None:
        self.table.observe(self._on_table, "value")
        self.path.observe(self._on_table, "value")
        for control in (self.target, self.task, self.seed):
            control.observe(self._on_data, "value")
        self.metric.observe(self._on_metric, "value")
        for control in (self.fraction, self.everything, self.repeats, self.min_gain, self.budget, self.price):
            control.observe(self._on_plan, "value")
        self.run.on_click(self._on_run)
        self.stop.on_click(lambda _: self._actions.stop())
        self.clear.on_click(lambda _: self._actions.clear())

    def options(self) -> StudyOptions:
        """What the controls say now."""
        choice, unit = self._tables[self.table.value], self.unit.unit
        return StudyOptions(
            target=self.target.value,
            task=self.task.value or None,
            metric=self.metric.value or None,
            models=self.models.chosen,
            max_fraction=self.fraction.value,
            repeats=self.repeats.value,
            seed=self.seed.value,
            min_gain=self.min_gain.value,
            unit=ROWS if self.target.value in (unit.column or "").split(",") else unit,
            exclude=tuple(c for c in (*choice.left_out, *self._left_out) if c.name != self.target.value),
            budget_minutes=self.budget.value or None,
            price_per_hour=self.price.value or None,
            max_features=choice.given.max_features if choice.given else None,
            everything=self.everything.value,
            pinned=self.models.pinned,
        )

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Columns that a person left out on the page."""
        return self._left_out

    def leave_out(self, columns: Sequence[LeftOut]) -> None:
        """Leave columns out, beside those that are already, and study the rest; no columns takes all again."""
        self._left_out = (*self._left_out, *columns) if columns else ()
        self._actions.prepare(self.options())
        self._actions.start(self.options())

    def go_on_with(self, model: str) -> None:
        """Take one more model into the study, pinned, and go on with it."""
        with self._quietly():
            self.models.take(model)
        self._actions.start(self.options())

    def open_first(self) -> None:
        """Open the table that the menu stands on."""
        self._on_table({})

    def render(self, summary: Summary) -> None:
        """Bring the controls up to a summary; changes made here are not taken for a person's."""
        state = summary.state
        with self._quietly():
            self._render_columns(state)
            self._is_prepared = state.data is not None
            put(self.remarks, "value", _told(state.remarks))
            self.unit.render(state)
            one = self.unit.unit.is_one_sample
            put(self.repeats, "disabled", one)
            put(self.repeats, "tooltip", "There is only one past to draw from." if one else "")
            if state.data is not None and state.data != self._shown_data:
                self._render_data(state.data)
                self._shown_data = state.data
            self.render_rows(state)
            self._render_buttons(state)
            self.models.render_dropped(summary.agenda.dropped)
            put(self.progress, "value", progress_html(summary))

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self._drawing = True
        try:
            yield
        finally:
            self._drawing = False

    def _on_table(self, _: dict[str, Any]) -> None:
        choice = self._tables[self.table.value]
        asks_file = choice.value == FILE
        self._path_field.layout.display = "" if asks_file else "none"
        if asks_file and not self.path.value.strip():
            return
        self._columns, self._left_out = None, ()
        self.unit.show(choice.unit)
        self._actions.open_table(choice, self.path.value.strip())

    def _on_data(self, _: dict[str, Any]) -> None:
        if not self._drawing and self.target.value:
            self._actions.prepare(self.options())

    def _on_unit(self, unit: SamplingUnit) -> None:
        if self._is_prepared:
            self._actions.sample_by(unit)
        elif self.target.value:
            self._actions.prepare(self.options())

    def _on_run(self, _: object) -> None:
        (self._actions.start if self._is_prepared else self._actions.prepare)(self.options())

    def _on_metric(self, _: dict[str, Any]) -> None:
        if self._drawing:
            return
        if self._shown_data is not None:
            with self._quietly():
                self._render_gain(self._shown_data)
        if self._is_running:
            self._actions.start(self.options())

    def _on_plan(self, _: dict[str, Any]) -> None:
        if not self._drawing:
            self._actions.change(self.options())

    def _render_columns(self, state: StudyState) -> None:
        if state.phase == "opening" or state.columns == self._columns:
            return
        self._columns = state.columns
        choice = self._tables[self.table.value]
        # Of a very wide table only some columns are offered; the one asked for is among them all the same.
        asked = {choice.target: None} if state.n_columns and choice.target else {}
        offered = list(asked | dict.fromkeys(state.columns))
        self.target.options = [_NO_TARGET, *((name, name) for name in offered)]
        self.target.value = choice.target if choice.target in offered else ""
        self.target.disabled = not state.columns
        self.task.value = (choice.given.task if choice.given else None) or ""
        put(self.about, "value", f"<div class='sw-hint'>{escape(choice.about)}</div>" if choice.about else "")

    def _render_data(self, data: DataSpec) -> None:
        names = metrics_for(data.task)
        if [value for _, value in self.metric.options] != list(names):
            self.metric.options = [(metric_label(name), name) for name in names]
            asked = self._given.metric if self._given else None
            self.metric.value = asked if asked in names else default_metric(data.task)
        self.metric.disabled = False
        self._render_gain(data)
        known = self._shown_data
        if known is None or known.fingerprint != data.fingerprint:
            self.fraction.value = (self._given and self._given.max_fraction) or default_fraction(data)
        if known is None or known.task != data.task:
            self.models.offer(data.task, self._given)

    def _render_gain(self, data: DataSpec) -> None:
        """Set the least gain to what is usual of the metric, unless a person set it to something else."""
        usual = usual_margin(metric_spec(self.metric.value), data)
        if self.min_gain.value == self._usual_gain:
            self.min_gain.value = usual
        self.min_gain.step, self._usual_gain = usual / 5, usual

    def render_rows(self, state: StudyState) -> None:
        """Say how many rows the slider stands for."""
        text = f"up to {percent_text(self.fraction.value)} of the training rows"
        if state.data is not None:
            n_rows = state.data.rows_at(self.fraction.value)
            text = f"<b>{percent_text(self.fraction.value)}</b> = {rows_text(n_rows)} training rows"
        put(self.rows, "value", f"<div class='sw-hint sw-rows'>{text}</div>")

    def _render_buttons(self, state: StudyState) -> None:
        running = self._is_running = state.phase == "running"
        look = state.phase == "opened" and bool(self.target.value)
        put(self.run, "disabled", running or (state.data is None and not look))
        put(self.run, "description", "Look at it" if look else "Go on" if state.phase == "stopped" else "Run")
        # Streams go on when the study has finished, and begin after it.
        can_stop = running or state.phase == "preparing" or bool(state.open_streams())
        put(self.stop, "disabled", not can_stop)
        put(self.clear, "disabled", running or not state.records)


def _told(remarks: Sequence[str]) -> str:
    """What to know of the table before pressing Run, such as rows that are left out."""
    return "".join(f"<div class='sw-hint'>{escape(remark)}</div>" for remark in remarks[:_MOST_REMARKS])
