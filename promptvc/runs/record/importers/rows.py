"""Rows with any field names from JSON Lines, CSV, TSV and JSON arrays, read by promptvc's own row formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from promptvc.content.formats import HEAD_SIZE, ROW_KINDS, row_format
from promptvc.content.formats.base import Row, RowFormat
from promptvc.content.formats.dicts import is_malformed, read_rows
from promptvc.content.table.survey import survey
from promptvc.errors import Advice, Usage
from promptvc.runs.record.importers.base import Foreign
from promptvc.session.files.cutting import file_chunk_runs


def read_row_file(file: Path, format: str) -> Foreign:
    """A file of rows; ``format`` is the name of a `RowKind`. Raises `Usage` if it does not have that format."""
    with file.open("rb") as source:
        head = source.read(HEAD_SIZE)
    suffixes = next(kind.suffixes for kind in ROW_KINDS if kind.name == format)
    suffix = file.suffix.lower() if file.suffix.lower() in suffixes else suffixes[0]
    found = row_format(f"rows{suffix}", head)
    if found is None:
        raise Usage(
            f"{file.name} cannot be read as {format}",
            Advice("row-format"),
        )
    return Foreign(rows=_rows(file, found), source=f"{file.name} ({format})", texts=found.text_only)


def _rows(file: Path, format: RowFormat) -> Iterator[Row]:
    for place, chunk_run in enumerate(file_chunk_runs(file, format)):
        for row in read_rows(format, chunk_run.load(), place == 0):
            if is_malformed(row):
                raise _malformed(file, format)
            yield row


def _malformed(file: Path, format: RowFormat) -> Usage:
    found = survey(format, file_chunk_runs(file, format)).malformed
    where = f"line {found[0].line}" if found else "a row"
    why = f": {found[0].message}" if found else ""
    more = f" ({len(found)} rows cannot be read)" if len(found) > 1 else ""
    return Usage(
        f"{file.name} {where} cannot be read{why}{more}", "correct or remove it; nothing was written"
    )
