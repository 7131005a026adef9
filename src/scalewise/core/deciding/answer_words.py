"""The decision in words: the sentence and its evidence."""

from __future__ import annotations

from scalewise.core.curves import Curve
from scalewise.core.deciding.answer import Answer, last_step
from scalewise.core.deciding.contest import SURE, overtakings
from scalewise.core.deciding.guessing_words import guessing_words
from scalewise.core.deciding.scene import Scene, lacks_memory, takes_long
from scalewise.core.deciding.scene_words import ahead_text, margin_text, path_text
from scalewise.core.deciding.unseen import Unseen
from scalewise.core.deciding.way import Way
from scalewise.core.forecasting.reservations import reservation_words
from scalewise.core.margin import margin_words
from scalewise.core.memory import fitting_places
from scalewise.core.prospects import FEWEST_SIZES, ModelSummary, Outlook
from scalewise.core.spec import ROWS, ModelSpec
from scalewise.core.unit_words import more_text
from scalewise.core.wording import (
    byte_text,
    chance_text,
    duration_text,
    exact_text,
    gain_text,
    money_text,
    percent_text,
    rows_text,
    score_text,
)

__all__ = ["doubling_words", "evidence", "memory_words", "sentence"]

_NO_CLUSTER = "You do not need a cluster."
_INDICATIVE = 4.05


def sentence(found: Answer, metric: str) -> str:
    """What to do next, in a sentence or two."""
    return f"{_sentence(found, metric)}{_more_may_tell(found)}{_tuning_helps(found, metric)}"


def _sentence(found: Answer, metric: str) -> str:
    if found.action == "cannot_tell":
        return _unsure(found, metric)
    assert found.gain is not None
    scene, gain = found.scene, found.gain
    brings = f"{_span(gain)} {metric} expected {_path(found)}"
    if found.action == "stop":
        return f"{_enough(found, gain, metric, brings)} {_NO_CLUSTER}"
    if found.action == "collect_rows":
        return f"More rows than the table has would help: {brings}. {_cluster(scene)}"
    if found.action == "fewer_features":
        return f"{_few(scene)} More data still helps: {brings}."
    if found.action == "scale_out":
        return f"More data still helps, but not on this machine: {brings}; {lacks_memory(scene)}. Scale out."
    seconds, n_bytes = scene.ahead.seconds(scene.target), scene.ahead.worker_bytes(scene.target)
    price = f"about {duration_text(seconds)} and {byte_text(n_bytes)}"
    if long := takes_long(scene):
        return f"More data still helps: {brings}, {price} for a fit and its scoring here: {long}."
    return f"More data still helps: {brings}, {price} for a fit and its scoring here. {_NO_CLUSTER}"


def _more_may_tell(found: Answer) -> str:
    """What may tell where all rows are used and no experiment is left; a refusal asks for rows itself."""
    scene = found.scene
    is_left = found.action == "cannot_tell" and found.experiment is None and not found.too_small
    if not is_left or scene.has_larger(found.model) or (found.refusal and scene.unit == ROWS):
        return ""
    more = more_text(scene.unit)
    return f" {more[:1].upper()}{more[1:]} may tell."


def _tuning_helps(found: Answer, metric: str) -> str:
    """Say so where tuning was tried and surely gains what counts, whatever is to be said of more data."""
    tuned, margin = found.scene.tuned, found.scene.margin
    if tuned is None or found.too_small or found.scene.tuned_is_studied or tuned.gain.probability_above(margin) < SURE:
        return ""
    gain = f"{gain_text(tuned.gain.mean)} ({gain_text(tuned.gain.low)} to {gain_text(tuned.gain.high)}) {metric}"
    return f" Tuning {tuned.model.label} helps: {gain} on {rows_text(tuned.n_rows)} rows."


def _enough(found: Answer, gain: Outlook, metric: str, brings: str) -> str:
    """Why more data does not help, in a sentence; it may help and yet too little."""
    scene = found.scene
    if scene.is_out_of_reach:
        here = scene.here
        reached = f"{here.label} reaches {score_text(here.curve.last.score)} {metric} already"
        best = f"the best that there can be is {exact_text(here.curve.span.best)}"
        no_model = f"No model can gain the {margin_text(scene)} that counts"
        return f"{no_model}: {reached}, and {best}. More data: {brings}."
    if found.by_chance:
        return f"No model is credibly better than guessing, and more data does not help: {brings}."
    step = last_step(scene.here.curve)
    if gain.low > 0 or (step is not None and step[1].low > 0):
        return f"More data no longer helps enough: {brings}, probably less than the {margin_text(scene)} that counts."
    return f"More data no longer helps: {brings}."


