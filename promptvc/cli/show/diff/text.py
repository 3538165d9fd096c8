"""The changes of a text file: hunks of lines, with the changed words marked inside replaced lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from promptvc.cli.show.chars import visible
from promptvc.cli.show.diff.words import bracketed, by_line, has_words_in_common, mark, paint
from promptvc.content.text.diff import Hunk, Line, Op, Span, diff_words

if TYPE_CHECKING:
    from promptvc.cli.output import Output

_SIDES: tuple[Op, ...] = ("-", "+")
_COMMON = 0.4
"""The share of replaced lines that must be equal for their words to be marked."""
_WORDS_LIMIT = 20_000
"""Characters of replaced lines above which words are not compared."""


def hunk_lines(out: Output, hunks: Sequence[Hunk]) -> Iterator[str]:
    """The hunks, each under the number of its first line."""
    for hunk in hunks:
        here = any(line.op != "-" for line in hunk.lines)
        yield paint(out, "@", f"  @@ line {hunk.after if here else hunk.before}")
        shows_cr = len({line.text.endswith("\r\n") for line in hunk.lines}) > 1
        for equal, group in groupby(hunk.lines, key=lambda line: line.op == "="):
            lines = list(group)
            yield from _equal(lines) if equal else _changed(out, lines, shows_cr)


def whole_text_lines(out: Output, op: Op, text: str) -> Iterator[str]:
    """Every line of an added or removed text."""
    for line in by_line([Span(op, text)]):
        yield f"  {mark(out, op)} {paint(out, op, _shown(line[0].text))}".rstrip(" ")


def _equal(lines: Sequence[Line]) -> Iterator[str]:
    return (f"    {_shown(line.text)}".rstrip(" ") for line in lines)


def _changed(out: Output, lines: Sequence[Line], shows_cr: bool) -> Iterator[str]:
    """Removed lines, then added ones; if they are similar, the differences are marked."""
    spans = _word_spans(lines)
    for op in _SIDES:
        side = (
            by_line(span for span in spans if span.op in ("=", op))
            if spans
            else ([Span("=", line.text)] for line in lines if line.op == op)
        )
        for line in side:
            yield f"  {mark(out, op)} {_line(out, op, line, shows_cr)}".rstrip(" ")


def _word_spans(lines: Sequence[Line]) -> list[Span]:
    """The words of both sides compared; none where that does not help."""
    if sum(len(line.text) for line in lines) > _WORDS_LIMIT:
        return []
    old, new = ("".join(line.text for line in lines if line.op == op) for op in _SIDES)
    spans = diff_words(old, new) if old and new else []
    return spans if has_words_in_common(spans, old, new, _COMMON) else []


def _line(out: Output, op: Op, spans: Sequence[Span], shows_cr: bool) -> str:
    text = ""
    for span in spans:
        shown = _shown(span.text)
        if shown:
            text += (
                bracketed(out, op, shown, reverse=True if out.color else None)
                if span.op != "="
                else paint(out, op, shown)
            )
    if shows_cr and spans[-1].text.endswith("\r\n"):
        text += out.style("\\r", dim=True)
    return text if spans[-1].text.endswith("\n") else text + out.style("  (no line end)", dim=True)


def _shown(text: str) -> str:
    return visible(text.removesuffix("\n").removesuffix("\r"), keep="\t")
