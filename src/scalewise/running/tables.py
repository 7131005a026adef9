"""The table that studies are about: opened, looked at with a target in mind, and sampled by one unit or another."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Protocol

from scalewise.core import events as ev
from scalewise.core.spec import SamplingUnit
from scalewise.data.prepare import Prepared, sampled_by
from scalewise.data.sources import Source
from scalewise.errors import ScalewiseError
from scalewise.options import StudyOptions
from scalewise.running.errands import Errand, Errands

__all__ = ["Tables"]

_OFFERED = 500
"""First and last columns of a very wide table that are offered as targets."""


class TellTable(Protocol):
    """Folds an event."""

    def __call__(self, event: ev.Event) -> None:
        """Tell it."""


class Tables:
    """Takes up one table after another. Belongs to the runner's thread.

    Parameters
    ----------
    errands : Errands
        Look at very wide tables bit by bit, between messages.
    tell : callable
        Folds an event.
    show : callable
        Shows the state at once, before something that takes long.

    Attributes
    ----------
    prepared : Prepared or None
        The table made ready for a study.
    """

    def __init__(self, errands: Errands, tell: TellTable, show: Callable[[], None]) -> None:
        self._errands, self._tell, self._show = errands, tell, show
        self._source: Source | None = None
        self._columns: tuple[str, ...] = ()
        self._options: StudyOptions | None = None
        self.prepared: Prepared | None = None

    def open(self, name: str, opener: Callable[[], Source]) -> None:
        """Take up a table.

        Raises
        ------
        ScalewiseError
            If it cannot be opened; the state has the reason.
        """
        self._source = self.prepared = None
        self._tell(ev.TableOpening(name=name))
        self._show()
        with self._refusing():
            self._source = opener()
            self._columns = tuple(self._source.schema().names)
        self._tell_opened(self._source)

    def prepare(self, options: StudyOptions) -> None:
        """Look at the open table with a target in mind; of a very wide one what takes long becomes an errand.

        Raises
        ------
        ScalewiseError
            If it cannot be studied as asked; the state has the reason.
        """
        if self._source is None:
            return
        self._options, self.prepared = options, None
        self._tell(ev.TablePreparing())
        self._show()
        steps = self._looking(options.preparing(self._source))
        with self._refusing():
            for _ in steps:
                dropped = partial(self._tell_opened, self._source)
                self._errands.add(Errand(steps, self.tell_prepared, self._refuse, dropped))
                return
        self.tell_prepared()

    def other_unit(self, unit: SamplingUnit) -> Callable[[], None] | None:
        """Find out what makes the prepared table one that is drawn by another unit; None where it is that already.

        Raises
        ------
        ScalewiseError
            If it cannot be sampled so; nothing has changed then.
        """
        if self.prepared is None or self._options is None or self.prepared.data.unit == unit:
            return None
        if self.prepared.screening is not None:
            # Its columns were chosen on rows that may be held out then.
            return partial(self.prepare, replace(self._options, unit=unit))
        return partial(self._take, sampled_by(self.prepared, unit))

    def tell_prepared(self) -> None:
        """Show the prepared table, without results; nothing where there is none."""
        prepared = self.prepared
        if prepared is not None:
            self._tell(
                ev.TablePrepared(
                    data=prepared.data,
                    left_out=prepared.left_out,
                    remarks=prepared.notes,
                    group_candidates=prepared.group_candidates,
                    time_candidates=prepared.time_candidates,
                    groups=prepared.look.groups,
                    alarms=prepared.look.alarms,
                )
            )

    def _take(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.tell_prepared()

    def _looking(self, looks: Generator[tuple[int, int], None, Prepared]) -> Iterator[None]:
        """Prepare a table, telling how far that is at each step."""
        while True:
            try:
                looked_at, in_all = next(looks)
            except StopIteration as done:
                self.prepared = done.value
                return
            self._tell(ev.TablePreparing(n_looked_at=looked_at, n_in_all=in_all))
            yield

    def _tell_opened(self, source: Source) -> None:
        names, many = self._columns, len(self._columns) > 2 * _OFFERED
        offered = names[:_OFFERED] + names[-_OFFERED:] if many else names
        self._tell(ev.TableOpened(name=source.name, columns=offered, n_columns=len(names) if many else 0))

    def _refuse(self, error: ScalewiseError) -> None:
        with self._refusing():
            raise error

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Tell why a table is refused, and let the error go on."""
        try:
            yield
        except ScalewiseError as error:
            self._tell(ev.TableRefused(reason=str(error)))
            raise
