"""What a repository does with merges, and how it takes things back."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

from promptvc.errors import Usage
from promptvc.ids import ObjectId, RefName
from promptvc.repo.parts import Parts
from promptvc.repo.place import INTENT, LOCAL, MERGING
from promptvc.storage.locks import PATIENCE
from promptvc.versioning.tree import Files

if TYPE_CHECKING:
    from promptvc.session.history.undo import Undone
    from promptvc.session.merge.merging import Forward, Merged, MergeRequest, Merging
    from promptvc.session.merge.openmerge import OpenMerge, Step
    from promptvc.session.merge.resolve import Resolving
    from promptvc.versioning.oplog.operation import Operation


class WithMerges(Parts):
    """Merges of all kinds, and the operations that can be undone."""

    @property
    def open_merge(self) -> OpenMerge | None:
        """The merge, cherry-pick or revert that waits for its conflicts to be resolved, or to be committed."""
        if self.root is not None and (self.path / LOCAL / INTENT).exists():
            self.intents.ensure_settled()
        if not (self.path / LOCAL / MERGING).exists():  # spares most commands the imports
            return None
        return self.merge_state.load()

    def need_no_merge(self) -> None:
        """Raise `MergeOpen` while a merge, cherry-pick or revert is under way."""
        merge = self.open_merge
        if merge is not None:
            from promptvc.errors import MergeOpen

            left = self.resolving.conflicts() if merge.is_written else merge.conflicts
            raise MergeOpen(merge.step, len(left))

    @cached_property
    def merging(self) -> Merging:
        """Merge, cherry-pick and revert with the working files."""
        from promptvc.session.merge.merging import Merging
        from promptvc.session.merge.tree import TreeMerger

        merger = TreeMerger(self.store, self.contents, self._output_merger)
        operation = self.oplog.operation
        return Merging(
            self.workspace, self.store, self.refs, merger, self.merge_state, self.intents, operation
        )

    @cached_property
    def resolving(self) -> Resolving:
        """Resolves the conflicts of the merge under way."""
        from promptvc.session.merge.resolve import Resolving

        return Resolving(
            self.workspace.worktree,
            self.store,
            self.contents,
            self.merge_state,
            self.intents,
            self.oplog.operation,
        )

    def merge(
        self,
        revision: str,
        *,
        into: str | None = None,
        message: str | None = None,
        forward: Forward = "auto",
        dry_run: bool = False,
    ) -> Merged:
        """Merge a revision into a branch, the current one where none is named; no working files are needed.

        Gives the commit, or the conflicts as values: then nothing is changed. Working files of the current branch
        follow where nobody changed them. Raises `UnknownRevision`, `NotFastForward`, `RefMoved`, `Refused`.
        """
        from promptvc.session.merge.branchmerge import BranchMerge
        from promptvc.session.merge.tree import TreeMerger

        branch = into or self.branch
        if branch is None:
            raise Usage("HEAD is on no branch", 'repo.merge("feature", into="main")')
        ref, request = RefName.branch(branch), self.merge_request("merge", revision, message, into=branch)
        merger = BranchMerge(
            self.store,
            self.refs,
            TreeMerger(self.store, self.contents, self._output_merger),
            self._bringing_along,
        )
        with self._at_work_on(), self.oplog.operation(request.title):
            return merger.merge(
                ref, self.revisions.resolve(revision), request, forward=forward, dry_run=dry_run
            )

    def merge_request(
        self, step: Step, revision: str, message: str | None = None, *, into: str | None = None
    ) -> MergeRequest:
        """A merge, cherry-pick or revert of a revision, as the author that git knows."""
        from promptvc.session.merge.merging import MergeRequest, message_of

        id = self.revisions.resolve(revision)
        name = self.revisions.resolve_ref(revision)
        other = name.short if name and name != "HEAD" else id.short
        if message is None:
            message = f"Merge {other}" if step == "merge" else message_of(self.store, step, id)
        keep = self.history.commit(id).author if step == "cherry-pick" else None
        labels = (into or self.branch or "HEAD", other)
        return MergeRequest(step, labels, message, self.author, self.committer, keep)

    def operations(self) -> list[Operation]:
        """What was done to refs and working files, newest first."""
        return self.oplog.operations()[::-1]

    def undo(self, to: int | None = None, *, force: bool = False) -> Undone:
        """Take the last operation back, or go to how things stood right after the operation ``to``.

        That is an operation too: another undo redoes. Raises `Negative` where there is none, `Refused` where a ref was
        moved since by something else, `WorkWouldBeLost` for working files that were changed since, unless ``force`` is
        given. An operation that was stopped in the middle is taken back, or finished where it was decided.
        """
        from promptvc.session.history.undo import UndoParts, settled, undo

        left = self.intents.settle(force=force) if self.root is not None else None
        if left is not None and to is None:
            return settled(left)
        parts = UndoParts(
            self.oplog,
            self.store,
            self.refs,
            self.who,
            self.config,
            lambda: self.workspace.worktree,
            self.intents,
            self.merge_state.id,
        )
        with self._at_work_on():
            return undo(parts, self.merge_state.put, to, force=force)

    def _at_work_on(self, patience: float = PATIENCE) -> AbstractContextManager[None]:
        """The block in which a branch is written to: with the working files to oneself.

        It is entered before anything is written, since what is written must not wait for who waits for the writers; and
        whichever branch is current, since a switch to this one may be under way.
        """
        return nullcontext() if self.root is None else self.intents.exclusive(patience)

    def _bringing_along(
        self, branch: RefName, before: Files, old: ObjectId | None, after: Files, new: ObjectId
    ) -> AbstractContextManager[None]:
        """The block in which a branch is moved: where it is the current one, files that nobody changed follow."""
        if self.root is None or self.refs.head() != branch:
            return nullcontext()
        return self.workspace.bring_along(branch, before, old, after, new)
