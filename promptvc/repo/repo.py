"""Repo: opens a store, wires its parts, and hands them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from promptvc.errors import Advice, NotAStore, Refused, StoreExists
from promptvc.ids import ObjectId, RefName
from promptvc.repo.merges import WithMerges
from promptvc.repo.place import (
    CALLS,
    LOCAL,
    STORE,
    Surroundings,
    half_made,
    is_store,
    make_store,
    need_no_remains,
    sweep_half_made,
)
from promptvc.session.files.project import PROJECT_FILE, TEMPLATE
from promptvc.session.workspace.workspace import Committed, Status
from promptvc.storage.files import disk_errors, sync_folder, write_atomically
from promptvc.versioning.diff import FileChange
from promptvc.versioning.tree import Files, is_below

if TYPE_CHECKING:
    from promptvc.session.transaction.transaction import Transaction
    from promptvc.session.workspace.comparison import Comparison
    from promptvc.versioning.upkeep.repair import Repair
    from promptvc.versioning.upkeep.verify import Problem


class Repo(WithMerges):
    """A store, and the working files around it if it has any.

    ``path`` is the store's folder, ``root`` the project's (None for a store without working files).
    """

    @classmethod
    def open(cls, path: Path, surroundings: Surroundings) -> Repo:
        """Open the project that holds path, or a store itself; raises `NotAStore` or `UnsupportedFormat`."""
        place = path.resolve()
        if is_store(place):
            return cls(place, place.parent if place.name == STORE else None, surroundings)
        for folder in (place, *place.parents):
            if is_store(folder / STORE):
                return cls(folder / STORE, folder, surroundings)
            need_no_remains(folder / STORE)
        raise NotAStore(path)

    @classmethod
    def init(cls, root: Path, surroundings: Surroundings, branch: str = "main") -> Repo:
        """Start a store in ``root/.promptvc`` and promptvc.toml beside it; raises `StoreExists`."""
        root = root.resolve()
        if is_store(root / STORE):
            raise StoreExists(f"{root / STORE}: there is a store already", Advice("store-exists"))
        need_no_remains(root / STORE)
        with disk_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            sweep_half_made(root)
            place = half_made(root)
            try:
                make_store(place, branch)
                project = root / PROJECT_FILE
                if not project.exists():
                    write_atomically(project, TEMPLATE.encode(), scratch=place)
                place.rename(root / STORE)  # the one instant at which there is a store
                sync_folder(root)
            except BaseException:
                rmtree(place, ignore_errors=True)
                raise
        return cls(root / STORE, root, surroundings)

    def diff(
        self, before: str | None = None, after: str | None = None, paths: Sequence[str] = ()
    ) -> Comparison:
        """What changed between two revisions; ``after`` None stands for the working files, ``before`` for HEAD.

        Iterating gives one `FileDiff` a file.
        """
        from promptvc.session.workspace.comparison import Comparison

        old = self.workspace.head_files() if before is None else self.snapshot(before).files
        new = (
            self.workspace.worktree.files(self.workspace.head_files())
            if after is None
            else self.snapshot(after).files
        )
        after_view = self.workspace.view if after is None else self.stored
        project = self.workspace.worktree.project() if after is None else self.snapshot(after).project
        return Comparison.between(_below(old, paths), _below(new, paths), self.stored, after_view, project)

    def comparison_of(self, changes: Sequence[FileChange]) -> Comparison:
        """The working files that `status` found changed, to be looked at."""
        from promptvc.session.workspace.comparison import Comparison

        return Comparison(changes, self.stored, self.workspace.view, self.workspace.worktree.project())

    def comparison_stored(self, changes: Sequence[FileChange], id: ObjectId) -> Comparison:
        """Changes that a commit made, to be looked at."""
        from promptvc.session.workspace.comparison import Comparison

        return Comparison(changes, self.stored, self.stored, self.snapshot_of(id).project)

    def status(self) -> Status:
        """How the working files stand."""
        return self.workspace.status()

    def verify(self, *, progress: Callable[[int], None] | None = None) -> list[Problem]:
        """Check packs, refs, logs, the call journal, and every object that history needs; gives what is wrong.

        ``progress`` is told how many objects were checked.
        """
        from promptvc.runs.calls.journal import damaged_lines  # these are not for those who look
        from promptvc.versioning.upkeep.verify import Problem, verify

        calls = damaged_lines(self.path / LOCAL / CALLS)
        lost = [Problem(f"calls/{path.name}", f"{path}: line {n} is damaged") for path, n in calls]
        try:
            self.merge_state.load()
        except Refused as error:
            lost.append(Problem("merging", error.message))
        return [*verify(self.store, self.refs, progress=progress or (lambda count: None)), *lost]

    def repairs(self) -> list[Repair]:
        """What can be put right of what `verify` finds; each is done by its ``do()``."""
        from promptvc.runs.calls.journal import damaged_lines, drop_damaged
        from promptvc.versioning.upkeep.repair import Repair, repairs

        found = repairs(self.store, self.refs, self.verify())
        folder = self.path / LOCAL / CALLS
        if any(damaged_lines(folder)):
            words = "drop the damaged lines of the call journal, and keep their neighbours"
            found.append(Repair("calls", words, lambda: drop_damaged(folder)))
        return found

    def commit(
        self,
        message: str = "",
        *,
        paths: Sequence[str] = (),
        code_commit: str | None = None,
        allow_empty: bool = False,
    ) -> Committed:
        """Commit what changed among the working files, as the author that git knows.

        Concludes a merge under way, whose message stands where none is given. Raises `NothingToCommit`,
        `ConflictsRemain`, `AuthorUnknown`, `DuplicateKey` and what reading the files raises.
        """
        author, committer = self.author(), self.committer()
        merge = self.open_merge
        if merge is not None:
            done = self.merging.conclude(message, author, committer, paths=paths, code_commit=code_commit)
        else:
            done = self.workspace.commit(
                message, author, committer, paths=paths, code_commit=code_commit, allow_empty=allow_empty
            )
        from promptvc.versioning.upkeep.upkeep import fold

        fold(self.store)
        return done

    def transaction(
        self, branch: str = "main", message: str = "", *, timeout: float | None = None
    ) -> Transaction:
        """A context in which writes to a branch become one commit; no working files are needed.

        Where the branch is checked out, working files that nobody changed follow. ``timeout`` is how many seconds it
        waits for other writers of the branch, 60 unless given.
        """
        from promptvc.session.transaction.transaction import TIMEOUT, Transaction

        ref = RefName.branch(branch)
        return Transaction(
            self.store,
            self.refs,
            self.contents,
            ref,
            message,
            self.author,
            self.committer,
            self._bringing_along,
            self._at_work_on,
            lambda what: self.oplog.operation(what),
            TIMEOUT if timeout is None else timeout,
        )


def _below(files: Files, paths: Sequence[str]) -> Files:
    return {path: entry for path, entry in files.items() if is_below(path, *paths)} if paths else files
