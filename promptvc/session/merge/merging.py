"""Merging into the current branch: fast-forward, merge, cherry-pick, revert, abort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from promptvc.content.values.conflict import Conflict
from promptvc.errors import (
    Advice,
    ConflictsRemain,
    MergeOpen,
    NoMergeOpen,
    NotFastForward,
    Refused,
    Usage,
    WorkWouldBeLost,
)
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.exclusive import exclusively
from promptvc.session.files.obstructions import check_obstructions
from promptvc.session.intent import Intents
from promptvc.session.merge.leaf import entry_of, is_file_conflict
from promptvc.session.merge.openmerge import MergeState, OpenMerge, Step, unresolved
from promptvc.session.merge.result import Forward, Merged, MergeRequest, Outcome, merged
from promptvc.session.merge.tree import TreeMerge, TreeMerger
from promptvc.session.workspace.workspace import Committed, Workspace
from promptvc.storage.objects import Signature
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import read_commit, write_commit
from promptvc.versioning.diff import diff_files
from promptvc.versioning.history import History
from promptvc.versioning.tree import FileEntry, Files, in_the_way, write_tree

if TYPE_CHECKING:
    from promptvc.session.files.project import Project
    from promptvc.storage.packing import PackWriter

__all__ = ["Forward", "MergeRequest", "Merged", "Merging", "message_of", "own_hint", "relate"]


class Merging:
    """Merges into the current branch, with the working files. ``operation(what)`` makes one operation of all within."""

    def __init__(
        self,
        workspace: Workspace,
        store: ObjectStore,
        refs: Refs,
        merger: TreeMerger,
        state: MergeState,
        intents: Intents,
        operation: Callable[[str], AbstractContextManager[None]] = lambda what: nullcontext(),
    ) -> None:
        self._operation, self.intents = operation, intents
        self._workspace, self._store, self._refs = workspace, store, refs
        self._merger, self.state = merger, state

    @exclusively
    def merge(
        self,
        other: ObjectId,
        request: MergeRequest,
        *,
        forward: Forward = "auto",
        dry_run: bool = False,
        unrelated: bool = False,
    ) -> Merged:
        """Merge a commit into the current branch.

        Where both sides changed one thing differently nothing is committed: ours stays in the working files, and the
        conflicts are kept until `resolve` or `abort`. Raises `MergeOpen`, `WorkWouldBeLost`, `NotFastForward`, and
        `Refused` for a commit that has no history in common.
        """
        self._need_none()
        head = self._refs.current()
        how = relate(History(self._store), head, other, request.labels, forward, unrelated)
        if how == "up-to-date":
            return Merged("up-to-date", head, head, other, {})
        if how == "fast-forward" or head is None:
            return self._forward(head, other, request, dry_run)
        base = self._merger.base_files(History(self._store), head, other)
        return self._apply(base, self._merger.files_of(other), head, other, request, dry_run)

    @exclusively
    def pick(
        self, commit: ObjectId, parent: ObjectId | None, request: MergeRequest, *, dry_run: bool = False
    ) -> Merged:
        """Do what a commit did since its parent on top of the current branch once more; for a revert, its opposite."""
        self._need_none()
        head = self._refs.current()
        if head is None:
            raise Refused("there is no commit to build on", Advice("first-commit"))
        after = self._merger.files_of(commit)
        before = self._merger.files_of(parent) if parent else {}
        base, theirs = (after, before) if request.step == "revert" else (before, after)
        return self._apply(base, theirs, head, commit, request, dry_run)

    @exclusively
    def conclude(
        self,
        message: str,
        author: Signature,
        committer: Signature,
        *,
        paths: Sequence[str] = (),
        code_commit: str | None = None,
    ) -> Committed:
        """Commit the merge under way, with all that changed among the working files.

        Raises `NoMergeOpen`, `ConflictsRemain`, `Usage` for a part of the files, and what `Workspace.commit` raises.
        """
        merge = self.state.load()
        if merge is None:
            raise NoMergeOpen
        merge.need_written()
        if self._refs.read(HEAD) != merge.head:
            raise Refused(
                f"{merge.labels[0]} moved since the {merge.step} began",
                Advice("begin-again", step=merge.step),
            )
        left = unresolved(merge, self._workspace.worktree.root)
        if left:
            raise ConflictsRemain(merge.step, len(left), left[0].path)
        if paths:
            raise Usage(f"a {merge.step} is committed as a whole", Advice("commit-whole"))
        with self._operation(f"commit of the {merge.step}"):
            done = self._commit(merge, message, author, committer, code_commit)
            self.state.save(None)
        return done

    def _commit(
        self, merge: OpenMerge, message: str, author: Signature, committer: Signature, code_commit: str | None
    ) -> Committed:
        return self._workspace.commit(
            message if message.strip() else merge.message,
            merge.author or author,
            committer,
            code_commit=code_commit,
            allow_empty=merge.step == "merge",
            others=(merge.other,) if merge.step == "merge" else (),
        )

    @exclusively
    def abort(self, who: Signature) -> OpenMerge:
        """Give up the merge under way: the files that it wrote are as they were before, all others stay.

        Where the branch moved meanwhile, files without work of their own are as they are in its commit now. Raises
        `NoMergeOpen`, and `WorkWouldBeLost` where something is in the way; then nothing is changed.
        """
        merge = self.state.load()
        if merge is None:
            raise NoMergeOpen
        restored, worktree = self._without(merge), self._workspace.worktree
        target = {path: entry for path, entry in restored.items() if entry is not None}
        check_obstructions(worktree.root, target, restored.keys() - target.keys())
        what = f"{merge.step} --abort"
        with self._operation(what), self.intents.block(state=(self.state.id(), None)):
            self.state.save(replace(merge, is_written=False))  # if this is stopped, it can only be done again
            worktree.write(sorted(restored), target)
            self.state.save(None)
        return merge

    # --- details ------------------------------------------------------------------------------------------

    def _need_none(self) -> None:
        merge = self.state.load()
        if merge is not None:
            raise MergeOpen(merge.step, len(merge.conflicts))

    def _forward(
        self, head: ObjectId | None, other: ObjectId, request: MergeRequest, dry_run: bool
    ) -> Merged:
        files = self._merger.files_of(other)
        taken = tuple(change.path for change in diff_files(self._workspace.head_files(), files))
        if dry_run:
            self._plan(self._workspace.head_files(), files)
        else:
            reason = f"{request.step} {request.labels[1]}: Fast-forward"
            with self._operation(request.title), own_hint():
                self._workspace.fast_forward(other, request.committer(), reason)
        return Merged("fast-forward", head, other, other, files, taken=taken)

    def _apply(
        self,
        base: Files,
        theirs: Files,
        head: ObjectId,
        other: ObjectId,
        request: MergeRequest,
        dry_run: bool,
    ) -> Merged:
        ours = self._merger.files_of(head)
        if dry_run:
            found = self._merger.merge(base, ours, theirs, None, request.labels)
            self._plan(ours, found.files, _paths(found.conflicts, ours), found.project)
            return merged(found, head, None, other)
        request.author()  # an author that is not known is told before anything is written
        with self._store.begin() as writer:
            found = self._merger.merge(base, ours, theirs, writer, request.labels)
            if request.step != "merge" and found.files == ours and not found.conflicts:
                return Merged("up-to-date", head, head, other, ours)
            planned = self._plan(ours, found.files, _paths(found.conflicts, ours), found.project)
            id = None if found.conflicts else self._write_commit(found, head, other, request, writer)
            writer.finish()
            with self._operation(request.title):
                return self._conclude(found, ours, planned, id, head, other, request)

    def _plan(
        self, ours: Files, target: Files, later: Sequence[RepoPath] = (), project: Project | None = None
    ) -> dict[RepoPath, FileEntry | None]:
        """What `Worktree.plan` gives; raises `WorkWouldBeLost` also for folders and links in the way."""
        worktree = self._workspace.worktree
        with own_hint():
            planned = worktree.plan(ours, target, later=later, project=project)
        changed = {path for path in planned if ours.get(path) != target.get(path)}
        check_obstructions(worktree.root, sorted(changed & target.keys()), changed - target.keys())
        return planned

    def _without(self, merge: OpenMerge) -> dict[RepoPath, FileEntry | None]:
        """The files to write, and to remove, so that they are as if the merge had not begun."""
        head = self._refs.read(HEAD)
        if head is None or head == merge.head:
            return dict(merge.before)
        old, new = self._merger.files_of(merge.head), self._merger.files_of(head)
        moved = [path for path in {*old, *new} if old.get(path) != new.get(path)]
        here = {**self._workspace.worktree.at(moved), **merge.before}
        return {**merge.before, **{path: new.get(path) for path in moved if here[path] == old.get(path)}}

    def _write_commit(
        self, found: TreeMerge, head: ObjectId, other: ObjectId, request: MergeRequest, writer: PackWriter
    ) -> ObjectId:
        tree = write_tree(writer, found.files)
        parents = (head, other) if request.step == "merge" else (head,)
        return write_commit(
            writer,
            tree,
            parents,
            request.message,
            request.keep_author or request.author(),
            request.committer(),
        )

    def _conclude(
        self,
        found: TreeMerge,
        ours: Files,
        planned: Mapping[RepoPath, FileEntry | None],
        id: ObjectId | None,
        head: ObjectId,
        other: ObjectId,
        request: MergeRequest,
    ) -> Merged:
        """Write the working files; then move the branch, or keep the conflicts."""
        worktree = self._workspace.worktree
        if id is not None:
            warnings = self._workspace.check_keys(ours, found.files)
            ref, subject = self._workspace.current_ref(), request.message.split("\n", 1)[0]
            with self.intents.block(refs={ref: (head, id)}):
                worktree.write(planned, found.files)
                self._refs.move(ref, head, id, request.committer(), f"{request.step}: {subject}")
            return merged(found, head, id, other, warnings)
        markers = {str(file.path): file.marker_size for file in found.merged if file.marker_size}
        merge = OpenMerge(
            request.step,
            head,
            other,
            request.labels,
            request.message,
            request.keep_author,
            found.conflicts,
            planned,
            markers,
            is_written=False,
        )
        changed = [path for path in planned if ours.get(path) != found.files.get(path)]
        files = {path: (planned[path], found.files.get(path)) for path in changed}
        written = replace(merge, is_written=True)
        with self.intents.block(files=files, state=self.state.planned(written)):
            self.state.save(merge)
            worktree.write(changed, found.files)
            self.state.save(written)
        return merged(found, head, None, other)


@contextmanager
def own_hint() -> Iterator[None]:
    """Say of work in the way what helps here, where nothing is overwritten by force."""
    try:
        yield
    except WorkWouldBeLost as error:
        error.hint, error.advice = None, Advice("commit-or-restore")
        raise


def _paths(conflicts: Sequence[Conflict], ours: Files) -> list[RepoPath]:
    """The files that are written, or removed, when these conflicts are resolved."""
    paths = {RepoPath(conflict.path) for conflict in conflicts}
    for conflict in filter(is_file_conflict, conflicts):
        versions = map(entry_of, (conflict.ours, conflict.theirs))
        for version in versions:
            if version is not None:
                paths.update([version[0], *in_the_way(version[0], ours)])
    return sorted(paths)


def relate(
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


def message_of(store: ObjectStore, step: Step, commit: ObjectId) -> str:
    """What a commit says that picks another one or undoes it, as git words it."""
    found = read_commit(store, commit)
    if step == "revert":
        return f'Revert "{found.subject}"\n\nThis reverts commit {commit}.\n'
    return f"{found.message.rstrip()}\n\n(cherry picked from commit {commit})\n"
