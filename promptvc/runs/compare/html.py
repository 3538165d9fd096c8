"""A comparison as a small table of its scores, for notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from promptvc.runs.compare.comparison import Comparison
from promptvc.runs.compare.scores import ScoreComparison
from promptvc.runs.compare.texts import score_texts
from promptvc.runs.compare.words import cause_words, summary

_HEAD = ("", "rows", "before", "after", "difference", "95% interval", "p", "fixed", "broken")
_SLICES = 30


def html(comparison: Comparison) -> str:
    """The summary, why the sides differ, and the scores in all rows and by slice; all text escaped."""
    rows = [_row(score.name, score) for score in comparison.scores]
    for each in comparison.slices[:_SLICES]:
        score = each.score(comparison.primary)
        if score is not None:
            rows.append(_row(f"{each.field} = {'none' if each.value is None else each.value}", score))
    head = "".join(f"<th>{name}</th>" for name in _HEAD)
    why = "; ".join(cause_words(comparison))
    reason = f"<p>changed because: {_text(why)}</p>" if why else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>" if rows else ""
    return f"<div><p>{_text(summary(comparison))}</p>{reason}{table}</div>"


def _row(name: str, score: ScoreComparison) -> str:
    cells = "".join(f"<td>{_text(cell)}</td>" for cell in _cells(score))
    return f"<tr><th>{_text(name)}</th>{cells}</tr>"


def _cells(score: ScoreComparison) -> Iterator[str]:
    texts = score_texts(score)
    yield from (texts.rows, texts.before, texts.after, texts.difference, texts.interval)
    yield from (texts.bare_p, texts.fixed, texts.broken)


def _text(text: str) -> str:
    return escape(text.encode("utf-8", "replace").decode())
