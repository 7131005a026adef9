"""How few features would do: the button that finds out, what keeping so many does, going on with them, and alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets

from scalewise.app.parts import put, status
from scalewise.core.features.feature_words import effect_words, search_words
from scalewise.core.spec import Alarm, LeftOut
from scalewise.core.study import StudyState
from scalewise.core.summary import Summary

__all__ = ["AlarmList", "FeatureActions", "FeatureTools"]

REASON = "left out: the score does without it"
_MOST_ALARMS, _MOST_NAMES = 6, 12


@dataclass(frozen=True, slots=True)
class FeatureActions:
    """What a person can do here.

    Parameters
    ----------
    find : callable
        Find out how few features would do.
    look : callable
        Given the number of features to look at; None leaves it to the scores.
    leave_out : callable
        Given columns to leave out and study the rest; an empty list takes all columns again.
    """

    find: Callable[[], None]
    look: Callable[[int | None], None]
    leave_out: Callable[[Sequence[LeftOut]], None]


class FeatureTools:
    """What stands beside the plot of scores against features.

    Parameters
    ----------
    actions : FeatureActions

    Attributes
    ----------
    button : ipywidgets.Button
        Finds out; for the heading.
    widget : ipywidgets.VBox
        The slider, what it does, and going on.
    """

    def __init__(self, actions: FeatureActions) -> None:
        self._actions = actions
        self._drawing = self._moved = False
        self._others: tuple[str, ...] = ()
        self._study = ""
        self.button = widgets.Button(description="Find out", tooltip="Fit the best few features and compare with all")
        self.slider = widgets.SelectionSlider(
            options=[("–", 0)], readout=False, disabled=True, layout=widgets.Layout(width="100%")
        )
        self.doing, self.told = widgets.HTML(), widgets.HTML()
        self.go_on = widgets.Button(description="Go on with these features", disabled=True)
        self.all_again = widgets.Button(description="Take all columns again")
        self.button.on_click(lambda _: self._actions.find())
        self.slider.observe(self._on_slide, "value")
        self.go_on.on_click(lambda _: self._go_on())
        self.all_again.on_click(lambda _: self._actions.leave_out(()))
        buttons = widgets.HBox([self.go_on, self.all_again])
        buttons.add_class("sw-keep-buttons")
        label = widgets.HTML("<div class='sw-label'>Features to keep</div>")
        self.widget = widgets.VBox([self.doing, label, self.slider, self.told, buttons])
        self.widget.add_class("sw-keep")

    def render(self, summary: Summary, left_out: Sequence[LeftOut]) -> None:
        """Bring the tools up to a summary."""
        state = summary.state
        put(self.button, "disabled", not _can_find(summary))
        words = search_words(state)
        put(self.doing, "value", status(escape(words)) if words else "")
        put(self.all_again.layout, "display", "" if left_out else "none")
        if state.study is None or state.study.id != self._study:
            self._study = state.study.id if state.study else ""
            if self._moved:
                self._moved = False
                self._actions.look(None)
        self._render_slider(summary)
        k = self.slider.value
        put(self.told, "value", _told(summary, k))
        point = summary.features.at(k) if summary.features else None
        kept = point.features if point else ()
        names = [feature.name for feature in state.data.features] if state.data else []
        self._others = tuple(name for name in names if name not in kept) if kept else ()
        put(self.go_on, "disabled", not self._others)

    def _render_slider(self, summary: Summary) -> None:
        curve = summary.features
        options = [(str(point.k), point.k) for point in curve.points] if curve else [("–", 0)]
        wanted = curve.keep.k if curve and curve.keep else options[-1][1]
        now = self.slider.value if self._moved else wanted
        self._drawing = True
        try:
            if list(self.slider.options) != options:
                self.slider.options = options
            put(self.slider, "value", now if now in dict(options).values() else wanted)
        finally:
            self._drawing = False
        put(self.slider, "disabled", curve is None)

    def _on_slide(self, change: dict[str, Any]) -> None:
        if not self._drawing:
            self._moved = True
            self._actions.look(change["new"])

    def _go_on(self) -> None:
        self._actions.leave_out([LeftOut(name, REASON) for name in self._others])


def _can_find(summary: Summary) -> bool:
    state, data = summary.state, summary.state.data
    searching = state.phase == "running" and any(trial.keep or trial.probes for trial in state.left)
    return summary.main is not None and data is not None and len(data.features) > 1 and not searching


def _told(summary: Summary, k: int) -> str:
    """What keeping k features does, and which they are."""
    machine = summary.state.machine
    lines = [f"<li>{escape(line)}</li>" for line in effect_words(summary, k, machine.free_bytes if machine else None)]
    point = summary.features.at(k) if summary.features else None
    if point is not None and point.features:
        shown = ", ".join(point.features[:_MOST_NAMES])
        more = f" and {k - _MOST_NAMES} more" if k > _MOST_NAMES else ""
        lines.append(f"<li>Kept: <b>{escape(shown)}</b>{more}.</li>")
    return f"<ul class='sw-effect'>{''.join(lines)}</ul>" if lines else ""


class AlarmList:
    """Alarms, each with a button that leaves its column out.

    Parameters
    ----------
    leave_out : callable
        Given the columns to leave out.

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(self, leave_out: Callable[[Sequence[LeftOut]], None]) -> None:
        self._leave_out = leave_out
        # Rows are made once and used again: the page may still be building one that would be closed by then.
        self._rows: list[_AlarmRow] = []
        self._more = widgets.HTML()
        self.widget = widgets.VBox([])
        self.widget.add_class("sw-alarms")

    def render(self, summary: Summary) -> None:
        """Show the alarms of a summary; nothing where there is none that a person could act on."""
        alarms = _urgent(summary)
        while len(self._rows) < min(len(alarms), _MOST_ALARMS):
            self._rows.append(_AlarmRow(self._leave_out))
        for row, alarm in zip(self._rows, alarms, strict=False):
            row.show(alarm, able=_can_leave_out(alarm, summary.state))
        more = len(alarms) - _MOST_ALARMS
        put(self._more, "value", f"<div class='sw-hint'>and {more} more</div>" if more > 0 else "")
        rows = [row.widget for row in self._rows[: len(alarms)]]
        put(self.widget, "children", (*rows, self._more) if more > 0 else tuple(rows))
        put(self.widget.layout, "display", "" if alarms else "none")


