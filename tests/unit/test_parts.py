"""Small pieces that the page is made of."""

from __future__ import annotations

import ipywidgets as widgets

from scalewise.app.parts import say_again


def test_what_is_said_again_is_all_that_a_widget_and_those_inside_it_show(monkeypatch):
    said = []
    monkeypatch.setattr(widgets.Widget, "send_state", lambda self: said.append(self))
    label, choice = widgets.HTML("a"), widgets.Dropdown(options=["a", "b"])
    inner = widgets.HBox([choice])
    outer = widgets.VBox([label, inner])
    said.clear()
    say_again(outer)
    assert said == [outer, label, inner, choice]
