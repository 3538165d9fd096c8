"""Merges of a repository, and undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

from promptvc.content.formats.missing import MISSING
from promptvc.errors import MergeOpen, Usage
from promptvc.ids import ObjectId, RefName
from promptvc.repo.parts import Parts
from promptvc.repo.place import INTENT, LOCAL, MERGING
from promptvc.storage.locks import PATIENCE
from promptvc.versioning.tree import Files

if TYPE_CHECKING:
    from promptvc.content.values.conflict import MergeConflict
    from promptvc.session.history.undo import Undone
    from promptvc.session.merge.destination import Destination
    from promptvc.session.merge.openmerge import OpenMerge, Step
    from promptvc.session.merge.porcelain import Merging
    from promptvc.session.merge.request import Forward, MergeRequest
    from promptvc.session.merge.resolve import Resolved, Resolving, Take
    from promptvc.session.merge.result import Merged
    from promptvc.session.merge.runs import RunsMerger
    from promptvc.session.merge.working import WorkingFiles
    from promptvc.versioning.oplog.operation import Operation


class Merges:
    """Merges of all kinds, into the working files or into a branch without them.

    ``output_merger()`` returns the merger for outputs of runs.
    """

    def __init__(self, parts: Parts, output_merger: Callable[[], RunsMerger]) -> None:
        self._parts, self._output_merger = parts, output_merger

    # --- the open merge -----------------------------------------------------------------------------------

    @property
    def open_merge(self) -> OpenMerge | None:
        """The merge, cherry-pick or revert with conflicts to resolve, or ready to commit."""
        parts = self._parts
        if parts.root is not None and (parts.path / LOCAL / INTENT).exists():
            parts.intents.ensure_settled()
        if not (parts.path / LOCAL / MERGING).exists():  # saves most commands the imports
            return None
        return parts.merge_state.load()

    @property
    def conflicts(self) -> list[MergeConflict]:
        """The remaining conflicts of the open merge; empty without one."""
        merge = self.open_merge
        if merge is None:
            return []
        return list(self.resolving.conflicts() if merge.is_written else merge.conflicts)

    def need_no_merge(self) -> None:
        """Raise `MergeOpen` if a merge, cherry-pick or revert is open."""
        merge = self.open_merge
        if merge is not None:
            raise MergeOpen(merge.step, len(self.conflicts))

    @property
    def resolving(self) -> Resolving:
        """Resolves the conflicts of the open merge."""
        from promptvc.session.merge.resolve import Resolving

        return Resolving(self.working)

    def resolve(
        self,
        paths: str | Sequence[str] = (),
        *,
        take: Take | None = None,
        value: Any = MISSING,
        as_is: bool = False,
        key: Any = None,
        field: str | None = None,
        line: int | None = None,
    ) -> Resolved:
        """Resolve conflicts of the open merge: those in these paths (default: all) with this key, field and line.

        ``take`` is a side's version, ``value`` any other; ``as_is`` keeps what the working file has. The key is that of
        the row, as text, as a value, or as in the conflict. Raises `NoMergeOpen`, `ConflictMissing` if none matches,
        `ConflictStale` if the file has changed there, `Usage` for a value that is not valid there.
        """
        from promptvc.session.merge.resolve import Choice
        from promptvc.session.merge.selection import Selection

        choice = Choice.one_of(take, value, as_is=as_is)
        return self.resolving.resolve(Selection.of(paths, key=key, field=field, line=line), choice)

    def abort(self) -> OpenMerge:
        """Abort the open merge: the files that it wrote are restored; returns the merge.

        Raises `NoMergeOpen`, and `WorkWouldBeLost` if the restore would overwrite changes.
        """
        return self.working.abort(self._parts.who())

    @property
    def working(self) -> WorkingFiles:
        """The working files as a merge destination; raises `Usage` for a store without any."""
        from promptvc.session.merge.working import WorkingFiles

        parts = self._parts
        return WorkingFiles(
            parts.workspace,
            parts.store,
            parts.refs,
            parts.contents,
            parts.merge_state,
            parts.intents,
            parts.oplog.operation,
        )

    # --- merging ------------------------------------------------------------------------------------------

    def merge(
        self,
        revision: str,
        *,
        into: str | None = None,
        message: str | None = None,
        forward: Forward = "auto",
        dry_run: bool = False,
        unrelated: bool = False,
    ) -> Merged:
        """Merge a revision into a branch, by default the current one.

        Into the current branch of a project with working files, conflicts leave an open merge: `resolve` settles them,
        then `commit` concludes it, or `abort` gives it up. Into any other branch, conflicts change nothing; use the
        returned value to resolve and conclude the merge. ``forward`` is ``never`` to make a merge commit even if a
        fast-forward is possible, ``only`` to allow only fast-forwards; ``unrelated`` allows revisions without a common
        commit. Raises `UnknownRevision`, `MergeOpen`, `WorkWouldBeLost`, `NotFastForward`, `RefMoved`, `Refused`.
        """
        with self.at_work_on():
            to, other = self._destination(into), self._parts.revisions.resolve(revision)
            request = self.request("merge", revision, message, into=into)
            return self._merging.merge(
                to, other, request, forward=forward, dry_run=dry_run, unrelated=unrelated
            )

    def cherry_pick(
        self,
        revision: str,
        *,
        into: str | None = None,
        message: str | None = None,
        mainline: int | None = None,
        dry_run: bool = False,
    ) -> Merged:
        """Apply the changes of a commit to a branch; of a merge, its changes to its parent number ``mainline``.

        Conflicts are left open as in `merge`. Raises what `merge` raises, and `Usage` for a merge without
        ``mainline``.
        """
        return self._pick("cherry-pick", revision, into, message, mainline, dry_run)

    def revert(
        self,
        revision: str,
        *,
        into: str | None = None,
        message: str | None = None,
        mainline: int | None = None,
        dry_run: bool = False,
    ) -> Merged:
        """Undo the changes of a commit on a branch; otherwise as `cherry_pick`."""
        return self._pick("revert", revision, into, message, mainline, dry_run)

    def request(
        self, step: Step, revision: str, message: str | None = None, *, into: str | None = None
    ) -> MergeRequest:
        """A merge, cherry-pick or revert of a revision, with the author from git's configuration."""
        from promptvc.session.merge.request import MergeRequest, message_of

        parts = self._parts
        id = parts.revisions.resolve(revision)
        name = parts.revisions.resolve_ref(revision)
        other = name.short if name and name != "HEAD" else id.short
        if message is None:
            message = f"Merge {other}" if step == "merge" else message_of(parts.store, step, id)
        return MergeRequest(
            step=step,
            labels=(into or parts.branch or "HEAD", other),
            message=message,
            author=parts.author,
            committer=parts.committer,
            keep_author=parts.history.commit(id).author if step == "cherry-pick" else None,
        )

    # --- for other writers of branches --------------------------------------------------------------------

    def at_work_on(self, patience: float = PATIENCE) -> AbstractContextManager[None]:
        """A block that writes to a branch: it locks the working files.

        Enter it before anything is written, since a writer must not wait for a process that waits for the writers; and
        enter it whichever branch is current, since another process may be switching to this one.
        """
        return nullcontext() if self._parts.root is None else self._parts.intents.exclusive(patience)

    def bringing_along(
        self, branch: RefName, before: Files, old: ObjectId | None, after: Files, new: ObjectId
    ) -> AbstractContextManager[None]:
        """A block that moves a branch: if it is the current one, unchanged working files follow."""
        parts = self._parts
        if parts.root is None or parts.refs.head() != branch:
            return nullcontext()
        return parts.workspace.bring_along(branch, before, old, after, new)

    # --- details ------------------------------------------------------------------------------------------

    @cached_property
    def _merging(self) -> Merging:
        from promptvc.session.merge.porcelain import Merging
        from promptvc.session.merge.tree import TreeMerger

        parts = self._parts
        merger = TreeMerger(parts.store, parts.contents, self._output_merger)
        return Merging(parts.store, parts.contents, merger, parts.oplog.operation)

    def _destination(self, into: str | None) -> Destination:
        """The working files if the branch is checked out, else the branch; this must not change meanwhile."""
        parts, branch = self._parts, into or self._parts.branch
        if parts.root is not None and branch == parts.branch:
            return self.working
        if branch is None:
            raise Usage("HEAD is on no branch", 'repo.merge("feature", into="main")')
        from promptvc.session.merge.branch import Branch

        return Branch(
            RefName.branch(branch),
            parts.store,
            parts.refs,
            parts.contents,
            moving=self.bringing_along,
            at_work=self.at_work_on,
            operation=parts.oplog.operation,
        )

    def _pick(
        self,
        step: Step,
        revision: str,
        into: str | None,
        message: str | None,
        mainline: int | None,
        dry_run: bool,
    ) -> Merged:
        from promptvc.session.merge.request import parent_of

        with self.at_work_on():
            to, commit = self._destination(into), self._parts.revisions.resolve(revision)
            request = self.request(step, revision, message, into=into)
            parent = parent_of(self._parts.store, commit, mainline)
            return self._merging.pick(to, commit, parent, request, dry_run=dry_run)


