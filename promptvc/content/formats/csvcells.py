"""The cells of one CSV record: raw bytes <-> text.

The grammar is that of Python's ``csv`` module when it is not strict: a quote opens a quoted cell only at the
cell's start, ``""`` inside is one quote, and text after the closing quote belongs to the cell as it stands.
"""

from __future__ import annotations

import re
from functools import lru_cache

from promptvc.patterns import compiled

QUOTED = rb'"[^"]*+(?:""[^"]*+)*+"'

_QUOTED = compiled(QUOTED)


@lru_cache(maxsize=8)
def _cells_pattern(delimiter: bytes) -> re.Pattern[bytes]:
    d = re.escape(delimiter)
    return re.compile(rb"(?:\A|" + d + rb")((?:" + QUOTED + rb'|(?!"))[^' + d + rb"]*+)")


def split_cells(record: bytes, delimiter: bytes) -> list[bytes]:
    """A record's cells as written, quotes and all; the last one is all that is left where its quotes never close."""
    if b'"' not in record:
        return record.split(delimiter)
    cells: list[bytes] = _cells_pattern(delimiter).findall(record)
    if sum(map(len, cells)) + len(cells) - 1 == len(record):
        return cells
    return _split_to_open_quote(record, delimiter)


def _split_to_open_quote(record: bytes, delimiter: bytes) -> list[bytes]:
    cells = []
    at = 0
    cell = re.compile(rb"(?:" + QUOTED + rb'|(?!"))[^' + re.escape(delimiter) + rb"]*+")
    while (found := cell.match(record, at)) is not None and found.end() < len(record):
        cells.append(found[0])
        at = found.end() + 1
    return [*cells, record[at:]]


def is_open(cell: bytes) -> bool:
    """Whether a cell opens a quote that never closes."""
    return cell.startswith(b'"') and _QUOTED.match(cell) is None


def read_cell(cell: bytes) -> str:
    """The text of a cell; bytes that are not UTF-8 become lone surrogates (PEP 383), which `write_cell` turns back."""
    if cell.startswith(b'"') and (quoted := _QUOTED.match(cell)) is not None:
        end = quoted.end()
        cell = cell[1 : end - 1].replace(b'""', b'"') + cell[end:]
    return cell.decode("utf-8", "surrogateescape")


def write_cell(text: str, delimiter: bytes, quoted: bool = False) -> bytes:
    """A cell that holds this text; quoted where it must be, or when asked for."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a lone surrogate from JSON
        raw = text.encode("utf-8", "surrogatepass")
    if quoted or delimiter in raw or b'"' in raw or b"\n" in raw or b"\r" in raw:
        return b'"' + raw.replace(b'"', b'""') + b'"'
    return raw
