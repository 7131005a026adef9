"""Work on whole tables beside the trials of a study: streams, the models to keep, and predictions part by part."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from scalewise.core import events as ev
from scalewise.core.model_names import parted
from scalewise.core.spec import ModelSpec, StudySpec, Task, Trial, content_id
from scalewise.core.study import StudyState
from scalewise.data.blocks import TableRef, lay_out_table, write_parquet
from scalewise.data.parquet_files import ParquetSource, Stretch
from scalewise.data.prepare import Prepared
from scalewise.data.sources import Source
from scalewise.data.store import SampleStore
from scalewise.engines.base import StreamTask
from scalewise.errors import InputError
from scalewise.models.catalog import MODELS, get_model
from scalewise.models.fitted import FittedModel, Part, fit_pickled, predict_part
from scalewise.models.streaming import run_stream, stream_order

__all__ = ["WholeTable", "empty_folder", "incremental_models", "predictions", "put_in_place", "stream_key"]

_PART_ROWS = 250_000
_JOURNAL_STEP = 1.05
"""Scores of a stream are journaled when its rows have grown by this much: a bounded number, however long the table."""


@dataclass
class WholeTable:
    """What a study does with all rows of its table.

    Parameters
    ----------
    study : StudySpec
    prepared : Prepared
    store : SampleStore
    """

    study: StudySpec
    prepared: Prepared
    store: SampleStore
    streaming: set[str] = field(default_factory=set)
    """Models whose streams wait or run."""
    _kept: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    _journaled: dict[str, int] = field(default_factory=dict)
    _table: TableRef | None = None

    def queued(self, model: str, passes: int) -> ev.StreamQueued:
        """Begin to expect a stream.

        Raises
        ------
        InputError
            If the model cannot learn this table block by block, or passes are not from 1 to 100.
        """
        spec = _checked_model(model, self.study.data.task)
        if not (isinstance(passes, int) and 1 <= passes <= 100):
            raise InputError(f"A stream of {passes} passes was asked for; give a whole number from 1 to 100.")
        self.streaming.add(spec.name)
        self._journaled[spec.name] = 0
        return ev.StreamQueued(model=spec, n_rows=passes * self.study.data.n_train_rows, passes=passes)

    def lay_out(self) -> Iterator[None]:
        """Make the whole table, and the sample that streams begin with, readable by workers; once for all streams."""
        yield from self.store.fill({0: stream_order("", "", self.study.data, 1).n_first})
        if self._table is None:
            for table in lay_out_table(self.prepared, Path(self.store.ref.folder)):
                self._table = table
                yield

    def task(self, model: str, passes: int) -> StreamTask:
        """A stream for the engine, once the table is laid out."""
        assert self._table is not None
        order = stream_order(model, self.study.metric.name, self.study.data, passes)
        call = partial(run_stream, self.store.ref, self._table, order)
        return StreamTask(stream_key(self.study.id, model), self.study.id, model, call)

    def worth_journaling(self, event: ev.Event) -> bool:
        """Whether a score of a stream is far enough from the one journaled before."""
        if not isinstance(event, ev.StreamScored):
            return True
        if event.point.n_rows < _JOURNAL_STEP * self._journaled.get(event.model, 0):
            return False
        self._journaled[event.model] = event.point.n_rows
        return True

    def keep(self, model: str, pickled: bytes, n_rows: int) -> None:
        """Keep what a finished stream has learned."""
        self.streaming.discard(model)
        self._kept[model] = pickled, n_rows

    def has(self, model: str) -> bool:
        """Whether a finished stream has left a model."""
        return model in self._kept

    def kept(self, model: str) -> FittedModel:
        """The model that the last finished stream left; see `has`."""
        pickled, n_rows = self._kept[model]
        return self.fitted(model, pickled, n_rows, incremental=True)

    def fitted(self, model: str, pickled: bytes, n_rows: int, *, incremental: bool = False) -> FittedModel:
        """Make a fitted pipeline one that takes tables."""
        data = self.study.data
        kind = self.prepared.source.schema().field(data.target).type
        estimator = pickle.loads(pickled)
        return FittedModel(model, data, estimator, n_rows=n_rows, incremental=incremental, target_type=kind)

    def refit(self, model: str, state: StudyState) -> tuple[Trial, Callable[[], bytes]]:
        """The largest trial of a model, and the call that fits it again.

        Raises
        ------
        InputError
            If the model has no finished trial.
        """
        done = [trial for trial in state.records if trial.is_plain and trial.model == get_model(model).name]
        if not done:
            raise InputError(f"There is no finished fit of {model!r} to take out. Run the study with it first.")
        trial = max(done, key=lambda t: (t.n_rows, -t.repeat))
        return trial, partial(fit_pickled, self.store.ref, trial, self.study.data.seed)


def incremental_models(task: Task) -> tuple[ModelSpec, ...]:
    """Models that can learn a task block by block."""
    return tuple(entry.spec for entry in MODELS if entry.spec.incremental and task in entry.tasks)


def stream_key(study_id: str, model: str) -> str:
    """Content id of a model's stream within a study; the journal knows it by this."""
    return content_id([study_id, "stream", model])


