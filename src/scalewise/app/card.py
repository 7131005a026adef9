"""The words on the page, as HTML: the header, the verdict card and the messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from html import escape

from scalewise.core.deciding.ways_table import ways_table
from scalewise.core.spec import DataSpec, LeftOut
from scalewise.core.study import Note, StudyState
from scalewise.core.summary import Summary
from scalewise.core.verdict import Verdict
from scalewise.core.wording import exact_text, percent_text, rows_text

__all__ = ["change_html", "header_html", "messages_html", "verdict_html", "ways_html"]

_BADGES = {
    "use_more_rows": "More data helps",
    "collect_rows": "More data would help",
    "stop": "Enough data",
    "fewer_features": "Fewer features do",
    "scale_out": "Scale out",
    "cannot_tell": "Cannot tell yet",
    "none": "",
}
_PHASES = {
    "opening": "reading the table",
    "preparing": "looking at the columns",
    "refused": "this table cannot be used as it is",
    "ready": "ready",
    "running": "running",
    "stopped": "stopped",
    "finished": "finished",
    "failed": "failed",
}
_MOST_MESSAGES = 12
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=%|(?:ms|s|min|h|days|kB|MB|GB|TB)\b)")


def header_html(state: StudyState) -> str:
    """Say what is studied: table, rows, target, and what is going on."""
    phase = _PHASES.get(state.phase, "") + (f": {percent_text(state.looked_at)}" if state.looked_at else "")
    resumed = f" · {len(state.resumed)} points resumed" if state.resumed else ""
    about = f"{escape(state.table)}{_about(state.data)}" if state.table else "no table yet"
    return (
        f"<div class='sw-header'><span class='sw-name'>scalewise</span><span class='sw-about'>{about}</span>"
        f"<span class='sw-phase sw-phase-{state.phase}' role='status'>{phase}{resumed}</span></div>"
    )


def _about(data: DataSpec | None) -> str:
    if data is None:
        return ""
    rows = rows_text(data.n_train_rows + data.n_holdout_rows)
    kind = f"{len(data.classes)} classes" if data.classes else "numbers"
    return (
        f" · {rows} rows · {len(data.features)} features · <b>{escape(data.target)}</b> ({kind}) · "
        f"{rows_text(data.n_holdout_rows)} rows held out"
    )


def verdict_html(summary: Summary) -> str:
    """Draw the verdict itself: the sentence, the next doubling's price, and the evidence."""
    verdict = summary.verdict
    badge = _BADGES[verdict.action]
    margin = (
        f"<span class='sw-margin'>least gain that counts: {exact_text(verdict.margin)}</span>" if verdict.margin else ""
    )
    kind = "refused" if summary.state.phase == "refused" else verdict.action
    return (
        f"<section class='sw-verdict sw-verdict-{kind}' aria-live='polite' aria-label='Verdict'>"
        + (f"<div class='sw-badge'>{badge}{margin}</div>" if badge else "")
        + f"<p class='sw-sentence'>{_prose(verdict.sentence)}</p>"
        + (f"<p class='sw-next'>{_prose(verdict.next_doubling)}</p>" if verdict.next_doubling else "")
        + (f"<ul class='sw-evidence'>{_items(verdict.evidence)}</ul>" if verdict.evidence else "")
        + "</section>"
    )


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{_prose(line)}</li>" for line in lines)


def _prose(words: str) -> str:
    """Words as HTML; where a line breaks, a number keeps its unit."""
    return _BEFORE_UNIT.sub("&nbsp;", escape(words))


def ways_html(verdict: Verdict) -> str:
    """List the ways forward in a table, and where the models fit; empty without a way."""
    table = ways_table(verdict.ways)
    if not table:
        return ""
    head = "".join(f"<th scope='col'>{escape(cell)}</th>" for cell in table[0])
    body = "".join(map(partial(_way_row, table[0]), table[1:]))
    drawn = f"<table class='sw-table'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    title = "<div class='sw-label'>Memory of a whole worker</div>"
    return f"<div class='sw-ways'>{drawn}</div>{title}<ul>{_items(verdict.memory)}</ul>"


def _way_row(headings: Sequence[str], row: Sequence[str]) -> str:
    """A row whose cells know their headings: on a narrow page they stand below each other, without a head."""
    cells = [f"<td data-label='{escape(h)}'>{escape(cell)}</td>" for h, cell in zip(headings, row, strict=True)]
    return f"<tr><th scope='row'>{escape(row[0])}</th>{''.join(cells[1:])}</tr>"


def change_html(verdict: Verdict) -> str:
    """List what would overturn the answer; empty where nothing is known to."""
    return f"<ul class='sw-change'>{_items(verdict.would_change)}</ul>" if verdict.would_change else ""


def messages_html(summary: Summary, sought: Sequence[LeftOut] = ()) -> str:
    """List models that were dropped, what to know of the table, columns left out, and messages of this study.

    Parameters
    ----------
    summary : Summary
    sought : sequence of LeftOut
        Columns that a person searches for among those left out by screening.
    """
    state = summary.state
    about = (_dropped(summary), _remarks(state), _sought(sought), _left_out(state))
    return "".join((*about, _failures(state), _notes(state.notes)))


def _dropped(summary: Summary) -> str:
    dropped = summary.agenda.dropped
    return _list(f"Models dropped ({len(dropped)})", (escape(why) for why in dropped.values()))


def _sought(columns: Sequence[LeftOut]) -> str:
    return _list("Columns left out that match the search", map(_column, columns), open_=True)


def _remarks(state: StudyState) -> str:
    return _list("About this table", (escape(remark) for remark in state.remarks))


def _left_out(state: StudyState) -> str:
    return _list(f"Columns left out ({len(state.left_out)})", map(_column, state.left_out))


def _column(column: LeftOut) -> str:
    return f"<b>{escape(column.name)}</b>: {escape(column.reason)}"


def _failures(state: StudyState) -> str:
    failed = sorted(state.failures.items())
    lines = [f"{escape(str(trial))}: {escape(reason)}" for trial, reason in failed[:_MOST_MESSAGES]]
    more = [f"and {len(failed) - _MOST_MESSAGES} more"] if len(failed) > _MOST_MESSAGES else []
    return _list(f"Trials that failed ({len(failed)})", [*lines, *more], open_=True, kind="warning")


def _notes(notes: tuple[Note, ...]) -> str:
    lines = (f"<span class='sw-note-{n.level}'>{escape(n.text)}</span>" for n in reversed(notes[-_MOST_MESSAGES:]))
    urgent = any(note.level == "error" for note in notes)
    return _list("Messages", lines, open_=True, kind="error" if urgent else "info")


def _list(title: str, lines: Iterable[str], *, open_: bool = False, kind: str = "info") -> str:
    items = "".join(f"<li>{line}</li>" for line in lines)
    if not items:
        return ""
    return (
        f"<details class='sw-messages sw-messages-{kind}' {'open' if open_ else ''}>"
        f"<summary>{title}</summary><ul>{items}</ul></details>"
    )
