"""A study from Python: the same runner as behind the dashboard, without a screen."""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from scalewise.core.spec import SamplingUnit
from scalewise.core.study import StudyState
from scalewise.core.summary import Summary, summarise
from scalewise.core.units import proposed_units
from scalewise.core.verdict import Verdict
from scalewise.data.sources import open_source
from scalewise.engines import Engine, open_engine
from scalewise.errors import InputError, StudyError
from scalewise.journal import Journal
from scalewise.options import StudyOptions, model_specs
from scalewise.report import report
from scalewise.result_frames import curves_frame, feature_curve_frame, importances_frame, screening_frame
from scalewise.runner import StudyRunner

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client

    from scalewise.models.fitted import FittedModel

__all__ = ["Study"]

_PROGRESS_SECONDS = 0.2
"""Between two times that whoever waits is told of the progress."""


def _open(engine: str | Engine | Client, workers: int | None) -> Engine:
    if isinstance(engine, str):
        return open_engine(engine, workers=workers)
    # A client is told by its class, without importing what Dask needs for every other engine.
    if not type(engine).__module__.startswith("distributed."):
        return cast("Engine", engine)
    from scalewise.engines.clusters import ClientPlace
    from scalewise.engines.dask import DaskEngine

    return DaskEngine(ClientPlace(engine))


