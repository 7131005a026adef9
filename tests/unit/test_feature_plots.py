"""Groups, noise, places and score against number of features, as frames and as widgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import bqplot as bq
import ipywidgets as widgets
import pytest
from studies import BOOSTING, DUMMY, LINEAR, data_spec, record, started, study_spec

from scalewise.app.features import FeatureActions, FeatureTools
from scalewise.core import events as ev
from scalewise.core.features.feature_words import effect_words, search_words
from scalewise.core.folding import fold
from scalewise.core.plan import FeaturePlan, Plan
from scalewise.core.results import FeatureImportance, GroupImportance
from scalewise.core.spec import Feature, Trial
from scalewise.core.summary import Summary, summarise
from scalewise.plots.base import View
from scalewise.plots.feature_curve import FeatureCurvePlot, select_feature_curve
from scalewise.plots.importance import ImportancePlot, select_importance
from scalewise.plots.rank_stability import RankStabilityPlot, select_ranks

NAMES = tuple("abcdef")
DATA = replace(data_spec(10_000), features=tuple(Feature(name, "number") for name in NAMES))
PLAN = Plan((DUMMY, LINEAR, BOOSTING), 0.1, 2, features=FeaturePlan("linear", 1_000, (1, 2, 3, 5), 2, 2))
SCORE = {1: 0.75, 2: 0.799, 3: 0.8, 5: 0.8}


def study(*, searched: bool = True) -> Summary:
    """Feature a twin of b, c worth something, the rest noise."""
    state = replace(started(PLAN, study_spec(DATA)), groups=(("a", "b"),))
    drops = {"a": 0.02, "b": 0.03, "c": 0.1, "d": 0.0005, "e": -0.001, "f": 0.0}
    items = tuple(FeatureImportance(name, drop, 0.0002) for name, drop in drops.items())
    group = (GroupImportance(("a", "b"), 0.15, 0.001),)
    noise = tuple(FeatureImportance(f"noise {k}", 0.0005 * (-1) ** k, 0.001) for k in range(2))
    for repeat in range(2):
        told = [(Trial("dummy", 1_000, repeat), record(0.5))]
        plain = replace(record(0.8), importances=items, groups=group)
        told += [(Trial("linear", n_rows, repeat), plain) for n_rows in (500, 1_000)]
        if searched:
            told.append((Trial("linear", 1_000, repeat, probes=2), replace(record(0.8), importances=noise)))
            told += [
                (Trial("linear", 1_000, repeat, keep=k), replace(record(score), kept=("b", "c", "a", "d", "e")[:k]))
                for k, score in SCORE.items()
            ]
        for trial, got in told:
            state = fold(state, ev.TrialFinished(trial=trial, record=got))
    return summarise(state)


def walk(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


@pytest.fixture(scope="module")
def summary() -> Summary:
    return study()


class TestImportances:
    def test_a_group_is_one_bar_until_it_is_opened(self, summary):
        closed, opened = (select_importance(summary, View(open_groups=g)) for g in (frozenset(), frozenset("b")))
        assert [bar.feature for bar in closed.bars] == ["b", "c", "d", "f", "e"]
        assert closed.bars[0].others == ("a",)
        assert [(bar.feature, bar.member) for bar in opened.bars[:3]] == [("b", False), ("b", True), ("a", True)]

    def test_a_search_opens_the_groups_that_it_finds(self, summary):
        assert [bar.feature for bar in select_importance(summary, View(search="a")).bars] == ["b", "b", "a"]

    def test_what_is_no_better_than_noise_is_grey_and_told(self, summary):
        frame = select_importance(summary, View())
        assert [bar.noise for bar in frame.bars] == [False, False, True, True, True]
        assert any("3 are below it" in remark for remark in frame.remarks)
        assert any("better without the feature" in remark for remark in frame.remarks)
        assert any("shuffled together" in remark for remark in frame.remarks)

    def test_the_line_of_noise_is_drawn_only_once_it_is_known(self, summary):
        plot = ImportancePlot()
        figure = next(w for w in walk(plot.widget) if isinstance(w, bq.Figure))
        plot.draw(plot.select(study(searched=False), View()))
        assert len(figure.marks) == 2
        plot.draw(plot.select(summary, View()))
        line = plot.select(summary, View()).noise_line
        assert figure.marks[2].x.tolist() == [line, line]
        plot.close()

    def test_a_chip_asks_to_open_its_group(self, summary):
        asked: list[str] = []
        plot = ImportancePlot(asked.append)
        plot.draw(plot.select(summary, View()))
        chip = next(w for w in walk(plot.widget) if isinstance(w, widgets.Button))
        assert chip.description == "▸ b +1"
        chip.click()
        assert asked == ["b"]
        plot.draw(plot.select(summary, View(open_groups=frozenset("b"))))
        assert chip.description == "▾ b +1"
        plot.close()


class TestRanks:
    def test_places_and_their_words(self, summary):
        frame = select_ranks(summary, View())
        assert frame.fractions == (0.05, 0.1)
        assert [line.places for line in frame.lines][:2] == [(1.0, 1.0), (2.0, 2.0)]
        assert [line.steady for line in frame.lines[:3]] == [True, True, True]
        assert "have not changed since 5 % of the rows" in frame.sentence

    def test_names_stand_at_the_last_places(self, summary):
        plot = RankStabilityPlot()
        plot.draw(plot.select(summary, View()))
        figure = next(w for w in walk(plot.widget) if isinstance(w, bq.Figure))
        assert figure.axes[2].tick_labels["-1"] == "b + 1"
        plot.close()


class TestScoreAgainstFeatures:
    def test_points_ring_and_chosen_number(self, summary):
        frame = select_feature_curve(summary, View())
        assert frame.ks == (1, 2, 3, 5, 6)
        assert (frame.enough, frame.chosen) == (2, 2)
        assert "all 6 features" in frame.texts[-1]
        assert "b, c" in frame.texts[1]
        assert select_feature_curve(summary, View(keep=3)).chosen == 3
        assert select_feature_curve(summary, View(keep=4)).chosen == 2

    def test_before_it_was_asked_for_it_says_how(self):
        plain = study(searched=False)
        assert "Ranking the features" in select_feature_curve(plain, View()).message

    def test_the_ring_stands_at_the_smallest_set_that_is_enough(self, summary):
        plot = FeatureCurvePlot()
        plot.draw(plot.select(summary, View()))
        assert plot._ring.y.tolist() == [pytest.approx(0.799)]
        assert len(plot._chosen.x) == 2
        plot.close()


class TestWords:
    def test_what_keeping_two_does(self, summary):
        first, second, third = effect_words(summary, 2, free_bytes=10**9)
        assert first.startswith("2 of 6 columns carry 99 % of the score: 0.7990 of 0.8000 ROC AUC")
        assert second == "All rows with 2 columns: 1.7 MB → 720 kB, fits this machine."
        assert third.startswith("One fit of Linear on 1,000 rows: ")

    @pytest.mark.parametrize(
        ("free", "words"),
        [(10**6, "more than this machine has free"), (2 * 10**6, "and all columns do not"), (None, "720 kB.")],
    )
    def test_whether_it_fits(self, summary, free, words):
        assert words in effect_words(summary, 2, free)[1]

    def test_one_column_is_one(self, summary):
        assert summary.features.words(1) == "1 of 6 columns carries 83.3 % of the score"
        assert "All rows with 1 column:" in effect_words(summary, 1)[1]

    def test_without_a_model_that_guesses_there_is_no_share_but_whether_they_are_enough(self, summary):
        plain = replace(summary.features, guessing=None)
        assert plain.enough == 2
        assert plain.words(1) == "1 of 6 columns"
        assert plain.words(2) == "2 of 6 columns do as well as the best set, within 0.005"
        alone = replace(plain, enough=1)
        assert alone.words(1) == "1 of 6 columns does as well as the best set, within 0.005"

    def test_the_verdict_names_the_columns_that_are_enough(self, summary):
        line = next(line for line in summary.verdict.evidence if "columns carry" in line)
        assert line.startswith(
            "With Linear 2 of 6 columns carry 99 % of the score: b, c. All rows take 720 kB with these"
        )

    def test_nothing_is_said_of_what_was_not_tried(self, summary):
        assert effect_words(summary, 4) == ()
        assert effect_words(study(searched=False), 2) == ()


def test_it_is_told_how_many_fits_of_a_comparison_are_done_and_where_it_ended():
    before, after = study(searched=False).state, study().state
    assert search_words(before) == "Comparing features: 0 of 10 fits done …"
    assert search_words(after) == ""
    spent = fold(before, ev.StudyFinished(ending="budget", reason="The budget of time is spent."))
    assert "0 of 10 fits were done when the time was spent. Give a larger budget." in search_words(spent)
    assert search_words(fold(before, ev.StudyStopped())).endswith("were done when the study was stopped.")


def test_how_far_it_is_stands_beside_the_plot_and_what_was_stopped_can_be_asked_for_again():
    tools = FeatureTools(FeatureActions(find=lambda: None, look=lambda k: None, leave_out=lambda columns: None))
    running = study(searched=False)
    tools.render(running, ())
    assert "0 of 10 fits done" in tools.doing.value
    assert tools.button.disabled
    tools.render(summarise(fold(running.state, ev.StudyStopped())), ())
    assert "when the study was stopped" in tools.doing.value
    assert not tools.button.disabled
