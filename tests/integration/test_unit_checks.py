"""Another sampling unit checked beside a study: what it says, what it costs, and that nothing is mixed or lost."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from scalewise.core.spec import ROWS, LeftOut, SamplingUnit
from scalewise.core.summary import summarise
from scalewise.data.examples import get_example
from scalewise.data.sources import open_source
from scalewise.engines.inline import InlineEngine
from scalewise.journal import Journal
from scalewise.options import StudyOptions
from scalewise.runner import StudyRunner

PATIENCE_SECONDS = 120
OPTIONS = StudyOptions("ill", models=("dummy", "linear", "forest"), max_fraction=0.5, repeats=2, everything=True)
SMALL = StudyOptions("ill", models=("dummy", "linear"), max_fraction=0.2, repeats=1, everything=True)
"""Where nothing hangs on the scores."""

PATIENTS, TIME = SamplingUnit("group", "patient"), SamplingUnit("time", "day")


def visits(n_patients=200, each=12):
    """Visits of patients whose marks tell them apart and hardly tell who is ill; days count up."""
    rng = np.random.default_rng(0)
    ill = rng.uniform(size=n_patients) < 0.4
    marks = rng.normal(size=(n_patients, 5))
    marks[:, 0] += 0.4 * ill
    patient = rng.permutation(np.repeat(np.arange(n_patients), each))
    measures = marks[patient] + 0.1 * rng.normal(size=(len(patient), 5))
    columns = {f"m{i}": measures[:, i] for i in range(5)}
    few = np.array(["a", "b", "c"])[patient % 3]
    return pa.table({"patient": [f"P{p}" for p in patient], **columns, "few": few, "ill": ill[patient]})


@pytest.fixture
def take_up():
    runners = []

    def take(options=OPTIONS, journal=None, content=None):
        runner = StudyRunner(InlineEngine(), Journal(journal))
        runners.append(runner)
        runner.open("visits", lambda: open_source(visits() if content is None else content, name="visits"))
        runner.prepare(options)
        assert runner.wait(PATIENCE_SECONDS)
        return runner

    yield take
    for runner in runners:
        runner.close()


def finish(runner, options=OPTIONS):
    runner.start(options)
    assert runner.wait(PATIENCE_SECONDS)
    return runner.state


def check(runner, unit):
    runner.check_unit(unit)
    assert runner.wait(PATIENCE_SECONDS)
    return next(found for found in summarise(runner.state).unit_checks if found.unit == unit)


def scores(state):
    result = state.unit_checks[0].result
    return dict(zip(result.trials, (found.score for found in result.records), strict=True))


def test_a_likely_unit_is_checked_by_itself_where_that_is_cheap_and_turns_the_answer(take_up):
    runner = take_up()
    assert [c.column for c in runner.state.group_candidates] == ["patient"]
    state = finish(runner)
    (found,) = summarise(state).unit_checks
    assert found.unit == PATIENTS
    assert found.changes
    assert found.points[-1].own.score > 0.95
    assert found.points[-1].other.score < 0.75
    assert found.sentence.startswith("By whole groups of patient the ROC AUC of ")
    # Nothing of it is among the study's own points.
    assert set(state.records) == set(state.planned())
    assert state.phase == "finished"


def test_trials_of_a_check_come_back_when_asked_again_and_when_its_unit_is_studied(take_up, tmp_path, monkeypatch):
    first = finish(take_up(journal=tmp_path / "j"))
    result = first.unit_checks[0].result
    again = take_up(journal=tmp_path / "j")
    monkeypatch.setattr("scalewise.running.unit_checks.run_trial", None)
    assert scores(finish(again)) == scores(first)
    again.sample_by(PATIENTS)
    again.start(OPTIONS)
    assert again.wait(PATIENCE_SECONDS)
    assert set(result.trials) & set(again.state.planned()) == set(result.trials) & again.state.resumed
    assert set(result.trials) & again.state.resumed


def test_single_rows_are_checked_beside_groups(take_up):
    options = StudyOptions("ill", models=("forest",), max_fraction=0.5, repeats=2, unit=PATIENTS)
    runner = take_up(options)
    state = finish(runner, options)
    assert not state.unit_checks
    assert check(runner, ROWS).points[-1].other.score > 0.9


def test_a_unit_that_cannot_be_sampled_by_is_told_and_nothing_is_lost(take_up):
    runner = take_up(SMALL)
    before = finish(runner, SMALL)
    for unit in (SamplingUnit("group", "few"), TIME):
        runner.check_unit(unit)
        assert runner.wait(PATIENCE_SECONDS)
        assert runner.state.unit_checks[-1].phase == "failed"
        runner.sample_by(unit)
        runner.answered()
        assert runner.state.phase == "finished"
        assert runner.state.data.unit == ROWS
        assert runner.state.records == before.records
    assert "'few' has 3 distinct values" in str([note.text for note in runner.state.notes])
    assert "no column to sample by 'day'" in runner.state.notes[-1].text


def test_asking_for_what_cannot_be_compared_is_refused_in_words(take_up):
    runner = take_up(SMALL)
    runner.check_unit(PATIENTS)
    runner.answered()
    assert "Start one first" in str(runner.last_error)
    finish(runner, SMALL)
    runner.check_unit(ROWS)
    runner.answered()
    assert "draws by this sampling unit itself" in str(runner.last_error)


def test_a_check_is_dropped_with_the_study_or_alone(take_up):
    runner = take_up()
    finish(runner)
    for end, unit in ((runner.stop, SamplingUnit("group", "m1")), (runner.drop_check, SamplingUnit("group", "m2"))):
        runner.check_unit(unit)
        end()
        assert runner.wait(PATIENCE_SECONDS)
        phases = {found.unit: found.phase for found in runner.state.unit_checks}
        assert phases[unit] == "stopped"
        assert runner.state.phase == "finished"
    check(runner, PATIENTS)


def test_flights_by_time_are_told_less_well_than_by_random_rows(take_up):
    flights = get_example("flights")
    table = flights.make().slice(0, 60_000)
    left_out = (*flights.left_out, LeftOut("tailnum", "is not looked at here"))
    options = StudyOptions(
        "late", models=("boosting",), max_fraction=0.2, repeats=1, exclude=left_out, metric="roc_auc"
    )
    runner = take_up(options, content=table)
    assert [c.column for c in runner.state.time_candidates] == ["time_hour"]
    finish(runner, options)
    found = check(runner, SamplingUnit("time", "time_hour"))
    assert found.points[-1].other.score < found.points[-1].own.score - 0.05
    assert "if rows to come are later than these" in found.sentence
