"""Rows of JSON -> Arrow by pyarrow's own parser: five times as fast as through Python, where it gives the same.

That parser reads the same JSON as `parse_json`, strictly. What it would read otherwise is left to Python: bytes
that are not UTF-8, large integers among doubles, rows that are malformed only beside the wanted columns, lines
such as ``{"a":1}{"a":2}`` that hold more than one object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from promptvc.content.arrow.kinds import (
    FLOAT,
    ColumnKind,
    Items,
    Members,
    Whole,
    arrow_schema,
    arrow_type,
    join,
    whole,
)
from promptvc.content.formats.base import ReadsRows
from promptvc.content.formats.jsonrow import MAX_DEPTH, is_utf8
from promptvc.patterns import compiled

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES = 4 << 20
ONE_BLOCK_BYTES = 32 << 20
"""So many bytes are one block, whose columns come out in one piece each; more are cut, and parsed by many threads."""

_DIGITS = 4301  # Python reads no integer of that many
_LONG_INTEGER = compiled(rb"[0-9]{%d}" % _DIGITS)
_SCAN_BYTES = 1 << 18  # what is made of so many stays in the processor's cache
_NOT_OPENING = bytes(set(range(256)).difference(b"{[\n"))
_TO_TABS = bytes.maketrans(b"\r\n", b"\t\t")
_EMPTY_OBJECTS = Members({})
_EXACT = 2.0**53


def can_parse(format: ReadsRows, kinds: Mapping[str, ColumnKind], narrow: bool) -> bool:
    """Whether this way is open: the rows are JSON, and Arrow has a type for every column.

    ``narrow`` skips fields that are not in ``kinds``, in nested objects too: then these must not be wanted.
    """
    if not format.is_json or (narrow and any(map(_has_members, kinds.values()))):
        return False
    return all(kind == _EMPTY_OBJECTS or arrow_type(kind) is not None for kind in kinds.values())


def _has_members(kind: ColumnKind) -> bool:
    return isinstance(kind, Members) or (isinstance(kind, Items) and _has_members(kind.item))


def json_lines(
    format: ReadsRows, data: bytes, count: int, chunk_runs: Callable[[], Sequence[tuple[bytes, bool]]]
) -> bytes | None:
    """The ``count`` rows of some chunk runs, one a line; None where Python must look.

    ``data`` is all of their bytes, ``chunk_runs()`` gives those of each, and whether it is the first of the file.
    Each row begins with ``{`` and ends with ``}``. As ``}{`` is nowhere in JSON, rows cannot share an object: where
    a parser finds ``count`` objects, they are the rows.
    """
    if not _are_lines(data, count):
        bodies = [body for data, first in chunk_runs() for body in format.bodies(data, first)]
        if not all(body[:1] == b"{" and body[-1:] == b"}" for body in bodies):
            return None
        # A line end inside a row is blank space or, in a string, an error; a tab is the same.
        data = b"\n".join([body.translate(_TO_TABS) for body in bodies])
    return data if is_utf8(data) else None


def _are_lines(data: bytes, count: int) -> bool:
    """Whether there are so many lines, each from a ``{`` to a ``}``."""
    import numpy as np  # which pyarrow imports anyway

    if not (data.startswith(b"{") and data.endswith((b"}", b"}\n"))):
        return False
    array = np.frombuffer(data, np.uint8)
    inner, found = array[1:-1], 0
    for start in range(0, len(inner), _SCAN_BYTES):
        ends = np.flatnonzero(inner[start : start + _SCAN_BYTES] == 0x0A)
        here = array[start:]  # where the byte before an end has its index
        if not ((here[ends] == 0x7D).all() and (here[ends + 2] == 0x7B).all()):
            return False
        found += len(ends)
    return found == count - 1


def parse_lines(
    lines: bytes, count: int, longest: int, kinds: Mapping[str, ColumnKind], narrow: bool
) -> pa.Table | None:
    """The table of these rows, or None where it would not be what Python reads; ``narrow`` skips other fields.

    No row has more than ``longest`` bytes. The columns are those of ``kinds``, in that order, and hold no kind
    that ``kinds`` does not.
    """
    import pyarrow as pa
    from pyarrow import json as arrow_json

    if narrow and _hides_malformed_rows(lines):
        return None
    types = [(name, arrow_type(kind) or pa.struct([])) for name, kind in kinds.items()]
    one_block = len(lines) <= ONE_BLOCK_BYTES
    block = len(lines) + 1 if one_block else max(_BLOCK_BYTES, longest + 1)
    reading = arrow_json.ReadOptions(use_threads=not one_block, block_size=block)
    parsing = arrow_json.ParseOptions(
        pa.schema(types), unexpected_field_behavior="ignore" if narrow else "error"
    )
    try:
        table = arrow_json.read_json(pa.BufferReader(lines), reading, parsing)
        table.validate()  # up to release 26, lists of nothing but null come out too short
    except pa.ArrowException:
        return None
    if table.num_rows != count or not all(_holds(kind, table[name]) for name, kind in kinds.items()):
        return None
    columns = [
        _as_text(table[name]) if kind == _EMPTY_OBJECTS else table[name] for name, kind in kinds.items()
    ]
    return pa.Table.from_arrays(columns, schema=arrow_schema(kinds)).combine_chunks()


def _hides_malformed_rows(lines: bytes) -> bool:
    """Whether a row may be malformed by a rule of ours that pyarrow does not check in fields that it skips."""
    openings = lines.translate(None, _NOT_OPENING).split(b"\n")
    return max(map(len, openings)) > MAX_DEPTH or _has_long_integer(lines)


def _has_long_integer(lines: bytes) -> bool:
    # So many digits in a row show at one of the places that are as far from each other.
    for at, byte in enumerate(lines[::_DIGITS]):
        place = at * _DIGITS
        if 0x30 <= byte <= 0x39 and _LONG_INTEGER.search(lines, max(0, place - _DIGITS), place + _DIGITS):
            return True
    return False


def _holds(kind: ColumnKind, column: pa.ChunkedArray) -> bool:
    """Whether a column, parsed as the type of kind, has only values of that kind: the type alone says too little."""
    match kind:
        case Whole():
            bounds = _bounds(column, "uint64" if kind.unsigned else "int64")
            return bounds is None or join(kind, whole(int(bounds[0]), int(bounds[1]))) == kind
        case Items() if _has_numbers(kind.item):
            import pyarrow.compute as pc

            return _holds(kind.item, pc.list_flatten(column))
        case Members():
            return all(map(_holds, kind.fields.values(), column.flatten()))
    if kind != FLOAT:
        return True
    # Integers beyond this were rounded; Python may see more in NaN, which is within no bounds.
    bounds = _bounds(column, "float64")
    return bounds is None or (bounds[0] > -_EXACT and bounds[1] < _EXACT)


def _has_numbers(kind: ColumnKind) -> bool:
    match kind:
        case Items():
            return _has_numbers(kind.item)
        case Members():
            return any(map(_has_numbers, kind.fields.values()))
    return kind == FLOAT or isinstance(kind, Whole)


def _bounds(column: pa.ChunkedArray, dtype: str) -> tuple[float, float] | None:
    """The least and the greatest number; None where there is none, both NaN where one is."""
    import numpy as np

    found = []
    for chunk in column.drop_null().chunks if column.null_count else column.chunks:
        # Read where they lie: the import of pyarrow.compute takes as long as two million numbers.
        if len(chunk):
            numbers = np.frombuffer(chunk.buffers()[1], dtype)[chunk.offset :][: len(chunk)]
            found.append((numbers.min(), numbers.max()))
    if not found:
        return None
    lows, highs = zip(*found, strict=True)
    return np.min(lows), np.max(highs)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of empty objects as JSON text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.is_valid(column), "{}", pa.scalar(None, pa.string()))
