"""The outputs of runs in a merge: deferred until prompts and examples are merged, since those say what is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.keys.index import KeyIndexes
from promptvc.content.kinds import FileKind, file_kind
from promptvc.errors import PathMissing
from promptvc.ids import RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.project import Project
from promptvc.session.files.views import FileView, StoredFile
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.tree import FileEntry, Files

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter


@dataclass(frozen=True, slots=True)
class MergedRun:
    """What became of a run's rows: ``ours`` and ``theirs`` are the answers kept from either, ``stale`` has none.

    ``entries`` are the run's files.
    """

    name: str
    ours: int
    theirs: int
    stale: int
    entries: Files

    @property
    def kept(self) -> int:
        """Rows that are right for what was merged."""
        return self.ours + self.theirs


@dataclass(frozen=True)
class MergedFiles:
    """The files of a merge before they are in the store; ``new`` has the bytes of those that are not there yet."""

    files: Files
    project: Project
    contents: Contents
    new: Mapping[RepoPath, Callable[[], bytes]] = field(default_factory=dict)
    label: str = "the merge"

    def file(self, path: str) -> FileView:
        """One file; raises `PathMissing`."""
        name = RepoPath(path)
        if name not in self.files:
            raise PathMissing(f"{path} is not in {self.label}")
        read = self.new.get(name)
        return (
            _NewFile(name, self.files[name], read())
            if read
            else StoredFile(self.contents, name, self.files[name])
        )


class RunsMerger(Protocol):
    """Merges the outputs of runs. The part that knows runs is above this layer, and is handed in."""

    def deferred(self, project: Project, ours: Files, theirs: Files) -> list[str]:
        """The runs whose files it merges; all others are merged as other files are."""

    def merge(
        self,
        name: str,
        merged: MergedFiles,
        ours: MergedFiles,
        theirs: MergedFiles,
        writer: PackWriter | None,
    ) -> MergedRun | None:
        """The merged files of a run; None where those of ``merged`` stand."""


@dataclass
class _NewFile:
    """A `FileView` of bytes that are not in the store yet."""

    path: RepoPath
    entry: FileEntry
    data: bytes

    @property
    def kind(self) -> FileKind:
        return "text" if self.entry.is_link else file_kind(self.path, self.data[:HEAD_SIZE])

    @property
    def format(self) -> RowFormat | None:
        return None if self.entry.is_link else row_format(self.path, self.data[:HEAD_SIZE])

    def read(self) -> bytes:
        return self.data

    @property
    def indexes(self) -> KeyIndexes:
        return KeyIndexes()

    def size(self) -> int:
        return len(self.data)

    def chunk_runs(self) -> Sequence[ChunkRun]:
        return [ChunkRun(self.entry.id.raw, self.read)]

    def count_rows(self) -> int:
        return self.format.count(self.data, True) if self.format else 0
