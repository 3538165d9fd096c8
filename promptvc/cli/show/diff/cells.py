"""The changed cells of a row: names aligned, short values ``old → new``, words in long ones, paths in nested ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from promptvc.cli.show.chars import columns, json_cut, json_text, pad, visible
from promptvc.cli.show.diff.words import (
    bracketed,
    has_words_in_common,
    name_cut,
    paint,
    text_block,
    word_lines,
)
from promptvc.content.align.align import align
from promptvc.content.align.runs import gaps
from promptvc.content.tablediff.diff import MISSING, changed_cells
from promptvc.content.text.diff import Span, diff_words, elide

if TYPE_CHECKING:
    from promptvc.cli.output import Output

NAME_LEAST, NAME_MOST = 9, 28
_SHORT = 30
"""Characters up to which two strings are shown as ``"old" → "new"``."""
_COMMON = 0.4
"""The share of two texts that must be equal for their words to be compared."""
_BLOCK_LINES = 3
_MARKUP = 4  # columns of the brackets around a value


class Leaf(Struct, frozen=True):
    """One place inside a row that changed: ``messages[2].content``, and its values, with `MISSING`."""

    path: str
    before: Any
    after: Any


def cell_lines(
    out: Output, cells: Mapping[str, tuple[Any, Any]], indent: int, *, whole: bool = False
) -> Iterator[str]:
    """The changed cells, a line each or more; ``whole`` shows long texts to their end."""
    leaves = [leaf for name, (before, after) in cells.items() for leaf in find_leaves(name, before, after)]
    names = [name_cut(leaf.path, NAME_MOST) for leaf in leaves]
    width = max(NAME_LEAST, *(columns(name) for name in names)) + 2
    room = max(out.width - indent - width, 24)
    for name, leaf in zip(names, leaves, strict=True):
        for at, line in enumerate(value_lines(out, leaf.before, leaf.after, room, whole=whole)):
            yield " " * indent + (pad(name, width) if at == 0 else " " * width) + line


def value_lines(out: Output, before: Any, after: Any, room: int, *, whole: bool = False) -> list[str]:
    """The change of one value, as lines of at most ``room`` columns."""
    if before is MISSING:
        return [bracketed(out, "+", _one_line(after, room - _MARKUP, whole))]
    if after is MISSING:
        return [bracketed(out, "-", _one_line(before, room - _MARKUP, whole))]
    texts = isinstance(before, str) and isinstance(after, str)
    if texts and max(len(before), len(after)) > _SHORT and (spans := _words(before, after)):
        return word_lines(out, spans if whole else elide(spans), room, whole=whole)
    old, new = json_text(before), json_text(after)
    if columns(old) + columns(new) + 3 <= room:
        return [f"{paint(out, '-', old)} → {paint(out, '+', new)}"]
    limit = None if whole else _BLOCK_LINES
    old, new = (value if texts and value else json_text(value) for value in (before, after))
    return [*text_block(out, "-", old, room, limit), *text_block(out, "+", new, room, limit)]


def find_leaves(path: str, before: Any, after: Any) -> Iterator[Leaf]:
    """The places inside a value that changed; short lists and objects stay whole."""
    nested = isinstance(before, dict) and isinstance(after, dict)
    if (not nested and not (isinstance(before, list) and isinstance(after, list))) or (
        len(json_text(before)) + len(json_text(after)) <= _SHORT * 2 and not (nested and before and after)
    ):
        yield Leaf(path, before, after)
    elif nested:
        for name, (old, new) in changed_cells(before, after).items():
            yield from find_leaves(f"{path}{_step(name)}", old, new)
    else:
        yield from _list_leaves(path, before, after)


def _list_leaves(path: str, before: list[Any], after: list[Any]) -> Iterator[Leaf]:
    """Items by position between equal ones: changed ones pair first with first, the rest are added or removed."""
    runs = align([_token(item) for item in before], [_token(item) for item in after])
    for b, b_stop, a, a_stop in gaps(runs, (0, len(before), 0, len(after))):
        both = min(b_stop - b, a_stop - a)
        for step in range(both):
            yield from find_leaves(f"{path}[{a + step}]", before[b + step], after[a + step])
        for place in range(b + both, b_stop):
            yield Leaf(f"{path}[{place}]", before[place], MISSING)
        for place in range(a + both, a_stop):
            yield Leaf(f"{path}[{place}]", MISSING, after[place])


def _words(before: str, after: str) -> list[Span]:
    """The changed words, if the texts have enough in common for that to help."""
    spans = diff_words(before, after)
    return spans if has_words_in_common(spans, before, after, _COMMON) else []


def _one_line(value: Any, room: int, whole: bool) -> str:
    return json_text(value) if whole else json_cut(value, room)


def _step(name: str) -> str:
    """``name -> .name``; a name that is not a plain word ``-> ["odd name"]``."""
    return f".{name}" if name.replace("-", "_").isidentifier() else f"[{visible(json.dumps(name))}]"


def _token(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
