"""Rows as text: a table fitted to the width, one line per row, or one row with every field in full."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from promptvc.cli.show.chars import columns, cut, json_cut, pad, visible, wrap
from promptvc.cli.show.diff.words import name_cut
from promptvc.content.formats.words import plural
from promptvc.content.tablediff.diff import MISSING

if TYPE_CHECKING:
    from promptvc.cli.output import Output

_CELL_LEAST, _CELL_MOST, _NAME_MOST = 10, 60, 24
_SAMPLE = 200
"""Rows from which the column widths are computed."""
_GAP = "  "
_LINE_LEAST = 14
"""The least number of columns for a value in a row shown as a line."""
_MORE = len(_GAP) + len("… 99 more")


class NamedRow(Struct, frozen=True):
    """The name of a row, and its other fields."""

    name: str
    fields: Mapping[str, Any]


def grid_lines(out: Output, corner: str, rows: Iterable[NamedRow]) -> Iterator[str]:
    """A table: the column names, then a line per row; columns that do not fit are named at the end."""
    rest = iter(rows)
    sample = list(islice(rest, _SAMPLE))
    names = list(dict.fromkeys(name for row in sample for name in row.fields))
    cells = [_cells(row, names) for row in sample]
    heads = [visible(name) for name in (corner, *names)]
    widths = _fitted([max(map(columns, column)) for column in zip(heads, *cells, strict=True)], out.width)
    right = [False, *(_is_numeric(row.fields.get(name, MISSING) for row in sample) for name in names)]
    titles = (_placed(*part) for part in zip(heads, widths, right, strict=False))
    yield out.style(_GAP.join(titles).rstrip(), bold=True)
    yield out.style(_GAP.join("─" * width for width in widths), dim=True)
    for row in chain(cells, (_cells(row, names) for row in rest)):
        yield _GAP.join(_placed(*part) for part in zip(row, widths, right, strict=False)).rstrip()
    if len(widths) < len(heads):
        hidden = heads[len(widths) :]
        more = f"… {plural(len(hidden), 'more column')}: {', '.join(hidden)}"
        yield out.style(cut(more, out.width), dim=True)


def compact_line(out: Output, row: NamedRow) -> str:
    """``t-0042  input: I was charged…  expected: refund  … 3 more``: as many fields as fit, shortened."""
    room = out.width - columns(row.name)
    fields = _fitting_fields(row.fields, room)
    left = len(row.fields) - len(fields)
    rest = [f"… {left} more"] if left else []
    room -= sum(len(_GAP) + len(text) for text in rest)
    room -= sum(len(_GAP) + columns(label) for label, _ in fields)
    widths = _shares([columns(text) for _, text in fields], room)
    shown = zip(fields, widths, strict=True)
    parts = [f"{out.style(label, dim=True)}{cut(text, width)}" for (label, text), width in shown]
    return _GAP.join([out.style(row.name, bold=True), *parts, *(out.style(text, dim=True) for text in rest)])


def whole_row_lines(out: Output, row: Mapping[str, Any]) -> Iterator[str]:
    """Every field in full: texts with their line breaks, nested values as indented JSON."""
    names = [name_cut(name, _NAME_MOST) for name in row]
    width = max(map(columns, names), default=0) + 2
    room = out.width - width - 2
    for name, value in zip(names, row.values(), strict=True):
        for at, line in enumerate(_whole_value(value, room)):
            label = pad(name, width) if at == 0 else " " * width
            yield f"  {out.style(label, dim=True)}{line}".rstrip()


def _whole_value(value: Any, room: int) -> Iterator[str]:
    if isinstance(value, str):
        lines = value.split("\n") if value else ['""']
    else:
        lines = list(_json_lines(value, room))
    for line in lines:
        shown = visible(line)
        yield from (shown[start:stop] for start, stop in wrap(shown, room))


def _json_lines(value: Any, room: int) -> Iterator[str]:
    """A value as JSON, expanded only if it does not fit on a line."""
    flat = json.dumps(value, ensure_ascii=False, default=str)
    if columns(flat) <= room or not isinstance(value, dict | list) or not value:
        yield flat
        return
    named = isinstance(value, dict)
    items = list(value.items()) if isinstance(value, dict) else [("", item) for item in value]
    yield "{" if named else "["
    for place, (name, item) in enumerate(items):
        lead = f"{json.dumps(name, ensure_ascii=False)}: " if named else ""
        lines = list(_json_lines(item, room - 3 - len(lead)))
        for at, line in enumerate(lines):
            comma = "," if at == len(lines) - 1 and place < len(items) - 1 else ""
            yield f"  {lead if at == 0 else ''}{line}{comma}"
    yield "}" if named else "]"


def _cells(row: NamedRow, names: Sequence[str]) -> list[str]:
    return [row.name, *(_cell(row.fields.get(name, MISSING)) for name in names)]


def _cell(value: Any) -> str:
    """A value in few words: text unchanged, ``""`` for an empty one, nothing for an absent one."""
    if value is MISSING:
        return ""
    if isinstance(value, str):
        return cut(visible(value[: 4 * _CELL_MOST]), _CELL_MOST) or '""'
    return json_cut(value, _CELL_MOST)


def _placed(cell: str, width: int, right: bool) -> str:
    text = cut(cell, width)
    return " " * (width - columns(text)) + text if right else pad(text, width)


def _is_numeric(values: Iterable[Any]) -> bool:
    kinds = {type(value) for value in values if value is not MISSING and value is not None}
    return bool(kinds) and kinds <= {int, float}


def _fitted(wanted: Sequence[int], width: int) -> list[int]:
    """The widths of the columns that fit, each at least a few characters; the first is never reduced."""
    first = min(wanted[0], _NAME_MOST)
    rest = wanted[1:]
    count, used = 0, first
    for each in rest:
        used += min(each, _CELL_LEAST) + len(_GAP)
        if count and used > width:
            break
        count += 1
    return [first, *_shares(rest[:count], width - first - len(_GAP) * count)]


def _fitting_fields(fields: Mapping[str, Any], room: int) -> list[tuple[str, str]]:
    """Label and text of the fields that fit on a line, at least one; if not all fit, room is left for the count."""
    fitting: list[tuple[str, str]] = []
    for at, (name, value) in enumerate(fields.items(), 1):
        label, text = f"{name_cut(name, _NAME_MOST)}: ", _cell(value)
        room -= len(_GAP) + columns(label) + min(columns(text), _LINE_LEAST)
        if fitting and room < (_MORE if at < len(fields) else 0):
            break
        fitting.append((label, text))
    return fitting


def _shares(wanted: Sequence[int], space: int) -> list[int]:
    """Distribute space: small wishes are met, the others get equal shares. ``[3, 30, 50], 43 -> [3, 20, 20]``."""
    given = [0] * len(wanted)
    left = space
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    for place, at in enumerate(order):
        given[at] = min(wanted[at], left // (len(order) - place))
        left -= given[at]
    return given