def _few(scene: Scene) -> str:
    kept = scene.few.keep if scene.few else None
    assert scene.few is not None
    assert kept is not None
    return f"{_NO_CLUSTER[:-1]}: {scene.few.words(kept.k)}, and those fit in {byte_text(scene.few.bytes(kept.k))}."


def _cluster(scene: Scene) -> str:
    if trouble := lacks_memory(scene):
        return f"For so many you would need a larger machine or a cluster: {trouble}."
    if long := takes_long(scene):
        return f"One fit of so many takes about {duration_text(scene.ahead.seconds(scene.target))}, {long}."
    return _NO_CLUSTER


def _unsure(found: Answer, metric: str) -> str:
    if found.too_small:
        return f"Cannot tell: {found.too_small[:1].lower()}{found.too_small[1:]}"
    label, gain = found.model.label, found.gain
    if found.by_chance:
        why = f"Cannot tell yet: no model is credibly better than guessing, and {_doubt(found)}."
    elif found.refusal:
        why = f"Cannot tell yet for {label}: {found.refusal[:1].lower()}{found.refusal[1:]}"
    elif gain is None and found.unseen:
        first = found.unseen[0]
        short = first.ahead is None
        why = _few_sizes(first.model) if short else f"Cannot tell yet: {_uncompared(first, found.scene)}."
    elif gain is None:
        why = _few_sizes(found.model)
    else:
        why = (
            f"Cannot tell yet: {_span(gain)} {metric} expected {_path(found)}, "
            f"and the {margin_text(found.scene)} that counts lies within that."
        )
    return f"{why} Cheapest way to tell: {found.experiment.words}." if found.experiment else why


def _doubt(found: Answer) -> str:
    """Why a curve of models that guess is not to be acted on."""
    label, step = found.model.label, last_step(found.model.curve)
    if found.refusal:
        return f"what the curve of {label} did may be chance"
    if step is not None and step[1].low > 0:
        return f"it is not sure that {label} would be with {ahead_text(found.scene)}"
    return "what rose may be chance"


def _uncompared(unseen: Unseen, scene: Scene) -> str:
    label, most = unseen.model.label, rows_text(unseen.model.curve.last.n_rows)
    chance = f" (chance {chance_text(unseen.chance)})" if unseen.ahead else ""
    few = f"was fitted on {most} rows at the most, too few to compare with {scene.here.label}"
    led = ", was ahead of it on as few," if unseen.led else ","
    return f"{label} {few}{led} and may be better{chance}"


def _few_sizes(model: ModelSummary) -> str:
    done = len(model.curve.points)
    return f"Cannot tell yet: {model.label} has {done} of the {FEWEST_SIZES} sizes that a trend takes."


def _span(gain: Outlook) -> str:
    return f"{gain_text(gain.gain)} ({gain_text(gain.low)} to {gain_text(gain.high)})"


def _path(found: Answer) -> str:
    """From where to where, and with which model; another one that is behind now is held against the pick."""
    scene, model = found.scene, found.model
    if scene.is_behind(model):
        here = scene.here.curve.last
        over = f"{scene.here.label} on {percent_text(here.fraction)} of the rows"
        return f"over {over}, with {model.label} on {ahead_text(scene)}"
    return f"{path_text(scene)} with {model.label}"


def doubling_words(way: Way, scene: Scene, metric: str) -> str:
    """The price of the next doubling, in a sentence."""
    price = f"{duration_text(60 * way.minutes)} and {byte_text(way.bytes)}"
    cost = f", and cost {money_text(way.money)}" if way.money is not None else ""
    brings = "what it brings cannot be told yet"
    if way.is_known:
        over = f" over {scene.here.label} as it is" if scene.is_behind(scene.ahead) else ""
        brings = f"{gain_text(way.gain)} {metric} ({gain_text(way.low)} to {gain_text(way.high)}){over}"
    return f"Next doubling ({way.words}): {brings}. One fit and its scoring take about {price}{cost}."


def evidence(found: Answer, metric: str, guessing: Curve | None) -> tuple[str, ...]:
    """What the answer rests on, at most seven lines, the weightiest first."""
    scene = found.scene
    lines = (
        margin_words(scene.margin, guessing, metric),
        guessing_words(scene.contest.models, guessing),
        _reached(scene.here, metric),
        _last_step(scene.here.curve),
        _reached(found.model, metric) if _is_of_another(found) else "",
        _simpler(scene),
        _fewer(scene),
        _chance(found),
        f"{_uncompared(found.unseen[0], scene)}." if found.unseen and found.gain else "",
        _reservations(found.model),
        _back_test(found.model),
        *_crossings(scene),
    )
    return tuple(line for line in lines if line)[:7]


