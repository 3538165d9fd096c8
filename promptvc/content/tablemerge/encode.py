"""A row of one version encoded for the merged file."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from promptvc.content.formats.base import Malformed, Row, RowFormat
from promptvc.content.formats.csvcells import split_cells
from promptvc.content.tablemerge.outcome import Content
from promptvc.content.tablemerge.renames import Names, renamed


def encode(
    content: Content, target: RowFormat, formats: Sequence[RowFormat], names: Sequence[Names]
) -> bytes:
    """The bytes of a row in the merged file; those that it has, where they mean the same there.

    ``formats`` and ``names`` are those of base, ours and theirs.
    """
    source = formats[content.side]
    row = content.row
    if row is None:
        if source.reading == target.reading:
            return content.body
        parsed = source.parse(content.body)
        if isinstance(parsed, Malformed):
            return content.body
        row = renamed(parsed, names[content.side])
    like = content.body if _is_like(source, target) else None
    if target.columns is None or source.columns is None:
        return target.encode(row, like)
    columns = {name for format in formats for name in format.columns or ()}
    fitted = _fitted(row, source, target, columns)
    body = target.encode(fitted, like)
    return _shortened(body, fitted, target) if like is None else body


def _is_like(source: RowFormat, target: RowFormat) -> bool:
    """Whether bodies of one format can show how a row of the other is written: their cells mean the same there."""
    if source.columns is not None and (target.columns or [])[: len(source.columns)] != source.columns:
        return False
    return source.reading[:2] == target.reading[:2]


def _fitted(row: Row, source: Any, target: Any, columns: Container[str]) -> Row:
    """A row of one header under another: cells beyond the header stay beyond it, those of dropped columns go.

    A record that was whole has a cell in every column; one that was short stays so. ``columns`` are those of all
    versions.
    """
    known = set(target.columns)
    extra = [name for name in row if name not in known and name not in columns]
    beyond = target.names(len(target.columns) + len(extra))[len(target.columns) :]
    names = dict(zip(extra, beyond, strict=True))
    shared = [name for name in source.columns if name in known]
    is_short = bool(shared) and shared[-1] not in row
    cells = {} if is_short else dict.fromkeys(target.columns, "")
    return cells | {
        names.get(name, name): value for name, value in row.items() if name in known or name in names
    }


def _shortened(body: bytes, row: Row, target: Any) -> bytes:
    """A record without the empty cells behind its last field."""
    cells = split_cells(body, target.delimiter)
    last = max((at for at, name in enumerate(target.names(len(cells))) if name in row), default=0)
    delimiter: bytes = target.delimiter
    return delimiter.join(cells[: last + 1]) or b'""'
