"""One file through its history: where it is at a commit, where it was before, and what is the same in both."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from promptvc.content.formats.base import RowFormat
from promptvc.content.tablediff.blame import Origins, line_origins, row_origins
from promptvc.content.tablediff.diff import TableDiff, diff_rows
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.project import Project
from promptvc.session.files.views import FileView, StoredFile
from promptvc.session.workspace.comparison import Comparison
from promptvc.storage.store import ObjectStore
from promptvc.versioning.history import History
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns
from promptvc.versioning.tree import FileEntry, find_file, load_files


class Lineage:
    """The versions of a file, by commit and path. Each pair of commit and path is looked up once."""

    def __init__(self, store: ObjectStore, contents: Contents, history: History) -> None:
        self._store, self._contents, self.history = store, contents, history
        self._files: dict[tuple[ObjectId, str], FileView | None] = {}
        self._counts: dict[tuple[object, ...], int] = {}
        self._first_rows: dict[ObjectId, list[int]] = {}

    def file(self, id: ObjectId, path: str) -> FileView | None:
        """The file at a path in a commit; None where there is none."""
        if (id, path) not in self._files:
            entry = find_file(self._store, self.history.commit(id).tree, path)
            self._files[id, path] = self._view(RepoPath(path), entry) if entry else None
        return self._files[id, path]

    def parents(self, id: ObjectId, path: str) -> list[tuple[ObjectId, FileView | None]]:
        """Each parent with its version of a file, under its old name where the commit renamed it."""
        found = [(parent, self.file(parent, path)) for parent in self.history.parents(id)]
        if self.file(id, path) is None:
            return found
        return [(parent, file or self._renamed(parent, id, path)) for parent, file in found]

    def diff(self, before: FileView, after: FileView, key: Sequence[str] | None) -> TableDiff | None:
        """What changed between two versions of a table; None where one of them is no table."""
        old, new = before.format, after.format
        if old is None or new is None or before.entry.is_link or after.entry.is_link:
            return None
        return diff_rows(self._chunk_runs(before, old), self._chunk_runs(after, new), old, new, key)

    def unmoved(self, before: FileView, after: FileView, number: int) -> int | None:
        """The number before of a row whose chunk both versions have once; None where that is not so, or not known."""
        old, new = before.chunk_runs(), after.chunk_runs()
        if (
            not isinstance(old, ChunkRuns)
            or not isinstance(new, ChunkRuns)
            or _rows_are(before) != _rows_are(after)
        ):
            return None
        starts = self._starts(after, new)
        place = bisect_right(starts, number) - 1
        id = new.ids[place * 20 : place * 20 + 20]
        at = old.places(id)
        if len(at) != 1 or new.places(id) != [place] or (at[0] == 0) != (place == 0):
            return None
        return self._starts(before, old)[at[0]] + number - starts[place]

    def _starts(self, file: FileView, chunk_runs: ChunkRuns) -> list[int]:
        """The number of the first row of each chunk."""
        if file.entry.id not in self._first_rows:
            self._first_rows = {
                **dict([*self._first_rows.items()][-1:]),
                file.entry.id: [0, *accumulate(chunk_runs.row_counts)],
            }
        return self._first_rows[file.entry.id]

    def row_origins(self, before: FileView, after: FileView, key: Sequence[str] | None) -> Origins:
        """Which rows are the same in both versions, and which changed; nothing where one of them is no table."""
        found = self.diff(before, after, key)
        return row_origins(found) if found else Origins((), {})

    def line_origins(self, before: FileView, after: FileView) -> Origins:
        """Which lines are the same in both versions."""
        return line_origins(before.read(), after.read())

    def _renamed(self, parent: ObjectId, id: ObjectId, path: str) -> FileView | None:
        """The file of the parent that the commit renamed to this path."""
        before, after = (load_files(self._store, self.history.commit(each).tree) for each in (parent, id))
        changes = Comparison.between(before, after, self._view, self._view, Project()).changes
        old = next((change.old_path for change in changes if change.path == path), None)
        return self.file(parent, old) if old else None

    def _view(self, path: RepoPath, entry: FileEntry) -> FileView:
        return StoredFile(self._contents, path, entry)

    def _chunk_runs(self, file: FileView, format: RowFormat) -> Sequence[ChunkRun]:
        """The file's chunk runs with their numbers of rows: those that versions share are counted once for all."""
        found = file.chunk_runs()
        if isinstance(found, ChunkRuns):
            return found
        made = []
        for place, chunk_run in enumerate(found):
            if chunk_run.rows is None:
                key = (format.cutting, place == 0, chunk_run.id)
                if key not in self._counts:
                    self._counts[key] = format.count(chunk_run.load(), place == 0)
                chunk_run = chunk_run._replace(rows=self._counts[key])
            made.append(chunk_run)
        return made


def is_same(before: FileView | None, after: FileView | None) -> bool:
    """Whether two versions are the same file: equal bytes, read in the same way."""
    if before is None or after is None:
        return before is after
    if before.entry.id != after.entry.id or before.entry.is_link != after.entry.is_link:
        return False
    return before.path == after.path or (before.kind == after.kind and _rows_are(before) == _rows_are(after))


def _rows_are(file: FileView) -> tuple[object, ...] | None:
    """How the rows of a file are found and read."""
    return (file.format.cutting, file.format.reading) if file.format else None
