"""The answer to "does more data help?", with its evidence and what would overturn it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scalewise.core.curves import Curve, Gain, paired_gain
from scalewise.core.study import StudyState
from scalewise.core.wording import duration_text, gain_text, percent_text, rows_text, score_text

__all__ = ["Action", "Outlook", "Verdict", "decide"]

Action = Literal["use_more_rows", "collect_rows", "stop", "cannot_tell", "none"]

_SURE = 0.8
"""Probability from which an answer is given as a yes, and below whose complement as a no."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What going from the largest measured size of a model to `n_rows` is expected to bring.

    Parameters
    ----------
    n_rows : int
    gain, low, high : float
        Expected gain in score and its 90 % interval.
    p_gain : float
        Probability of gaining at least the person's margin.
    fit_seconds : float or None
        Predicted time of one fit there.
    refusal : str or None
        Why no forecast should be acted on, in words.
    """

    n_rows: int
    gain: float
    low: float
    high: float
    p_gain: float
    fit_seconds: float | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do next, in words.

    Parameters
    ----------
    action : {"use_more_rows", "collect_rows", "stop", "cannot_tell", "none"}
        ``none`` before a study has begun.
    sentence : str
    evidence : tuple of str
        Two or three lines.
    would_change : tuple of str
        What would overturn the answer.
    margin : float or None
        The least gain that counts.
    model : str
        Label of the model that the answer is about; empty where there is none.
    """

    action: Action
    sentence: str
    evidence: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    margin: float | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """What the decision is made on: one model at its largest size."""

    curve: Curve
    outlook: Outlook | None
    metric: str
    margin: float

    @property
    def all_rows_used(self) -> bool:
        return self.curve.last.n_rows >= self.curve.n_train_rows

    @property
    def here(self) -> str:
        """Where the curve stands now."""
        return percent_text(self.curve.last.fraction)

    @property
    def there(self) -> str:
        return "twice as many rows" if self.all_rows_used else "all rows"


def decide(state: StudyState, curves: Sequence[Curve], outlooks: Sequence[Outlook | None]) -> Verdict:
    """Decide what to do next.

    Parameters
    ----------
    state : StudyState
    curves : sequence of Curve
        From simple to complex.
    outlooks : sequence of Outlook or None
        One for each curve.
    """
    if state.study is None or state.plan is None:
        return Verdict("none", _before(state))
    margin, metric = state.plan.min_gain, state.study.metric.label
    fitted = [(c, o) for c, o in zip(curves, outlooks, strict=True) if c.model.rung > 0]
    if not fitted:
        return Verdict("cannot_tell", "Cannot tell yet: the first models are being fitted.", margin=margin)
    best = _best([c for c, _ in fitted])
    simple, difference = _simplest_within_noise(best, [c for c, _ in fitted], margin)
    outlook_of = {c.model.name: o for c, o in fitted}
    main = _answer(_Case(best, outlook_of[best.model.name], metric, margin))
    if simple is not best:
        aside = _Case(simple, outlook_of[simple.model.name], metric, margin)
        main = _with_simpler(main, aside, best, difference)
    guessing = next((c for c in curves if c.model.rung == 0), None)
    return _against_guessing(main, best, guessing)


def _before(state: StudyState) -> str:
    if state.phase == "refused":
        return state.notes[-1].text if state.notes else "This table cannot be studied."
    return {
        "opening": "Reading the table ...",
        "ready": "Press Run to find out whether more data helps.",
    }.get(state.phase, "Choose a table and a target, then press Run.")


def _best(curves: Sequence[Curve]) -> Curve:
    """The model with the best score at the largest size that every model has, or at its own largest."""
    shared = set.intersection(*({p.n_rows for p in c.points} for c in curves))
    deep = [c for c in curves if c.last.n_rows >= 0.5 * max(c.last.n_rows for c in curves)]
    shared = set.intersection(*({p.n_rows for p in c.points} for c in deep)) or shared
    if not shared:
        return max(deep, key=lambda c: c.last.score)
    size = max(shared)
    return max(deep, key=lambda c: _score_at(c, size))


def _score_at(curve: Curve, n_rows: int) -> float:
    point = curve.at(n_rows)
    return point.score if point else float("-inf")


def _simplest_within_noise(best: Curve, curves: Sequence[Curve], margin: float) -> tuple[Curve, Gain | None]:
    """The lowest rung that is not credibly worse than the best by the margin, and how far it is behind."""
    for curve in sorted(curves, key=lambda c: c.model.rung):
        if curve.model.rung >= best.model.rung:
            break
        sizes = {p.n_rows for p in curve.points} & {p.n_rows for p in best.points}
        difference = paired_gain(curve, max(sizes), max(sizes), other=best) if sizes else None
        if difference and max(sizes) == best.last.n_rows and difference.high < margin:
            return curve, difference
    return best, None


