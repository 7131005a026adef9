"""The question whether rows belong to groups or to time, and what a check of it says: below the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import ipywidgets as widgets

from scalewise.app.parts import put, status
from scalewise.core.spec import ROWS, SamplingUnit, UnitCandidate, UnitKind
from scalewise.core.summary import Summary
from scalewise.core.unit_checks import UnitCheck
from scalewise.core.unit_words import unit_asked, unit_question, unit_text

__all__ = ["UnitActions", "UnitPanel"]


@dataclass(frozen=True, slots=True)
class UnitActions:
    """What a person can do here.

    Parameters
    ----------
    check, sample_by : callable
        Given the unit.
    drop_check : callable
    """

    check: Callable[[SamplingUnit], None]
    sample_by: Callable[[SamplingUnit], None]
    drop_check: Callable[[], None]


class UnitPanel:
    """A line each for the likeliest groups and the likeliest time.

    Parameters
    ----------
    actions : UnitActions

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(self, actions: UnitActions) -> None:
        self._actions = actions
        self._answered: set[tuple[str, SamplingUnit]] = set()
        self._summary: Summary | None = None
        self.lines = (_Line(self, actions), _Line(self, actions))
        self.widget = widgets.VBox([line.widget for line in self.lines])
        for name in ("sw-questions", "sw-units"):
            self.widget.add_class(name)
        self.widget.layout.display = "none"

    def render(self, summary: Summary) -> None:
        """Bring the lines up to a summary."""
        self._summary = summary
        asked = [item for item in _questions(summary) if (self._table(), item[0]) not in self._answered]
        for place, line in enumerate(self.lines):
            line.render(summary, *(asked[place] if place < len(asked) else (None, "")))
        put(self.widget.layout, "display", "" if asked else "none")

    def answer_no(self, unit: SamplingUnit) -> None:
        """Take a question off the page, for this table."""
        self._answered.add((self._table(), unit))
        if self._summary is not None:
            self.render(self._summary)

    def _table(self) -> str:
        data = self._summary.state.data if self._summary else None
        return data.fingerprint if data else ""


class _Line:
    """One question with its buttons, or what the check of it says."""

    def __init__(self, panel: UnitPanel, actions: UnitActions) -> None:
        self._unit = ROWS
        self.text = widgets.HTML()
        self.check = widgets.Button(description="Check", tooltip="Fit a few small samples drawn so, and compare")
        self.cancel = widgets.Button(description="Cancel", tooltip="End the check; the study goes on")
        self.use = widgets.Button(description="Yes", tooltip="Draw and hold out rows so from now on")
        self.no = widgets.Button(description="No", tooltip="Take the question off the page")
        self.check.on_click(lambda _: actions.check(self._unit))
        self.cancel.on_click(lambda _: actions.drop_check())
        self.use.on_click(lambda _: actions.sample_by(self._unit))
        self.no.on_click(lambda _: panel.answer_no(self._unit))
        buttons = widgets.HBox([self.check, self.cancel, self.use, self.no])
        buttons.add_class("sw-question-buttons")
        self.widget = widgets.HBox([self.text, buttons])
        self.widget.add_class("sw-question")

    def render(self, summary: Summary, unit: SamplingUnit | None, question: str) -> None:
        put(self.widget.layout, "display", "none" if unit is None else "")
        if unit is None:
            return
        self._unit = unit
        check = next((check for check in summary.state.unit_checks if check.unit == unit), None)
        running = check is not None and check.phase == "running"
        put(self.text, "value", _text(summary, unit, question, check))
        put(self.check.layout, "display", "none" if running or (check and check.phase == "done") else "")
        put(self.check, "disabled", not summary.models or summary.state.open_check() is not None)
        put(self.cancel.layout, "display", "" if running else "none")
        put(self.use.layout, "display", "none" if unit == ROWS else "")
        put(self.use, "description", "Yes, hold out the last stretch" if unit.is_time else "Yes, draw whole groups")


def _questions(summary: Summary) -> list[tuple[SamplingUnit, str]]:
    """What to ask where single rows are drawn; where anything else is, single rows can be compared with it."""
    state = summary.state
    if state.data is None:
        return []
    if state.data.unit != ROWS:
        told = f"Rows are drawn and held out by {unit_text(state.data.unit)}. A check shows what single rows would say."
        return [(ROWS, told)] if summary.models else []
    kinds: tuple[tuple[UnitKind, tuple[UnitCandidate, ...]], ...] = (
        ("group", state.group_candidates),
        ("time", state.time_candidates),
    )
    return [
        (SamplingUnit(kind, found[0].column), unit_question(found[0], kind)) for kind, found in kinds if len(found) > 0
    ]


def _text(summary: Summary, unit: SamplingUnit, question: str, check: UnitCheck | None) -> str:
    done = next((found for found in summary.unit_checks if found.unit == unit), None)
    if done is not None:
        changes = "sw-unit-changes" if done.changes or done.warns else "sw-unit-same"
        asked = "" if unit == ROWS else f" {unit_asked(unit)}"
        return status(f"<span class='{changes}'>{escape(done.sentence)}</span>{escape(asked)}")
    phase = check.phase if check else ""
    if phase == "running":
        return status(f"{escape(question)} <i>Checking with a few samples drawn by {escape(unit_text(unit))} …</i>")
    if check is not None and phase == "failed":
        return status(f"{escape(question)} <i>The check was not possible: {escape(check.reason)}</i>")
    return status(escape(question))