def _is_of_another(found: Answer) -> bool:
    """Whether the answer is about another model than the one that is best so far."""
    return found.model.label != found.scene.here.label


def _reached(model: ModelSummary, metric: str) -> str:
    last = model.curve.last
    return (
        f"{model.label} reaches {score_text(last.score)} {metric} "
        f"({score_text(last.low)} to {score_text(last.high)}) on {rows_text(last.n_rows)} rows."
    )


def _last_step(curve: Curve) -> str:
    step = last_step(curve)
    if not step:
        return ""
    first, gain = step
    return (
        f"Its last step measured, {rows_text(first)} to {rows_text(curve.last.n_rows)} rows: {gain_text(gain.mean)} "
        f"({gain_text(gain.low)} to {gain_text(gain.high)}), paired."
    )


def _simpler(scene: Scene) -> str:
    behind = scene.contest.behind
    if behind is None:
        return ""
    best, last = scene.contest.best.label, scene.here.curve.last
    # As in the table of ways: no model can be ahead by more than what is left to the best score that there can be.
    gains = (scene.here.curve.span.clip_gain(part, last.score) for part in (behind.mean, behind.low, behind.high))
    mean, low, high = map(gain_text, gains)
    far = f"{mean} ({low} to {high})"
    within = "within the margin" if behind.high < scene.margin else "within noise"
    how = _how(scene.here.curve.model, scene.contest.best.curve.model)
    return f"The {how} {scene.here.label} is {within} of {best}, which is {far} ahead."


def _how(model: ModelSpec, other: ModelSpec) -> str:
    """What speaks for a model that stands for the best one."""
    if model.rung < other.rung:
        return "simpler"
    return "plainer" if model.complexity < other.complexity else "faster"


def _fewer(scene: Scene) -> str:
    """What the best few features carry, where they are less than half of all."""
    few, kept = scene.few, scene.few.keep if scene.few else None
    if few is None or kept is None or 2 * kept.k > few.n_features:
        return ""
    return few.sentence(kept)


def _chance(found: Answer) -> str:
    if found.gain is None:
        return ""
    scene = found.scene
    times = found.gain.n_rows / found.model.curve.last.n_rows
    far = f"; indicative only, as that is {times:.0f} times the largest sample" if times > _INDICATIVE else ""
    means = f"{ahead_text(scene)} and {found.model.label}" if _is_of_another(found) else ahead_text(scene)
    return f"Chance of gaining at least {margin_text(scene)} with {means}: {chance_text(found.gain.p_gain)}{far}."


def _reservations(model: ModelSummary) -> str:
    """What is unusual about the curve that is continued."""
    return reservation_words(model.label, model.continuation.flags) if model.continuation else ""


def _back_test(model: ModelSummary) -> str:
    """How the same forecast did where the truth is known."""
    return model.back_test.sentence(model.curve.n_train_rows) if model.back_test else ""


def _crossings(scene: Scene) -> list[str]:
    return [
        f"{c.model.label} probably overtakes {c.other.label} near {_round_rows(c.n_rows)} rows"
        f"{_beyond(c.n_rows, scene)} (a chance of {chance_text(c.chance)} by {_round_rows(c.farthest)})."
        for c in overtakings(scene.contest)[:2]
    ]


def _beyond(n_rows: int, scene: Scene) -> str:
    return ", more than the table has" if n_rows > scene.full else ""


def _round_rows(n_rows: int) -> str:
    """Two digits are more than a forecast knows."""
    digits = max(len(str(n_rows)) - 2, 0)
    return rows_text(round(n_rows, -digits))


def memory_words(scene: Scene) -> tuple[str, ...]:
    """Where a fit of the rows looked ahead to would fit, a line for each model."""
    return tuple(_memory(scene, model) for model in scene.contest.models)


def _memory(scene: Scene, model: ModelSummary) -> str:
    n_rows = min(scene.target, model.curve.model.max_rows or scene.target)
    n_bytes = model.worker_bytes(n_rows)
    places = fitting_places(n_bytes, scene.machine)
    where = f"fits on {_listed(places)}" if places else "takes a cluster with workers that large"
    return f"{model.label}, {rows_text(n_rows)} rows: {byte_text(n_bytes)}; {where}."


def _listed(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
