"""A fitted model to keep: it takes tables as people have them, and predicts whole tables part by part."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scalewise.core.spec import DataSpec, Trial
from scalewise.data.blocks import opened_files
from scalewise.data.encode import encode
from scalewise.data.parquet_files import Stretch
from scalewise.data.sources import Source, open_source
from scalewise.data.store import DataRef
from scalewise.errors import InputError, unknown_name
from scalewise.models.fitting import fit_model
from scalewise.models.scoring import predict
from scalewise.models.threads import one_thread

__all__ = ["FittedModel", "Part", "fit_pickled", "predict_part"]

Floats = NDArray[np.float64]


class FittedModel:
    """A fitted model that takes tables with the columns it was trained on, in any order and among others.

    Parameters
    ----------
    name : str
        Its name in the catalogue.
    data : DataSpec
        The table that it was trained on.
    estimator : fitted scikit-learn estimator
        It takes canonical matrices, shape (n_rows, n_features).
    n_rows : int
        Rows that it was trained on, each pass counted.
    incremental : bool
        Whether it learned block by block.
    target_type : pyarrow.DataType
        The type of the target in that table.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, as they stand in the table, in the order of the columns of `predict_proba`; none for regression.
    feature_names_in_ : ndarray of str, shape (n_features,)
        The columns that it looks at.
    """

    def __init__(
        self, name: str, data: DataSpec, estimator: Any, *, n_rows: int, incremental: bool, target_type: pa.DataType
    ) -> None:
        self.name, self.data, self.estimator = name, data, estimator
        self.n_rows, self.incremental, self.target_type = n_rows, incremental, target_type
        self.classes_ = labels(data.classes, target_type).to_numpy(zero_copy_only=False)
        self.feature_names_in_ = np.array([feature.name for feature in data.features], dtype=object)

    def __repr__(self) -> str:
        how = "block by block" if self.incremental else "at once"
        return f"<{self.name} for {self.data.target!r}, trained {how} on {self.n_rows:,} rows>"

    def predict(self, table: object) -> NDArray[Any]:
        """Predict the target of each row.

        Parameters
        ----------
        table : object
            Whatever `scalewise.open_source` opens, of a size that fits into memory; use `Study.predict` for others.

        Returns
        -------
        ndarray of shape (n_rows,)
            Labels as they stand in the table it was trained on, or numbers.

        Raises
        ------
        InputError
            If a column is missing.
        """
        found = self._predicted(table)
        return self.classes_[found.argmax(axis=1)] if self.data.classes else found

    def predict_proba(self, table: object) -> Floats:
        """Predict the probability of each class, in the order of `classes_`, shape (n_rows, n_classes).

        Raises
        ------
        InputError
            If a column is missing, or this is a regression.
        """
        if not self.data.classes:
            raise InputError("A regression has no probabilities. Use predict.")
        return self._predicted(table)

    def predicted_columns(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """Predictions for a batch: the label or number, and for classes the probability of each."""
        found = self._raw(batch)
        if not self.data.classes:
            return [pa.array(found)]
        best = labels(self.data.classes, self.target_type).take(pa.array(found.argmax(axis=1)))
        return [best, *(pa.array(column) for column in np.ascontiguousarray(found.T))]

    def predicted_names(self) -> list[str]:
        """Names of what `predicted_columns` gives."""
        return ["prediction", *(f"probability {label}" for label in self.data.classes)]

    def check(self, source: Source) -> None:
        """Make sure that a table has every column.

        Raises
        ------
        InputError
            If one is missing.
        """
        names = source.schema().names
        for feature in self.data.features:
            if feature.name not in names:
                raise InputError(unknown_name("column", feature.name, names))

    def _predicted(self, table: object) -> Floats:
        source = open_source(table)
        self.check(source)
        columns = [feature.name for feature in self.data.features]
        parts = [self._raw(batch) for batch in source.scan(columns)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.data.classes))[: 1 + bool(self.data.classes)])

    def _raw(self, batch: pa.RecordBatch) -> Floats:
        features = self.data.features
        columns = np.empty((len(features), batch.num_rows))
        for values, feature, column in zip(columns, features, batch.columns, strict=True):
            values[:] = encode(feature, pa.chunked_array([column]))
        with one_thread():
            return predict(self.estimator, columns.T, len(self.data.classes))


def labels(classes: Sequence[str], kind: pa.DataType) -> pa.Array:
    """Turn the names of classes back into values of the target's type; text stays where that is not possible."""
    text = pa.array(classes, pa.string())
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    try:
        return text.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return text


def fit_pickled(ref: DataRef, trial: Trial, seed: int) -> bytes:
    """Fit the model of a trial again, on a worker, and pickle it."""
    return pickle.dumps(fit_model(ref, trial, seed))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table to predict, and where to.

    Parameters
    ----------
    model : str
        A file with the pickled `FittedModel`.
    paths : tuple of str
        Parquet files of the table.
    root : str
    fingerprint : str
    stretches : tuple of Stretch
        What is to be predicted of them.
    target : str
        The Parquet file to write.
    """

    model: str
    paths: tuple[str, ...]
    root: str
    fingerprint: str
    stretches: tuple[Stretch, ...]
    target: str


def predict_part(part: Part) -> int:
    """Predict a part of a table, batch by batch, on a worker; the file has its name once it is whole, or is not there.

    Returns
    -------
    int
        Rows predicted.
    """
    model = _loaded(part.model)
    unfinished, n_rows, writer = Path(f"{part.target}.unfinished"), 0, None
    try:
        for batch in _predicted_batches(model, part):
            writer = writer or pq.ParquetWriter(unfinished, batch.schema)
            writer.write_batch(batch)
            n_rows += batch.num_rows
        if writer is not None:
            writer.close()
            unfinished.replace(part.target)
    finally:
        if writer is not None:
            writer.close()
        unfinished.unlink(missing_ok=True)
    return n_rows


def _predicted_batches(model: FittedModel, part: Part) -> Iterator[pa.RecordBatch]:
    source = opened_files(part.paths, part.root, part.fingerprint)
    columns = [feature.name for feature in model.data.features]
    for stretch in part.stretches:
        start = stretch.start
        for batch in source.read(stretch, columns):
            rows = pa.array(np.arange(start, start + batch.num_rows))
            yield pa.record_batch([rows, *model.predicted_columns(batch)], names=["row", *model.predicted_names()])
            start += batch.num_rows


@lru_cache(maxsize=1)
def _loaded(path: str) -> FittedModel:
    model: FittedModel = pickle.loads(Path(path).read_bytes())
    return model
