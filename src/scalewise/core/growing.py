"""A mapping that is never changed, and of which a larger one can be made without copying it."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

__all__ = ["GrowingMap"]

K = TypeVar("K")
V = TypeVar("V")


class GrowingMap(Mapping[K, V]):
    """A mapping in the order of insertion, whose successors share its content.

    A study folds thousands of results, one at a time; copying all of those before for each would take a time that grows
    with the square of their number. Here all maps of one line of succession share one log, of which each sees its own
    beginning; only where a map gets a second successor, or a value is replaced, is the log copied.

    Only one thread may make successors; any thread may read any map meanwhile.

    Parameters
    ----------
    content : mapping or None
        What it holds at first.
    """

    __slots__ = ("_keys", "_length", "_places", "_values")

    def __init__(self, content: Mapping[K, V] | None = None) -> None:
        self._keys: list[K] = list(content or ())
        self._values: list[V] = list((content or {}).values())
        self._places: dict[K, int] = {key: place for place, key in enumerate(self._keys)}
        self._length = len(self._keys)

    def including(self, key: K, value: V) -> GrowingMap[K, V]:
        """Give the map that has one more item, or another value for a key."""
        if key in self:
            return GrowingMap({**dict(self.items()), key: value})
        if len(self._keys) > self._length:
            return GrowingMap(dict(self.items())).including(key, value)
        # The place last: whoever finds it finds the item as well.
        self._keys.append(key)
        self._values.append(value)
        self._places[key] = self._length
        larger: GrowingMap[K, V] = GrowingMap()
        larger._keys, larger._values, larger._places = self._keys, self._values, self._places
        larger._length = self._length + 1
        return larger

    def items(self) -> ItemsView[K, V]:
        """Keys with their values, in the order of insertion."""
        return _Items(self)

    def __getitem__(self, key: K) -> V:
        place = self._places[key]
        if place >= self._length:
            raise KeyError(key)
        return self._values[place]

    def __contains__(self, key: object) -> bool:
        places: Mapping[Any, int] = self._places
        return places.get(key, self._length) < self._length

    def __iter__(self) -> Iterator[K]:
        return islice(self._keys, self._length)

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        return f"GrowingMap({dict(self.items())!r})"


class _Items(ItemsView[K, V]):
    """The items of a map, without looking each key up."""

    _mapping: GrowingMap[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        both = zip(self._mapping._keys, self._mapping._values, strict=False)  # either may just be growing
        return islice(both, len(self._mapping))
