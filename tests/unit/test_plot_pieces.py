"""What plots are made of: ranges, ticks, axes and colours."""

from __future__ import annotations

from typing import Any

import bqplot as bq
import ipywidgets as widgets
import numpy as np
import pytest

from scalewise.app import theme
from scalewise.plots import drawing
from scalewise.plots.learning_frame import CurveFrame, ModelLine
from scalewise.plots.learning_range import needed_range
from scalewise.plots.legend import Chip, Legend
from scalewise.plots.palette import SLOTS, css_colour, slot_of
from scalewise.plots.ticks import nice_span, percent_ticks, row_ticks, second_ticks, short_rows, steady


def line(name: str, score: list[float], rung: int = 1, train: tuple[float, ...] = ()) -> ModelLine:
    n_rows = tuple(100 * 2**k for k in range(len(score)))
    low, high = tuple(s - 0.01 for s in score), tuple(s + 0.01 for s in score)
    texts = ("",) * len(score)
    return ModelLine(
        name, name, rung, True, n_rows, tuple(score), low, high, train, texts, tuple(() for _ in score), None, ""
    )


def range_of(*lines: ModelLine) -> tuple[float, float]:
    needed = needed_range(CurveFrame(lines=lines, n_train_rows=10_000))
    assert needed is not None
    return needed


class TestRangeOfScores:
    good = line("good", [0.70, 0.72, 0.74, 0.75, 0.755])
    fair = line("fair", [0.65, 0.66, 0.67, 0.68, 0.68])

    def test_guessing_far_below_does_not_squash_the_rest(self):
        assert range_of(self.good, self.fair, line("dummy", [-5.0] * 5, rung=0))[0] > 0.6

    def test_guessing_nearby_is_shown(self):
        assert range_of(self.good, self.fair, line("dummy", [0.62] * 5, rung=0))[0] <= 0.62

    def test_a_wild_early_point_does_not_squash_the_rest(self):
        assert range_of(line("wild", [-40.0, 0.6, 0.7, 0.74, 0.75, 0.75]), self.fair)[0] > 0.3

    def test_a_model_that_diverged_does_not_squash_the_rest(self):
        assert range_of(self.good, self.fair, line("sgd", [-1e6] * 5))[0] > 0.5

    def test_training_scores_far_above_do_not_squash_the_rest(self):
        forest = line("forest", [0.70, 0.72, 0.74, 0.75, 0.755], train=(1.0,) * 5)
        assert range_of(forest, self.fair)[1] < 0.9

    def test_a_fitted_model_better_than_guessing_is_always_shown(self):
        low, _ = range_of(self.good, line("weak", [0.55] * 5), line("dummy", [0.5] * 5, rung=0))
        assert low <= 0.55

    def test_nothing_drawn_needs_no_range(self):
        assert needed_range(CurveFrame()) is None

    def test_the_span_stands_still_while_it_fits(self):
        span = nice_span(0.61, 0.74)
        assert steady(span, 0.615, 0.735) == span
        assert steady(span, 0.5, 0.74) != span
        assert steady(span, 0.70, 0.71) != span

    def test_the_span_holds_what_is_needed_and_little_beyond_the_best(self):
        span = nice_span(0.91, 0.999, best=1.0)
        assert span.low <= 0.91
        assert 1.0 <= span.high < 1.01
        assert all(span.low <= tick <= span.high for tick in span.ticks)


class TestTicks:
    def test_rows_are_round_and_few(self):
        assert row_ticks(90, 300_000, log=True) == (100, 1_000, 10_000, 100_000)
        assert row_ticks(0, 25_000, log=False)[:3] == (0, 5_000, 10_000)
        assert [short_rows(n) for n in (500, 1_000, 25_000, 1_500_000)] == ["500", "1k", "25k", "1.5M"]

    def test_shares_keep_100_percent_and_do_not_crowd(self):
        texts = [text for _, text in percent_ticks(100, 24_000, 20_000, log=True)]
        assert "100 %" in texts
        linear = [at for at, _ in percent_ticks(0, 25_000, 20_000, log=False)]
        assert min(np.diff(linear)) >= 0.075 * 25_000

    def test_durations_are_written_in_their_unit(self):
        assert [text for _, text in second_ticks(0.05, 700)] == ["0.1 s", "1 s", "10 s", "1 min", "10 min"]


