"""A branch to merge into without working files: its ref moves, or a draft waits for its conflicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from msgspec.structs import replace

from promptvc.errors import NoMergeOpen, NothingToCommit
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.views import FileView, StoredFile
from promptvc.session.merge.destination import Planned, Sides, shared_keys, write_merge
from promptvc.session.merge.openmerge import OpenMerge
from promptvc.session.merge.request import MergeRequest
from promptvc.session.merge.tree import TreeMerge
from promptvc.session.transaction.transaction import Moving
from promptvc.session.workspace.workspace import Committed
from promptvc.storage.objects import Signature
from promptvc.storage.refs import Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.diff import diff_files
from promptvc.versioning.tree import FileEntry, Files


class Branch:
    """A `Destination`: the branch ``ref``, whatever is checked out.

    ``moving`` is the block in which it is moved: where it is checked out all the same, working files follow.
    ``at_work`` is the block in which it is written to, ``operation(what)`` makes one operation of all within.
    """

    def __init__(
        self,
        ref: RefName,
        store: ObjectStore,
        refs: Refs,
        contents: Contents,
        *,
        moving: Moving,
        at_work: Callable[[], AbstractContextManager[None]],
        operation: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self.ref, self.store, self.contents = ref, store, contents
        self._refs, self._moving = refs, moving
        self.at_work, self.operation = at_work, operation

    def head(self) -> ObjectId:
        """Its commit; raises `UnknownRevision` for a branch that is not there."""
        return self._refs.need(self.ref)

    def check_forward(self, ours: Files, theirs: Files) -> None:
        """Nothing can be in the way of a ref."""

    def forward(self, head: ObjectId | None, other: ObjectId, request: MergeRequest) -> None:
        """Move the ref on; raises `RefMoved`."""
        before, after = self.contents.files_of(head), self.contents.files_of(other)
        with self._moving(self.ref, before, head, after, other):
            self._refs.move(self.ref, head, other, request.committer(), request.forward_reason)

    def plan(self, ours: Files, found: TreeMerge) -> Planned:
        """No file will be written."""
        return {}

    def move(self, sides: Sides, files: Files, planned: Planned, id: ObjectId) -> None:
        """Move the ref to the commit of a merge; raises `RefMoved`."""
        request = sides.request
        with self._moving(self.ref, sides.ours, sides.head, files, id):
            self._refs.move(self.ref, sides.head, id, request.committer(), request.reason)

    def keep(self, sides: Sides, found: TreeMerge, planned: Planned) -> Draft:
        """Keep the merge as a value; the ref stays."""
        return Draft(self, sides, found)


class Draft:
    """A `Desk` without working files: a merge whose conflicts are resolved in the store, until it is committed."""

    def __init__(self, branch: Branch, sides: Sides, found: TreeMerge) -> None:
        self.store, self.contents = branch.store, branch.contents
        self._branch, self._sides, self._files = branch, sides, found.files
        self._merge: OpenMerge | None = sides.waiting(found, {})

    def alone(self) -> AbstractContextManager[None]:
        """Nobody else knows of it."""
        return nullcontext()

    def load(self) -> OpenMerge:
        """The merge; raises `NoMergeOpen` once it is committed."""
        if self._merge is None:
            raise NoMergeOpen
        return self._merge

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None where there is none."""
        entry = self._files.get(RepoPath(path))
        return None if entry is None else self.contents.read(entry)

    def files(self) -> Files:
        """The files as they are now."""
        return self._files

    def view(self, path: RepoPath, entry: FileEntry) -> FileView:
        """One of them."""
        return StoredFile(self.contents, path, entry)

    def save(self, what: str, merge: OpenMerge, changed: Mapping[RepoPath, FileEntry | None]) -> None:
        """Replace the merge, and these files."""
        files = {**self._files, **changed}
        self._merge = merge
        self._files = {path: entry for path, entry in sorted(files.items()) if entry is not None}

    def commit(self, message: str, author: Signature, committer: Signature) -> Committed:
        """Write the commit of the merge, then move the branch; raises `RefMoved` where that moved since."""
        merge = self.load()
        merge.need_resolved(self.read)
        changes = tuple(diff_files(self._sides.ours, self._files))
        if not changes and merge.step != "merge":
            raise NothingToCommit(
                f"nothing to commit: {merge.labels[0]} stays as it is", "this one need not be committed"
            )
        text = message if message.strip() else merge.message
        request = replace(
            self._sides.request, message=text, author=lambda: author, committer=lambda: committer
        )
        sides, branch = replace(self._sides, request=request), self._branch
        with branch.at_work():
            with self.store.begin() as writer:
                id = write_merge(writer, sides, self._files)
                writer.finish()
            warnings = shared_keys(self.contents, sides.ours, self._files)
            with branch.operation(request.title):
                branch.move(sides, self._files, {}, id)
        self._merge = None
        return Committed(
            id=id,
            branch=branch.ref.short,
            parent=sides.head,
            message=text,
            changes=changes,
            files=self._files,
            key_warnings=warnings,
        )
