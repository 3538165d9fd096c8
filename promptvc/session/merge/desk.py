"""Where a merge waits while its conflicts are resolved: the port."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from promptvc.ids import RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.views import FileView
from promptvc.session.merge.openmerge import OpenMerge
from promptvc.session.workspace.workspace import Committed
from promptvc.storage.objects import Signature
from promptvc.storage.store import ObjectStore
from promptvc.versioning.tree import FileEntry, Files


class Desk(Protocol):
    """A merge that waits for its conflicts, and its files as they are now."""

    @property
    def store(self) -> ObjectStore:
        """Where what is resolved is stored."""

    @property
    def contents(self) -> Contents:
        """Files to and from that store."""

    def alone(self) -> AbstractContextManager[None]:
        """A block in which nobody else changes any of it."""

    def load(self) -> OpenMerge:
        """The merge, with what is left to resolve; raises `NoMergeOpen`."""

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None where it cannot be read."""

    def files(self) -> Files:
        """The files as they are now."""

    def view(self, path: RepoPath, entry: FileEntry) -> FileView:
        """One of them, to be read."""

    def save(self, what: str, merge: OpenMerge, changed: Mapping[RepoPath, FileEntry | None]) -> None:
        """Replace the merge, and these files, all or nothing; None removes one. ``what`` names the operation."""

    def commit(self, message: str, author: Signature, committer: Signature) -> Committed:
        """Conclude the merge; its own message stands where none is given.

        Raises `ConflictsRemain`, and `RefMoved` or `Refused` where the branch moved since it began.
        """
