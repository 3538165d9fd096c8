"""Merge, cherry-pick and revert, wherever the result goes: one porcelain for the command line and for Python."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from promptvc.errors import Advice, NotFastForward, Refused
from promptvc.ids import ObjectId
from promptvc.session.files.contents import Contents
from promptvc.session.merge.desk import Desk
from promptvc.session.merge.destination import Destination, Planned, Sides, shared_keys, write_merge
from promptvc.session.merge.leaf import Manner
from promptvc.session.merge.request import Forward, MergeRequest
from promptvc.session.merge.result import Merged, Outcome
from promptvc.session.merge.tree import PathVersions, TreeMerge, TreeMerger
from promptvc.storage.store import ObjectStore
from promptvc.versioning.diff import diff_files
from promptvc.versioning.history import History

if TYPE_CHECKING:
    from promptvc.session.files.keys import KeyWarning

Operation = Callable[[str], AbstractContextManager[None]]


class Merging:
    """Merges commits into a `Destination`. ``operation(what)`` makes one operation of all within.

    Who calls has the destination to oneself, from before the first look at it.
    """

    def __init__(
        self, store: ObjectStore, contents: Contents, merger: TreeMerger, operation: Operation
    ) -> None:
        self._store, self._contents, self._merger, self._operation = store, contents, merger, operation

    def merge(
        self,
        to: Destination,
        other: ObjectId,
        request: MergeRequest,
        *,
        forward: Forward = "auto",
        dry_run: bool = False,
        unrelated: bool = False,
    ) -> Merged:
        """Merge a commit.

        Where both sides changed one thing differently nothing is committed: ours stays in place, and the conflicts
        wait to be resolved. Raises what the destination raises, `NotFastForward`, and `Refused` for a commit that has
        no history in common.
        """
        head, history = to.head(), History(self._store)
        how = _relate(history, head, other, request.labels, forward, unrelated)
        if head is not None and how == "up-to-date":
            return self._nothing(head, other, request)
        if head is None or how == "fast-forward":
            return self._forward(to, head, other, request, dry_run)
        base = self._merger.base_files(history, head, other)
        versions = PathVersions(base, self._contents.files_of(head), self._contents.files_of(other))
        return self._apply(to, Sides(head, other, versions, request), dry_run)

    def pick(
        self,
        to: Destination,
        commit: ObjectId,
        parent: ObjectId | None,
        request: MergeRequest,
        *,
        dry_run: bool = False,
    ) -> Merged:
        """Do what a commit did since its parent once more; for a revert, its opposite."""
        head = to.head()
        if head is None:
            raise Refused("there is no commit to build on", Advice("first-commit"))
        after, before = self._contents.files_of(commit), self._contents.files_of(parent)
        base, theirs = (after, before) if request.step == "revert" else (before, after)
        versions = PathVersions(base, self._contents.files_of(head), theirs)
        return self._apply(to, Sides(head, commit, versions, request), dry_run)

    # --- details ------------------------------------------------------------------------------------------

    def _nothing(self, head: ObjectId, other: ObjectId, request: MergeRequest) -> Merged:
        return Merged(
            outcome="up-to-date",
            before=head,
            commit=head,
            other=other,
            request=request,
            files=self._contents.files_of(head),
        )

    def _forward(
        self, to: Destination, head: ObjectId | None, other: ObjectId, request: MergeRequest, dry_run: bool
    ) -> Merged:
        ours, theirs = self._contents.files_of(head), self._contents.files_of(other)
        if dry_run:
            to.check_forward(ours, theirs)
        else:
            with self._operation(request.title):
                to.forward(head, other, request)
        return Merged(
            outcome="fast-forward",
            before=head,
            commit=other,
            other=other,
            request=request,
            files=theirs,
            taken=tuple(change.path for change in diff_files(ours, theirs)),
        )

    def _apply(self, to: Destination, sides: Sides, dry_run: bool) -> Merged:
        labels = sides.request.labels
        if dry_run:
            found = self._merger.merge(sides.versions, Manner(labels=labels))
            to.plan(sides.ours, found)
            return _merged(sides, found)
        sides.request.author()  # an author that is not known is reported before anything is written
        with self._store.begin() as writer:
            found = self._merger.merge(sides.versions, Manner(writer, labels))
            if sides.request.step != "merge" and found.files == sides.ours and not found.conflicts:
                return self._nothing(sides.head, sides.other, sides.request)
            planned = to.plan(sides.ours, found)
            id = None if found.conflicts else write_merge(writer, sides, found.files)
            writer.finish()
            with self._operation(sides.request.title):
                return self._finish(to, sides, found, planned, id)

    def _finish(
        self, to: Destination, sides: Sides, found: TreeMerge, planned: Planned, id: ObjectId | None
    ) -> Merged:
        """Make visible what was stored: the commit, or what conflicts."""
        if id is None:
            return _merged(sides, found, desk=to.keep(sides, found, planned))
        done = _merged(sides, found, id, shared_keys(self._contents, sides.ours, found.files))
        to.move(sides, found.files, planned, id)
        return done


def _merged(
    sides: Sides,
    found: TreeMerge,
    id: ObjectId | None = None,
    warnings: tuple[KeyWarning, ...] = (),
    desk: Desk | None = None,
) -> Merged:
    return Merged(
        outcome="conflicts" if found.conflicts else "merged",
        before=sides.head,
        commit=id,
        other=sides.other,
        request=sides.request,
        files=found.files,
        merged=found.merged,
        taken=found.taken,
        conflicts=found.conflicts,
        warnings=warnings,
        runs=found.runs,
        _desk=desk,
    )


def _relate(
    history: History,
    head: ObjectId | None,
    other: ObjectId,
    labels: tuple[str, str],
    forward: Forward,
    unrelated: bool,
) -> Outcome:
    """What merging ``other`` comes to; raises `NotFastForward`, and `Refused` for histories that share no commit."""
    if head is None:
        return "fast-forward"
    if history.is_ancestor(other, head):
        return "up-to-date"
    if history.is_ancestor(head, other):
        return "merged" if forward == "never" else "fast-forward"
    if forward == "only":
        raise NotFastForward(f"{labels[0]} and {labels[1]} have diverged", Advice("not-only-forward"))
    if not unrelated and not history.merge_bases(head, other):
        raise Refused(
            f"{labels[0]} and {labels[1]} have no commit in common",
            Advice("unrelated"),
        )
    return "merged"