class TestAxes:
    def test_texts_of_ticks_are_sent_before_the_ends_and_the_places(self, monkeypatch):
        scale = bq.LinearScale()
        axis = drawing.axis(scale, "bottom")
        sent: list[Any] = []
        monkeypatch.setattr(widgets.Widget, "send_state", lambda self, key=None: sent.extend(key or ()))
        drawing.show_scale(scale, 0.0, 10.0, [(axis, [(0.0, "none"), (5.0, "half")])])
        assert sent[0] == "tick_labels"
        assert set(sent[1:3]) == {"min", "max"}
        assert sent[3] == "tick_values"

    def test_texts_are_found_by_the_number_as_the_browser_writes_it(self):
        scale = bq.LinearScale()
        axis = drawing.axis(scale, "bottom")
        drawing.show_scale(scale, 0.0, 1e6, [(axis, [(1e6, "1M"), (0.25, "quarter"), (-0.0, "none")])])
        assert axis.tick_labels == {"1000000": "1M", "0.25": "quarter", "0": "none"}

    def test_traits_that_are_as_wanted_are_not_touched(self, monkeypatch):
        mark = drawing.line_mark({"x": bq.LinearScale(), "y": bq.LinearScale()}, "red")
        drawing.set_traits(mark, x=np.array([1.0, np.nan]), y=np.array([2.0, np.nan]))
        sent: list[Any] = []
        monkeypatch.setattr(widgets.Widget, "send_state", lambda self, key=None: sent.append(set(key)))
        assert not drawing.set_traits(mark, x=np.array([1.0, np.nan]), y=np.array([2.0, np.nan]))
        assert drawing.set_traits(mark, x=np.array([1.0, 3.0]), y=np.array([2.0, np.nan]))
        assert sent == [{"x"}]


class TestLegend:
    def test_a_button_tells_the_settings_that_its_label_only_counts(self):
        legend, name = Legend(), "boosting(learning_rate=0.03, max_iter=400)"
        legend.show((Chip(name, "Boosting (2 settings)", "0.78", True), Chip("linear", "Linear", "off", False)), "R²")
        _, own, plain = legend.widget.children
        assert own.description == "Boosting (2 settings) 0.78"
        assert own.tooltip == "Hide Boosting (2 settings): learning_rate=0.03, max_iter=400"
        assert plain.tooltip == "Show Linear"
        legend.close()


class TestColours:
    def test_a_model_keeps_its_colour(self):
        assert slot_of("forest").name == "forest"
        assert css_colour("my own model") == css_colour("my own model")
        assert slot_of("my own model").name.startswith("other-")

    def test_models_with_own_settings_have_colours_that_differ(self):
        own = ["linear(C=0.123)", "boosting(max_iter=412)", "boosting(max_iter=321)"]
        assert len({slot_of(name) for name in (*own, "linear", "boosting")}) == 5

    def test_no_model_takes_no_colour_from_those_to_come(self):
        assert slot_of("") == slot_of("dummy")

    def test_every_colour_is_set_for_light_and_dark_pages(self):
        sheet = theme.css()
        for slot in SLOTS:
            assert f"--sw-model-{slot.name}:{slot.light}" in sheet
            assert f"--sw-model-{slot.name}:{slot.dark}" in sheet

    @pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
    @pytest.mark.parametrize("name", ["text", "muted", "yes", "no", "unsure", "error"])
    def test_words_stand_out_from_the_panel(self, colours, name):
        assert contrast(colours[name], colours["panel"]) >= 4.5

    def test_braces_of_the_style_sheet_are_balanced(self):
        assert theme.css().count("{") == theme.css().count("}")


def contrast(one: str, other: str) -> float:
    """Contrast of two colours as WCAG 2 defines it."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
