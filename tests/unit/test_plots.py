"""Every plot keeps one contract; then what each shows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import bqplot as bq
import ipywidgets as widgets
import numpy as np
import pytest

from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.plan import Plan
from scalewise.core.results import FeatureImportance, TrialRecord
from scalewise.core.sizes import planned_trials
from scalewise.core.spec import DataSpec, Feature, MetricSpec, ModelSpec, StudySpec, Trial
from scalewise.core.study import StudyState
from scalewise.core.summary import Summary, summarise
from scalewise.core.wording import byte_text
from scalewise.errors import InputError
from scalewise.plots import base
from scalewise.plots.base import MOST_IN_FIGURE, MOST_IN_SERIES, PLOTS, View, load_plot, plot_names
from scalewise.plots.fit_time import FitTimePlot, select_fit_times
from scalewise.plots.importance import ImportancePlot, select_importance
from scalewise.plots.learning_curve import LearningCurvePlot
from scalewise.plots.learning_frame import select_curves
from scalewise.plots.palette import css_colour

MODELS = (
    ModelSpec("dummy", "Guessing", 0),
    ModelSpec("linear", "Logistic regression", 1),
    ModelSpec("forest", "Random forest", 4),
    ModelSpec("neighbors", "Nearest neighbours", 3, max_rows=2_000),
)
TOP = {"dummy": 0.5, "linear": 0.7, "forest": 0.8, "neighbors": 0.65}
FEATURES = tuple(f"feature_{k:02d}" for k in range(30))
DATA = DataSpec(
    "toy", "f", "y", "binary", ("a", "b"), tuple(Feature(f, "number") for f in FEATURES), 20_000, 4_000, 200
)
STUDY = StudySpec(DATA, MetricSpec("roc_auc", "ROC AUC", 1.0), "v1")


def measured(trial: Trial) -> TrialRecord:
    rng = np.random.default_rng([trial.n_rows, trial.repeat])
    gain = 0.0 if trial.model == "dummy" else TOP.get(trial.model, 0.7) - 0.5
    score = 0.5 + gain * (1 - trial.n_rows**-0.4) + (rng.normal(0, 0.005) if gain else 0.0)
    drops = [] if trial.model == "dummy" else [FeatureImportance(f, 0.1 * 0.8**k, 0.01) for k, f in enumerate(FEATURES)]
    return TrialRecord(
        score=score,
        block_scores=tuple(score + 0.01 * math.sin(k) for k in range(20)),
        train_score=1.0 if trial.model == "forest" else score + 0.02,
        fit_seconds=0.01 + 1e-4 * trial.n_rows,
        score_seconds=0.01,
        peak_bytes=1_000_000 + 800 * trial.n_rows,
        importances=tuple(drops),
    )


def state_of(n_trials: int | None = None, models: tuple[ModelSpec, ...] = MODELS, most: float = 0.5) -> StudyState:
    plan = Plan(models, most, repeats=3)
    state = fold(StudyState(), ev.StudyStarted(study=STUDY, plan=plan))
    for trial in planned_trials(DATA, plan)[:n_trials]:
        state = fold(state, ev.TrialFinished(trial=trial, record=measured(trial), where="local"))
    return state if n_trials is not None else fold(state, ev.StudyFinished())


@pytest.fixture(scope="module")
def finished() -> Summary:
    return summarise(state_of())


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[widgets.Widget, Any]]:
    """Every state that a widget sends to the page, in order."""
    messages: list[tuple[widgets.Widget, Any]] = []
    monkeypatch.setattr(widgets.Widget, "send_state", lambda self, key=None: messages.append((self, key)))
    return messages


@pytest.fixture(params=sorted(PLOTS))
def plot(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = load_plot(request.param)()
    yield made
    made.close()


SUMMARIES = {
    "empty": summarise(StudyState()),
    "started": summarise(state_of(0)),
    "one guess": summarise(state_of(1)),
    "one point": summarise(state_of(2)),
    "three sizes": summarise(state_of(36)),
}


class TestContractOfEveryPlot:
    @pytest.mark.parametrize("stage", SUMMARIES)
    def test_draws_every_stage_of_a_study(self, plot, stage):
        frame = plot.select(SUMMARIES[stage], View())
        plot.draw(frame)
        assert plot.select(SUMMARIES[stage], View()) == frame

    def test_draws_a_finished_study(self, plot, finished):
        plot.draw(plot.select(finished, View()))

    def test_shows_axes_only_once_their_ends_are_known_and_the_message_is_gone(self, plot, finished):
        plot.draw(plot.select(SUMMARIES["empty"], View()))
        figure = next(w for w in walk(plot.widget) if isinstance(w, bq.Figure))
        empty = next(w for w in walk(plot.widget) if "sw-empty" in w._dom_classes)
        assert not any(axis.visible for axis in figure.axes)
        assert empty.value
        seen = []
        for axis in figure.axes:
            axis.observe(lambda change: seen.append((change["owner"].scale.min, empty.value)), "visible")
        plot.draw(plot.select(finished, View()))
        shown = bool(seen)
        assert shown == any(axis.visible for axis in figure.axes)
        assert all(low is not None and not message for low, message in seen)

    def test_goes_back_from_finished_to_empty(self, plot, finished):
        plot.draw(plot.select(finished, View()))
        plot.draw(plot.select(SUMMARIES["empty"], View()))
        figure = next(w for w in walk(plot.widget) if isinstance(w, bq.Figure))
        assert all(len(mark.x) == 0 for mark in figure.marks if mark.visible)

    def test_equal_frames_draw_nothing_twice(self, plot, finished, sent):
        plot.draw(plot.select(finished, View()))
        assert sent
        sent.clear()
        plot.draw(plot.select(summarise(state_of()), View()))
        assert sent == []

    def test_frames_are_frozen_and_comparable(self, plot, finished):
        frame = plot.select(finished, View())
        with pytest.raises(dataclasses.FrozenInstanceError):
            frame.message = "other"
        assert hash(frame) == hash(plot.select(finished, View()))

    @pytest.mark.parametrize("n_models", [12, 30])
    def test_series_and_figures_are_bounded(self, plot, n_models):
        many = tuple(ModelSpec(f"m{k}", f"Model {k}", 1) for k in range(n_models))
        frame = plot.select(summarise(state_of(models=many, most=1.0)), View())
        lengths = list(series_lengths(frame))
        assert max(lengths) <= MOST_IN_SERIES
        assert sum(lengths) <= MOST_IN_FIGURE

    def test_an_equal_mark_is_not_sent_again_when_another_model_moves(self, plot, sent):
        plot.draw(plot.select(SUMMARIES["three sizes"], View()))
        sent.clear()
        plot.draw(plot.select(SUMMARIES["three sizes"], View(hidden=frozenset({"linear"}))))
        assert not [w for w, _ in sent if isinstance(w, bq.Mark) and css_colour("forest") in w.colors]

    def test_closing_twice_leaves_no_widget(self, finished, plot):
        before = live_widgets()
        extra = type(plot)()
        extra.draw(extra.select(finished, View()))
        assert live_widgets() > before
        extra.close()
        extra.close()
        assert live_widgets() <= before

    def test_is_told_in_words_for_screen_readers(self, plot, finished):
        plot.draw(plot.select(finished, View()))
        words = [w.value for w in walk(plot.widget) if isinstance(w, widgets.HTML)]
        assert any("aria-label" in value or "<table" in value for value in words)


def walk(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def live_widgets() -> set[str]:
    return set(widgets.widget._instances)


def series_lengths(frame: Any) -> Iterator[int]:
    for line in getattr(frame, "lines", ()):
        for part in (line, getattr(line, "ahead", None)):
            values = [getattr(part, f.name) for f in dataclasses.fields(part)] if part else []
            yield from (len(v) for v in values if isinstance(v, tuple) and v and isinstance(v[0], int | float))
    yield len(getattr(frame, "bars", ()))


class TestTableOfPlots:
    def test_unknown_names_are_refused_with_the_valid_ones(self):
        with pytest.raises(InputError, match="learning_curve"):
            load_plot("lerning_curve")

    def test_other_packages_add_plots(self, monkeypatch):
        point = EntryPoint("added", "scalewise.plots.fit_time:FitTimePlot", base.ENTRY_POINTS)
        monkeypatch.setattr(base, "entry_points", lambda **asked: EntryPoints([point]).select(**asked))
        assert "added" in plot_names()
        assert load_plot("added") is FitTimePlot


class TestLearningCurve:
    def test_a_line_has_its_points_band_and_words(self, finished):
        line = select_curves(finished, View()).lines[2]
        assert line.name == "forest"
        assert len(line.n_rows) == len(line.score) == len(line.texts)
        assert all(low <= score <= high for low, score, high in zip(line.low, line.score, line.high, strict=True))
        assert "Random forest" in line.texts[-1]
        assert "10,000 rows (50 %)" in line.texts[-1]
        assert line.places[-1] == ("local",)
        assert line.texts[-1].endswith("computed by this machine")

    def test_pointing_tells_the_settings_that_a_label_only_counts(self, finished):
        forest = finished.models[2]
        for name, label, told in (
            ("forest(max_depth=9, min_samples_leaf=2)", "Random forest (2 settings)", 1),
            ("forest(max_depth=9)", "Random forest (max_depth=9)", 0),
        ):
            spec = replace(forest.curve.model, name=name, label=label)
            own = replace(forest, curve=replace(forest.curve, model=spec))
            (line,) = select_curves(replace(finished, models=(own,)), View()).lines
            lines = line.texts[-1].split("\n")
            assert lines[0] == label
            assert lines.count("max_depth=9, min_samples_leaf=2") == told

    def test_many_settings_take_several_lines_of_a_tip(self, finished):
        forest, told = finished.models[2], "max_depth=9, max_features=0.339, max_iter=160, min_samples_leaf=2"
        spec = replace(forest.curve.model, name=f"forest({told})", label="Random forest (4 settings)")
        own = replace(forest, curve=replace(forest.curve, model=spec))
        (line,) = select_curves(replace(finished, models=(own,)), View()).lines
        assert line.texts[-1].split("\n")[1:3] == [
            "max_depth=9, max_features=0.339,",
            "max_iter=160, min_samples_leaf=2",
        ]

    def test_the_continuation_starts_at_the_last_point_and_reaches_all_rows(self, finished):
        line = select_curves(finished, View()).lines[1]
        assert line.ahead.n_rows[0] == line.n_rows[-1]
        assert DATA.n_train_rows in line.ahead.n_rows
        assert line.ahead.full_score is not None

    def test_a_refused_continuation_is_said_and_not_drawn(self, finished):
        model = finished.model("linear")
        refused = dataclasses.replace(model.continuation, refusal="The scores scatter too much.")
        changed = dataclasses.replace(finished, models=(dataclasses.replace(model, continuation=refused),))
        frame = select_curves(changed, View())
        assert frame.lines[0].ahead is None
        plot = LearningCurvePlot()
        plot.draw(frame)
        assert any(
            "Logistic regression. The scores scatter" in w.value for w in walk(plot.widget) if hasattr(w, "value")
        )
        plot.close()

    def test_training_scores_can_be_switched_off(self, finished):
        assert select_curves(finished, View()).lines[1].train
        assert not any(line.train for line in select_curves(finished, View(show_train=False)).lines)

    def test_a_hidden_model_keeps_its_button_and_loses_its_line(self, finished):
        line = select_curves(finished, View(hidden=frozenset({"forest"}))).lines[2]
        assert line.name == "forest"
        assert not line.shown
        assert line.n_rows == ()

    def test_the_legend_tells_which_model_was_switched(self, finished):
        toggled: list[str] = []
        plot = LearningCurvePlot(toggled.append)
        plot.draw(plot.select(finished, View(hidden=frozenset({"forest"}))))
        buttons = [w for w in walk(plot.widget) if isinstance(w, widgets.Button)]
        assert [b.description.split()[-1] for b in buttons][2] == "off"
        buttons[2].click()
        assert toggled == ["forest"]
        plot.close()

    def test_the_axis_of_rows_stands_still_while_points_come_in(self):
        frames = [select_curves(SUMMARIES[stage], View()) for stage in ("started", "one point", "three sizes")]
        assert len({(frame.first_rows, frame.last_rows) for frame in frames}) == 1

    def test_linear_rows_are_drawn_as_rows(self, finished):
        plot = LearningCurvePlot()
        plot.draw(plot.select(finished, View(log_rows=False)))
        figure = next(w for w in walk(plot.widget) if isinstance(w, bq.Figure))
        assert max(max(mark.x, default=0) for mark in figure.marks if isinstance(mark, bq.Scatter)) == DATA.n_train_rows
        plot.close()


class TestImportance:
    def test_the_twenty_largest_come_first(self, finished):
        frame = select_importance(finished, View())
        assert [bar.feature for bar in frame.bars] == list(FEATURES[:20])
        assert "10 smaller" in frame.footer

    def test_search_finds_the_rest(self, finished):
        frame = select_importance(finished, View(search=" FEATURE_29 "))
        assert [bar.feature for bar in frame.bars] == ["feature_29"]

    def test_a_search_without_a_match_says_so(self, finished):
        frame = select_importance(finished, View(search="zzz"))
        assert frame.bars == ()
        assert "No feature matches" in frame.message

    def test_the_model_is_the_chosen_one(self, finished):
        assert select_importance(finished, View(importance_model="linear")).model == "linear"
        assert select_importance(finished, View()).model == "forest"

    def test_guessing_looks_at_no_feature(self, finished):
        assert "looks at no feature" in select_importance(finished, View(importance_model="dummy")).message

    @pytest.mark.parametrize("search", ["", "feature_0", "feature_07"])
    def test_bars_and_their_words_agree(self, finished, search):
        plot = ImportancePlot()
        plot.draw(plot.select(finished, View(search=search)))
        figure = next(w for w in walk(plot.widget) if isinstance(w, bq.Figure))
        bars, intervals = figure.marks
        assert bars.x.size == 2 * len(bars.labels)
        assert np.isfinite(intervals.x[-1])
        plot.close()

    def test_a_long_name_is_cut(self, finished):
        plot = ImportancePlot()
        frame = plot.select(finished, View())
        plot.draw(dataclasses.replace(frame, bars=(dataclasses.replace(frame.bars[0], feature="x" * 60),)))
        figure = next(w for w in walk(plot.widget) if isinstance(w, bq.Figure))
        assert figure.axes[1].tick_labels["0"] == "x" * 23 + "…"
        plot.close()


class TestFitTime:
    def test_all_rows_are_predicted_with_the_measured_growth(self, finished):
        forest = next(line for line in select_fit_times(finished, View()).lines if line.name == "forest")
        assert forest.ahead_rows[-1] == pytest.approx(DATA.n_train_rows)
        assert forest.ahead_seconds[-1] == pytest.approx(2.01, rel=0.05)
        assert forest.full_time == "≈ 2 s"
        assert forest.exponent == pytest.approx(1.0, abs=0.1)

    def test_nothing_is_predicted_beyond_what_a_model_may_be_fitted_on(self, finished):
        neighbors = next(line for line in select_fit_times(finished, View()).lines if line.name == "neighbors")
        assert neighbors.ahead_rows == ()
        assert neighbors.full_time == "–"

    def test_what_was_measured_on_all_rows_is_not_predicted(self):
        summary = summarise(state_of(models=MODELS[1:2], most=1.0))
        linear = select_fit_times(summary, View()).lines[0]
        assert linear.full_time == "2 s"
        assert linear.ahead_rows == ()

    def test_memory_is_told_as_the_verdict_tells_it_whatever_others_left_in_a_worker(self):
        state, large = state_of(models=MODELS[1:2], most=1.0), 400_000_000
        most = max(trial.n_rows for trial in state.records)
        for trial, got in state.records.items():
            left = 90_000_000 if trial.n_rows == most else 0
            measured = dataclasses.replace(got, peak_bytes=trial.n_rows, worker_bytes=large + left + trial.n_rows)
            state = fold(state, ev.TrialFinished(trial=trial, record=measured))
        summary = summarise(state)
        (line,), (model,) = select_fit_times(summary, View()).lines, summary.models
        assert line.full_memory == f"≈ {byte_text(model.worker_bytes(most))}"
        assert model.worker_bytes(most) < large + 10_000_000

    def test_guessing_is_not_timed(self, finished):
        assert "dummy" not in [line.name for line in select_fit_times(finished, View()).lines]
