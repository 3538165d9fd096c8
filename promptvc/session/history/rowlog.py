"""The history of a row: the commits that changed it, and what they changed of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.base import Malformed, Row
from promptvc.content.keys.tokens import KeyToken
from promptvc.content.tablediff.diff import RowChange
from promptvc.ids import ObjectId
from promptvc.session.files.rowstream import Keyed
from promptvc.session.files.views import FileView
from promptvc.session.history.lineage import Lineage, is_same


class Meant(Struct, frozen=True):
    """The rows that are asked for: ``tokens`` are all keys that they may have, and ``is_of`` says of a row."""

    key: tuple[str, ...]
    tokens: frozenset[KeyToken]
    is_of: Callable[[Row], bool]


class RowCommit(Struct, frozen=True):
    """A commit that changed a row: ``rows`` say how, several where rows share the key."""

    id: ObjectId
    path: str
    rows: tuple[RowChange, ...]


def walk_row(lineage: Lineage, ids: Iterable[ObjectId], path: str, meant: Meant) -> Iterator[RowCommit]:
    """Of these commits, children before parents, those that changed rows that are ``meant``, as they are asked for.

    ``path`` is the file's where no child has another; renames are followed. Of a merge, what is in none of its
    parents counts, against the first.
    """
    paths: dict[ObjectId, str] = {}
    for id in ids:
        name = paths.get(id, path)
        file, parents = lineage.file(id, name), lineage.parents(id, name)
        for parent, old in parents:
            paths.setdefault(parent, old.path if old else name)
        rows = _changes(lineage, [old for _, old in parents] or [None], file, meant)
        if rows:
            yield RowCommit(id, name, rows)


def find_rows(file: FileView, meant: Meant) -> Iterator[tuple[int, bytes, Row]]:
    """Number, bytes and fields of the rows that are meant."""
    table = Keyed.of(file)
    for found in table.rows(meant.key, meant.tokens) if table is not None else ():
        if not isinstance(found.row, Malformed) and meant.is_of(found.row):
            yield found.number, found.body, found.row


def _changes(
    lineage: Lineage,
    before: Sequence[FileView | None],
    after: FileView | None,
    meant: Meant,
) -> tuple[RowChange, ...]:
    """What differs from every version before; empty where one of them has the rows as they are."""
    if any(is_same(old, after) for old in before):
        return ()
    found: list[tuple[RowChange, ...]] = []
    for old in before:
        rows = tuple(_between(lineage, old, after, meant))
        if not rows:
            return ()
        found.append(rows)
    return _own(found)


def _own(found: Sequence[tuple[RowChange, ...]]) -> tuple[RowChange, ...]:
    """The changes against the first parent; of one changed row only the fields that no parent has so."""
    first = found[0]
    if len(found) == 1 or not all(len(rows) == 1 and rows[0].op == "changed" for rows in found):
        return first
    own = {
        name: cell for name, cell in first[0].cells.items() if all(name in rows[0].cells for rows in found)
    }
    return (replace(first[0], cells=own),) if own else ()


def _between(
    lineage: Lineage, before: FileView | None, after: FileView | None, meant: Meant
) -> Iterator[RowChange]:
    key = meant.key
    if before and after and _meant(before, meant) == _meant(after, meant):
        return
    diff = lineage.diff(before, after, key) if before and after else None
    if diff is not None:
        for change in diff.rows:
            row = change.before if change.after is None else change.after
            if row is not None and meant.is_of(row):
                yield change
        return
    for number, body, found in find_rows(before, meant) if before else ():
        yield RowChange(
            op="removed", key=_key_of(found, key), at=(number, None), before=found, before_raw=body
        )
    for number, body, found in find_rows(after, meant) if after else ():
        yield RowChange(op="added", key=_key_of(found, key), at=(None, number), after=found, after_raw=body)


def _meant(file: FileView, meant: Meant) -> list[tuple[bytes, Row]]:
    """The rows that are meant, in their order."""
    return [(body, row) for _, body, row in find_rows(file, meant)]


def _key_of(row: Row, key: Sequence[str]) -> Row:
    return {name: row[name] for name in key}
