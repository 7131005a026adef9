"""The cheapest experiment that would probably tell what cannot be told yet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from scalewise.core.deciding.contest import CLOSE, normal_above
from scalewise.core.deciding.scene import Scene
from scalewise.core.prospects import FEWEST_SIZES, ModelSummary, Outlook, farthest
from scalewise.core.sizes import repeats_at
from scalewise.core.wording import duration_text, rows_text

__all__ = ["Experiment", "cheapest_experiment", "comparing_experiment", "trend_experiment"]

_LIKELY = 0.7
"""An experiment is taken for one that would tell from this chance on; else the likeliest one is named."""
_SURE_SDS = 0.8416
"""Standard deviations from a margin at which it is exceeded with 80 %, or 20 %."""
_REPEATS = (2, 5, 10)


@dataclass(frozen=True, slots=True)
class Experiment:
    """Some fits of one model on one size, or once on each of some sizes.

    Parameters
    ----------
    model : str
        What people call it.
    n_rows, repeats : int
    minutes : float
        Wall time on this machine.
    chance : float
        Probability that the answer is a yes or a no afterwards; NaN where nothing tells it.
    smaller : tuple of int
        Further sizes, ascending, for a model that has too few of them for a trend.
    """

    model: str
    n_rows: int
    repeats: int
    minutes: float
    chance: float
    smaller: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """The experiment for people, without a full stop."""
        often = "once" if self.repeats == 1 else f"{self.repeats} times"
        chance = f" (it tells with a chance of {100 * self.chance:.0f} %)" if self.chance < _LIKELY else ""
        took = duration_text(max(60 * self.minutes, 0.1))
        on = rows_text(self.n_rows)
        if self.smaller:
            on, often = f"{', '.join(map(rows_text, self.smaller))} and {on}", "once each"
        return f"{self.model} on {on} rows, {often}, about {took}{chance}"

    @property
    def tells_trend(self) -> bool:
        """Whether it tells how a curve goes on, and only then what the answer is."""
        return math.isnan(self.chance)


def cheapest_experiment(scene: Scene, model: ModelSummary, gain: Outlook) -> Experiment | None:
    """Find the cheapest experiment that probably turns a guess into an answer.

    A larger size shortens the way that is left to the target; repeats take noise off the last score. By how much each
    narrows the guess is known beforehand, and with that how probably the answer is clear afterwards.

    Parameters
    ----------
    scene : Scene
    model : ModelSummary
        The model that the guess is about.
    gain : Outlook
        The guess, at the size that the decision looks ahead to.

    Returns
    -------
    Experiment or None
        None where neither a larger size nor repeats would narrow the guess.
    """
    found = [e for e in (*_larger(scene, model, gain), *_repeated(scene, model, gain)) if e.chance > 0.05]
    likely = [e for e in found if e.chance >= _LIKELY]
    if likely:
        return min(likely, key=lambda e: e.minutes)
    return max(found, key=lambda e: (round(e.chance, 2), -e.minutes), default=None)


def comparing_experiment(scene: Scene, model: ModelSummary, ahead: Outlook) -> Experiment | None:
    """The smallest fit of a model at which it can be compared with the pick.

    Parameters
    ----------
    scene : Scene
    model : ModelSummary
    ahead : Outlook
        How far it is expected to get ahead of the pick.
    """
    last, most = model.curve.last.n_rows, model.curve.model.max_rows or scene.full
    deep = [n for n in scene.sizes if max(last + 1, CLOSE * scene.here.curve.last.n_rows) <= n <= most]
    if not deep:
        return None
    rest = model.at(max(last, round(last * ahead.n_rows / deep[0])))
    return _experiment(scene, model, ahead, deep[0], 1, rest.sd if rest else ahead.sd)


def trend_experiment(scene: Scene, model: ModelSummary) -> Experiment | None:
    """The sizes that a model lacks for a trend, the next larger ones first; None where the table has too few."""
    curve, most = model.curve, model.curve.model.max_rows or scene.full
    larger = [n for n in scene.sizes if curve.last.n_rows < n <= most]
    between = [n for n in reversed(scene.sizes) if n < curve.last.n_rows and not curve.at(n)]
    lacking = FEWEST_SIZES - len(curve.points)
    asked = sorted([*larger, *between][:lacking])
    if lacking <= 0 or len(asked) < lacking:
        return None
    minutes = sum(scene.minutes(model, n, 1) for n in asked)
    return Experiment(model.label, asked[-1], 1, minutes, math.nan, tuple(asked[:-1]))


def _larger(scene: Scene, model: ModelSummary, gain: Outlook) -> Iterator[Experiment]:
    last = model.curve.last.n_rows
    most = min(scene.most_rows_here(model), farthest(last, scene.full), model.curve.model.max_rows or scene.full)
    for n_rows in scene.sizes:
        if last < n_rows <= most:
            # All rows are the same rows each time.
            repeats = repeats_at(n_rows, scene.repeats) if n_rows < scene.full else 1
            # What is left of the way afterwards is as uncertain as a way of that ratio is now.
            rest = model.at(max(last, round(last * gain.n_rows / n_rows)))
            yield _experiment(scene, model, gain, n_rows, repeats, rest.sd if rest else gain.sd)


def _repeated(scene: Scene, model: ModelSummary, gain: Outlook) -> Iterator[Experiment]:
    last = model.curve.last
    if scene.unit.is_one_sample or last.n_rows >= 0.7 * model.curve.n_train_rows:
        return
    noise = model.noise
    for repeats in _REPEATS:
        less = noise / last.repeats - noise / (last.repeats + repeats)
        yield _experiment(scene, model, gain, last.n_rows, repeats, math.sqrt(max(gain.sd**2 - less, 0.0)))


def _experiment(
    scene: Scene, model: ModelSummary, gain: Outlook, n_rows: int, repeats: int, sd_after: float
) -> Experiment:
    chance = _chance_to_tell(gain.gain, gain.sd, min(sd_after, gain.sd), scene.margin)
    return Experiment(model.label, n_rows, repeats, scene.minutes(model, n_rows, repeats), chance)


def _chance_to_tell(mean: float, sd: float, sd_after: float, margin: float) -> float:
    """Probability that a guess that will be so much narrower lies clear of the margin then."""
    moves = math.sqrt(max(sd**2 - sd_after**2, 0.0))
    clear = _SURE_SDS * sd_after
    return normal_above(mean, moves, margin + clear) + 1 - normal_above(mean, moves, margin - clear)
