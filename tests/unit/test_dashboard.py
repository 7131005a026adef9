"""The page without a browser: widgets are driven as the front end would, and read as it would show them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from studies import data_spec

import scalewise
from scalewise.app.dashboard import Dashboard
from scalewise.app.features import AlarmList
from scalewise.core import events as ev
from scalewise.core.folding import fold
from scalewise.core.spec import Alarm, Feature, LeftOut
from scalewise.core.study import StudyState
from scalewise.core.summary import summarise
from scalewise.engines import open_engine
from scalewise.errors import InputError, TableError
from scalewise.options import model_specs

PATIENCE_SECONDS = 120


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setenv("SCALEWISE_JOURNAL", str(tmp_path / "journal.sqlite"))
    made = []

    def open_page(*args, **options):
        made.append(Dashboard(*args, engine="inline", **options))
        return made[-1]

    yield open_page
    for dashboard in made:
        dashboard.close()
        dashboard.close()


def frame(n_rows=600):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n_rows))
    return pd.DataFrame({"a": a, "b": b, "late": np.where(a + rng.normal(size=n_rows) > 0, "yes", "no")})


def until(dashboard, *phases):
    end = time.monotonic() + PATIENCE_SECONDS
    while dashboard.state.phase not in phases or not dashboard.runner.is_settled():
        assert time.monotonic() < end, dashboard.state.phase
        dashboard.tick()
        # Drawing all the time would keep the study, which runs in this process too, from its fits.
        time.sleep(0.1)
    dashboard.tick()


def only_quick_models(dashboard):
    """Leave out the models that take longest, where what is looked at does not hang on them."""
    for box in dashboard.controls.models.boxes:
        box.value = box.model in ("dummy", "linear")


def source(content=None):
    return scalewise.open_source(frame() if content is None else content, name="mine")


def test_a_table_with_a_target_is_ready_to_run_and_ends_with_a_verdict(page):
    dashboard = page(source(), "late")
    until(dashboard, "ready")
    controls = dashboard.controls
    assert controls.target.value == "late"
    assert not controls.run.disabled
    assert controls.metric.value == "roc_auc"
    assert controls.fraction.value == 1.0
    assert "480" in controls.rows.value
    only_quick_models(dashboard)
    controls.run.click()
    until(dashboard, "finished")
    assert "finished" in dashboard._header.value
    assert "of the 4 sizes" not in dashboard._verdict.value
    assert "aria-valuenow" in controls.progress.value


def test_rows_that_are_left_out_are_told_beside_the_target(page):
    table = frame()
    table.loc[[3, 50, 200, 404], "late"] = "per<haps"
    dashboard = page(source(table), "late")
    until(dashboard, "ready")
    said = "4 rows of a rare class of late (fewer than 10 rows) are left out: &#x27;per&lt;haps&#x27; (4)."
    assert said in dashboard.controls.remarks.value
    dashboard.controls.target.value = "a"
    until(dashboard, "ready")
    assert dashboard.controls.remarks.value == ""


def test_without_a_target_the_person_is_asked_for_one(page):
    dashboard = page(source())
    until(dashboard, "opened")
    assert dashboard.controls.run.disabled
    assert [value for _, value in dashboard.controls.target.options] == ["", "a", "b", "late"]
    dashboard.controls.target.set_state({"index": 3})
    until(dashboard, "ready")
    assert not dashboard.controls.run.disabled


def test_a_target_that_cannot_be_learned_is_said_on_the_card(page):
    constant = frame().assign(late="yes")
    dashboard = page(source(constant), "late")
    until(dashboard, "refused")
    assert "sw-verdict-refused" in dashboard._verdict.value
    assert "class" in dashboard._verdict.value
    assert dashboard.controls.run.disabled


def test_the_slider_goes_on_by_itself_when_it_is_moved_up_after_the_end(page):
    dashboard = page(source(), "late")
    until(dashboard, "ready")
    only_quick_models(dashboard)
    dashboard.controls.fraction.value = 0.5
    dashboard.controls.run.click()
    until(dashboard, "finished")
    before = len(dashboard.state.records)
    dashboard.controls.fraction.value = 1.0
    dashboard.runner.answered()
    until(dashboard, "finished")
    assert len(dashboard.state.records) > before


def test_no_model_at_all_is_answered_by_a_message(page):
    dashboard = page(source(), "late")
    until(dashboard, "ready")
    for box in dashboard.controls.models.boxes:
        box.value = False
    dashboard.controls.run.click()
    until(dashboard, "ready")
    assert "No model is chosen" in dashboard._messages.value


def wide(n_columns=1_500, n_rows=300):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_columns, n_rows))
    return pa.table({**{f"x{place}": column for place, column in enumerate(X)}, "y": X[700], "z": X[1]})


def test_a_wide_table_says_what_is_studied_and_a_search_why_a_column_is_not(page):
    dashboard = page(source(wide()), "y")
    until(dashboard, "ready")
    assert "1,501 columns: screened on 240 training rows; the 300 that carry most" in dashboard._messages.value
    assert "match the search" not in dashboard._messages.value
    screening = dashboard.runner.screening
    weakest = screening.names[int(np.argmin(screening.alone))]
    dashboard._search.value = weakest.upper()
    dashboard.tick()
    assert f"<b>{weakest}</b>: carries less than the columns that are studied" in dashboard._messages.value


def test_of_a_wide_table_some_columns_are_offered_and_the_one_asked_for(page):
    dashboard = page(source(wide()), "x700")
    until(dashboard, "ready")
    offered = [value for _, value in dashboard.controls.target.options]
    assert len(offered) == 1_002
    assert dashboard.controls.target.value == "x700"
    assert {"x0", "z"} <= set(offered)


def test_looking_at_a_wide_table_can_be_stopped_and_begun_again(page, monkeypatch):
    monkeypatch.setattr("scalewise.data.column_blocks._BLOCK_BYTES", 4 * 240 * 10)
    dashboard = page(source(wide()), "y")
    end = time.monotonic() + PATIENCE_SECONDS
    while not dashboard.state.looked_at:
        assert time.monotonic() < end
        time.sleep(0.001)
    dashboard.tick()
    assert not dashboard.controls.stop.disabled
    assert "looking at the columns: " in dashboard._header.value
    dashboard.controls.stop.click()
    until(dashboard, "opened")
    assert dashboard.controls.run.description == "Look at it"
    dashboard.controls.run.click()
    until(dashboard, "ready")
    assert dashboard.controls.run.description == "Run"
    assert len(dashboard.state.data.features) == 300


def test_a_stream_and_nothing_else_can_be_stopped_after_the_study(page):
    dashboard = page(source(), "late")
    until(dashboard, "ready")
    only_quick_models(dashboard)
    dashboard.controls.run.click()
    until(dashboard, "finished")
    controls, state = dashboard.controls, dashboard.state
    assert controls.stop.disabled
    state = fold(state, ev.StreamQueued(model=model_specs(("sgd",), "binary")[0], n_rows=480))
    controls.render(summarise(state))
    assert not controls.stop.disabled
    assert not controls.run.disabled
    controls.render(summarise(fold(state, ev.StudyStopped())))
    assert controls.stop.disabled


def test_text_from_the_table_cannot_become_part_of_the_page(page):
    evil = frame().rename(columns={"a": "<img src=x onerror=alert(1)>", "late": "<b>late</b>"})
    dashboard = page(source(evil), "<b>late</b>")
    until(dashboard, "ready")
    only_quick_models(dashboard)
    dashboard.controls.run.click()
    until(dashboard, "finished")
    shown = dashboard._header.value + dashboard._verdict.value + dashboard._messages.value
    assert "<img" not in shown
    assert "<b>late</b>" not in shown.replace("<b>&lt;b&gt;late&lt;/b&gt;</b>", "")


def test_equal_states_draw_nothing_twice(page):
    dashboard = page(source(), "late")
    until(dashboard, "ready")
    drawn = []
    dashboard._verdict.observe(drawn.append, "value")
    dashboard._pump.request()
    dashboard.tick()
    assert drawn == []


def test_a_journal_that_cannot_be_used_is_told_and_the_page_works(page, tmp_path):
    (tmp_path / "notes").write_text("no database " * 1_000)
    dashboard = page(source(), "late", journal=tmp_path / "notes")
    until(dashboard, "ready")
    only_quick_models(dashboard)
    dashboard.controls.run.click()
    until(dashboard, "finished")
    assert "in memory only" in dashboard._messages.value


@pytest.mark.parametrize(
    "convert", [lambda df: df, pl.from_pandas, pa.Table.from_pandas], ids=["pandas", "polars", "arrow"]
)
def test_explore_opens_whatever_holds_a_table(convert, tmp_path):
    dashboard = scalewise.explore(convert(frame()), target="late", journal=tmp_path / "j")
    try:
        until(dashboard, "ready")
        assert dashboard.state.table == "your table"
    finally:
        dashboard.close()


def test_explore_begins_with_the_options_that_were_given(tmp_path):
    options = scalewise.StudyOptions(
        "late",
        metric="accuracy",
        models=("dummy", "linear"),
        max_fraction=0.7,
        repeats=3,
        seed=4,
        min_gain=0.02,
        unit=scalewise.SamplingUnit("group", "patient"),
        exclude=(LeftOut("b", "left out as asked"),),
        budget_minutes=10,
        price_per_hour=0.5,
        max_features=50,
        everything=True,
        pinned=("linear",),
    )
    table = frame().assign(patient=np.arange(600) % 60)
    dashboard = scalewise.explore(table, options=options, journal=tmp_path / "j")
    try:
        until(dashboard, "ready")
        assert dashboard.controls.options() == replace(options, task=None)
        assert dashboard.state.data.unit == options.unit
        assert "b" not in [feature.name for feature in dashboard.state.data.features]
    finally:
        dashboard.close()


def test_explore_refuses_what_is_no_table_and_what_is_no_column():
    with pytest.raises(TableError, match="pandas"):
        scalewise.explore(42)
    with pytest.raises(InputError, match="late"):
        scalewise.explore(frame(), target="lete")
    with pytest.raises(TableError, match="no file"):
        scalewise.explore("/no/such/file.parquet")


def test_the_rest_is_taken_to_other_workers_and_back_by_the_scale_out_panel(page):
    dashboard = page(source(), "late")
    until(dashboard, "ready")
    only_quick_models(dashboard)
    scale = dashboard.scale
    assert scale.button.disabled
    dashboard.controls.fraction.value = 0.5
    dashboard.controls.run.click()
    until(dashboard, "finished")
    scale.button.click()
    assert scale.widget.layout.display == ""
    dashboard.controls.fraction.value = 1.0
    until(dashboard, "finished")
    assert "Nothing is left to run" in _looked(dashboard).said.value
    assert not scale.start.disabled
    dashboard.runner.move(lambda: open_engine("local", workers=1))
    dashboard.runner.answered()
    assert not _looked(dashboard).home.disabled
    assert scale.start.disabled
    scale.home.click()
    dashboard.runner.answered()
    assert _looked(dashboard).home.disabled
    assert not scale.start.disabled


def test_the_scale_out_panel_says_what_is_left_as_soon_as_it_is_opened(page):
    dashboard = page(source(), "late")
    until(dashboard, "ready")
    only_quick_models(dashboard)
    dashboard.controls.run.click()
    until(dashboard, "finished")
    dashboard.scale.button.click()
    dashboard.tick()
    assert "Nothing is left to run" in dashboard.scale.said.value


def test_mistakes_in_the_scale_out_panel_are_answered_by_a_message(page):
    dashboard = page(source(), "late")
    until(dashboard, "ready")
    only_quick_models(dashboard)
    dashboard.controls.run.click()
    until(dashboard, "finished")
    scale = dashboard.scale
    for place, widget, typed, says in (
        ("address", scale.address, "localhost", "such as tcp://host:8786"),
        ("class", scale.keywords, "{cores: 4}", "no JSON"),
        ("class", scale.keywords, "[4]", "must be a JSON object"),
    ):
        scale.place.value = place
        widget.value = typed
        scale.start.click()
        dashboard.runner.answered()
        assert says in dashboard.state.notes[-1].text
        assert dashboard.state.away == ""


def _looked(dashboard):
    dashboard._pump.request()
    dashboard.tick()
    return dashboard.scale


def test_the_page_says_that_a_study_ended_early_and_goes_on_when_everything_is_asked_for(page):
    dashboard = page(source(frame(6_000)), "late")
    until(dashboard, "ready")
    controls = dashboard.controls
    controls.min_gain.value = 0.05
    only_quick_models(dashboard)
    controls.run.click()
    until(dashboard, "finished")
    assert "finished early" in controls.progress.value
    assert "The answer is decided" in controls.progress.value
    assert "width:100.0%" in controls.progress.value
    controls.everything.value = True
    until(dashboard, "finished")
    assert "finished early" not in controls.progress.value
    assert set(dashboard.state.records) == set(dashboard.state.planned())


def test_pinned_models_are_part_of_what_is_asked_for(page):
    dashboard = page(source(), "late")
    until(dashboard, "ready")
    box = next(box for box in dashboard.controls.models.boxes if box.model == "linear")
    box.pin.value = True
    assert dashboard.controls.options().pinned == ("linear",)
    box.value = False
    assert dashboard.controls.options().pinned == ()


def test_the_least_gain_follows_the_metric_until_a_person_sets_it(page):
    table = frame().assign(late=1_000 * np.random.default_rng(1).normal(size=600))
    dashboard = page(source(table), "late")
    until(dashboard, "ready")
    controls = dashboard.controls
    assert controls.min_gain.value == 0.005
    controls.metric.value = "neg_root_mean_squared_error"
    assert controls.min_gain.value == 5.0
    assert controls.min_gain.step == 1.0
    controls.metric.value = "r2"
    assert controls.min_gain.value == 0.005
    controls.min_gain.value = 0.01
    controls.metric.value = "neg_mean_absolute_error"
    assert controls.min_gain.value == 0.01


def test_a_model_with_own_settings_is_listed_pinned_and_studied(page):
    dashboard = page(source(), "late")
    until(dashboard, "ready")
    only_quick_models(dashboard)
    dashboard.controls.run.click()
    until(dashboard, "finished")
    models = dashboard.controls.models
    for _ in range(2):
        dashboard.controls.go_on_with("linear(C=0.01)")
        until(dashboard, "finished")
        # A person can leave it out again, and yet go on with it once more.
        models.boxes[2].value = models.boxes[2].pin.value = False
        until(dashboard, "finished")
    dashboard.controls.go_on_with("linear(C=0.01)")
    until(dashboard, "finished")
    assert [box.model for box in models.boxes if box.value] == ["dummy", "linear", "linear(C=0.01)"]
    assert models.pinned == ("linear(C=0.01)",)
    reached = {trial.model: trial.n_rows for trial in sorted(dashboard.state.records, key=lambda trial: trial.n_rows)}
    assert reached["linear(C=0.01)"] == reached["linear"]
    assert "Linear (C=0.01)" in [label for label, _ in dashboard._which.options]


def test_an_alarm_about_several_columns_leaves_all_of_them_out():
    left_out = []
    alarms = AlarmList(left_out.extend)
    names = ("a", "b", "c")
    data = data_spec(features=tuple(Feature(name, "number") for name in names))
    seen = Alarm("target_sum", "a", "a and b add up to y.", ("b",))
    alarms.render(summarise(fold(StudyState(), ev.TablePrepared(data=data, alarms=(seen,)))))
    alarms.widget.children[0].children[1].click()
    assert [column.name for column in left_out] == ["a", "b"]
    narrower = data_spec(features=data.features[1:])
    alarms.render(
        summarise(fold(StudyState(), ev.TablePrepared(data=narrower, left_out=tuple(left_out[:1]), alarms=(seen,))))
    )
    assert alarms.widget.children == ()


class TestFeatures:
    @pytest.fixture
    def searched(self, page):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(600, 5))
        late = np.where(2 * X[:, 0] + X[:, 1] + 0.3 * rng.normal(size=600) > 0, "yes", "no")
        table = pd.DataFrame({**{name: X[:, k] for k, name in enumerate("abcde")}, "late": late})
        dashboard = page(source(table.assign(leak=np.where(late == "yes", 1.0, 0.0))), "late")
        until(dashboard, "ready")
        only_quick_models(dashboard)
        dashboard.controls.fraction.value = 0.5
        return dashboard

    def test_an_alarming_column_is_left_out_with_one_click(self, searched):
        words, button = searched.alarms.widget.children[0].children
        assert "leak is nearly a copy of late" in words.value
        button.click()
        until(searched, "finished")
        assert [feature.name for feature in searched.state.data.features] == list("abcde")
        assert searched.alarms.widget.children == ()
        searched.features.all_again.click()
        until(searched, "finished")
        assert "leak" in [feature.name for feature in searched.state.data.features]

    def test_it_finds_out_how_few_would_do_and_goes_on_with_them(self, searched):
        tools = searched.features
        assert tools.button.disabled
        assert tools.go_on.disabled
        searched.alarms.widget.children[0].children[1].click()
        until(searched, "finished")
        tools.button.click()
        until(searched, "finished")
        assert tools.slider.value == 2
        assert "2 of 5 columns carry" in tools.told.value
        tools.slider.value = 3
        searched.tick()
        assert "3 of 5 columns carry" in tools.told.value
        tools.slider.value = 2
        searched.tick()
        tools.go_on.click()
        until(searched, "finished")
        assert {feature.name for feature in searched.state.data.features} == {"a", "b"}
        reasons = {column.name: column.reason for column in searched.state.left_out}
        assert reasons["c"] == "left out: the score does without it"
        assert {trial.model for trial in searched.state.resumed} == {"dummy", "linear"}