def _answer(case: _Case) -> Verdict:
    outlook, name = case.outlook, case.curve.model.label
    if outlook is None:
        done = len(case.curve.points)
        return _verdict(case, "cannot_tell", f"Cannot tell yet: {name} has {done} of the 4 sizes that a trend takes.")
    if outlook.refusal:
        return _verdict(case, "cannot_tell", f"Cannot tell yet for {name}: {_lower(outlook.refusal)}")
    span = f"({gain_text(outlook.low)} to {gain_text(outlook.high)})"
    change = f"{gain_text(outlook.gain)} {case.metric} {span} expected from {case.here} of the rows to {case.there}"
    if outlook.p_gain >= _SURE:
        if case.all_rows_used:
            return _verdict(case, "collect_rows", f"More rows than the table has would help {name}: {change}.")
        return _verdict(case, "use_more_rows", f"More data still helps {name}: {change}{_price(outlook)}.")
    if outlook.p_gain <= 1 - _SURE:
        return _verdict(case, "stop", f"More data no longer helps {name}: {change}.")
    return _verdict(case, "cannot_tell", f"Cannot tell yet for {name}: {change}, and {case.margin:g} is within that.")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _price(outlook: Outlook) -> str:
    return f"; one fit there takes about {duration_text(outlook.fit_seconds)}" if outlook.fit_seconds else ""


def _verdict(case: _Case, action: Action, sentence: str) -> Verdict:
    return Verdict(action, sentence, _evidence(case), _would_change(case, action), case.margin, case.curve.model.label)


def _evidence(case: _Case) -> tuple[str, ...]:
    last = case.curve.last
    lines = [
        f"{case.curve.model.label} reaches {score_text(last.score)} {case.metric} "
        f"({score_text(last.low)} to {score_text(last.high)}) on {rows_text(last.n_rows)} rows."
    ]
    step = _last_doubling(case.curve)
    if step:
        first, gain = step
        lines.append(
            f"Last step measured, {rows_text(first)} to {rows_text(last.n_rows)} rows: {gain_text(gain.mean)} "
            f"({gain_text(gain.low)} to {gain_text(gain.high)}), paired."
        )
    if case.outlook and not case.outlook.refusal:
        lines.append(
            f"Chance of gaining at least {case.margin:g} with {case.there}: {100 * case.outlook.p_gain:.0f} %."
        )
    return tuple(lines)


def _last_doubling(curve: Curve) -> tuple[int, Gain] | None:
    """The paired gain from about half the largest size to the largest."""
    last = curve.last.n_rows
    smaller = [p.n_rows for p in curve.points if p.n_rows <= 0.6 * last]
    gain = paired_gain(curve, smaller[-1], last) if smaller else None
    return (smaller[-1], gain) if gain else None


def _would_change(case: _Case, action: Action) -> tuple[str, ...]:
    outlook = case.outlook
    if action in ("use_more_rows", "collect_rows") and outlook:
        return (
            f"A margin above {max(outlook.gain, 0):.3g}: then the expected gain would not count.",
            "A curve that bends at the next size: move the slider up one step to see.",
        )
    if action == "stop" and outlook:
        return (
            f"A margin below {max(outlook.gain, 0):.2g}: then the expected gain would count.",
            "A richer model, or new features: this answer is about the models and columns chosen here.",
        )
    return ("The next size: move the slider up one step.", "More repeats, where the band is wider than the margin.")


def _with_simpler(main: Verdict, aside: _Case, best: Curve, difference: Gain | None) -> Verdict:
    """Add that a simpler model does as well, and what more data would do for it."""
    other = _answer(aside)
    told = {
        "use_more_rows": "more data still helps it",
        "collect_rows": "more rows would help it",
        "stop": "more data no longer helps it",
        "cannot_tell": "whether more data helps it cannot be told yet",
        "none": "",
    }[other.action]
    behind = f", {gain_text(-difference.mean)} behind {best.model.label}" if difference else ""
    line = f"The simpler {aside.curve.model.label} is within the margin{behind}; {told}."
    return _replace_evidence(main, (*main.evidence[:2], line))


def _against_guessing(verdict: Verdict, best: Curve, guessing: Curve | None) -> Verdict:
    """Say so when the best model is not credibly better than guessing."""
    sizes = {p.n_rows for p in best.points} & {p.n_rows for p in guessing.points} if guessing else set()
    if not guessing or not sizes:
        return verdict
    lead = paired_gain(guessing, max(sizes), max(sizes), other=best)
    if lead is None or lead.low > 0:
        return verdict
    line = f"No model is credibly better than guessing yet (best lead {gain_text(lead.mean)})."
    return _replace_evidence(verdict, (line, *verdict.evidence[:2]))


def _replace_evidence(verdict: Verdict, evidence: tuple[str, ...]) -> Verdict:
    return Verdict(verdict.action, verdict.sentence, evidence, verdict.would_change, verdict.margin, verdict.model)
