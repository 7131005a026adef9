"""The question whether other settings of the model would do better: below the verdict, once the study is at rest."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import ipywidgets as widgets

from scalewise.app.parts import put, status
from scalewise.core.summary import Summary
from scalewise.core.tuning import Tuning
from scalewise.core.tuning_plan import SETTINGS
from scalewise.core.wording import duration_text, rows_text

__all__ = ["TuningPanel"]


class TuningPanel:
    """What tuning would take with the button that tries it, how far it is, and what came of it.

    Parameters
    ----------
    tune : callable
        Called without arguments: try other settings of the verdict's model.
    go_on : callable
        Given the name of a model with its settings: take it into the study.

    Attributes
    ----------
    widget : ipywidgets.HBox
    """

    def __init__(self, tune: Callable[[], None], go_on: Callable[[str], None]) -> None:
        self._tuned = ""
        self.text = widgets.HTML()
        self.button = widgets.Button(description="Try", tooltip="Try other settings inside a few samples, and compare")
        self.button.on_click(lambda _: tune())
        self.go_on = widgets.Button(
            description="Go on with these settings", tooltip="Draw the learning curve of the model with these settings"
        )
        self.go_on.on_click(lambda _: go_on(self._tuned))
        buttons = widgets.HBox([self.button, self.go_on])
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
        self._tuned = _better(summary)
        put(self.go_on.layout, "display", "" if self._tuned else "none")
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
        return _result(summary, summary.tuning), False
    question = _question(summary)
    return question, bool(question)


def _result(summary: Summary, found: Tuning) -> str:
    """What came of it, whether that may be chance, and under which label the model with these settings is studied."""
    state = summary.state
    said = [found.sentence(state.study.metric.label if state.study else "")]
    if found.chosen and found.gain.low <= 0 < found.gain.mean:
        said.append("So small a gain may be chance.")
    models = state.plan.models if state.plan else ()
    said += [found.studied_as(model.label) for model in models if found.chosen and model.name == found.tuned]
    return " ".join(said)


def _better(summary: Summary) -> str:
    """The model with settings that did better and that is not studied yet, by its name; empty where there is none."""
    found, resting = summary.tuning, summary.state.phase in ("finished", "stopped")
    if found is None or not found.chosen or found.gain.mean <= 0 or not resting:
        return ""
    return "" if summary.state.plan and found.tuned in [m.name for m in summary.state.plan.models] else found.tuned


def _question(summary: Summary) -> str:
    """Ask whether to try; nothing while a study has better things to do."""
    way = next((way for way in summary.verdict.ways if way.action == "tune"), None)
    if way is None or summary.state.phase not in ("finished", "stopped"):
        return ""
    price = f"{SETTINGS} settings on {rows_text(way.n_rows)} rows take about {duration_text(60 * way.minutes)}"
    return f"Would other settings of {way.model} do better? {price}."
