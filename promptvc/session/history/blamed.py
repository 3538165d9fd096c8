"""What blame found, as values: each line, row or cell with the commit that changed it last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from promptvc.content.formats.base import Malformed
from promptvc.content.formats.dicts import malformed_row
from promptvc.content.table.numbered import NumberedRow, number_rows
from promptvc.content.tablediff.blame import split_lines
from promptvc.ids import ObjectId
from promptvc.session.files.rowstream import key_of_file
from promptvc.session.files.views import FileView
from promptvc.session.history.blame import blame_cells, blame_lines, blame_rows
from promptvc.session.history.lineage import Lineage
from promptvc.session.history.log import LogCommit
from promptvc.session.workspace.snapshot import Snapshot
from promptvc.storage.objects import Signature


class Blamed(Struct, frozen=True, kw_only=True):
    """One line, row or cell, and the commit that changed it last.

    ``number`` is that of the line or row, from 0. ``value`` is the line's text, the row, or the cell's value; ``key``
    has the row's key fields, None for a line and for a row without a key; ``field`` names the cell.
    """

    commit: LogCommit
    number: int
    key: Mapping[str, Any] | None = None
    field: str | None = None
    value: Any = None

    @property
    def id(self) -> ObjectId:
        """The commit's id."""
        return self.commit.id

    @property
    def author(self) -> Signature:
        """Who wrote the commit, and when."""
        return self.commit.author


def blamed_lines(lineage: Lineage, snapshot: Snapshot, file: FileView, lines: range) -> list[Blamed]:
    """These lines of a text file, numbered from 0."""
    texts = split_lines(file.read())
    ids = blame_lines(lineage, snapshot.id, file.path, lines)
    return [
        Blamed(commit=_commit(lineage, id), number=number, value=texts[number].decode("utf-8", "replace"))
        for number, id in zip(lines, ids, strict=True)
    ]


def blamed_rows(lineage: Lineage, snapshot: Snapshot, file: FileView, rows: range) -> Iterator[Blamed]:
    """These rows of a table, numbered from 0. They are blamed at once, and read as they are asked for."""
    assert file.format is not None
    key, declared = key_of_file(file, snapshot.project), snapshot.project.table(file.path).key
    ids = blame_rows(lineage, snapshot.id, file.path, rows, declared)
    shown = islice(number_rows(file.format, file.chunk_runs(), rows.start), len(rows))
    return (_blamed(lineage, id, item, key) for item, id in zip(shown, ids, strict=True))


def blamed_cells(
    lineage: Lineage, snapshot: Snapshot, file: FileView, rows: Sequence[NumberedRow], key: Sequence[str]
) -> Iterator[Blamed]:
    """The cells of these rows of a table, but for those of the key itself, if there are others."""
    declared = snapshot.project.table(file.path).key
    for item in rows:
        assert isinstance(item.row, dict)
        names = [name for name in item.row if name not in key] or list(item.row)
        ids = blame_cells(lineage, snapshot.id, file.path, item.number, names, declared)
        yield from (_blamed(lineage, id, item, key, name) for name, id in zip(names, ids, strict=True))


def _blamed(
    lineage: Lineage, id: ObjectId, item: NumberedRow, key: Sequence[str] | None, field: str | None = None
) -> Blamed:
    row = malformed_row(item.body) if isinstance(item.row, Malformed) else item.row
    found = {name: row[name] for name in key or () if row.get(name) is not None}
    return Blamed(
        commit=_commit(lineage, id),
        number=item.number,
        key=found if len(found) == len(key or (0,)) else None,
        field=field,
        value=row if field is None else row[field],
    )


def _commit(lineage: Lineage, id: ObjectId) -> LogCommit:
    return LogCommit(id, lineage.history.commit(id))
