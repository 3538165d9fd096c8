"""The rows of a comparison as text: fixed, broken or changed, with a word diff of their outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from promptvc.cli.show.chars import columns, cut, json_cut, json_text, visible
from promptvc.cli.show.diff.cells import value_lines
from promptvc.cli.show.diff.words import has_words_in_common, paint, text_block, word_lines
from promptvc.content.formats.missing import MISSING
from promptvc.content.keys.tokens import output_name
from promptvc.content.text.diff import Op, diff_words, elide
from promptvc.runs.compare.report.numbers import plain
from promptvc.runs.compare.slices import slice_values

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.content.formats.base import Json
    from promptvc.content.runs.run import OutputRow, Score
    from promptvc.runs.compare.compare import RunComparison
    from promptvc.runs.compare.rows import ComparedRow, PairStatus

    Again = Callable[[PairStatus], str]

_SHOWN: dict[PairStatus, int] = {"broken": 3, "fixed": 2, "changed": 2}
"""Rows of each kind to show by default."""
_OPS = {"broken": "-", "fixed": "+", "changed": "~"}
_LINES = 8
"""Lines of one output to show by default."""
_LINES_ASKED = 24
_INDENT = 6
_SHORT = 30
"""Characters up to which two outputs are shown as ``"old" → "new"``."""
_COMMON = 0.4
"""The share of two outputs that must be equal for their words to be compared."""
_NAME = 32


def row_lists(
    out: Output, comparison: RunComparison, asked: Sequence[PairStatus], limit: int | None, again: Again
) -> Iterator[str]:
    """The requested kinds, in full up to ``limit``; by default a few of each, and how to list the others.

    ``again`` gives the command that lists all rows of a kind.
    """
    judged = any(score.kind == "boolean" and score.name == comparison.primary for score in comparison.scores)
    kinds: Sequence[PairStatus] = asked or (("broken", "fixed") if judged else ("changed",))
    for status in kinds:
        rows = comparison.of_status(status)
        if not rows:
            if asked:
                yield f"no row {status}"
            continue
        yield paint(out, _OPS[status], f"{status} {len(rows):,}" if asked else status)
        most = limit if limit is not None else None if asked else _SHOWN[status]
        for row in rows[:most]:
            yield from _row(out, comparison, row, _LINES_ASKED if asked else _LINES)
        left = len(rows) - len(rows[:most])
        if left:
            more = f"  … {left:,} more"
            how = "" if asked else f": {again(status)}"
            if columns(more + how) > out.width:
                how = f": --{status} lists them all"
            yield out.style(f"{more}{how}", dim=True)


def _row(out: Output, comparison: RunComparison, row: ComparedRow, most: int) -> Iterator[str]:
    yield _name_line(out, row)
    room = out.width - _INDENT
    if row.input and row.input != row.example_id:
        yield " " * _INDENT + out.style(cut(visible(row.input), room), dim=True)
    lines = _output_lines(out, row, room, most)
    for line in lines[:most]:
        yield " " * _INDENT + line
    if len(lines) > most:
        yield " " * _INDENT + out.style(f"… {len(lines) - most:,} more lines", dim=True)
    for line in _score_lines(out, comparison, row):
        yield " " * _INDENT + line


def _name_line(out: Output, row: ComparedRow) -> str:
    """``t-0311  billing  expected "auth"``; ``expected "bug" → "auth"`` if that was edited."""
    name = visible(output_name(row.example_id, row.sample_index))
    name = cut(name, _NAME if row.input != row.example_id else out.width - 40)
    parts = [", ".join(v for v in slice_values(value) if v) for value in row.slices.values()]
    text = "".join(f"  {cut(visible(part), 24)}" for part in parts if part)
    room = out.width - columns(name) - columns(text) - 13
    if row.expected is not None and room > 12:
        text += f"  expected {_expected_words(out, row, room)}"
    return f"  {out.style(name, bold=True)}{text}"


def _expected_words(out: Output, row: ComparedRow, room: int) -> str:
    if row.expected_before is None:
        return _expected(row.expected, room)
    half = (room - 3) // 2
    old, new = _expected(row.expected_before, half), _expected(row.expected, half)
    return f"{paint(out, '-', old)} → {paint(out, '+', new)}"


def _expected(value: Json, room: int) -> str:
    """A value as JSON; a long text with its end, where worked answers have their result."""
    if not isinstance(value, str) or columns(json_text(value)) <= room:
        return json_cut(value, room)
    end = room // 3
    shown = json_text(f"{value[: room - end - 5].rstrip()} … {value[-end:].lstrip()}")
    return shown if columns(shown) <= room else json_cut(value, room)


def _output_lines(out: Output, row: ComparedRow, room: int, most: int) -> list[str]:
    """The changed words; if the outputs have little in common, their beginnings and ends, where the answer is."""
    before, after = _text(row.before), _text(row.after)
    if before == after:
        return [cut(visible(after or "no output"), room)]
    if before is None or after is None:
        old, new = (MISSING if text is None else _ends(text, room) for text in (before, after))
        return value_lines(out, old, new, room)
    if max(len(before), len(after)) <= _SHORT:
        return value_lines(out, before, after, room)
    spans = diff_words(before, after)
    if has_words_in_common(spans, before, after, _COMMON):
        return word_lines(out, elide(spans), room)
    half = (most // 2 - 1) * (room - 2)
    blocks: tuple[tuple[Op, str], ...] = (("-", _ends(before, half)), ("+", _ends(after, half)))
    return [line for op, text in blocks for line in text_block(out, op, text, room, None)]


def _ends(text: str, room: int) -> str:
    """The text, or as much of its beginning and end as fits, with the number of characters between them."""
    if len(text) <= room:
        return text
    end = room // 4
    start = room - end - 24
    return f"{text[:start].rstrip()} … {len(text) - start - end:,} characters … {text[-end:].lstrip()}"


def _text(row: OutputRow | None) -> str | None:
    """The result of a side: its output, its tool calls, or why there is none."""
    if row is None:
        return None
    if row.error is not None:
        return f"error: {row.error}"
    if row.tool_calls:
        calls = json_cut(list(row.tool_calls), 400)
        return f"{row.output}\n{calls}" if row.output else calls
    return row.output


def _score_lines(out: Output, comparison: RunComparison, row: ComparedRow) -> Iterator[str]:
    """The scores that changed, except the one that the row is listed by."""
    if row.before is None or row.after is None:
        return
    for score in comparison.scores:
        if score.kind == "boolean" and score.name == comparison.primary:
            continue
        old, new = row.before.scores.get(score.name), row.after.scores.get(score.name)
        if old != new and old is not None and new is not None:
            words = f"{paint(out, '-', _score(old))} → {paint(out, '+', _score(new))}"
            yield f"{visible(score.name)} {words}"


def _score(score: Score) -> str:
    if isinstance(score, bool):
        return "passed" if score else "failed"
    return visible(str(score)) if isinstance(score, str | None) else plain(score)
