"""Events turned into plain dicts and back, as journals keep them."""

from __future__ import annotations

import types
from dataclasses import asdict, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from scalewise.core.events import Event

__all__ = ["event_from_dict", "event_to_dict"]

# Every event is known by now: a package is imported before the files in it.
_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


def event_to_dict(event: Event) -> dict[str, Any]:
    """Turn an event into plain numbers, text, lists and dicts."""
    return {"event": type(event).__name__, **asdict(event)}


def event_from_dict(content: dict[str, Any]) -> Event:
    """Turn what `event_to_dict` gave, also by way of JSON, back into the event.

    Raises
    ------
    ValueError
        If the content is no event that this version knows.
    """
    content = dict(content)
    kind = _EVENTS.get(str(content.pop("event", None)))
    if kind is None:
        raise ValueError(f"no event of this version: {content}")
    event: Event = _revive(kind, content)
    return event


def _revive(kind: Any, value: Any) -> Any:
    """Build a value of an annotated type from plain data."""
    origin = get_origin(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        known = {f.name for f in fields(kind)}
        if not isinstance(value, dict) or not set(value) <= known:
            raise ValueError(f"not a {kind.__name__}: {value!r}")
        return kind(**{name: _revive(hints[name], item) for name, item in value.items()})
    if origin is tuple:
        return tuple(_revive(get_args(kind)[0], item) for item in value)
    if origin in (Union, types.UnionType):
        inner = [k for k in get_args(kind) if k is not type(None)]
        return None if value is None else _revive(inner[0], value)
    if kind is float and value is None:
        return float("nan")
    return float(value) if kind is float else value
