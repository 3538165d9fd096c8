"""The changes of a table as text: columns, then rows by key with only the cells that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from promptvc.cli.show.chars import columns, cut, json_cut, json_text, pad, plural, visible
from promptvc.cli.show.diff.cells import cell_lines
from promptvc.cli.show.diff.folds import Folds
from promptvc.cli.show.diff.words import MARKS, mark, name_cut, paint
from promptvc.content.keys.tokens import OUTPUT_KEY, output_name
from promptvc.content.tablediff.diff import Cells, RowChange, TableDiff

if TYPE_CHECKING:
    from promptvc.cli.output import Output

_OPS = {"added": "+", "removed": "-"}
_INDENT = 6
_KEY_MOST, _KEY_PAD = 60, 10


def row_counts(diff: TableDiff) -> Iterator[tuple[str, str]]:
    """(operation, text) of each count that is not zero: ``("+", "+2")``, ``("=", "=497")``."""
    counts = {"+": diff.added, "-": diff.removed, "~": diff.changed, "=": diff.unchanged + diff.reformatted}
    for op, count in counts.items():
        if count:
            yield op, f"{'=' if op == '=' else MARKS[op]}{count:,}"


def table_lines(out: Output, diff: TableDiff, *, whole: bool = False) -> Iterator[str]:
    """Every change of a table; changes that many rows share are folded, unless ``whole``."""
    if diff.columns_added or diff.columns_removed:
        yield f"  columns  {_columns(out, diff)}"
    yield from _quiet_changes(out, diff)
    folds = Folds(() if whole else diff.rows)
    for row in diff.rows:
        cells = folds.cells(row)
        if row.op != "changed":
            yield from row_lines(out, row, whole=whole)
        elif cells:
            yield from _changed_row(out, row, cells, whole)
    for line in folds.lines():
        yield out.style(cut(f"  … {visible(line)}", out.width), dim=True)


def row_lines(out: Output, row: RowChange, *, whole: bool = False) -> Iterator[str]:
    """An added or removed row: its mark, its name and its content."""
    op = _OPS[row.op]
    name = pad(_name(row), _KEY_PAD)
    room = out.width - columns(name) - 7
    yield f"  {mark(out, op)} {out.style(name, bold=True)}   {paint(out, op, _content(row, room, whole))}"


def _changed_row(out: Output, row: RowChange, cells: Cells, whole: bool) -> Iterator[str]:
    yield f"  {mark(out, '~')} {out.style(_name(row), bold=True)}{out.style(_was(row), dim=True)}"
    yield from cell_lines(out, cells, _INDENT, whole=whole)


def row_name(key: Mapping[str, Any] | None, number: int) -> str:
    """The name of a row: its key's values, `output_name` for an output, or ``row 12``, counted from 1."""
    if not key:
        return f"row {number + 1:,}"
    if tuple(key) == OUTPUT_KEY and type(key["sample_index"]) is int:
        return cut(visible(output_name(str(key["example_id"]), key["sample_index"])), _KEY_MOST)
    parts = [
        visible(value) if isinstance(value, str) and value else json_text(value) for value in key.values()
    ]
    return cut(", ".join(parts), _KEY_MOST)


def _name(row: RowChange) -> str:
    before, after = row.at
    number = after if after is not None else before
    return row_name(row.key, number or 0)


def _was(row: RowChange) -> str:
    """The old number of a row without a key, if it changed."""
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
    """Changes that no row below shows: moved rows, reformatted rows."""
    words = [f"{plural(diff.moved, 'row')} moved"] if diff.moved else []
    if diff.reformatted:
        words.append(f"{plural(diff.reformatted, 'row')} written differently, with equal values")
    if words:
        yield out.style(f"  {', '.join(words)}", dim=True)
