"""A comparison as Markdown, for a comment on GitHub.

Outputs are whatever a model wrote: every character that Markdown or HTML could interpret is written as an entity,
inside ``<code>``, where GitHub creates no links and notifies nobody who is mentioned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from promptvc.content.formats.words import plural
from promptvc.content.keys.tokens import output_name
from promptvc.patterns import compiled
from promptvc.runs.compare.comparison import Comparison
from promptvc.runs.compare.report.texts import MeasureTexts, measure_texts, score_texts
from promptvc.runs.compare.report.words import cause_words, title, unpaired_counts, without_output
from promptvc.runs.compare.rows import ComparedRow, PairStatus
from promptvc.runs.compare.scores import ScoreComparison

ROWS = 10
"""Rows of each kind, by default."""
_SLICES = 30
_LENGTH = 300
_SIGNS = compiled(r"[^\w\s.,?!()'/%+=;\u0080-\U0010ffff-]|_")
_SPACE = compiled(r"\s+")


def markdown(comparison: Comparison, asked: Sequence[PairStatus] = (), limit: int | None = None) -> str:
    """The comment: counts, reasons, tables of scores, slices and measures, and collapsed rows."""
    blocks = [
        f"### {_plain(title(comparison))}",
        _counts(comparison),
        _reasons(comparison),
        _table(_SCORE_HEAD, [_score(score.name, score) for score in comparison.scores]),
        _slices(comparison),
        _measures(comparison),
    ]
    kinds: Sequence[PairStatus] = asked or ("broken", "fixed")
    blocks += [_rows(comparison, status, ROWS if limit is None else limit) for status in kinds]
    return "\n\n".join(block for block in blocks if block)


_SCORE_HEAD = ("", "rows", "before", "after", "difference", "95 % interval", "p", "fixed", "broken")
_ROW_HEAD = ("example", "expected", "before", "after")


def _counts(comparison: Comparison) -> str:
    parts = [f"{plural(comparison.pairs, 'row')} in both"]
    parts += [f"**{words}**" for words in unpaired_counts(comparison)]
    parts.append(f"{plural(comparison.outputs_changed, 'output')} changed")
    parts += [f"**{count} {when}**" for when, counts in without_output(comparison) for count in counts]
    return ", ".join(parts) + "."


def _reasons(comparison: Comparison) -> str:
    words = cause_words(comparison)
    return f"Changed because: {', '.join(map(_plain, words))}." if words else ""


def _score(name: str, score: ScoreComparison) -> list[str]:
    texts = score_texts(score)
    mark = {"better": "🟢 ", "worse": "🔴 ", None: ""}[score.verdict]
    difference = f"{texts.changed} changed" if texts.changed else texts.difference
    numbers = [texts.rows, texts.before, texts.after, f"{mark}{difference}", texts.interval, texts.bare_p]
    return [_plain(name), *numbers, texts.fixed, texts.broken]


def _slices(comparison: Comparison) -> str:
    rows = []
    for each in comparison.slices[:_SLICES]:
        score = each.score(comparison.primary)
        if score is not None:
            rows.append(_score(f"{each.field}: {'none' if each.value is None else each.value}", score))
    more = len(comparison.slices) - _SLICES
    note = f"\n\n… {more:,} more slices" if more > 0 else ""
    return (
        _folded(f"By slice ({_plain(comparison.primary or '')})", _table(_SCORE_HEAD, rows) + note)
        if rows
        else ""
    )


def _measures(comparison: Comparison) -> str:
    rows = [row for measure in measure_texts(comparison.measures) for row in _measure(measure)]
    return _table(("", "before", "after", ""), rows)


def _measure(measure: MeasureTexts) -> Iterator[list[str]]:
    """A table line for each number, with the row count if it is not over all rows."""
    for part in measure.parts:
        name = ", ".join(filter(None, (measure.name, part.what, measure.over)))
        yield [name, part.before, part.after, part.change]


def _rows(comparison: Comparison, status: PairStatus, limit: int) -> str:
    rows = comparison.of_status(status)
    if not rows or not limit:
        return ""
    table = _table(_ROW_HEAD, [_row(row) for row in rows[:limit]])
    more = len(rows) - limit
    note = f"\n\n… {more:,} more" if more > 0 else ""
    return _folded(f"{status.replace('_', ' ').capitalize()}: {plural(len(rows), 'row')}", table + note)


def _row(row: ComparedRow) -> list[str]:
    sides = [
        "" if side is None else _code(f"error: {side.error}" if side.error is not None else side.output)
        for side in (row.before, row.after)
    ]
    expected = _code(row.expected)
    if row.expected_before is not None:
        expected = f"{_code(row.expected_before)} → {expected}"
    return [_code(output_name(row.example_id, row.sample_index)), expected, *sides]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, [":--", *["--:"] * (len(head) - 1)] if head[0] == "" else [":--"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def _code(value: object) -> str:
    """Text on one line, shortened, as code; empty for None."""
    import json

    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = _SPACE.sub(" ", text).strip()
    return f"<code>{_plain(text if len(text) <= _LENGTH else text[: _LENGTH - 1] + '…')}</code>"


def _plain(text: str) -> str:
    """Text in which no character means anything to Markdown or HTML."""
    return _SIGNS.sub(lambda sign: f"&#{ord(sign[0])};", _SPACE.sub(" ", text))