class Study:
    """Learning curves of some models on growing samples of a table.

    Parameters
    ----------
    table : object
        Whatever `scalewise.open_source` opens: a pandas or Polars frame, an Arrow table, a path to Parquet or CSV, or
        an open source.
    target : str
        The column to predict.
    options : StudyOptions or None
        Everything else that can be chosen; by default what suits the table.
    engine : str, Engine or distributed.Client
        ``"local"`` for worker processes, ``"inline"`` for this process, ``"dask"`` for a Dask cluster on this machine,
        the address of a Dask scheduler, or a client of one.
    workers : int or None
        Worker processes; by default as many as there are cores, at most eight.
    journal : path or None
        Keeps finished trials; a study on the same journal resumes. None keeps nothing.

    Raises
    ------
    ScalewiseError
        From `run`, if the table, the target or an option cannot be used.

    Examples
    --------
    >>> with scalewise.Study(df, "late") as study:  # doctest: +SKIP
    ...     print(study.run().wait().verdict.sentence)
    """

    def __init__(
        self,
        table: object,
        target: str,
        *,
        options: StudyOptions | None = None,
        engine: str | Engine | Client = "local",
        workers: int | None = None,
        journal: Path | str | None = None,
    ) -> None:
        self.options = StudyOptions(target) if options is None else replace(options, target=target)
        self._table = table
        # An engine does nothing before the runner starts it, so that a mistake leaves neither a process nor a file.
        place = _open(engine, workers)
        self._runner = StudyRunner(place, Journal(journal))

    def run(self, *, on_progress: Callable[[StudyState], None] | None = None) -> Study:
        """Open and prepare the table, and start fitting; returns at once after that.

        Parameters
        ----------
        on_progress : callable or None
            Called with the state about five times a second while the table is prepared.

        Raises
        ------
        ScalewiseError
            If the table, the target or an option cannot be used, or the study is stopped meanwhile.
        """
        if self.state.data is None:
            self._runner.open(str(getattr(self._table, "name", "table")), lambda: open_source(self._table))
            self._settle(on_progress)
            self._runner.prepare(self.options)
            self._settle(on_progress)
            self._check_alive()
        self._runner.start(self.options)
        self._answered()
        if self.state.data is None:
            raise StudyError("The study was stopped while its table was looked at. Run it again to begin anew.")
        return self

    def _settle(self, on_progress: Callable[[StudyState], None] | None) -> None:
        while not self._runner.wait(_PROGRESS_SECONDS):
            if on_progress is not None:
                on_progress(self.state)
        if self._runner.last_error is not None:
            raise self._runner.last_error

    def _answered(self) -> Study:
        """Wait until what was asked for is begun or refused."""
        self._runner.answered()
        if self._runner.last_error is not None:
            raise self._runner.last_error
        return self

    def wait(self, timeout: float | None = None, *, on_progress: Callable[[StudyState], None] | None = None) -> Study:
        """Block until the study has finished, was stopped, or `timeout` seconds went by.

        Parameters
        ----------
        timeout : float or None
            Seconds.
        on_progress : callable or None
            Called with the state about five times a second meanwhile.

        Raises
        ------
        StudyError
            If the study itself failed.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0 and not self._runner.wait(min(_PROGRESS_SECONDS, left)):
            if on_progress is not None:
                on_progress(self.state)
        self._check_alive()
        return self

    def _check_alive(self) -> None:
        """Say why where the study itself failed."""
        if self.state.phase == "failed":
            raise StudyError(self.state.failure)

    def __await__(self) -> Generator[Any, None, Study]:
        return self._waiting().__await__()

    async def _waiting(self) -> Study:
        while not self._runner.is_settled():
            await asyncio.sleep(0.1)
        return self.wait(0)

    def features(self, model: str | None = None, *, keep: int | None = None, few: bool = True) -> Study:
        """Find out how few features would do, from the trials that are finished; returns at once, as `run` does.

        One model is fitted on its best 1, 2, 3, 5, 8, ... features, ranked each time inside its own training rows and
        scored on the holdout, and once more beside columns of noise, which tell the importance that noise has. See
        `feature_curve`, `importances` and ``report()["features"]``.

        Parameters
        ----------
        model : str or None
            Its name; by default the one that scores best.
        keep : int or None
            The number of features wanted; None leaves it to the scores.
        few : bool
            Whether the best few features are tried, beside the columns of noise.

        Raises
        ------
        ScalewiseError
            If no study has been started, no fit that looks at features has finished, or so many cannot be kept.

        Examples
        --------
        >>> study.run().wait().features().wait().feature_curve()  # doctest: +SKIP
        """
        self._runner.features(model, keep=keep, few=few)
        return self._answered()

    def tune(self, model: str | None = None) -> Study:
        """Find out what other settings of a model bring, at a size where that is cheap; returns at once, as `run` does.

        On each of up to three samples ten random settings are tried inside the training rows; those that beat the
        recipe's own by more than chance are then fitted on all of them and compared with it on the holdout. See the way
        ``tune`` in ``verdict.ways`` and ``report()["tuning"]``.

        Parameters
        ----------
        model : str or None
            Its name; by default that of the verdict's model.

        Raises
        ------
        ScalewiseError
            If no study has been started, or the model has no finished fit or no settings.

        Examples
        --------
        >>> study.run().wait().tune().wait().report()["tuning"]["sentence"]  # doctest: +SKIP
        """
        self._runner.tune(model)
        return self._answered()

    def add(self, model: str) -> Study:
        """Take one more model into the study, pinned, beside those that are studied; returns at once, as `run` does.

        Parameters
        ----------
        model : str
            Its name in the catalogue, with own settings where those are wanted: ``"boosting(learning_rate=0.05)"``, or
            what ``report()["tuning"]["tuned"]`` says.

        Raises
        ------
        ScalewiseError
            If no study has been started, or there is no such model or settings.

        Examples
        --------
        >>> study.add(study.report()["tuning"]["tuned"]).wait().curves()  # doctest: +SKIP
        """
        plan, data = self.state.plan, self.state.data
        if plan is None or data is None:
            raise InputError("No study has been started that a model could be added to. Start one first.")
        (added,) = model_specs((model,), data.task)
        names = dict.fromkeys([*(known.name for known in plan.models), added.name])
        pinned = dict.fromkeys([*self.options.pinned, added.name])
        wanted = replace(self.options, models=tuple(names), pinned=tuple(pinned))
        self._runner.start(wanted)
        self._answered()
        # What was refused is not kept, so that a mistake here spoils nothing that comes after it.
        self.options = wanted
        return self

    def stream(self, model: str, *, passes: int = 1) -> Study:
        """Let a model learn the whole table block by block, on one worker; returns at once, as `run` does.

        Its scores on the holdout after each block are in ``state.streams``, apart from the curves of models that are
        fitted anew for each size. Preprocessing is fitted on the first block, 20,000 random rows at the most, and then
        stays as it is.

        Parameters
        ----------
        model : str
            ``"sgd"``, or ``"bayes"`` for classes.
        passes : int
            How many times it goes through the table.

        Raises
        ------
        ScalewiseError
            If no study has been started, or the model cannot learn this target block by block.
        """
        self._runner.stream(model, passes=passes)
        return self._answered()

    def check_unit(self, unit: SamplingUnit | None = None) -> Study:
        """Run a few trials with another sampling unit, to see whether the answer changes with it; returns at once.

        What it says is in ``summary.unit_checks`` after `wait`. The study's own points stay as they are.

        Parameters
        ----------
        unit : SamplingUnit or None
            By default the likeliest one that was seen in the table; single rows where the study draws anything else.

        Raises
        ------
        ScalewiseError
            If no study has been started, another check is running, or no other unit was seen.
        """
        proposed = proposed_units(self.state)
        if unit is None and not proposed:
            raise InputError(
                "No column was seen that may name groups or tell a time. Name one: SamplingUnit('group', 'COL')."
            )
        self._runner.check_unit(unit or proposed[0])
        return self._answered()

    def model(self, name: str) -> FittedModel:
        """Take out a fitted model, which takes tables with the columns of this one.

        It is what the model's last finished stream of this session left; without one, the model's largest trial is
        fitted again on a worker, with the same rows and seed.

        Raises
        ------
        ScalewiseError
            If the model has neither, or the study is stopped meanwhile.
        """
        return self._runner.model(name).result()

    def predict(self, table: object, model: str | FittedModel, path: Path | str) -> int:
        """Predict a whole table part by part on the workers, with memory that does not grow with it.

        Parameters
        ----------
        table : object
            Whatever `scalewise.open_source` opens.
        model : str or FittedModel
            A model, or the name of the one to take out.
        path : path
            A folder, made if it is not there, for Parquet files in the order of the table's rows. Their columns are
            ``row`` (its number in the table), ``prediction``, and for classes ``probability`` of each. They are there
            once all are whole, or not at all. Workers must see this folder and, if the table is one of Parquet files,
            those.

        Returns
        -------
        int
            Rows predicted.

        Raises
        ------
        ScalewiseError
            If a column is missing, the folder holds Parquet files already, or the study is stopped meanwhile.
        """
        from scalewise.running.whole_table import empty_folder, predictions, put_in_place

        source, fitted = open_source(table), self.model(model) if isinstance(model, str) else model
        fitted.check(source)
        folder = empty_folder(Path(path))
        with tempfile.TemporaryDirectory(prefix=".scalewise-", dir=folder) as aside:
            parts = [self._runner.call(call) for call in predictions(source, fitted, Path(aside))]
            n_rows: int = sum(part.result() for part in parts)
            put_in_place(Path(aside), folder)
        return n_rows

    def stop(self) -> None:
        """End running fits within two seconds; finished trials stay."""
        self._runner.stop()

    def close(self) -> None:
        """Leave no process, thread or file behind. Closing twice is fine."""
        self._runner.close()

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def state(self) -> StudyState:
        """The latest state."""
        return self._runner.state

    @property
    def summary(self) -> Summary:
        """Curves, continuations, costs and the verdict of the latest state."""
        return summarise(self.state)

    @property
    def verdict(self) -> Verdict:
        """What to do next, by all that is known now."""
        return self.summary.verdict

    def report(self) -> dict[str, Any]:
        """All of it as plain data; see `scalewise.report` for the schema."""
        return report(self.summary)

    def curves(self) -> pd.DataFrame:
        """The learning curves, one row for each model and size."""
        return curves_frame(self.report())

    def screening(self) -> pd.DataFrame:
        """What screening found out about every column of a very wide table, the studied ones first; else no rows.

        Returns
        -------
        pandas.DataFrame
            ``feature``; ``alone`` and ``beyond``: -log10 of the chance that a column without any effect does as well,
            by itself and by what it adds to the strongest columns; ``studied``; ``reason`` why it is not.
        """
        return screening_frame(self._runner.screening, self.state.data)

    def importances(self) -> pd.DataFrame:
        """Permutation importances at each model's largest size, one row for each model and feature.

        ``importance``, ``low`` and ``high`` are of the feature alone. Correlated features share a ``group``;
        ``group_importance`` is what is lost without all of it (of a feature in no group: its own importance), and
        ``noise_line`` what noise may seem to be worth, once that was tried.
        """
        return importances_frame(self.report())

    def feature_curve(self) -> pd.DataFrame:
        """Score against number of features, one row for each number; empty before `features` was asked for.

        ``loss`` is what is lost against all features, paired; it and ``score`` have 90 % intervals.
        """
        return feature_curve_frame(self.report())
