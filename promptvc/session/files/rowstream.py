"""The rows of one file, read as they are asked for: no more of the file is loaded than they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from promptvc.content.formats.base import Malformed
from promptvc.content.table.keys import guess_key
from promptvc.content.table.numbered import NumberedRow as NumberedRow
from promptvc.content.table.numbered import number_rows

if TYPE_CHECKING:
    from promptvc.session.files.project import Project
    from promptvc.session.files.views import FileView

_SAMPLE = 1000
"""Rows in which a key is looked for, where the project names none."""


def file_rows(file: FileView) -> Iterator[NumberedRow]:
    """Every row of a table."""
    return number_rows(file.format, file.chunk_runs()) if file.format else iter(())


def likely_key(rows: Iterable[NumberedRow], declared: Sequence[str] | None) -> tuple[str, ...] | None:
    """The key that the project names, else one that fits the first thousand rows."""
    if declared:
        return tuple(declared)
    return guess_key(item.row for item in islice(rows, _SAMPLE) if not isinstance(item.row, Malformed))


def key_of_file(file: FileView, project: Project) -> tuple[str, ...] | None:
    """`likely_key` of a table."""
    return likely_key(file_rows(file), project.table(file.path).key)
