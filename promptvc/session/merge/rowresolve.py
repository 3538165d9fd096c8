"""One row, or one cell, of a working table set to what a conflict was resolved to."""

from __future__ import annotations

from typing import Any

from promptvc.content.formats.base import Malformed, Row, RowFormat
from promptvc.content.formats.dicts import MALFORMED_FIELD, is_malformed, malformed_row
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import Missing
from promptvc.content.table.numbered import number_rows
from promptvc.content.table.splice import OpenFile, splice
from promptvc.content.values.conflict import MergeConflict
from promptvc.content.values.json import write_exact
from promptvc.content.values.merge import put
from promptvc.errors import Advice, ConflictStale, Usage
from promptvc.session.transaction.pending import PendingFile
from promptvc.versioning.ropes.joined import Pieces


def taken_row(file: PendingFile, conflict: MergeConflict, value: Any | Missing) -> Any | Missing:
    """A version of the place as a side has it, without the columns that the merged table has no more."""
    format = file.format
    if conflict.field is not None or format is None or not isinstance(value, dict):
        return value
    return _fitted(value, format)


def resolve_row(file: PendingFile, conflict: MergeConflict, value: Any | Missing) -> tuple[Pieces, int]:
    """The file with the place of the conflict set to value, and by how much rows below it moved.

    Raises `ConflictStale` where the row is not there any more, `Usage` for what the file cannot hold.
    """
    format = file.format
    assert format is not None
    opened = OpenFile(file.chunk_runs(), format)
    number = _find(opened, conflict)
    if number is None and (conflict.field is not None or not isinstance(conflict.ours, Missing)):
        raise _stale(file, conflict)
    if conflict.field is None:
        return _whole_row(file, opened, conflict, number, value)
    assert number is not None
    at, place, body = _place(opened, number)
    row = format.parse(body)
    assert not isinstance(row, Malformed)
    made = put(row, (conflict.field, *conflict.at), value)
    return (splice(opened, {at: {place: _encoded(file, format, made, body)}}, [])), 0


def _whole_row(
    file: PendingFile, opened: OpenFile, conflict: MergeConflict, number: int | None, value: Any | Missing
) -> tuple[Pieces, int]:
    if number is None:
        if isinstance(value, Missing):
            return opened.chunk_runs, 0
        at, place = _gap(opened, conflict.row or 0)
        return (splice(opened, {}, [], {at: {place: [_body(file, opened, value)]}})), 1
    at, place, body = _place(opened, number)
    if isinstance(value, Missing):
        return (splice(opened, {at: {place: None}}, [])), -1
    return (splice(opened, {at: {place: _body(file, opened, value, body)}}, [])), 0


def _body(file: PendingFile, opened: OpenFile, value: Any, like: bytes | None = None) -> bytes:
    row = _row(value)
    if is_malformed(row) and isinstance(row[MALFORMED_FIELD], str):
        return str(row[MALFORMED_FIELD]).encode("utf-8", "surrogateescape")
    return _encoded(file, opened.format, row, like)


def _row(value: Any) -> Row:
    if not isinstance(value, dict):
        raise Usage(f"{value!r} is not a row", "a row is a JSON object")
    return value


def _find(file: OpenFile, conflict: MergeConflict) -> int | None:
    """The number of the row that a conflict is in: by its key, the nearest where several share it; else by place."""
    row = conflict.row or 0
    if conflict.key is None:
        wanted = conflict.ours if conflict.field is None else None
        if conflict.field is None and isinstance(wanted, Missing):
            return None
        found = _row_at(file, row)
        is_there = found is not None and (wanted is None or _is_row(file, found, wanted))
        return row if is_there else None
    if conflict.field is None and isinstance(conflict.ours, Missing):
        return None  # a row of this key that is there is another one
    near = _row_at(file, row)
    if near is not None and _has(near, conflict.key):
        return row
    rows = number_rows(file.format, file.chunk_runs)
    matches = [found.number for found in rows if _has(found.row, conflict.key)]
    return min(matches, key=lambda number: abs(number - row), default=None)


def _is_row(file: OpenFile, found: Row, wanted: Any) -> bool:
    """Whether a row is the one of the conflict; in CSV, but for columns that the merge added or dropped."""
    if file.format.columns is None:
        return same(found, wanted)
    rows = (found, _fitted(wanted, file.format))
    return same(*({name: cell for name, cell in row.items() if cell != ""} for row in rows))


def _fitted(row: Row, format: RowFormat) -> Row:
    return row if is_malformed(row) else format.fitted(row)


def _row_at(file: OpenFile, number: int) -> Any:
    located = _locate(file, number)
    row = None if located is None else file.format.parse(located[2])
    return malformed_row(located[2]) if located and isinstance(row, Malformed) else row


def _has(row: Row | Malformed, key: Row) -> bool:
    return not isinstance(row, Malformed) and all(name in row and same(row[name], key[name]) for name in key)


def _place(file: OpenFile, number: int) -> tuple[int, int, bytes]:
    """`_locate` for a row that is there."""
    found = _locate(file, number)
    assert found is not None
    return found


def _locate(file: OpenFile, number: int) -> tuple[int, int, bytes] | None:
    """(chunk run, row in it, body) of a row."""
    for at in range(len(file.chunk_runs)):
        bodies = file.format.bodies(file.data(at), at == 0)
        if number < len(bodies):
            return at, number, bodies[number]
        number -= len(bodies)
    return None


def _gap(file: OpenFile, number: int) -> tuple[int, int]:
    """(chunk run, row in it) behind which a row of this number comes; -1 for in front of the chunk run's first."""
    for at in range(len(file.chunk_runs)):
        count = file.format.count(file.data(at), at == 0)
        if number <= count:
            return at, number - 1
        number -= count
    return max(0, len(file.chunk_runs) - 1), number


def _encoded(file: PendingFile, format: RowFormat, row: Any, like: bytes | None) -> bytes:
    try:
        return write_exact(format.encode(row, like=like))
    except Usage as error:
        raise Usage(f"{file.path}: {error.message}", error.hint or error.advice) from None


def _stale(file: PendingFile, conflict: MergeConflict) -> ConflictStale:
    named = ", ".join(f"{name}={value}" for name, value in (conflict.key or {}).items())
    return ConflictStale(
        f"{file.path}: row {named or (conflict.row or 0) + 1} is not there any more",
        Advice("as-is"),
    )