class WithMerges(Parts):
    """Merges, and operations that can be undone."""

    @cached_property
    def merges(self) -> Merges:
        """Merges of all kinds: the implementation of this class's methods."""
        return Merges(self, self._output_merger)

    def operations(self) -> list[Operation]:
        """The changes of refs and working files, newest first."""
        return self.oplog.operations()[::-1]

    def undo(self, to: int | None = None, *, force: bool = False) -> Undone:
        """Undo the last operation, or return to the state right after the operation ``to``.

        This is an operation too: another undo redoes. Raises `Negative` if there is none, `Refused` if something else
        moved a ref since, `WorkWouldBeLost` for working files that changed since, unless ``force`` is given. An
        operation that was interrupted is undone, or completed if it was already decided.
        """
        from promptvc.session.history.undo import UndoParts, settled, undo

        left = self.intents.settle(force=force) if self.root is not None else None
        if left is not None and to is None:
            return settled(left)
        parts = UndoParts(
            log=self.oplog,
            store=self.store,
            refs=self.refs,
            who=self.who,
            config=self.config,
            worktree=lambda: self.workspace.worktree,
            intents=self.intents,
            state=self.merge_state.id,
        )
        with self.merges.at_work_on():
            return undo(parts, self.merge_state.put, to, force=force)
