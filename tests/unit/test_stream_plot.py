"""Streams in the learning curve, and points that were computed elsewhere."""

from __future__ import annotations

import pytest
from studies import BOOSTING, DUMMY, LINEAR, finished, record, started

from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.results import StreamPoint
from scalewise.core.spec import ModelSpec, Trial
from scalewise.core.summary import summarise
from scalewise.plots.base import MOST_IN_FIGURE, MOST_IN_SERIES, View
from scalewise.plots.learning_curve import LearningCurvePlot
from scalewise.plots.learning_frame import select_curves
from scalewise.plots.learning_range import needed_range

SGD = ModelSpec("sgd", "Linear, stochastic", 2, incremental=True)
SCORES = {"dummy": (0.5, 0.0), "linear": (0.7, 0.1), "boosting": (0.8, 0.2)}


@pytest.fixture
def plot():
    made = LearningCurvePlot()
    yield made
    made.close()


def streamed(n_points=5, *, state=None, model=SGD, passes=1, more=(), score=0.72):
    state = fold(state or finished(started(), SCORES), ev.StreamQueued(model=model, n_rows=100_000, passes=passes))
    state = fold(state, ev.StreamStarted(model=model.name))
    for k in range(1, n_points + 1):
        point = StreamPoint(round(1.05**k * 900), score, (score - 0.01, score + 0.01), 2.0)
        state = fold(state, ev.StreamScored(model=model.name, point=point, where="local"))
    for event in more:
        state = fold(state, event)
    return summarise(state)


def marks(plot, shape):
    return [mark for mark in plot._canvas.figure.marks if getattr(mark, "marker", "") == shape and len(mark.x)]


def test_a_stream_is_a_line_of_its_own_with_marks_and_words_of_its_own(plot):
    plot.draw(plot.select(streamed(), View()))
    (points,) = marks(plot, "triangle-up")
    assert len(points.x) == 5
    first = points.names[0].split("\n")
    assert first[0] == "Linear, stochastic: incremental, one pass"
    assert first[1] == "after 945 rows (0.95 %)"
    assert first[-1] == "computed by this machine"
    assert "holdout alone" in points.names[0]
    dashed = [m for m in plot._canvas.figure.marks if getattr(m, "line_style", "") == "dash_dotted" and len(m.x)]
    assert len(dashed) == 1
    assert "triangles: Linear, stochastic, incremental, one pass" in plot._note.value
    assert "Linear, stochastic, incremental, one pass: ROC AUC 0.7200 after 1,149 rows" in plot._words.value


def test_the_lines_of_refitted_models_are_the_same_with_and_without_a_stream():
    before = select_curves(summarise(finished(started(), SCORES)), View())
    after = select_curves(streamed(), View())
    assert after.lines == before.lines
    assert before.streams == ()


def test_a_model_that_is_only_streamed_has_a_chip_and_one_that_is_both_has_one(plot):
    plot.draw(plot.select(streamed(), View()))
    assert [button.description.split()[0] for button in plot._legend.widget.children[1:]] == [
        DUMMY.label.split()[0],
        LINEAR.label.split()[0],
        BOOSTING.label.split()[0],
        "Linear,",
    ]
    plot.draw(plot.select(streamed(model=LINEAR), View()))
    assert len(plot._legend.widget.children) == 4


def test_switching_a_model_off_hides_its_stream(plot):
    plot.draw(plot.select(streamed(), View(hidden=frozenset({"sgd"}))))
    assert marks(plot, "triangle-up") == []
    assert "triangles" not in plot._note.value


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (ev.StudyStopped(), "(stopped after 1.1 % of its rows)"),
        (ev.StreamFailed(model="sgd", reason="It died."), "(failed: It died. after 1.1 % of its rows)"),
    ],
)
def test_a_stream_that_did_not_end_says_so(plot, event, words):
    plot.draw(plot.select(streamed(more=[event]), View()))
    assert words in plot._note.value


def test_passes_are_told():
    (line,) = select_curves(streamed(passes=2), View()).streams
    assert line.how == "incremental, two passes"
    (line,) = select_curves(streamed(passes=7), View()).streams
    assert line.how == "incremental, 7 passes"


def test_long_streams_stay_within_the_bounds_of_a_figure(plot):
    state = finished(started(), SCORES)
    for name in ("sgd", "bayes", "third"):
        state = streamed(300, state=state, model=ModelSpec(name, name, 2)).state
    summary = summarise(state)
    frame = plot.select(summary, View())
    plot.draw(frame)
    sizes = [len(mark.x) for mark in plot._canvas.figure.marks]
    assert max(sizes) <= MOST_IN_SERIES
    assert sum(sizes) <= MOST_IN_FIGURE
    for line, curve in zip(frame.streams, summary.streams, strict=True):
        assert line.n_rows[-1] == curve.stream.points[-1].n_rows


def test_an_equal_frame_of_a_stream_draws_nothing_twice(plot, monkeypatch):
    plot.draw(plot.select(streamed(), View()))
    sent = []
    monkeypatch.setattr("ipywidgets.Widget.send_state", lambda self, key=None: sent.append(key))
    plot.draw(plot.select(streamed(), View()))
    assert sent == []


def test_a_stream_alone_is_drawn(plot):
    summary = streamed(state=started())
    frame = plot.select(summary, View())
    plot.draw(frame)
    assert frame.message == ""
    assert needed_range(frame) == (0.72, 0.72)
    assert len(marks(plot, "triangle-up")) == 1


def test_a_stream_within_reach_is_in_view_and_a_wild_one_does_not_squash_the_curves():
    near, wild = (select_curves(streamed(score=score), View()) for score in (0.82, 0.05))
    assert needed_range(near)[1] >= 0.82
    assert needed_range(wild)[0] > 0.3


def test_points_computed_elsewhere_have_another_shape_and_say_where(plot):
    state = started()
    trials = [Trial("linear", n_rows) for n_rows in (100, 200, 400)]
    for trial, where in zip(trials, ("local", "dask", "inline"), strict=True):
        state = fold(state, ev.TrialFinished(trial=trial, record=record(0.7), where=where))
    plot.draw(plot.select(summarise(state), View()))
    (away,) = marks(plot, "diamond")
    assert len(away.x) == 1
    assert "computed by dask" in away.names[0]
    assert "diamonds: computed by dask" in plot._note.value
    assert sum(len(mark.x) for mark in marks(plot, "circle")) == 2


def test_no_word_of_elsewhere_where_everything_was_computed_here(plot):
    plot.draw(plot.select(summarise(finished(started(), SCORES)), View()))
    assert marks(plot, "diamond") == []
    assert "diamonds" not in plot._note.value
