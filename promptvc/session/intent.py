"""Intents: what is about to be done to working files, written down first, so that nobody mistakes a half for a whole.

A process that writes working files holds their lock, and says before the first of them which files, refs and HEAD go
from what to what. When it is done, the intent is gone. Whoever finds one whose process is dead finishes it where refs
show that it was decided, or takes it back, before anything else is done with working files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace

from promptvc.errors import PromptvcError, StoreBusy
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.storage.files import disk_errors, sync_folder, write_durably
from promptvc.storage.locks import PATIENCE, flocked
from promptvc.storage.scratch import sweep
from promptvc.storage.sealed import is_damaged, seal
from promptvc.versioning.oplog.operation import Operation, Pair, entry_of, entry_value
from promptvc.versioning.tree import FileEntry

Files = Mapping[RepoPath, Pair[FileEntry | None]]
Direction = Literal["auto", "back", "forward"]
Settle = Callable[[Operation, Direction, bool], str]
"""Makes working files, refs and HEAD as they were before an operation, or as they are to be after it.

``auto`` is forward where a ref, HEAD or the merge under way is as it is to be, else back. With the last argument, files
that somebody changed since are overwritten (and kept); without it, raises `Interrupted` and changes nothing. Gives
which of the two was done, in words.
"""
_NOTHING = Operation(0, 0, "", "")
_BUSY = "another process is at work on the working files"


class Intents:
    """The intent of a store, in the file ``intent`` of its local folder, and the lock ``worktree``.

    ``settle`` is how one is finished or taken back; ``doing`` gives what is being done, for a block that does
    not say it, and the lowest number that its operation can have; ``notice`` is called with a line about one that was
    found.
    """

    def __init__(
        self,
        folder: Path,
        settle: Settle,
        doing: Callable[[], tuple[str, int]] = lambda: ("", 0),
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.path = folder / "intent"
        self._lock, self._scratch = folder / "worktree", folder / "tmp"
        self._settle, self._doing, self._notice = settle, doing, notice
        self._depth = 0
        self._has_waited = False
        self._open: Operation | None = None

    # --- doing --------------------------------------------------------------------------------------------

    @contextmanager
    def exclusive(self, patience: float = PATIENCE) -> Iterator[None]:
        """Keep the working files to oneself; blocks may stand inside each other. Settles what was interrupted first.

        Raises `StoreBusy` where another process does not finish, `Interrupted`.
        """
        if self._depth:
            yield
            return
        with ExitStack() as stack:
            patience = 0.0 if self._has_waited else patience  # who has waited in vain need not do so again
            stack.enter_context(flocked(self._lock, patience=patience, busy=_BUSY))
            self._depth += 1
            stack.callback(self._leave)
            self._settle_left()
            yield

    @contextmanager
    def block(
        self,
        what: str = "",
        *,
        files: Files | None = None,
        refs: Mapping[RefName, Pair[ObjectId | None]] | None = None,
        head: Pair[str] | None = None,
        state: Pair[ObjectId | None] | None = None,
        config: Mapping[str, Pair[tuple[str, ...]]] | None = None,
        to: int | None = None,
        onward: bool = False,
    ) -> Iterator[None]:
        """Do all of this or nothing; inside of another block it joins that.

        What is named here is written down at once where ``files`` are among it, else with the first that `add` names.
        Where the block raises, all is taken back; with ``onward``, it is finished if refs moved already. What cannot
        be settled then is left to the next command.
        """
        if self._open is not None:
            if files:
                self.add(files)
            yield
            return
        with self.exclusive():
            name, number = self._doing()
            self._open = replace(
                _NOTHING,
                number=number,
                what=what or name,
                refs=refs or {},
                head=head,
                state=state,
                config=config or {},
                to=to,
            )
            try:
                if files is not None:
                    self.add(files)
                yield
            except BaseException as error:
                self._give_up(error, "auto" if onward else "back")
                raise
            else:
                self._clear()
            finally:
                self._open = None

    def add(self, files: Files) -> None:
        """Write down that these files are about to be written, each from what to what."""
        assert self._open is not None
        known = self._open.files
        merged = {**known, **{p: (known.get(p, pair)[0], pair[1]) for p, pair in files.items()}}
        if merged == known and self.path.exists():
            return
        self._open = replace(self._open, files=merged)
        with disk_errors(self.path):
            write_durably(self.path, _encode(self._open))

    # --- what was interrupted -----------------------------------------------------------------------------

    def find(self) -> Operation | None:
        """What is under way, or was when its process died; None for nothing."""
        try:
            return _decode(self.path.read_bytes())
        except FileNotFoundError:
            return None

    def ensure_settled(self) -> None:
        """Settle what was interrupted; what is still under way is waited for, for a while. Raises `Interrupted`."""
        if self._depth or not self.path.exists():
            return
        try:
            with self.exclusive():
                pass
        except StoreBusy:
            if not self._has_waited:
                self._notice(
                    "another process is at work on the working files: what follows may be half of it"
                )
            self._has_waited = True

    def leave(self, what: str, files: Files, refs: Mapping[RefName, Pair[ObjectId | None]]) -> None:
        """Write down what is to be done, for another one to settle."""
        with disk_errors(self.path):
            write_durably(self.path, _encode(replace(_NOTHING, what=what, files=files, refs=refs)))

    def settle(self, *, force: bool = False, quietly: bool = False) -> Operation | None:
        """Settle what was interrupted; with ``force`` whatever became of the files since. Gives it, None for nothing.

        Raises `StoreBusy` where its process is still at work, `Interrupted`.
        """
        with flocked(self._lock, busy=_BUSY):
            self._depth += 1
            try:
                return self._settle_left(force=force, quietly=quietly)
            finally:
                self._depth -= 1

    def _settle_left(self, *, force: bool = False, quietly: bool = False) -> Operation | None:
        found = self.find()
        if found is None:
            return None
        word = self._settle(found, "auto", force)
        self._clear()
        sweep(self._scratch)
        if quietly or not word:
            return found
        self._notice(f"{found.what or 'an operation'} was interrupted, and was {word} now")
        return found

    def _give_up(self, error: BaseException, direction: Direction) -> None:
        """Settle what this process could not do; the next command does where that fails too."""
        opened = self._open
        if opened is None or not self.path.exists():
            return  # nothing was begun
        try:
            self._settle(opened, direction, False)
            self._clear()
        except (PromptvcError, OSError):
            if isinstance(error, PromptvcError):
                error.unsettled = True

    def _clear(self) -> None:
        with disk_errors(self.path), suppress(FileNotFoundError):
            self.path.unlink()
            sync_folder(self.path.parent)

    def _leave(self) -> None:
        self._depth -= 1


def _encode(operation: Operation) -> bytes:
    value = {
        "n": operation.number,
        "what": operation.what,
        "files": {p: [entry_value(b), entry_value(a)] for p, (b, a) in operation.files.items()},
        "refs": operation.refs,
        "head": operation.head,
        "state": operation.state,
        "config": operation.config,
        "to": operation.to,
    }
    return seal(json.dumps(value).encode()) + b"\n"


def _decode(data: bytes) -> Operation:
    """Read back what `_encode` gave; an operation with the number -1 for anything else."""
    try:
        if is_damaged(data):
            raise ValueError("damaged")
        value: dict[str, Any] = json.loads(data)
        return replace(
            _NOTHING,
            number=int(value.get("n", 0)),
            what=str(value["what"]),
            files={RepoPath(p): (entry_of(b), entry_of(a)) for p, (b, a) in value["files"].items()},
            refs={RefName(n): (_id(b), _id(a)) for n, (b, a) in value["refs"].items()},
            head=tuple(value["head"]) if value["head"] else None,
            state=(_id(value["state"][0]), _id(value["state"][1])) if value["state"] else None,
            config={n: (tuple(b), tuple(a)) for n, (b, a) in value["config"].items()},
            to=value["to"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return replace(_NOTHING, number=-1)


def _id(value: str | None) -> ObjectId | None:
    return None if value is None else ObjectId(value)
