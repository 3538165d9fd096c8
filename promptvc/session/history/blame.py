"""Blame: the commit that last changed each line of a text, each row of a table, each cell of a row.

From a commit down, children before parents: what is the same in a parent is that parent's, what is in none of them is
the commit's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from promptvc.content.tablediff.blame import ALL, Fields, Origins, Part, pass_on
from promptvc.ids import ObjectId
from promptvc.session.files.views import FileView
from promptvc.session.history.lineage import Lineage, is_same

Compare: TypeAlias = Callable[[FileView, FileView], Origins]
"""What is the same in two versions of a file, the older one first."""
_FEW = 100
"""Parts that are looked up one by one before versions are compared as wholes."""


def blame_lines(lineage: Lineage, id: ObjectId, path: str, lines: range) -> list[ObjectId]:
    """The commit of each of these lines, numbered from 0, of a text file at a commit."""
    parts = [Part(0, lines.start, len(lines))] if lines else []
    return _Walk(lineage, lineage.line_origins).run(id, path, parts, len(lines))


def blame_rows(
    lineage: Lineage, id: ObjectId, path: str, rows: range, key: Sequence[str] | None = None
) -> list[ObjectId]:
    """The commit of each of these rows, numbered from 0, of a table at a commit.

    A row is its fields, wherever it stands and however it is written. One whose fields a merge took from several sides
    belongs to the newest of the commits that made them. ``key`` is the declared one, as for `diff_rows`.
    """
    parts = [Part(0, rows.start, len(rows))] if rows else []
    return _Walk(lineage, _by_key(lineage, key), lineage.unmoved).run(id, path, parts, len(rows))


def blame_cells(
    lineage: Lineage,
    id: ObjectId,
    path: str,
    row: int,
    fields: Sequence[str],
    key: Sequence[str] | None = None,
) -> list[ObjectId]:
    """The commit of each of these fields of a row."""
    parts = [Part(item, row, 1, Fields(frozenset([name]))) for item, name in enumerate(fields)]
    return _Walk(lineage, _by_key(lineage, key), lineage.unmoved).run(id, path, parts, len(fields))


def _by_key(lineage: Lineage, key: Sequence[str] | None) -> Compare:
    return lambda before, after: lineage.row_origins(before, after, key)


class _Walk:
    """One walk down a history. What is still asked for waits at the versions that it was found in."""

    def __init__(
        self,
        lineage: Lineage,
        compare: Compare,
        unmoved: Callable[[FileView, FileView, int], int | None] = lambda before, after, number: None,
    ) -> None:
        self._lineage, self._compare, self._unmoved = lineage, compare, unmoved
        self._waiting: dict[ObjectId, dict[str, list[Part]]] = {}
        self._owners: list[ObjectId | None] = []

    def run(self, id: ObjectId, path: str, parts: Sequence[Part], count: int) -> list[ObjectId]:
        """The commit of each item."""
        self._owners = [None] * count
        self._wait(id, path, parts)
        for commit in self._lineage.history.in_order([id]):
            if not self._waiting:
                break
            for name, found in self._waiting.pop(commit, {}).items():
                self._visit(commit, name, found)
        owners = [owner for owner in self._owners if owner is not None]
        assert len(owners) == count
        return owners

    def _visit(self, id: ObjectId, path: str, parts: Sequence[Part]) -> None:
        """Hand to each parent, in order, what it has too; the rest is this commit's."""
        # The newest commit of a row's parts is the row's: once there is one, the other parts are not looked for.
        left = [part for part in parts if part.fields == ALL or self._owners[part.item] is None]
        file = self._lineage.file(id, path)
        parents = [(parent, old) for parent, old in self._lineage.parents(id, path) if old is not None]
        assert file is not None
        for parent, old in parents:
            if is_same(old, file):
                self._wait(parent, old.path, left)
                return
        for parent, old in parents:
            if len(parents) == 1:
                left = self._pass_unmoved(parent, old, file, left)
            if left:
                passed, left = pass_on(left, self._compare(old, file), divide=len(parents) > 1)
                self._wait(parent, old.path, passed)
        for part in left:
            self._own(part, id)

    def _pass_unmoved(
        self, parent: ObjectId, old: FileView, file: FileView, parts: Sequence[Part]
    ) -> list[Part]:
        """Hand single rows to the parent that are in a chunk which it has too; gives the other parts."""
        left: list[Part] = []
        for part in parts:
            at = self._unmoved(old, file, part.at) if part.length == 1 and len(parts) <= _FEW else None
            if at is None:
                left.append(part)
            else:
                self._wait(parent, old.path, [part._replace(at=at)])
        return left

    def _wait(self, id: ObjectId, path: str, parts: Sequence[Part]) -> None:
        if parts:
            self._waiting.setdefault(id, {}).setdefault(path, []).extend(parts)

    def _own(self, part: Part, id: ObjectId) -> None:
        owners = self._owners
        for item in range(part.item, part.item + part.length):
            if owners[item] is None:
                owners[item] = id
