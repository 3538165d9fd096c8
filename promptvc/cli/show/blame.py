"""Blame as text and for programs: commit, date and author of each line, row or cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from promptvc.cli.show.chars import columns, cut, json_cut, pad, visible
from promptvc.cli.show.diff.table import row_name
from promptvc.cli.show.diff.words import name_cut
from promptvc.cli.show.log import date_text
from promptvc.content.formats.dicts import is_malformed

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.session.history.blamed import Blamed

_AUTHOR_MOST, _NAME_LEAST, _NAME_MOST = 16, 9, 28
_SAMPLE = 1000
"""Lines from which the width of the authors is computed."""
_GAP = "  "
_LEAD = 7 + len(_GAP) + 10 + len(_GAP)
"""Columns of commit and date, with the gaps after them."""


def show_lines(out: Output, lines: Sequence[Blamed]) -> None:
    """The lines of a text."""
    for line in lines if out.json else ():
        out.value({"line": line.number + 1, **_who(line), "text": line.value})
    out.lines(_beside(out, lines, lambda line, room: _text(line.value, room)))


def show_rows(out: Output, rows: Iterable[Blamed]) -> None:
    """The rows of a table: by key, or by their beginning."""
    if out.json:
        for row in rows:
            out.value({"row": row.number, **_who(row), "key": row.key, "value": row.value})
    else:
        out.lines(_beside(out, list(rows), _row_text))


def show_cells(out: Output, cells: Iterable[Blamed]) -> None:
    """The cells of one row, or of each row that shares a key."""
    if out.json:
        for cell in cells:
            head = {"row": cell.number, "field": cell.field, **_who(cell)}
            out.value({**head, "key": cell.key, "value": cell.value})
    else:
        out.lines(_cell_lines(out, list(cells)))


def _beside(out: Output, items: Sequence[Blamed], text: Callable[[Blamed, int], str]) -> Iterator[str]:
    """Commit, date, author and number of each item, then as much of its text as fits."""
    width = _author_width(items)
    digits = len(str(items[-1].number + 1)) if items else 0
    room = max(out.width - (_LEAD + width + len(_GAP) + digits + len(_GAP)), 10)
    leads: dict[str, str] = {}
    for item in items:
        lead = leads.get(item.id)
        if lead is None:
            lead = leads[item.id] = _lead(out, item, width)
        yield f"{lead}{item.number + 1:>{digits}}{_GAP}{text(item, room)}".rstrip()


def _cell_lines(out: Output, cells: Sequence[Blamed]) -> Iterator[str]:
    width = _author_width(cells)
    names = max((columns(name_cut(cell.field or "", _NAME_MOST)) for cell in cells), default=0)
    names = max(names, _NAME_LEAST)
    several = len({cell.number for cell in cells}) > 1
    room = max(out.width - (len(_GAP) + names + len(_GAP) + _LEAD + width + len(_GAP)), 10)
    for number, group in groupby(cells, key=lambda cell: cell.number):
        row = list(group)
        which = out.style(f"{_GAP}(row {number + 1:,})", dim=True) if several else ""
        yield out.style(row_name(row[0].key, number), bold=True) + which
        for cell in row:
            name = pad(name_cut(cell.field or "", _NAME_MOST), names)
            yield f"{_GAP}{name}{_GAP}{_lead(out, cell, width)}{json_cut(cell.value, room)}"


def _lead(out: Output, item: Blamed, width: int) -> str:
    """Commit, date and author, each followed by a gap."""
    author = pad(_author(item), width)
    return _GAP.join(
        [out.style(item.id.short, fg="yellow"), out.style(f"{_day(item)}{_GAP}{author}", dim=True), ""]
    )


def _day(item: Blamed) -> str:
    """``2026-11-03``, in the author's time zone; ``?`` for an invalid time."""
    text = date_text(item.author)
    return text[:10] if text[:1].isdigit() else pad("?", 10)


def _author(item: Blamed) -> str:
    return cut(visible(item.author.name), _AUTHOR_MOST)


def _author_width(items: Sequence[Blamed]) -> int:
    return max((columns(_author(item)) for item in items[:_SAMPLE]), default=0)


def _text(line: str, room: int) -> str:
    return cut(visible(line.removesuffix("\n").removesuffix("\r"), keep="\t").expandtabs(4), room)


def _row_text(row: Blamed, room: int) -> str:
    if row.key:
        return cut(row_name(row.key, row.number), room)
    if is_malformed(row.value):
        return cut(visible(next(iter(row.value.values()))), room)
    return json_cut(row.value, room)


def _who(item: Blamed) -> dict[str, Any]:
    author = {"name": item.author.name, "email": item.author.email}
    return {"commit": item.id, "author": author, "time": item.author.time}
