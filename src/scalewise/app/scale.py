"""The scale-out panel: where the rest of a study is to run, what that brings, and how the cluster is doing.

It owns its widgets and says what a person did through `ScaleActions`. Engines are made on the runner's thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from scalewise.app.parts import amount_field, field, put
from scalewise.app.scale_words import CostMeter, preview_html, status_html
from scalewise.core.scaleout import preview, stream_words
from scalewise.core.study import StudyState
from scalewise.data.blocks import block_rows
from scalewise.engines.base import Engine
from scalewise.errors import InputError
from scalewise.models.catalog import models_for

if TYPE_CHECKING:
    from scalewise.engines.cluster_status import ClusterStatus

__all__ = ["ScaleActions", "ScalePanel"]

_PLACES = (
    ("a new cluster on this machine", "local"),
    ("a cluster at an address", "address"),
    ("a cluster class", "class"),
)
_UNKNOWN_WORKERS = 4
"""What is reckoned with where nobody knows before joining."""

_GO_ON = "The study is stopped: press Go on once the other workers are there."
_OURS = "A cluster started here is closed when you come back, when this page or its kernel is closed, or after"
_CLOSING = {
    "local": f"{_OURS} an idle hour.",
    "address": "The cluster at the address is left as it is when you come back.",
    "class": f"{_OURS} 30 idle minutes.",
}


@dataclass(frozen=True, slots=True)
class ScaleActions:
    """What a person can do here.

    Parameters
    ----------
    move : callable
        Given a function that makes the other engine.
    accept, come_home : callable
    scale : callable
        Given the number of workers.
    stream : callable
        Given a model's name.
    look : callable
        Called when the panel is to be rendered anew, whatever the study does.
    """

    move: Callable[[Callable[[], Engine]], None]
    accept: Callable[[], None]
    come_home: Callable[[], None]
    scale: Callable[[int], None]
    stream: Callable[[str], None]
    look: Callable[[], None]


class ScalePanel:
    """Where the rest of a study runs.

    Parameters
    ----------
    actions : ScaleActions

    Attributes
    ----------
    widget : ipywidgets.VBox
        The panel; hidden until it is asked for.
    button : ipywidgets.Button
        Opens it; stands among the controls.
    """

    def __init__(self, actions: ScaleActions) -> None:
        self._actions = actions
        self._open = False
        self._meter = CostMeter()
        self._make_widgets()
        self.widget = self._lay_out()
        self._show_fields()
        self._listen()

    def _make_widgets(self) -> None:
        full = widgets.Layout(width="100%")
        most = max(8, 2 * (os.cpu_count() or 1))
        self.button = widgets.Button(description="Scale out …", tooltip="Run the rest on a Dask cluster", layout=full)
        self.place = widgets.Dropdown(options=_PLACES, layout=full)
        self.workers = widgets.IntSlider(value=min(4, os.cpu_count() or 1), min=1, max=most, layout=full)
        self.address = widgets.Text(placeholder="tcp://host:8786 or tls://host:8786", layout=full)
        self.ca_file, self.cert, self.key = (
            widgets.Text(placeholder=f"{name} file, for tls:// only", layout=full)
            for name in ("CA", "certificate", "key")
        )
        self.path = widgets.Text(placeholder="dask_jobqueue.SLURMCluster", layout=full)
        self.keywords = widgets.Text(placeholder='{"cores": 4, "memory": "16GB"}', layout=full)
        self.price = widgets.FloatText(value=0, step=0.01, layout=full)
        self.start = widgets.Button(description="Start", button_style="primary")
        self.home = widgets.Button(description="Close and come back", disabled=True)
        self.home.tooltip = "Go on with the workers of this machine"
        self.accept = widgets.Button(description="Go on all the same")
        self.model = widgets.Dropdown(options=[], layout=widgets.Layout(width="auto", min_width="0"))
        self.model.description = "Model that learns every row"
        self.stream = widgets.Button(description="Stream the whole table", tooltip="One pass over all rows, in blocks")
        self.said, self.blocks = widgets.HTML(), widgets.HTML()

    def _lay_out(self) -> widgets.VBox:
        workers = field("Workers", self.workers)
        self._fields = {
            "address": tuple(map(field, ("Address", "", "", ""), (self.address, self.ca_file, self.cert, self.key))),
            "class": (field("Class", self.path), field("Keyword arguments, as JSON", self.keywords), workers),
            "local": (workers,),
        }
        places = list(dict.fromkeys(box for boxes in self._fields.values() for box in boxes))
        price = amount_field("Price of a worker hour", self.price, "0: not asked for")
        form = widgets.VBox([field("Where", self.place), *places, price])
        form.add_class("sw-scale-form")
        streaming = widgets.HBox([self.model, self.stream])
        streaming.add_class("sw-pair")
        buttons = widgets.HBox([self.start, self.accept, self.home])
        buttons.add_class("sw-buttons")
        learned = widgets.VBox([streaming, self.blocks])
        learned.add_class("sw-field")
        learning = field("Incremental learning over every row", learned)
        told = widgets.VBox([self.said, buttons, learning])
        told.add_class("sw-told")
        body = widgets.HBox([form, told])
        body.add_class("sw-scale")
        panel = widgets.VBox([widgets.HTML("<h2 class='sw-title'>Scale out</h2>"), body])
        panel.add_class("sw-panel")
        panel.layout.display = "none"
        return panel

    def _listen(self) -> None:
        self.button.on_click(self._toggle)
        self.place.observe(lambda _: self._show_fields(), "value")
        self.place.observe(lambda _: self._actions.look(), "value")
        self.workers.observe(self._on_workers, "value")
        self.start.on_click(lambda _: self._actions.move(self._maker()))
        self.home.on_click(lambda _: self._actions.come_home())
        self.accept.on_click(lambda _: self._actions.accept())
        self.stream.on_click(lambda _: self._actions.stream(self.model.value) if self.model.value else None)

    def _toggle(self, _: object) -> None:
        self._open = not self._open
        self.widget.layout.display = "" if self._open else "none"
        self._actions.look()

    def _show_fields(self) -> None:
        shown = self._fields[self.place.value]
        for box in {box for boxes in self._fields.values() for box in boxes}:
            box.layout.display = "" if box in shown else "none"

    def _on_workers(self, change: dict[str, Any]) -> None:
        if not self.home.disabled:
            self._actions.scale(change["new"])
        self._actions.look()

    def _maker(self) -> Callable[[], Engine]:
        """What makes the engine that the form asks for; what was typed is read now, and judged when it is made."""
        if self.place.value == "address":
            files = tuple(w.value.strip() for w in (self.ca_file, self.cert, self.key))
            return partial(_at_address, self.address.value.strip(), files)
        if self.place.value == "class":
            return partial(_of_class, self.path.value.strip(), self.keywords.value, self.workers.value)
        return partial(_here, self.workers.value)

    def render(self, state: StudyState, engine: Engine, workers_here: int) -> None:
        """Bring the panel up to a state and the engine that trials go to."""
        started = state.study is not None
        away = bool(state.away)
        if not away:
            self._meter.reset()
        put(self.button, "disabled", not started)
        put(self.start, "disabled", away or not started)
        put(self.home, "disabled", not away)
        put(self.accept.layout, "display", "" if state.difference else "none")
        self._offer_streams(state)
        if self._open:
            put(self.said, "value", self._status(state, engine) if away else self._preview(state, workers_here))

    def _offer_streams(self, state: StudyState) -> None:
        task = state.data.task if state.data and state.study else None
        models = [(e.spec.label, e.name) for e in models_for(task) if e.spec.incremental] if task else []
        if [*self.model.options] != models:
            self.model.options = models
            self.model.value = models[0][1] if models else None
        put(self.stream, "disabled", not models or bool(state.open_streams()))
        if self._open and self.model.value and state.data:
            words = stream_words(state, self.model.value, block_rows(len(state.data.features)))
            put(self.blocks, "value", f"<div class='sw-hint'>{words}</div>")

    def _preview(self, state: StudyState, workers_here: int) -> str:
        if state.study is None:
            return ""
        there = _UNKNOWN_WORKERS if self.place.value == "address" else self.workers.value
        seen = preview(state, workers_here=workers_here, workers_there=there)
        go_on = (_GO_ON,) if state.phase == "stopped" else ()
        closing = f"{_CLOSING[self.place.value]} Points stay, and say where they were computed."
        return preview_html(seen, (closing, *go_on))

    def _status(self, state: StudyState, engine: Engine) -> str:
        status: ClusterStatus = getattr(engine, "status", None) or _no_status(state.away)
        return status_html(state, status, self.price.value * self._meter.read(len(status.workers)))


def _no_status(name: str) -> ClusterStatus:
    """What is known of an engine that is no cluster."""
    from scalewise.engines.cluster_status import ClusterStatus

    return ClusterStatus(name, address=name)


def _here(n_workers: int) -> Engine:
    from scalewise.engines import open_engine

    return open_engine("dask", workers=n_workers)


def _at_address(address: str, files: tuple[str, ...]) -> Engine:
    from scalewise.engines.clusters import AddressPlace, Tls
    from scalewise.engines.dask import DaskEngine

    if "://" not in address:
        raise InputError(f"The address is {address!r}; give one such as tcp://host:8786.")
    security = Tls(*files).security() if any(files) else None
    return DaskEngine(AddressPlace(address, security))


def _of_class(path: str, keywords: str, n_workers: int) -> Engine:
    from scalewise.engines.clusters import ClassPlace
    from scalewise.engines.dask import DaskEngine

    try:
        options = json.loads(keywords or "{}")
    except json.JSONDecodeError as error:
        raise InputError(f'The keyword arguments are no JSON ({error}); write them as {{"cores": 4}}.') from error
    if not isinstance(options, dict):
        raise InputError('The keyword arguments must be a JSON object, such as {"cores": 4}.')
    return DaskEngine(ClassPlace(path, options, n_workers))
