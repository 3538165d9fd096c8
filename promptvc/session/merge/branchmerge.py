"""A branch merged into another one without working files: a commit, or the conflicts as values."""

from __future__ import annotations

from promptvc.errors import UnknownRevision
from promptvc.ids import ObjectId, RefName
from promptvc.session.merge.merging import relate
from promptvc.session.merge.result import Forward, Merged, MergeRequest, merged
from promptvc.session.merge.tree import TreeMerger
from promptvc.session.transaction.transaction import Moving
from promptvc.storage.refs import Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import write_commit
from promptvc.versioning.history import History
from promptvc.versioning.tree import write_tree


class BranchMerge:
    """Merges commits into branches, whether or not anything is checked out."""

    def __init__(self, store: ObjectStore, refs: Refs, merger: TreeMerger, moving: Moving) -> None:
        self._store, self._refs, self._merger, self._moving = store, refs, merger, moving

    def merge(
        self,
        ref: RefName,
        other: ObjectId,
        request: MergeRequest,
        *,
        forward: Forward = "auto",
        dry_run: bool = False,
    ) -> Merged:
        """Merge a commit into a branch; where something conflicts nothing is changed.

        Raises `UnknownRevision` for a branch that is not there, `RefMoved`, `NotFastForward`, `Refused`.
        """
        head, history = self._refs.read(ref), History(self._store)
        if head is None:
            raise UnknownRevision(ref.short)
        how = relate(history, head, other, request.labels, forward, False)
        if how == "up-to-date":
            return Merged("up-to-date", head, head, other, self._merger.files_of(head))
        if how == "fast-forward":
            files = self._merger.files_of(other)
            if not dry_run:
                reason = f"merge {request.labels[1]}: Fast-forward"
                with self._moving(ref, self._merger.files_of(head), head, files, other):
                    self._refs.move(ref, head, other, request.committer(), reason)
            return Merged("fast-forward", head, other, other, files)
        base, ours, theirs = (
            self._merger.base_files(history, head, other),
            self._merger.files_of(head),
            self._merger.files_of(other),
        )
        with self._store.begin() as writer:
            found = self._merger.merge(base, ours, theirs, writer, request.labels)
            if found.conflicts or dry_run:
                return merged(found, head, None, other)
            tree = write_tree(writer, found.files)
            id = write_commit(
                writer, tree, (head, other), request.message, request.author(), request.committer()
            )
            writer.finish()
            subject = request.message.split("\n", 1)[0]
            with self._moving(ref, ours, head, found.files, id):
                self._refs.move(ref, head, id, request.committer(), f"merge: {subject}")
        return merged(found, head, id, other)
