"""The control "Rows belong to": what is drawn and held out, with the columns that suggest themselves first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from scalewise.app.parts import field, put
from scalewise.core.spec import ROWS, SamplingUnit, UnitCandidate, UnitKind
from scalewise.core.study import StudyState

__all__ = ["UnitControl"]

_KINDS: tuple[tuple[str, UnitKind], ...] = (
    ("single rows", "row"),
    ("whole groups of …", "group"),
    ("time: the latest rows before", "time"),
    ("time: spread over the past", "thinned"),
)
_NO_COLUMN = ("Choose a column …", "")


class UnitControl:
    """Two menus: the kind of unit, and the column where one is needed.

    Parameters
    ----------
    choose : callable
        Called with the unit that a person chose.

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(self, choose: Callable[[SamplingUnit], None]) -> None:
        self._choose = choose
        self._drawing = False
        self._state = StudyState()
        self.kind = widgets.Dropdown(options=_KINDS, layout=widgets.Layout(width="100%"), disabled=True)
        hidden = widgets.Layout(width="100%", display="none")
        self.column = widgets.Dropdown(options=[_NO_COLUMN], layout=hidden)
        self.widget = field("Rows belong to", self.kind)
        self.widget.children = (*self.widget.children, self.column)
        self.kind.observe(self._on_kind, "value")
        self.column.observe(self._on_column, "value")

    @property
    def unit(self) -> SamplingUnit:
        """What the menus say; single rows while no column is chosen."""
        return SamplingUnit(self.kind.value, self.column.value) if self._is_complete else ROWS

    @property
    def _is_complete(self) -> bool:
        return self.kind.value != "row" and bool(self.column.value)

    def render(self, state: StudyState) -> None:
        """Show the unit of the prepared table; what could not be used is taken back so."""
        before, self._state = self._state, state
        put(self.kind, "disabled", not state.columns)
        if state.data is None or state is before:
            return
        # While a person is still to choose a column, the menus are ahead of the state.
        choosing = self.kind.value != "row" and not self.column.value and before.data == state.data
        if not choosing:
            self.show(state.data.unit)

    def show(self, unit: SamplingUnit) -> None:
        """Set the menus without taking that for a person's choice."""
        with self._quietly():
            put(self.kind, "value", unit.kind)
            self._offer(unit.column or "")

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        self._drawing, before = True, self._drawing
        try:
            yield
        finally:
            self._drawing = before

    def _on_kind(self, _: dict[str, Any]) -> None:
        if self._drawing:
            return
        candidates = self._candidates()
        kept = self.column.value if self.kind.value in ("time", "thinned") and self._shows_times() else ""
        with self._quietly():
            self._offer(kept or (candidates[0].column if candidates else ""))
        self._say()

    def _shows_times(self) -> bool:
        """Whether the column shown is that of a time already, so that thinning keeps it."""
        data = self._state.data
        return data is not None and data.unit.is_time and data.unit.column == self.column.value

    def _on_column(self, _: dict[str, Any]) -> None:
        if not self._drawing:
            self._say()

    def _say(self) -> None:
        if self.kind.value == "row" or self._is_complete:
            self._choose(self.unit)

    def _candidates(self) -> tuple[UnitCandidate, ...]:
        state = self._state
        return {"row": (), "group": state.group_candidates}.get(self.kind.value, state.time_candidates)

    def _offer(self, chosen: str) -> None:
        """Fill the menu of columns, likely ones first."""
        likely = {c.column: f"{c.column} (likely)" for c in self._candidates()}
        target = self._state.data.target if self._state.data else ""
        others = [name for name in self._state.columns if name not in likely and name != target]
        extra = [chosen] if chosen and chosen not in likely and chosen not in others else []
        options = [_NO_COLUMN, *((label, name) for name, label in likely.items()), *((n, n) for n in [*extra, *others])]
        if list(self.column.options) != options:
            self.column.options = options
        put(self.column, "value", chosen)
        self.column.layout.display = "none" if self.kind.value == "row" else ""
