"""A table opened for reading rows: in the store, or among the working files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from promptvc.cli.arguments import find_range, revision_path, split_path
from promptvc.content.formats import HEAD_SIZE, row_format, table_words
from promptvc.content.keys.scan import KeyScan, keyed_bodies
from promptvc.content.keys.tokens import first_value
from promptvc.content.table.needle import Needle, rows_with
from promptvc.content.table.numbered import number_rows
from promptvc.errors import FileUnreadable, NotATable, PathMissing
from promptvc.ids import RepoPath
from promptvc.session.files.cutting import file_chunk_runs
from promptvc.session.files.rowstream import Keyed, NumberedRow, likely_key
from promptvc.versioning.ropes.chunkrun import ChunkRun

if TYPE_CHECKING:
    from promptvc.cli.app import App
    from promptvc.content.formats.base import RowFormat
    from promptvc.content.keys.index import KeyIndexes
    from promptvc.content.keys.tokens import KeyToken
    from promptvc.content.table.survey import MalformedRow
    from promptvc.session.files.project import Project
    from promptvc.session.files.views import FileView

_COUNTED = 16 << 20
"""Files up to this many bytes are read to the end just to count rows."""


class RowSource:
    """The rows of one version of a table, read again on each request.

    ``key`` are the fields that identify a row, as configured or as guessed from the first thousand rows.
    """

    def __init__(
        self,
        path: str,
        format: RowFormat,
        chunk_runs: Callable[[], Iterable[ChunkRun]],
        size: int,
        declared: tuple[str, ...] | None,
        indexes: KeyIndexes | None = None,
    ) -> None:
        self.path, self.format = path, format
        self._chunk_runs, self._size, self._declared = chunk_runs, size, declared
        self._indexes = indexes
        self._places: dict[int, MalformedRow] = {}
        self._placed = 0

    def rows(self, skip: int = 0) -> Iterator[NumberedRow]:
        """The rows from number ``skip`` on."""
        return number_rows(self.format, self._chunk_runs(), skip)

    def with_needle(self, needle: Needle | None) -> Iterator[NumberedRow]:
        """The rows that may hold what a needle is for, and perhaps others; without one, all."""
        return self.rows() if needle is None else rows_with(self.format, self._chunk_runs(), needle)

    def keyed(self, key: Sequence[str], tokens: Iterable[KeyToken]) -> Iterator[NumberedRow]:
        """The rows with one of these keys."""
        if self._indexes is not None:
            found = self._chunk_runs()
            chunk_runs = found if isinstance(found, Sequence) else list(found)
            yield from Keyed(self.path, self.format, chunk_runs, self._indexes).rows(key, tokens)
            return
        wanted, number = set(tokens), 0
        scan = KeyScan(self.format, key[0], {first_value(token) for token in wanted})
        for place, chunk_run in enumerate(self._chunk_runs()):
            data = chunk_run.load()
            if scan.may_hold(data):
                for at, body, token in keyed_bodies(self.format, key, data, first=place == 0):
                    if token in wanted:
                        yield NumberedRow(number + at, body, self.format.parse(body))
            number += self.format.count(data, place == 0) if chunk_run.rows is None else chunk_run.rows

    @cached_property
    def key(self) -> tuple[str, ...] | None:
        """The fields that identify a row."""
        return likely_key(self.rows(), self._declared)

    @cached_property
    def count(self) -> int | None:
        """How many rows there are; None if that needs reading a large file."""
        chunk_runs = list(self._chunk_runs()) if self._size <= _COUNTED else self._chunk_runs()
        total = 0
        for place, chunk_run in enumerate(chunk_runs):
            if chunk_run.rows is None and self._size > _COUNTED:
                return None
            total += (
                chunk_run.rows
                if chunk_run.rows is not None
                else self.format.count(chunk_run.load(), place == 0)
            )
        return total

    def place(self, number: int) -> MalformedRow:
        """The place of a malformed row."""
        if number >= self._placed:
            from promptvc.content.table.survey import survey

            self._placed = max(number + 1, 2 * self._placed)
            found = survey(self.format, self._until(self._placed))
            self._places = {row.number: row for row in found.malformed}
        return self._places[number]

    def malformed(self) -> Iterator[MalformedRow]:
        """Every malformed row."""
        from promptvc.content.table.survey import survey

        return iter(survey(self.format, self._chunk_runs()).malformed)

    def _until(self, number: int) -> Iterator[ChunkRun]:
        count = 0
        for place, chunk_run in enumerate(self._chunk_runs()):
            if count >= number:
                return
            yield chunk_run
            count += self.format.count(chunk_run.load(), place == 0)


def open_rows(app: App, text: str, revision: str | None) -> RowSource:
    """The table at a path, which may be given as ``REV:PATH``; raises `PathMissing`, `NotATable`."""
    repo = app.repo
    pair = split_path(text) if revision is None else None
    if pair is not None and pair[0] and find_range(repo, pair[0]):
        revision, path = pair[0], revision_path(app, *pair)
    else:
        path = app.paths((text,))[0]
    if revision is None and repo.root is not None:
        return _working(app, repo.root / path, path)
    snapshot = repo.snapshot(revision or "HEAD")
    file = snapshot.file(path)
    return _of_view(file, snapshot.project)


def _of_view(file: FileView, project: Project) -> RowSource:
    declared = project.table(file.path).key
    format = _needed(file.format, file.path)
    return RowSource(file.path, format, file.chunk_runs, file.size(), declared, file.indexes)


def _working(app: App, file: Path, path: str) -> RowSource:
    if file.is_dir():
        raise PathMissing(f"{path or 'this'} is a folder", "promptvc rows takes one table")
    try:
        with file.open("rb") as source:
            head = source.read(HEAD_SIZE)
    except FileNotFoundError:
        raise PathMissing(
            f"{path}: no such file", f"promptvc rows {path} --rev REV reads an older version"
        ) from None
    except OSError as error:
        raise FileUnreadable(f"{path}: {error.strerror}", "make it readable") from error
    format = _needed(row_format(path, head), path)
    project = app.repo.project
    known = app.repo.parts.worktree.known(RepoPath(path))
    if known is not None:
        return _of_view(known, project)
    declared = project.table(path).key
    return RowSource(path, format, partial(file_chunk_runs, file, format), file.stat().st_size, declared)


def _needed(format: RowFormat | None, path: str) -> RowFormat:
    if format is None:
        raise NotATable(f"{path} is not a table", f"tables are {table_words()}")
    return format
