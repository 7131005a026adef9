"""Small pieces that the page is made of."""

from __future__ import annotations

import ipywidgets as widgets

from scalewise.app.parts import field, say_again


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
