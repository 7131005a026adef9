"""Moving the rest of a study to other workers: what that would bring, and whether they compute the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scalewise.core.curves import each_curve
from scalewise.core.memory import worker_memory
from scalewise.core.results import TrialRecord
from scalewise.core.spec import Trial
from scalewise.core.study import StudyState
from scalewise.core.wording import byte_text, counted_text, duration_text, rows_text, score_text

__all__ = ["Preview", "Share", "check_trial", "difference", "preview", "stream_words"]

_ROUNDING = 1e-6
"""Scores that differ by less, relative to their size, are taken for the same."""

_TASK_BYTES = 4_000
_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Share:
    """What is left of one model.

    Parameters
    ----------
    label : str
        What people call the model.
    n_trials : int
    least_n_rows, most_n_rows : int
        Of its trials.
    seconds : float
        Expected time of all of them on one worker.
    """

    label: str
    n_trials: int
    least_n_rows: int
    most_n_rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Preview:
    """What moving the rest of a study to other workers would mean.

    Parameters
    ----------
    n_trials : int
        Trials that are still to do.
    largest_n_rows : int
        Of the largest of them.
    seconds_here, seconds_there : float
        Expected wall time with the present workers and with the others, their start included.
    bytes_each : int
        Memory of a whole worker with the dearest trial: the process itself, its samples, and every copy of them.
    bytes_moved : int
        Bytes that travel to workers that do not share this machine's files.
    workers_here, workers_there : int
        Trials that run at the same time.
    shares : tuple of Share
        What is left of each model, in the plan's order.
    """

    n_trials: int
    largest_n_rows: int
    seconds_here: float
    seconds_there: float
    bytes_each: int
    bytes_moved: int
    workers_here: int
    workers_there: int
    shares: tuple[Share, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The same for people, a line each."""
        if not self.n_trials:
            return (
                "Nothing is left to run: workers started now get what you ask for next, a larger sample (move the "
                "slider up) or the whole table, streamed.",
            )
        trials, are = counted_text(self.n_trials, "trial"), "is" if self.n_trials == 1 else "are"
        return (
            f"At most {trials} of up to {rows_text(self.largest_n_rows)} rows {are} left.",
            f"About {duration_text(self.seconds_here)} here with {self.workers_here} at a time, "
            f"{duration_text(self.seconds_there)} there with {self.workers_there}, its start included.",
            f"Each worker needs about {byte_text(self.bytes_each)} of memory.",
            f"At most {byte_text(self.bytes_moved)} travel, once, and only to workers on other machines.",
        )


def preview(state: StudyState, *, workers_here: int, workers_there: int) -> Preview:
    """Say what moving the rest of a study to other workers would mean.

    Parameters
    ----------
    state : StudyState
        Of a study that has started.
    workers_here, workers_there : int
        Trials that run at the same time here and there; at least 1.
    """
    left = _left(state)
    seconds = [state.expected.seconds(trial) for trial in left]
    total, longest = sum(seconds), max(seconds, default=0.0)
    largest = max((trial.n_rows for trial in left), default=0)
    sample = _sample_bytes(state, largest)
    return Preview(
        n_trials=len(left),
        largest_n_rows=largest,
        seconds_here=max(total / max(workers_here, 1), longest),
        seconds_there=_START_SECONDS + max(total / max(workers_there, 1), longest),
        bytes_each=_worker_bytes(state, left),
        bytes_moved=sample * len({t.repeat for t in left}) + _TASK_BYTES * len(left),
        workers_here=workers_here,
        workers_there=workers_there,
        shares=_shares(state, left),
    )


def _left(state: StudyState) -> tuple[Trial, ...]:
    """Trials that other workers could take over: none of a study that has ended."""
    return () if state.phase == "finished" else state.open_trials()


def _shares(state: StudyState, left: tuple[Trial, ...]) -> tuple[Share, ...]:
    models = state.plan.models if state.plan else ()
    by_model = {model.label: [trial for trial in left if trial.model == model.name] for model in models}
    return tuple(
        Share(
            label,
            len(trials),
            min(trial.n_rows for trial in trials),
            max(trial.n_rows for trial in trials),
            sum(map(state.expected.seconds, trials)),
        )
        for label, trials in by_model.items()
        if trials
    )


def stream_words(state: StudyState, model: str, block_rows: int) -> str:
    """Say what learning the whole table block by block would mean; empty before a start.

    Parameters
    ----------
    state : StudyState
    model : str
    block_rows : int
        Rows of one block at the most.
    """
    if state.data is None or state.study is None:
        return ""
    n_rows = state.data.n_train_rows
    measured = any(trial.model == model for trial in state.records)
    about = f", about {duration_text(state.expected.seconds(Trial(model, n_rows)))}" if measured else ""
    n_blocks = math.ceil(n_rows / block_rows)
    blocks = f"{n_blocks} blocks of at most {rows_text(block_rows)}" if n_blocks > 1 else "one block"
    reading = "One worker reads them where the table lies; a score is drawn after each block."
    return f"{rows_text(n_rows)} rows in {blocks}{about}. {reading}"


def _sample_bytes(state: StudyState, n_rows: int) -> int:
    """Bytes of a training sample and the holdout as workers hold them."""
    data = state.data
    return 0 if data is None else data.row_bytes * (n_rows + data.n_holdout_rows)


def _worker_bytes(state: StudyState, left: tuple[Trial, ...]) -> int:
    """Bytes of a whole worker with the dearest of the trials, as the verdict tells them."""
    data = state.data
    if data is None:
        return 0
    measured = {curve.model.name: curve for curve in each_curve(state)}
    memory = {t.model: worker_memory(measured.get(t.model), data.row_bytes, data.n_holdout_rows) for t in left}
    return max((memory[model].predict(n_rows) for model, n_rows in {(t.model, t.n_rows) for t in left}), default=0)


def check_trial(state: StudyState) -> Trial | None:
    """The finished trial that other workers run again first: the largest of the cheapest model that looks at features.

    None while there is none, or every one came back from a journal.
    """
    rungs = {model.name: model.rung for model in state.plan.models} if state.plan else {}
    done = [t for t in state.records if t.is_plain and rungs.get(t.model, 0) > 0 and t not in state.resumed]
    simplest = min((rungs[t.model] for t in done), default=None)
    return max((t for t in done if rungs[t.model] == simplest), default=None, key=lambda t: (t.n_rows, -t.repeat))


def difference(here: TrialRecord, there: TrialRecord) -> str:
    """How the same trial's scores differ, in words; empty where only by rounding."""
    gap = abs(here.score - there.score)
    if gap <= _ROUNDING * max(1.0, abs(here.score)) or (math.isnan(here.score) and math.isnan(there.score)):
        return ""
    return (
        f"The same trial scored {score_text(here.score)} here and {score_text(there.score)} there. Points from both "
        "would not be comparable. Likely reasons: other versions of scikit-learn or numpy, another processor, or "
        "data that is not the same."
    )
