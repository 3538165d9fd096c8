"""Where a run is read from: a commit, or the working files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from promptvc.content.runs.examples import ExampleBlocks, ExampleRows
from promptvc.content.runs.lines import PlainRow, read_blocks, read_lines
from promptvc.content.runs.run import (
    OutputRow,
    Pin,
    RunRecord,
    output_path,
    read_record,
    record_path,
    run_names,
)
from promptvc.content.table.view import Table
from promptvc.errors import Advice, PathMissing, RunMissing
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.project import Project
from promptvc.session.files.views import FileView, StoredFile
from promptvc.session.workspace.snapshot import Snapshot, need_table, table_of
from promptvc.session.workspace.workspace import Workspace
from promptvc.storage.objects import FILE, Kind
from promptvc.storage.store import ObjectStore
from promptvc.versioning.tree import FileEntry, Files


class RunSource(Protocol):
    """One version of all files; ``label`` is its name for people."""

    @property
    def label(self) -> str:
        """Its name for people: a revision, or "working files"."""

    @property
    def project(self) -> Project:
        """The settings at this version."""

    @property
    def files(self) -> Files:
        """Path to entry."""

    def file(self, path: str) -> FileView:
        """One file; raises `PathMissing`."""


class CommitSource:
    """The files of a commit."""

    def __init__(self, snapshot: Snapshot, label: str) -> None:
        self._snapshot, self.label = snapshot, label

    @property
    def project(self) -> Project:
        """The settings at this commit."""
        return self._snapshot.project

    @property
    def files(self) -> Files:
        """Path to entry."""
        return self._snapshot.files

    def file(self, path: str) -> FileView:
        """One file; raises `PathMissing`."""
        return self._snapshot.file(path)


class WorkingSource:
    """The working files as they are when this is made; ``files`` if they were listed already."""

    label = "working files"

    def __init__(self, workspace: Workspace, files: Files | None = None) -> None:
        self._workspace, self._known = workspace, files

    @cached_property
    def project(self) -> Project:
        """The settings in the working promptvc.toml; raises `ConfigInvalid`."""
        return self._workspace.worktree.project()

    @cached_property
    def files(self) -> Files:
        """Path to entry."""
        if self._known is not None:
            return self._known
        return self._workspace.worktree.files(self._workspace.head_files())

    def file(self, path: str) -> FileView:
        """One file; raises `PathMissing`."""
        name = RepoPath(path)
        if name not in self.files:
            raise PathMissing(f"{path}: there is no such file among those that promptvc tracks")
        return self._workspace.view(name, self.files[name])


@dataclass(frozen=True, kw_only=True)
class LoadedRun:
    """A run at one version. ``record`` is None for a file of rows without a record.

    ``source`` is that version, if it is a version of all files.
    """

    name: str
    label: str
    record: RunRecord | None
    table: Table
    project: Project
    contents: Contents
    store: ObjectStore
    source: RunSource | None = None
    blocks: ExampleBlocks = field(default_factory=ExampleBlocks)

    def rows(self) -> Iterator[OutputRow]:
        """The output rows, in the order of the file; raises `RunUnreadable`."""
        return read_lines(self.table)

    def row_blocks(self) -> Iterator[list[OutputRow | PlainRow]]:
        """The rows that `rows` gives, some hundred at a time."""
        return read_blocks(self.table)

    @cached_property
    def examples(self) -> ExampleRows:
        """The pinned examples by example id; empty if they are not pinned, or not available."""
        record = self.record
        file = record and record.examples and self.pinned_file(record.examples)
        if not record or not file:
            return ExampleRows(self.blocks)
        return ExampleRows(self.blocks, need_table(file), file.chunk_runs(), record.example_key)

    def pinned_file(self, pin: Pin) -> FileView | None:
        """A file that the run pins: from the store, or from the run's own version while it is not committed."""
        found = pinned(self.store, self.contents, pin)
        if found is None and self.source is not None and pin.path in self.source.files:
            return self.source.file(pin.path) if self.source.files[pin.path].id == pin.id else None
        return found


def load_run(source: RunSource, name: str, contents: Contents, store: ObjectStore) -> LoadedRun:
    """A run at a version; raises `RunMissing` if it does not exist, and `RunUnreadable`."""
    rows, record = output_path(name), record_path(name)
    if rows not in source.files:
        known = run_names(source.files)
        hint = f"there {'are' if len(known) > 1 else 'is'} {', '.join(known[:8])}" if known else None
        raise RunMissing(
            f"there are no outputs of a run {name!r} in {source.label}", hint or Advice("make-run")
        )
    table = table_of(source.file(rows), source.project)
    pins = read_record(source.file(record).read(), record) if record in source.files else None
    return LoadedRun(
        name=name,
        label=source.label,
        record=pins,
        table=table,
        project=source.project,
        contents=contents,
        store=store,
        source=source,
    )


def pinned(store: ObjectStore, contents: Contents, pin: Pin) -> FileView | None:
    """A pinned file as it was; None if the store does not have it."""
    if not store.contains(pin.id):
        return None
    return StoredFile(contents, pin.path, FileEntry(pin.id, FILE, store.read(pin.id)[0] is Kind.TREE))


def pin_of(file: FileView) -> Pin:
    """The pin of a file: its path and object id."""
    return Pin(file.path, ObjectId(file.entry.id))
