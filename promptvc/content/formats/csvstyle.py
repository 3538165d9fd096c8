"""A row's fields -> a CSV record in the style of a file."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from typing import Protocol

from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.csvcells import read_cell, split_cells, write_cell
from promptvc.errors import Usage


class CsvStyle(Protocol):
    """What a record's bytes depend on beside its values."""

    delimiter: bytes

    @property
    def columns(self) -> list[str]:
        """The names in the header."""

    @property
    def quoted(self) -> list[bool]:
        """For each column, whether its cells are quoted even where they need not be."""

    def names(self, count: int) -> list[str]:
        """The names of the first ``count`` cells: the columns, then names for what is beyond them."""


def encode_record(
    row: Mapping[str, Json], old: Sequence[bytes], names: Sequence[str], style: CsvStyle
) -> bytes:
    """A record of row; ``old`` are the cells it had, whose bytes stay where their text does.

    ``names`` are the names of all cells there may be. A field that is absent is an empty cell; at the end of a
    record that was short already, none. Raises `Usage` for a field that has no cell.
    """
    _check_names(row, names)
    last = max((at for at, name in enumerate(names) if name in row), default=-1)
    width = max(last + 1, len(old) or len(style.columns))
    cells = [_cell(row, names[at], at, old, style) for at in range(width)]
    return style.delimiter.join(cells) or b'""'


def fit_record(
    row: Mapping[str, Json], header: Sequence[str], style: CsvStyle, columns: Container[str]
) -> Row:
    """A row of one header under another: cells beyond the header stay beyond it, those of dropped columns go.

    A record that was whole has a cell in every column; one that was short stays so. ``columns`` are those of all
    versions.
    """
    known = set(style.columns)
    extra = [name for name in row if name not in known and name not in columns]
    beyond = style.names(len(style.columns) + len(extra))[len(style.columns) :]
    names = dict(zip(extra, beyond, strict=True))
    shared = [name for name in header if name in known]
    is_short = bool(shared) and shared[-1] not in row
    cells: Row = {} if is_short else dict.fromkeys(style.columns, "")
    return cells | {
        names.get(name, name): value for name, value in row.items() if name in known or name in names
    }


def shorten(body: bytes, row: Mapping[str, Json], style: CsvStyle) -> bytes:
    """A record without the empty cells behind its last field."""
    cells = split_cells(body, style.delimiter)
    last = max((at for at, name in enumerate(style.names(len(cells))) if name in row), default=0)
    return style.delimiter.join(cells[: last + 1]) or b'""'


def write_header(
    columns: Sequence[str], delimiter: bytes, quoted: Container[str], line_end: bytes = b"\n"
) -> bytes:
    """The line of a header, which is blank only without columns; ``quoted`` names get quotes in any case."""
    names = delimiter.join(write_cell(name, delimiter, name in quoted) for name in columns)
    return (names or b'""' * bool(columns)) + line_end


def _cell(row: Mapping[str, Json], name: str, at: int, old: Sequence[bytes], style: CsvStyle) -> bytes:
    text = _text(name, row[name]) if name in row else ""
    if at < len(old):
        if name in row and read_cell(old[at]) == text:
            return old[at]
        return write_cell(text, style.delimiter, old[at].startswith(b'"'))
    return write_cell(text, style.delimiter, at < len(style.quoted) and style.quoted[at])


def _text(name: str, value: Json) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Usage(f"field {name}: not a JSON value: {error}") from None


def _check_names(row: Mapping[str, Json], names: Sequence[str]) -> None:
    unknown = [name for name in row if name not in names]
    if unknown:
        raise Usage(
            f"field {unknown[0]} is not in the header",
            "add the column to the header first, or leave the field out",
        )