class _AlarmRow:
    """One alarm, and the button that leaves its column out."""

    def __init__(self, leave_out: Callable[[Sequence[LeftOut]], None]) -> None:
        self._leave_out = leave_out
        self._alarm: Alarm | None = None
        self._words, self._button = widgets.HTML(), widgets.Button(description="Leave out")
        self._button.on_click(self._on_click)
        self.widget = widgets.HBox([self._words, self._button])
        self.widget.add_class("sw-alarm-row")

    def show(self, alarm: Alarm, *, able: bool) -> None:
        """Show an alarm, with its button where that would do something."""
        self._alarm = alarm
        put(self._words, "value", f"<div class='sw-alarm' role='alert'>{escape(alarm.words)}</div>")
        put(self._button, "tooltip", f"Study the table without {', '.join(alarm.features)}")
        put(self._button.layout, "display", "" if able else "none")

    def _on_click(self, _: widgets.Button) -> None:
        if self._alarm is not None:
            why = f"left out by you: {self._alarm.words}"
            self._leave_out([LeftOut(name, why) for name in self._alarm.features])


def _urgent(summary: Summary) -> list[Alarm]:
    """Alarms but those about columns that models do not see anyway."""
    gone = {column.name for column in summary.state.left_out}
    return [alarm for alarm in summary.alarms if gone.isdisjoint(alarm.features)]


def _can_leave_out(alarm: Alarm, state: StudyState) -> bool:
    """Whether its columns are features, and not the only ones."""
    names = {feature.name for feature in state.data.features} if state.data else set()
    return bool(alarm.features) and set(alarm.features) < names
