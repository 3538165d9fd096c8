"""What a repository does with merges, and how it takes things back."""

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

    ``output_merger()`` gives what merges the outputs of runs.
    """

    def __init__(self, parts: Parts, output_merger: Callable[[], RunsMerger]) -> None:
        self._parts, self._output_merger = parts, output_merger

    # --- the merge under way ------------------------------------------------------------------------------

    @property
    def open_merge(self) -> OpenMerge | None:
        """The merge, cherry-pick or revert that waits for its conflicts to be resolved, or to be committed."""
        parts = self._parts
        if parts.root is not None and (parts.path / LOCAL / INTENT).exists():
            parts.intents.ensure_settled()
        if not (parts.path / LOCAL / MERGING).exists():  # spares most commands the imports
            return None
        return parts.merge_state.load()

    @property
    def conflicts(self) -> list[MergeConflict]:
        """What is left to resolve of the merge under way; nothing where there is none."""
        merge = self.open_merge
        if merge is None:
            return []
        return list(self.resolving.conflicts() if merge.is_written else merge.conflicts)

    def need_no_merge(self) -> None:
        """Raise `MergeOpen` while a merge, cherry-pick or revert is under way."""
        merge = self.open_merge
        if merge is not None:
            raise MergeOpen(merge.step, len(self.conflicts))

    @property
    def resolving(self) -> Resolving:
        """Resolves the conflicts of the merge under way."""
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
        """Resolve conflicts of the merge under way: those in these paths (all) that have this key, field and line.

        ``take`` is a side's version, ``value`` any other; ``as_is`` keeps what the working file has. The key is that of
        the row, as text, as a value, or as the conflict has it. Raises `NoMergeOpen`, `ConflictMissing` where none is
        meant, `ConflictStale` where the file has something else there, `Usage` for what cannot stand there.
        """
        from promptvc.session.merge.resolve import Choice
        from promptvc.session.merge.selection import Selection

        choice = Choice.one_of(take, value, as_is=as_is)
        return self.resolving.resolve(Selection.of(paths, key=key, field=field, line=line), choice)

    def abort(self) -> OpenMerge:
        """Give up the merge under way: the files that it wrote are as they were before; gives what was given up.

        Raises `NoMergeOpen`, and `WorkWouldBeLost` where something is in the way.
        """
        return self.working.abort(self._parts.who())

    @property
    def working(self) -> WorkingFiles:
        """The working files, as what is merged into; raises `Usage` for a store that has none."""
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
        """Merge a revision into a branch, the current one where none is named.

        Into the current branch of a project with working files: what conflicts is an open merge, to be resolved by
        `resolve` and concluded by `commit`, or given up by `abort`. Into any other branch: what conflicts changes
        nothing, and is resolved and concluded by the value that this gives. ``forward`` is ``never`` for a commit where
        the branch could just move on, ``only`` for no other; ``unrelated`` allows what has no commit in common. Raises
        `UnknownRevision`, `MergeOpen`, `WorkWouldBeLost`, `NotFastForward`, `RefMoved`, `Refused`.
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
        """Do what a commit did once more, on top of a branch; of a merge, what it did to its parent ``mainline``.

        What conflicts waits as that of `merge` does. Raises what `merge` raises, and `Usage` for a merge without
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
        """Take back what a commit did, on top of a branch; otherwise as `cherry_pick`."""
        return self._pick("revert", revision, into, message, mainline, dry_run)

    def request(
        self, step: Step, revision: str, message: str | None = None, *, into: str | None = None
    ) -> MergeRequest:
        """A merge, cherry-pick or revert of a revision, as the author that git knows."""
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

    # --- what other writers of branches need too ----------------------------------------------------------

    def at_work_on(self, patience: float = PATIENCE) -> AbstractContextManager[None]:
        """The block in which a branch is written to: with the working files to oneself.

        It is entered before anything is written, since what is written must not wait for who waits for the writers; and
        whichever branch is current, since a switch to this one may be under way.
        """
        return nullcontext() if self._parts.root is None else self._parts.intents.exclusive(patience)

    def bringing_along(
        self, branch: RefName, before: Files, old: ObjectId | None, after: Files, new: ObjectId
    ) -> AbstractContextManager[None]:
        """The block in which a branch is moved: where it is the current one, files that nobody changed follow."""
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
        """The working files where they are those of the branch, else the branch; it must not change meanwhile."""
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
    """Merges, and the operations that can be undone."""

    @cached_property
    def merges(self) -> Merges:
        """Merges of all kinds: what the methods of this class do."""
        return Merges(self, self._output_merger)

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
