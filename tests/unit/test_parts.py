"""Small pieces that the page is made of."""

from __future__ import annotations

import ipywidgets as widgets
import pytest

from scalewise.app.parts import amount_field, field, say_again


def test_what_is_said_again_is_all_that_a_widget_and_those_inside_it_show(monkeypatch):
    said = []
    monkeypatch.setattr(widgets.Widget, "send_state", lambda self: said.append(self))
    label, choice = widgets.HTML("a"), widgets.Dropdown(options=["a", "b"])
    inner = widgets.HBox([choice])
    outer = widgets.VBox([label, inner])
    said.clear()
    say_again(outer)
    assert said == [outer, label, inner, choice]


def test_a_control_bears_its_label_for_those_who_cannot_see_where_it_stands():
    number = widgets.BoundedIntText()
    above, *below = field("Repeats", number, widgets.HTML("so many")).children
    assert number.description == "Repeats"
    assert "Repeats" in above.value
    assert "aria-hidden" in above.value
    assert below[0] is number


@pytest.mark.parametrize(("typed", "shown"), [(-1.0, "−1"), (float("inf"), "Infinity"), (float("nan"), "NaN")])
def test_an_amount_that_cannot_be_is_not_taken_and_that_is_said_until_a_good_one_comes(typed, shown):
    box = widgets.FloatText(value=2.0)
    told = amount_field("Budget", box, "0: no limit").children[-1]
    assert "0: no limit" in told.value
    taken = []
    box.observe(lambda change: taken.append(box.value), "value")
    box.set_state({"value": typed})
    assert box.value == 2.0
    assert set(taken) == {2.0}
    assert f"{shown} is not taken: it must be 0 or more" in told.value
    box.set_state({"value": 0.0})
    assert "0: no limit" in told.value
