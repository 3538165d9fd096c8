"""How a table changed, as text: columns, then rows by key with only the cells that differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from promptvc.cli.render_cells import cell_lines
from promptvc.cli.render_chars import columns, cut, json_cut, json_text, pad, plural, visible
from promptvc.cli.render_words import MARKS, mark, name_cut, paint
from promptvc.content.rowdiff import MISSING, RowChange, TableDiff

if TYPE_CHECKING:
    from promptvc.cli.output import Output

_OPS = {"added": "+", "removed": "-", "changed": "~"}
_INDENT = 6
_KEY_MOST, _KEY_PAD = 60, 10
FOLD_ABOVE, FOLD_SHOWN = 8, 3
"""So many rows that changed in the same way are shown one by one; of more, the first few, and a line for the rest."""
_ALIKE_LENGTH = 24

Alike = tuple[str, ...]


def row_counts(diff: TableDiff) -> Iterator[tuple[str, str]]:
    """(operation, text) of each count that is not zero: ``("+", "+2")``, ``("=", "=497")``."""
    counts = {"+": diff.added, "-": diff.removed, "~": diff.changed, "=": diff.unchanged + diff.reformatted}
    for op, count in counts.items():
        if count:
            yield op, f"{'=' if op == '=' else MARKS[op]}{count:,}"


def table_lines(out: Output, diff: TableDiff, *, whole: bool = False) -> Iterator[str]:
    """Every change of a table; rows that all changed alike are folded unless ``whole``."""
    if diff.columns_added or diff.columns_removed:
        yield f"  columns  {_columns(out, diff)}"
    yield from _quiet_changes(out, diff)
    hows = [_how(row) for row in diff.rows]
    counts = Counter(how for how in hows if how)
    folded = {alike for alike, count in counts.items() if count > FOLD_ABOVE and not whole}
    shown: Counter[Alike] = Counter()
    for row, alike in zip(diff.rows, hows, strict=True):
        if alike in folded:
            shown[alike] += 1
            if shown[alike] > FOLD_SHOWN:
                continue
        yield from row_lines(out, row, whole=whole)
    for alike in counts:
        if alike in folded:
            rest = counts[alike] - FOLD_SHOWN
            yield out.style(f"  … {plural(rest, 'more row')}: only ", dim=True) + cut(
                visible(", ".join(alike)), out.width - 28
            )


def row_lines(out: Output, row: RowChange, *, whole: bool = False) -> Iterator[str]:
    """One row: its mark and name, then what it held, or which of its cells changed."""
    name, op = _name(row), _OPS[row.op]
    if row.op == "changed":
        yield f"  {mark(out, op)} {out.style(name, bold=True)}{out.style(_was(row), dim=True)}"
        yield from cell_lines(out, row.cells, _INDENT, whole=whole)
        return
    name = pad(name, _KEY_PAD)
    room = out.width - columns(name) - 7
    yield f"  {mark(out, op)} {out.style(name, bold=True)}   {paint(out, op, _content(row, room, whole))}"


def row_name(key: Mapping[str, Any] | None, number: int) -> str:
    """What a row is called: its key's values, or ``row 12``, counted from 1."""
    if not key:
        return f"row {number + 1:,}"
    parts = [
        visible(value) if isinstance(value, str) and value else json_text(value) for value in key.values()
    ]
    return cut(", ".join(parts), _KEY_MOST)


def _name(row: RowChange) -> str:
    before, after = row.at
    number = after if after is not None else before
    return row_name(row.key, number or 0)


def _was(row: RowChange) -> str:
    """The number that a row without a key had before, where it is another now."""
    before, after = row.at
    return "" if row.key or before is None or before == after else f"  (was {before + 1:,})"


def _content(row: RowChange, room: int, whole: bool) -> str:
    values = row.after if row.after is not None else row.before
    if values is None:
        raw = row.after_raw if row.after_raw is not None else row.before_raw
        why = f"malformed ({row.malformed.message})" if row.malformed else "malformed"
        text = visible((raw or b"").decode("utf-8", "replace"))
        return f"{why}: {text if whole else cut(text, max(room - len(why) - 2, 20))}"
    rest = {name: value for name, value in values.items() if not row.key or name not in row.key}
    return json_text(rest) if whole else json_cut(rest, room)


def _columns(out: Output, diff: TableDiff) -> str:
    changes = [("+", name) for name in diff.columns_added] + [("-", name) for name in diff.columns_removed]
    return "  ".join(paint(out, op, f"{MARKS[op]} {name_cut(name, 40)}") for op, name in changes)


def _quiet_changes(out: Output, diff: TableDiff) -> Iterator[str]:
    """What no row below shows: rows at another place, rows written in another way."""
    words = [f"{plural(diff.moved, 'row')} moved"] if diff.moved else []
    if diff.reformatted:
        words.append(f"{plural(diff.reformatted, 'row')} written differently, with equal values")
    if words:
        yield out.style(f"  {', '.join(words)}", dim=True)


def _how(row: RowChange) -> Alike:
    """What happened to a row, where the same may have happened to many: ``("+ for_devs",)``; else nothing.

    Fields that came or went count by name alone, other cells with their values, if those are short.
    """
    if row.op != "changed" or len(row.cells) > 3:
        return ()
    changes = tuple(_cell_change(name, *values) for name, values in row.cells.items())
    return changes if all(changes) else ()


def _cell_change(name: str, before: Any, after: Any) -> str:
    if before is MISSING:
        return f"{name} added"
    if after is MISSING:
        return f"{name} removed"
    if _is_long(before) or _is_long(after):
        return ""
    return f"{name} {json_text(before)} → {json_text(after)}"


def _is_long(value: Any) -> bool:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return isinstance(value, dict) or len(text) > _ALIKE_LENGTH
