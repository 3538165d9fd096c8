"""A transaction: a set of writes that becomes one commit, or nothing. It needs no working files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from promptvc.content.table.intake import Rows, given_rows
from promptvc.content.table.view import Table
from promptvc.content.values.plain import plain
from promptvc.errors import RefMoved, StoreBusy, UnknownRevision, Usage
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.secrets.guard import Guard
from promptvc.session.transaction.edits import Append, Delete, Edit, Remove, Upsert, Write
from promptvc.session.transaction.state import State
from promptvc.storage.locks import flocked, wait_for
from promptvc.storage.objects import FILE, Signature
from promptvc.storage.refs import Refs
from promptvc.storage.store import LOCAL, ObjectStore
from promptvc.versioning.commit import write_commit
from promptvc.versioning.tree import Files, write_tree

TIMEOUT = 60.0
"""Seconds for which a transaction waits for its turn among others on the branch."""
Moving = Callable[[RefName, Files, ObjectId | None, Files, ObjectId], AbstractContextManager[None]]
"""The block in which a branch is moved: (branch, files before, commit before, files after, commit after)."""


class Transaction:
    """Writes to a branch that become one commit when the ``with`` block ends well.

    When another writer moved the branch meanwhile, the writes are done again on its new tip; rows that both changed
    are merged field by field, and only where both changed the same field or file differently, `Conflict` is raised.
    ``commit_id`` is the new commit, None when nothing changed.
    """

    def __init__(
        self,
        store: ObjectStore,
        refs: Refs,
        contents: Contents,
        branch: RefName,
        message: str,
        author: Callable[[], Signature],
        committer: Callable[[], Signature],
        moving: Moving = lambda branch, before, old, after, new: nullcontext(),
        at_work: Callable[[float], AbstractContextManager[None]] = lambda patience: nullcontext(),
        operation: Callable[[str], AbstractContextManager[None]] = lambda what: nullcontext(),
        timeout: float = TIMEOUT,
        allow_secrets: bool = False,
        committed: Callable[[ObjectId], None] = lambda id: None,
    ) -> None:
        self.message = message
        self.commit_id: ObjectId | None = None
        self._store, self._refs, self._contents, self._branch = store, refs, contents, branch
        self._author, self._committer, self._moving = author, committer, moving
        self._at_work = at_work
        self._operation, self._timeout = operation, timeout
        self._allow_secrets, self._committed = allow_secrets, committed
        self._edits: list[Edit] = []
        self._base = State(store, contents, self._tip())
        self._state = self._base.copy()

    # --- writing ------------------------------------------------------------------------------------------

    def write(self, path: str, data: str | bytes, *, mode: int = FILE) -> None:
        """Write a whole file; text is written as UTF-8, its line ends as they are."""
        self._do(Write(RepoPath.parse(path), data.encode() if isinstance(data, str) else bytes(data), mode))

    def remove(self, path: str) -> None:
        """Remove a file; raises `PathMissing`."""
        self._do(Remove(RepoPath.parse(path)))

    def upsert(self, path: str, rows: Rows, *, key: Sequence[str] | None = None) -> None:
        """Put each row in the place of the one with its key, at the end where there is none.

        Rows are mappings, or a data frame of pandas, polars, pyarrow or whatever gives an Arrow stream. In a frame a
        missing value (None, NaN, NaT) is null, but where the row in place has no such field it stays absent.
        The key is that of promptvc.toml, else the table's own; a table that is not there is made. Unchanged rows
        keep their bytes. Raises `Usage` for rows without a key, or which the file cannot hold.
        """
        given = given_rows(rows)
        self._do(Upsert(RepoPath.parse(path), given.rows, tuple(key) if key else None, given.is_frame))

    def append(self, path: str, rows: Rows) -> None:
        """Add rows, mappings or a data frame, at the end of a table; one that is not there is made.

        A missing value of a frame is null.
        """
        self._do(Append(RepoPath.parse(path), given_rows(rows).rows))

    def delete(self, path: str, keys: Iterable[Any], *, key: Sequence[str] | None = None) -> None:
        """Take out the rows with these keys; raises `RowMissing` where one is not there."""
        self._do(Delete(RepoPath.parse(path), [_key(given) for given in keys], tuple(key) if key else None))

    # --- reading what was written -------------------------------------------------------------------------

    def read(self, path: str) -> bytes:
        """The bytes of a file as they now stand; raises `PathMissing`."""
        return self._state.need(RepoPath(path)).read()

    def table(self, path: str) -> Table:
        """The rows of a table as they now stand; raises `PathMissing`, `NotATable`."""
        return self._state.table(RepoPath(path))

    # --- the life of it -----------------------------------------------------------------------------------

    def __enter__(self) -> Transaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.commit()

    def commit(self) -> ObjectId | None:
        """Make the commit now; gives its id, None when nothing changed.

        Transactions on one branch take turns. Raises `Conflict`, `DuplicateKey`, `SecretFound`, and `StoreBusy` where
        the turn did not come, or others kept moving the branch, for the seconds of the time-out.
        """
        if not self._edits:
            return None
        if not self.message.strip():
            raise Usage("the transaction needs a message", 'repo.transaction("main", message="what and why")')
        done: list[ObjectId | None] = []

        def ready() -> bool:
            if self._refs.read(self._branch) != self._base.commit:
                self._replay()
            # RefMoved: by something else than a transaction, which does not wait for turns.
            with suppress(RefMoved), self._at_work(self._timeout):
                done.append(self._commit())
            return bool(done)

        busy, began = f"{self._branch.short} is kept busy by other writers", time.monotonic()
        with flocked(self._turn, patience=self._timeout, busy=busy):
            left = max(0.0, self._timeout - (time.monotonic() - began))
            wait_for(ready, left, lambda: StoreBusy(busy, "try again, or give a longer timeout"))
        return done[0]

    @property
    def _turn(self) -> Path:
        """The file whose lock is the turn on the branch."""
        return self._refs.folder / LOCAL / "turns" / self._branch.replace("/", "%")

    def _commit(self) -> ObjectId | None:
        """Write everything, then move the branch: the one instant at which it becomes visible."""
        self._state.check_keys()
        author, committer = self._author(), self._committer()
        tip = self._base.commit
        guard = Guard(
            self._store.read_blob, self._state.project.allowed_secrets, is_on=not self._allow_secrets
        )
        with self._store.begin() as writer, guard:
            files = self._state.store(writer, guard)
            if files == self._base.files:
                return None
            self._state.need_no_secrets(guard, self.message)
            tree = write_tree(writer, files)
            id = write_commit(writer, tree, (tip,) if tip else (), self.message, author, committer)
            writer.finish()
            subject = self.message.strip().split("\n", 1)[0]
            with (
                self._operation(f'transaction "{subject}" on {self._branch.short}'),
                self._moving(self._branch, self._base.files, tip, files, id),
            ):
                self._refs.move(self._branch, tip, id, committer, f"transaction: {subject}")
                self.commit_id = id
        if guard.is_on:
            self._committed(id)
        self._base = State(self._store, self._contents, id)
        self._state, self._edits = self._base.copy(), []
        return id

    def _replay(self) -> None:
        """Do every edit again on the branch as it now is; raises `Conflict` where that would undo another's work."""
        fresh = State(self._store, self._contents, self._refs.read(self._branch))
        state = fresh.copy()
        edits = [edit.onto(self._base, fresh) for edit in self._edits]
        for edit in edits:
            edit.apply(state)
        self._base, self._state, self._edits = fresh, state, edits

    def _do(self, edit: Edit) -> None:
        edit.apply(self._state)
        self._edits.append(edit)

    def _tip(self) -> ObjectId | None:
        tip = self._refs.read(self._branch)
        if tip is None and self._refs.find("refs/heads/"):
            near = [name.short for name in self._refs.find("refs/heads/")]
            raise UnknownRevision(self._branch.short, near[:2])
        return tip


def _key(given: Any) -> Any:
    """A key as a JSON value, or as a tuple of them."""
    return tuple(map(plain, given)) if isinstance(given, tuple) else plain(given)
