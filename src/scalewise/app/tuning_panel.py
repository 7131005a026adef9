"""The question whether other settings of the model would do better: below the verdict, once the study is at rest."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import ipywidgets as widgets

from scalewise.app.parts import put, status
from scalewise.core.summary import Summary
from scalewise.core.tuning_plan import SETTINGS
from scalewise.core.wording import duration_text, rows_text

__all__ = ["TuningPanel"]


class TuningPanel:
    """What tuning would take with the button that tries it, how far it is, and what came of it.

    Parameters
    ----------
    tune : callable
        Called without arguments: try other settings of the verdict's model.

    Attributes
    ----------
    widget : ipywidgets.HBox
    """

    def __init__(self, tune: Callable[[], None]) -> None:
        self.text = widgets.HTML()
        self.button = widgets.Button(description="Try", tooltip="Try other settings inside a few samples, and compare")
        self.button.on_click(lambda _: tune())
        buttons = widgets.HBox([self.button])
        buttons.add_class("sw-question-buttons")
        line = widgets.HBox([self.text, buttons])
        line.add_class("sw-question")
        self.widget = widgets.VBox([line])
        for name in ("sw-questions", "sw-tuning"):
            self.widget.add_class(name)
        self.widget.layout.display = "none"

    def render(self, summary: Summary) -> None:
        """Bring the line up to a summary."""
        text, can_try = _line(summary)
        put(self.text, "value", status(escape(text)))
        put(self.button.layout, "display", "" if can_try else "none")
        put(self.widget.layout, "display", "" if text else "none")


def _line(summary: Summary) -> tuple[str, bool]:
    """What to say, and whether there is something to try."""
    state, plan = summary.state, summary.state.plan.tuning if summary.state.plan else None
    left = [trial for trial in plan.tuned if trial in state.left] if plan else []
    if plan is not None and left and state.phase == "running":
        model, done = summary.model(plan.model), plan.repeats - len(left)
        of = f" of {model.label}" if model else ""
        return f"Trying {plan.settings} settings{of}: {done} of {plan.repeats} samples done …", False
    if summary.tuning is not None and not left:
        return summary.tuning.sentence(state.study.metric.label if state.study else ""), False
    question = _question(summary)
    return question, bool(question)


def _question(summary: Summary) -> str:
    """Ask whether to try; nothing while a study has better things to do."""
    way = next((way for way in summary.verdict.ways if way.action == "tune"), None)
    if way is None or summary.state.phase not in ("finished", "stopped"):
        return ""
    price = f"{SETTINGS} settings on {rows_text(way.n_rows)} rows take about {duration_text(60 * way.minutes)}"
    return f"Would other settings of {way.model} do better? {price}."