def _checked_model(name: str, task: Task) -> ModelSpec:
    spec, own = get_model(name).spec, parted(name)[1]
    able = incremental_models(task)
    if spec not in able:
        valid = ", ".join(model.name for model in able)
        if own and spec.kind in [model.name for model in able]:
            raise InputError(
                f"Models learn block by block without settings of their own. Ask for {spec.kind!r} instead."
            )
        raise InputError(f"{spec.label} cannot learn a {task} target block by block. Valid: {valid}.")
    return spec


def empty_folder(path: Path) -> Path:
    """Make a folder for predictions.

    Raises
    ------
    InputError
        If it cannot be made, or holds Parquet files.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {str(path)!r} cannot be made: {error.strerror}. Name another.") from error
    if any(path.glob("*.parquet")):
        raise InputError(f"The folder {str(path)!r} holds Parquet files already. Name another, or empty it.")
    return path


def predictions(source: Source, model: FittedModel, aside: Path) -> Iterator[Callable[[], int]]:
    """Calls that predict a table part by part, each into a Parquet file of its own.

    Parameters
    ----------
    source : Source
    model : FittedModel
    aside : Path
        A folder that workers see, for the files, the model and, unless the source is of Parquet files, the table.
    """
    pickled = aside / "model.pickle"
    pickled.write_bytes(pickle.dumps(model))
    files = source if isinstance(source, ParquetSource) else _written(source, model, aside / "table.parquet")
    paths, root = tuple(str(path.absolute()) for path in files.paths), str(files.root.absolute())
    for number, stretches in enumerate(_parts(files.stretches())):
        target = str(aside.absolute() / f"part-{number:06d}.parquet")
        yield partial(predict_part, Part(str(pickled.absolute()), paths, root, files.fingerprint(), stretches, target))


def put_in_place(aside: Path, folder: Path) -> None:
    """Move the files of `predictions` to where they are wanted, once all of them are there."""
    for path in aside.glob("part-*.parquet"):
        path.replace(folder / path.name)


def _written(source: Source, model: FittedModel, path: Path) -> ParquetSource:
    for _ in write_parquet(source, [feature.name for feature in model.data.features], path):
        pass
    return ParquetSource((path,), source.name, root=path)


def _parts(stretches: Sequence[Stretch]) -> Iterator[tuple[Stretch, ...]]:
    """Neighbouring stretches together, until they have some hundred thousand rows."""
    part: list[Stretch] = []
    for stretch in stretches:
        part.append(stretch)
        if sum(member.n_rows for member in part) >= _PART_ROWS:
            yield tuple(part)
            part = []
    if part:
        yield tuple(part)
