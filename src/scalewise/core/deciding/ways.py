"""The ways forward: what each is expected to bring, and its price.

Every gain is one over the pick of the contest as it stands now: the simplest model within noise of the best, at its
largest sample. Where another model goes on with more rows, only what the rows add counts: what it is ahead of the pick
already is the gain of the richer or the other model, a way of its own. Every price is that of carrying it out once on
one worker, unless the words say otherwise. What tuning and fewer features bring is not guessed: until they were tried
they have a price and no gain. Scaling out, and keeping fewer features where all count, are told also where they bring
nothing: who does not read of them cannot know whether they were forgotten.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from scalewise.core.curves import Curve, Gain, paired_gain
from scalewise.core.deciding.contest import SURE
from scalewise.core.deciding.scene import Scene, lacks_memory
from scalewise.core.deciding.scene_words import margin_text
from scalewise.core.deciding.way import Way, WayAction
from scalewise.core.features.feature_curve import FeatureCurve, FeaturePoint
from scalewise.core.prospects import ModelSummary, Outlook
from scalewise.core.tuning import Tuning, tuning_seconds
from scalewise.core.tuning_plan import plan_tuning
from scalewise.core.unit_words import collecting_text
from scalewise.core.wording import byte_text, percent_text, rows_text

__all__ = ["Way", "all_ways", "doubling", "fewer_will_do"]

_START_MINUTES = 0.2
"""What a cluster takes to begin."""
_MOST_REPEATS = 20
_NOISY = 0.5
"""Training noise hides answers from this share of the margin on (as a standard error)."""


def all_ways(scene: Scene, *, is_told: bool) -> tuple[Way, ...]:
    """Every way forward of which something can be said, `stop` first.

    Parameters
    ----------
    scene : Scene
    is_told : bool
        Whether there is an answer: then no noise hides it, and repeats are no way forward.
    """
    finds = [find for find in _WAYS if not (is_told and find is more_repeats)]
    return tuple(_possible(way, scene.here.curve) for find in finds if (way := find(scene)))


def _possible(way: Way, here: Curve) -> Way:
    """A way whose gain does not reach beyond the scores that there can be."""
    if not way.is_known:
        return way
    gain, low, high = (here.span.clip_gain(part, here.last.score) for part in (way.gain, way.low, way.high))
    return replace(way, gain=gain, low=low, high=high)


def doubling(scene: Scene) -> Way:
    """What twice as many rows as the largest sample of the model ahead would bring, and their price: always known.

    Its gain is counted as that of every other way is.
    """
    model = scene.ahead
    n_rows = 2 * model.curve.last.n_rows
    beyond = f", {rows_text(n_rows - scene.full)} more than the table has" if n_rows > scene.full else ""
    words = f"{model.label} on {rows_text(n_rows)} rows{beyond}"
    gain = scene.gain(model, n_rows) or _unknown(n_rows)
    return _way(scene, "collect_rows" if beyond else "use_more_rows", model, gain, words)


def _unknown(n_rows: int) -> Outlook:
    return Outlook(n_rows, math.nan, math.nan, math.nan, math.nan, None, None)


def stop(scene: Scene) -> Way:
    """Leave it at what was measured."""
    last = scene.here.curve.last
    words = f"{scene.here.label} as it is, on {rows_text(last.n_rows)} rows"
    return _idle(scene, "stop", words, last.n_rows, scene.here.label)


def _idle(scene: Scene, action: WayAction, words: str, n_rows: int, label: str) -> Way:
    """A way on which nothing is done, and nothing gained."""
    return Way(action, 0.0, 0.0, 0.0, 0.0, 0, scene.money(0.0), words, n_rows, label)


def use_more_rows(scene: Scene) -> Way | None:
    """Go up to the target here, or to as many rows as there is memory for."""
    n_rows = min(scene.target, scene.full, scene.most_rows_here(scene.ahead))
    gain = scene.gain(scene.ahead, n_rows) if n_rows > scene.ahead.curve.last.n_rows else None
    if scene.all_used or gain is None:
        return None
    short = ", as many as there is memory for here" if n_rows < min(scene.target, scene.full) else ""
    words = f"{scene.ahead.label} on {_share(n_rows, scene.full)}{short}"
    return _way(scene, "use_more_rows", scene.ahead, gain, words)


def _share(n_rows: int, full: int) -> str:
    if n_rows == full:
        return f"all {rows_text(full)} rows"
    return f"{rows_text(n_rows)} rows ({percent_text(n_rows / full)})"


def richer_model(scene: Scene) -> Way | None:
    """Take the best of the richer models on the rows that were measured already; a probable loss is no way."""
    rung = scene.here.curve.model.rung
    richer = [pair for pair in _beside(scene) if pair[0].curve.model.rung > rung]
    return _on_the_same_rows(scene, "richer_model", richer)


def other_model(scene: Scene) -> Way | None:
    """Take another model that is no richer and yet ahead: with other settings, say, or one that takes much longer."""
    rung = scene.here.curve.model.rung
    others = [pair for pair in _beside(scene) if pair[0].curve.model.rung <= rung and pair[1].mean > 0]
    return _on_the_same_rows(scene, "other_model", others)


def _beside(scene: Scene) -> list[tuple[ModelSummary, Gain]]:
    """The other models as far as they were fitted on the same rows, with their leads.

    Those are left out that surely are worse, or that as surely as anything is said lose as much as counts.
    """
    here, n_rows = scene.here.curve, scene.here.curve.last.n_rows
    leads = [
        (model, lead)
        for model in scene.contest.models
        if model is not scene.here and (lead := paired_gain(here, n_rows, n_rows, other=model.curve))
    ]
    return [
        (model, lead) for model, lead in leads if lead.high > 0 and lead.probability_above(-scene.margin) > 1 - SURE
    ]


def _on_the_same_rows(scene: Scene, action: WayAction, found: Sequence[tuple[ModelSummary, Gain]]) -> Way | None:
    """The way with the best of some models; None without any."""
    if not found:
        return None
    n_rows = scene.here.curve.last.n_rows
    model, lead = max(found, key=lambda pair: pair[1].mean)
    chance = lead.probability_above(scene.margin)
    gain = Outlook(n_rows, lead.mean, lead.low, lead.high, chance, None, None)
    return _way(scene, action, model, gain, f"{model.label} on the same {rows_text(n_rows)} rows")


def fewer_features(scene: Scene) -> Way | None:
    """Keep the fewest features that lose less than the margin; or else what it would take to find out about them."""
    if scene.few is None:
        return _few_untried(scene)
    model = _searched(scene)
    if model and scene.few.keep is None:
        where = f"on {rows_text(scene.few.n_rows)} rows with {model.label}"
        words = f"no gain: no smaller set that was tried surely loses less than {margin_text(scene)}, {where}"
        return _idle(scene, "fewer_features", words, scene.few.n_rows, model.label)
    return _few(scene)


def _few_untried(scene: Scene) -> Way | None:
    asked = scene.few_asked
    model = _named(scene, asked.model) if asked else None
    if asked is None or model is None:
        return None
    # Beside those on few features a fit that ranks them, and one that shows what noise would seem to be worth.
    n_fits, most = asked.repeats * (len(asked.ks) + 2), asked.ks[-1]
    minutes, n_bytes = scene.minutes(model, asked.n_rows, n_fits), model.worker_bytes(asked.n_rows)
    money = scene.money(n_fits * model.seconds(asked.n_rows) / 60)
    best = f"the best 1 to {most:,} columns" if most > 1 else "the best column alone"
    words = f"{best} with {model.label} on {rows_text(asked.n_rows)} rows; not tried yet"
    unknown = math.nan
    return Way("fewer_features", unknown, unknown, unknown, minutes, n_bytes, money, words, asked.n_rows, model.label)


def _few(scene: Scene) -> Way | None:
    """Keep the fewest features that lose less than the margin, on the rows on which that was found."""
    kept = scene.few.keep if scene.few else None
    model = _searched(scene)
    if scene.few is None or kept is None or kept.loss is None or model is None:
        return None
    ahead, n_rows = _ahead(scene, model), scene.few.n_rows
    # Both intervals at their widest: the lead and the loss share rows, but nothing tells how much.
    gain, low, high = ahead[0] - kept.loss.mean, ahead[1] - kept.loss.high, ahead[2] - kept.loss.low
    minutes, n_bytes = _few_price(scene.few, kept, model, n_rows)
    now, then = (byte_text(scene.few.bytes(k)) for k in (scene.few.n_features, kept.k))
    words = f"{scene.few.words(kept.k)}, on {rows_text(n_rows)} rows; all rows take {then} instead of {now}"
    return Way("fewer_features", gain, low, high, minutes, n_bytes, scene.money(minutes), words, n_rows, model.label)


def _few_price(few: FeatureCurve, kept: FeaturePoint, model: ModelSummary, n_rows: int) -> tuple[float, int]:
    """Minutes that a fit of so many rows on the kept features takes, and memory of its worker."""
    faster = min(1.0, kept.fit_seconds / few.whole.fit_seconds) if few.whole.fit_seconds else 1.0
    whole, base = model.worker_bytes(n_rows), model.memory.base_bytes if model.memory else 0
    return model.seconds(n_rows) * faster / 60, round(base + (whole - base) * (kept.k + 1) / (few.n_features + 1))


def fewer_will_do(scene: Scene) -> bool:
    """Whether this machine can fit the kept features on all the rows looked ahead to, where it cannot fit all."""
    kept, model = scene.few.keep if scene.few else None, _searched(scene)
    if scene.few is None or kept is None or kept.loss is None or model is None or scene.target > scene.full:
        return False
    minutes, n_bytes = _few_price(scene.few, kept, model, scene.target)
    return minutes <= scene.patience_minutes and (scene.machine is None or n_bytes <= scene.machine.free_bytes)


def _searched(scene: Scene) -> ModelSummary | None:
    """The model whose best features were looked for."""
    return _named(scene, scene.few.model.name) if scene.few else None


def _named(scene: Scene, name: str) -> ModelSummary | None:
    return next((model for model in scene.contest.models if model.curve.model.name == name), None)


def _ahead(scene: Scene, model: ModelSummary) -> tuple[float, float, float]:
    """How far a model is ahead of the pick as it stands now, and the 90 % interval of that."""
    lead = scene.contest.leads.get(model.curve.model.name) if model is not scene.here else None
    return (lead.mean, lead.low, lead.high) if lead else (0.0, 0.0, 0.0)


def tune(scene: Scene) -> Way | None:
    """Try other settings of a model: what that brought, or else what it would take with the model ahead.

    Once the model with the best settings is studied itself, its own curve tells.
    """
    if scene.tuned_is_studied:
        return None
    return _tuned(scene, scene.tuned) if scene.tuned else _untried(scene)


def _tuned(scene: Scene, tuned: Tuning) -> Way | None:
    model = _named(scene, tuned.model.name)
    if model is None:
        return None
    # Both intervals at their widest, as for fewer features.
    ahead, found, minutes = _ahead(scene, model), tuned.gain, tuned.seconds / 60
    gain, low, high = ahead[0] + found.mean, ahead[1] + found.low, ahead[2] + found.high
    words = f"the best of {tuned.n_settings} settings of {model.label} on {rows_text(tuned.n_rows)} rows"
    n_bytes, money = model.worker_bytes(tuned.n_rows), scene.money(minutes)
    return Way("tune", gain, low, high, minutes, n_bytes, money, words, tuned.n_rows, model.label)


def _untried(scene: Scene) -> Way | None:
    curve = scene.ahead.curve
    if not curve.model.tunable:
        return None
    asked = plan_tuning((curve,), curve.model.name)
    seconds, n_bytes = tuning_seconds(scene.ahead, asked), scene.ahead.worker_bytes(asked.n_rows)
    minutes, money = scene.rounds(asked.repeats) * seconds / 60, scene.money(asked.repeats * seconds / 60)
    words = f"{asked.settings} settings of {scene.ahead.label} on {rows_text(asked.n_rows)} rows; not tried yet"
    unknown = math.nan
    return Way("tune", unknown, unknown, unknown, minutes, n_bytes, money, words, asked.n_rows, scene.ahead.label)


def more_repeats(scene: Scene) -> Way | None:
    """Draw more samples of the largest size, where the noise of few of them hides whether a gain counts."""
    last = scene.ahead.curve.last
    repeats = 0 if scene.unit.is_one_sample else repeats_to_see(scene.ahead, scene.margin)
    if not repeats:
        return None
    label = scene.ahead.label
    samples = f"{repeats} more samples" if repeats > 1 else "One more sample"
    words = f"{samples} of {rows_text(last.n_rows)} rows for {label}: no gain, but less noise"
    n_bytes, minutes = scene.ahead.worker_bytes(last.n_rows), scene.minutes(scene.ahead, last.n_rows, repeats)
    money = scene.money(scene.ahead.seconds(last.n_rows) * repeats / 60)
    return Way("more_repeats", 0.0, 0.0, 0.0, minutes, n_bytes, money, words, last.n_rows, label)


def repeats_to_see(model: ModelSummary, margin: float) -> int:
    """How many more repeats bring the noise of samples down to where it hides a margin no more; 0 if it does not."""
    last = model.curve.last
    noise, allowed = model.noise, _NOISY * margin
    if last.n_rows >= 0.7 * model.curve.n_train_rows or math.sqrt(noise / last.repeats) <= allowed:
        return 0
    return min(_MOST_REPEATS, math.ceil(noise / allowed**2) - last.repeats) if allowed else _MOST_REPEATS


def collect_rows(scene: Scene) -> Way | None:
    """Get twice as many rows as the table has; where all are used that is a way also if nobody can tell its gain."""
    n_rows, most = 2 * scene.full, scene.ahead.curve.model.max_rows
    gain = scene.gain(scene.ahead, n_rows)
    if gain is None and (not scene.all_used or (most is not None and most < n_rows)):
        return None
    collecting = collecting_text(scene.unit)
    words = f"{scene.ahead.label} on twice the table, {rows_text(n_rows)} rows; {collecting} is not priced"
    return _way(scene, "collect_rows", scene.ahead, gain or _unknown(n_rows), words)


def scale_out(scene: Scene) -> Way | None:
    """Go up to the target on a worker elsewhere, where there is no memory for it here; one fit is no faster there."""
    n_rows, label = min(scene.target, scene.full), scene.ahead.label
    if scene.machine is None:
        return None
    if scene.all_used or not lacks_memory(scene):
        fits = f"{label} on {_share(n_rows, scene.full)} fits on this machine"
        why = "all rows of the table are used" if lacks_memory(scene) else fits
        return _idle(scene, "scale_out", f"no gain: {why}", n_rows, label)
    gain = scene.gain(scene.ahead, n_rows)
    if gain is None:
        return None
    words = f"{label} on {_share(n_rows, scene.full)}, on a cluster whose workers have that memory"
    return _way(scene, "scale_out", scene.ahead, gain, words, extra_minutes=_START_MINUTES)


_WAYS: tuple[Callable[[Scene], Way | None], ...] = (
    stop,
    use_more_rows,
    richer_model,
    other_model,
    fewer_features,
    tune,
    more_repeats,
    collect_rows,
    scale_out,
)


def _way(
    scene: Scene, action: WayAction, model: ModelSummary, gain: Outlook, words: str, *, extra_minutes: float = 0.0
) -> Way:
    """A way that ends with one fit of a model."""
    minutes = model.seconds(gain.n_rows) / 60 + extra_minutes
    n_bytes, money = model.worker_bytes(gain.n_rows), scene.money(minutes)
    label = model.label
    return Way(action, gain.gain, gain.low, gain.high, minutes, n_bytes, money, words, gain.n_rows, label)
