"""The working files of the current branch: merged into, resolved among, concluded and given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from msgspec.structs import replace

from promptvc.content.values.conflict import MergeConflict
from promptvc.errors import Advice, MergeOpen, NoMergeOpen, Refused, Usage, WorkWouldBeLost
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.exclusive import exclusively
from promptvc.session.files.contents import Contents
from promptvc.session.files.obstructions import check_obstructions
from promptvc.session.files.views import FileView
from promptvc.session.intent import Intents
from promptvc.session.merge.destination import Planned, Sides
from promptvc.session.merge.leaf import entry_of, is_file_conflict
from promptvc.session.merge.openmerge import MergeState, OpenMerge
from promptvc.session.merge.request import MergeRequest
from promptvc.session.merge.tree import TreeMerge
from promptvc.session.workspace.workspace import Committed, Workspace
from promptvc.storage.objects import Signature
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.tree import FileEntry, Files, in_the_way


class WorkingFiles:
    """A `Destination`, and the `Desk` on which its merge waits: the current branch with its working files.

    ``operation(what)`` makes one operation of all within.
    """

    def __init__(
        self,
        workspace: Workspace,
        store: ObjectStore,
        refs: Refs,
        contents: Contents,
        state: MergeState,
        intents: Intents,
        operation: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self.store, self.contents, self.intents = store, contents, intents
        self._workspace, self._refs, self._state, self._operation = workspace, refs, state, operation

    # --- as a destination ---------------------------------------------------------------------------------

    def head(self) -> ObjectId | None:
        """The current commit; raises `MergeOpen` while another merge waits."""
        merge = self._state.load()
        if merge is not None:
            raise MergeOpen(merge.step, len(merge.conflicts))
        return self._refs.current()

    def check_forward(self, ours: Files, theirs: Files) -> None:
        """Look for work in the way; raises `WorkWouldBeLost`."""
        self._plan(ours, theirs)

    def forward(self, head: ObjectId | None, other: ObjectId, request: MergeRequest) -> None:
        """Move branch and working files on; raises `RefMoved`, `WorkWouldBeLost`."""
        with own_hint():
            self._workspace.fast_forward(other, request.committer(), request.forward_reason)

    def plan(self, ours: Files, found: TreeMerge) -> Planned:
        """What `Worktree.plan` gives; raises `WorkWouldBeLost` also for folders and links in the way."""
        return self._plan(ours, found.files, found)

    def move(self, sides: Sides, files: Files, planned: Planned, id: ObjectId) -> None:
        """Write the working files, then move the branch."""
        request, ref = sides.request, self._workspace.current_ref()
        with self.intents.block(refs={ref: (sides.head, id)}):
            self._workspace.worktree.write(planned, files)
            self._refs.move(ref, sides.head, id, request.committer(), request.reason)

    def keep(self, sides: Sides, found: TreeMerge, planned: Planned) -> WorkingFiles:
        """Write what merged, with ours in place of what conflicts, and keep the merge."""
        merge = sides.waiting(found, planned)
        changed = [path for path in planned if sides.ours.get(path) != found.files.get(path)]
        files = {path: (planned[path], found.files.get(path)) for path in changed}
        with self.intents.block(files=files, state=self._state.planned(merge)):
            self._state.save(replace(merge, is_written=False))
            self._workspace.worktree.write(changed, found.files)
            self._state.save(merge)
        return self

    # --- as a desk ----------------------------------------------------------------------------------------

    def alone(self) -> AbstractContextManager[None]:
        """The block that keeps the working files to oneself."""
        return self.intents.exclusive()

    def load(self) -> OpenMerge:
        """The merge under way; raises `NoMergeOpen`."""
        merge = self._state.load()
        if merge is None:
            raise NoMergeOpen
        return merge

    def read(self, path: str) -> bytes | None:
        """The bytes of a working file; None where it cannot be read."""
        try:
            return (self._workspace.worktree.root / path).read_bytes()
        except OSError:
            return None

    def files(self) -> Files:
        """The working files as they are now."""
        return self._workspace.worktree.files(self._workspace.head_files())

    def view(self, path: RepoPath, entry: FileEntry) -> FileView:
        """One of them."""
        return self._workspace.view(path, entry)

    def save(self, what: str, merge: OpenMerge, changed: Mapping[RepoPath, FileEntry | None]) -> None:
        """Write what was resolved, and replace the merge."""
        target = {path: entry for path, entry in changed.items() if entry is not None}
        with self._operation(what), self.intents.block(state=self._state.planned(merge)):
            self._workspace.worktree.write(sorted(changed), target)
            self._state.save(merge)

    def commit(self, message: str, author: Signature, committer: Signature) -> Committed:
        """`conclude`, as a `Desk` does it."""
        return self.conclude(message, author, committer)

    @exclusively
    def conclude(
        self,
        message: str,
        author: Signature,
        committer: Signature,
        *,
        paths: Sequence[str] = (),
        code_commit: str | None = None,
        allow_secrets: bool = False,
    ) -> Committed:
        """Commit the merge under way, with all that changed among the working files.

        Raises `NoMergeOpen`, `ConflictsRemain`, `Usage` for a part of the files, and what `Workspace.commit` raises.
        """
        merge = self.load()
        merge.need_written()
        self._need_head(merge)
        merge.need_resolved(self.read)
        if paths:
            raise Usage(f"a {merge.step} is committed as a whole", Advice("commit-whole"))
        with self._operation(f"commit of the {merge.step}"):
            done = self._workspace.commit(
                message if message.strip() else merge.message,
                merge.author or author,
                committer,
                code_commit=code_commit,
                allow_empty=merge.step == "merge",
                others=(merge.other,) if merge.step == "merge" else (),
                allow_secrets=allow_secrets,
            )
            self._state.save(None)
        return done

    @exclusively
    def abort(self, who: Signature) -> OpenMerge:
        """Give up the merge under way: the files that it wrote are as they were before, all others stay.

        Where the branch moved meanwhile, files without work of their own are as they are in its commit now. Raises
        `NoMergeOpen`, and `WorkWouldBeLost` where something is in the way; then nothing is changed.
        """
        merge = self.load()
        restored, worktree = self._without(merge), self._workspace.worktree
        target = {path: entry for path, entry in restored.items() if entry is not None}
        check_obstructions(worktree.root, target, restored.keys() - target.keys())
        what = f"{merge.step} --abort"
        with self._operation(what), self.intents.block(state=(self._state.id(), None)):
            self._state.save(
                replace(merge, is_written=False)
            )  # if this is stopped, it can only be done again
            worktree.write(sorted(restored), target)
            self._state.save(None)
        return merge

    # --- details ------------------------------------------------------------------------------------------

    def _plan(self, ours: Files, target: Files, found: TreeMerge | None = None) -> Planned:
        worktree = self._workspace.worktree
        later = _later(found.conflicts, ours) if found else ()
        with own_hint():
            planned = worktree.plan(ours, target, later=later, project=found.project if found else None)
        changed = {path for path in planned if ours.get(path) != target.get(path)}
        check_obstructions(worktree.root, sorted(changed & target.keys()), changed - target.keys())
        return planned

    def _need_head(self, merge: OpenMerge) -> None:
        if self._refs.read(HEAD) != merge.head:
            raise Refused(
                f"{merge.labels[0]} moved since the {merge.step} began",
                Advice("begin-again", step=merge.step),
            )

    def _without(self, merge: OpenMerge) -> dict[RepoPath, FileEntry | None]:
        """The files to write, and to remove, so that they are as if the merge had not begun."""
        head = self._refs.read(HEAD)
        if head is None or head == merge.head:
            return dict(merge.before)
        old, new = self.contents.files_of(merge.head), self.contents.files_of(head)
        moved = [path for path in {*old, *new} if old.get(path) != new.get(path)]
        here = {**self._workspace.worktree.at(moved), **merge.before}
        return {**merge.before, **{path: new.get(path) for path in moved if here[path] == old.get(path)}}


@contextmanager
def own_hint() -> Iterator[None]:
    """Say of work in the way what helps here, where nothing is overwritten by force."""
    try:
        yield
    except WorkWouldBeLost as error:
        error.hint, error.advice = None, Advice("commit-or-restore")
        raise


def _later(conflicts: Sequence[MergeConflict], ours: Files) -> list[RepoPath]:
    """The files that are written, or removed, when these conflicts are resolved."""
    paths = {RepoPath(conflict.path) for conflict in conflicts}
    for conflict in filter(is_file_conflict, conflicts):
        for version in map(entry_of, (conflict.ours, conflict.theirs)):
            if version is not None:
                paths.update([version[0], *in_the_way(version[0], ours)])
    return sorted(paths)
