"""The operation log: what every change of refs and working files replaced, written down before it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import local
from typing import Any

from promptvc.errors import LogDamaged, PromptvcError
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.storage.objects import Signature
from promptvc.storage.refs import HEAD, PRIVATE, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.oplog.journal import Journal, Line
from promptvc.versioning.oplog.kept import Kept
from promptvc.versioning.oplog.operation import Operation, entry_value, read_operations, target_id
from promptvc.versioning.tree import FileEntry

KEEP_SECONDS, KEEP_COUNT = 90 * 86400, 1000
"""How long operations are remembered, and how many of them; `OperationLog.trim` drops the others."""

Keep = Callable[[int, Signature], None]
FileChanges = Mapping[RepoPath, tuple[FileEntry | None, FileEntry | None]]


@dataclass(slots=True)
class _Open:
    """The operation under way; its number is taken, and HEAD read, when it first changes something."""

    what: str
    number: int | None = None
    head: ObjectId | None = None


class OperationLog:
    """The operations of the store whose refs these are. ``who()`` says who does them, ``now()`` when.

    Each recording method is called right before its change is made: when it returns, the line is durable and what
    will be replaced is kept. A change outside of `operation` is one of its own.
    """

    def __init__(
        self, refs: Refs, store: ObjectStore, who: Callable[[], Signature], now: Callable[[], float]
    ) -> None:
        self._refs = Refs(refs.folder)  # which records nothing
        self._kept = Kept(store, self._refs)
        self._journal = Journal(refs.folder)
        self._who, self._now = who, now
        self._local = local()

    # --- operations ---------------------------------------------------------------------------------------

    @contextmanager
    def operation(self, what: str) -> Iterator[None]:
        """Let all changes until the end of the block be one operation; inside of another one they join that."""
        if self._open is not None:
            yield
            return
        opened = self._local.open = _Open(what)
        try:
            yield
            if opened.number is not None:
                # Not synced: after a power failure a whole operation may count as one that did not end, which is no
                # harm, for it is found to have changed something.
                with suppress(PromptvcError):
                    self._journal.append({"n": opened.number, "end": True}, durable=False)
        finally:
            self._local.open = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Record nothing: for what makes a store that was not there before."""
        before, self._local.silent = self._silent, True
        try:
            yield
        finally:
            self._local.silent = before

    def operations(self) -> list[Operation]:
        """Every operation that changed something, oldest first; raises `LogDamaged` where some cannot be read."""
        damaged = self._journal.damaged()
        if damaged:
            raise LogDamaged(self._journal.path, damaged[0])
        return self.readable()

    def readable(self) -> list[Operation]:
        """`operations`, without those that cannot be read."""
        return [each for each in read_operations(self._journal.lines()) if not each.is_empty]

    def first(self) -> int:
        """The number of the first operation that is remembered; 1 where there is none."""
        return min((line["n"] + ("trimmed" in line) for line in self._journal.lines()), default=1)

    def trim(self) -> None:
        """Drop operations that are old or too many, with what they kept; numbers go on as before."""
        oldest = int(self._now()) - KEEP_SECONDS
        dropped = 0

        def choose(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
            nonlocal dropped
            times = {line["n"]: line["time"] for line in lines if "time" in line}
            dropped = _last_dropped(times, oldest)
            if not dropped or dropped == next(iter(times)):
                return lines
            rest = [line for line in lines if line["n"] > dropped]
            return [{"n": dropped, "time": oldest, "trimmed": True}, *rest]

        self._journal.rewrite(choose)
        if dropped:
            self._kept.release(self._who(), dropped)

    def clear(self) -> None:
        """Drop all operations, with what they kept: nothing that was done so far can be undone."""
        last = self._journal.last_number()
        self._journal.rewrite(lambda lines: [{"n": last, "time": int(self._now()), "trimmed": True}])
        self._kept.release(self._who(), last)

    # --- recording ----------------------------------------------------------------------------------------

    def ref(self, name: RefName, before: ObjectId | None, after: ObjectId | None, reason: str) -> None:
        """A ref is about to move; None stands for absent."""
        if name.startswith(PRIVATE) or before == after:
            return

        def keep(number: int, who: Signature) -> None:
            self._kept.ref(number, before, after, who)

        self._record({"ref": name, "before": before, "after": after}, reason, keep)

    def head(self, before: str, after: str, reason: str) -> None:
        """HEAD is about to hold another text: the name of a branch's ref, or a commit."""
        if before == after:
            return

        def keep(number: int, who: Signature) -> None:
            new = target_id(after) or self._refs.read(RefName(after))
            self._kept.ref(number, target_id(before), new, who)

        self._record({"head": [before, after]}, reason, keep)

    def files(self, changes: FileChanges, what: str = "working files") -> None:
        """Working files are about to be written; what lies there now must be in the store already."""
        changed = {path: pair for path, pair in changes.items() if pair[0] != pair[1]}
        if not changed:
            return

        def keep(number: int, who: Signature) -> None:
            head = self._open.head if self._open else self._refs.read(HEAD)
            self._kept.files(number, {path: pair[0] for path, pair in changed.items()}, head, who)

        lines = {path: [entry_value(before), entry_value(after)] for path, (before, after) in changed.items()}
        self._record({"files": lines}, what, keep)

    def config(self, changes: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]], what: str) -> None:
        """Settings are about to change; an empty tuple stands for one that is not set."""
        changed = {name: [list(b), list(a)] for name, (b, a) in changes.items() if b != a}
        if changed:
            self._record({"config": changed}, what)

    def state(self, before: ObjectId | None, after: ObjectId | None) -> None:
        """The merge under way is about to change; the ids are of the blobs that hold it, None where there is none."""
        if before == after:
            return

        def keep(number: int, who: Signature) -> None:
            for id in (before, after):  # no commit leads to either
                if id is not None:
                    self._kept.keep(number, id, who)

        self._record({"state": [before, after]}, "merge state", keep)

    def reached(self, number: int) -> None:
        """All that the undo under way had to change is changed: things are as they were right after that operation."""
        if self._open is not None and self._open.number is not None:
            self._journal.append({"n": self._open.number, "to": number})

    @property
    def doing(self) -> str:
        """What the operation under way is called; nothing where there is none."""
        return self._open.what if self._open else ""

    @property
    def lowest(self) -> int:
        """The lowest number that the operation under way has or can get."""
        known = self._open.number if self._open else None
        return self._journal.last_number() + 1 if known is None else known

    def withdraw(self, number: int) -> None:
        """An operation was taken back, or never did anything: it counts as never done."""
        self._journal.append({"n": number, "withdrawn": True})

    def void(self, name: RefName) -> None:
        """The move of a ref that was recorded last was not made."""
        number = self._open.number if self._open else getattr(self._local, "last", None)
        if number is not None and not self._silent and not name.startswith(PRIVATE):
            self._journal.append({"n": number, "void": True})

    # --- details ------------------------------------------------------------------------------------------

    @property
    def _open(self) -> _Open | None:
        found: _Open | None = getattr(self._local, "open", None)
        return found

    @property
    def _silent(self) -> bool:
        return bool(getattr(self._local, "silent", False))

    def _record(self, change: Line, reason: str, keep: Keep = lambda number, who: None) -> None:
        """Keep what will be replaced, then write the line."""
        if self._silent:
            return
        with self.operation(reason):
            open = self._open
            assert open is not None
            if open.number is None:
                open.number = self._begin(open, change, keep)
            else:
                keep(open.number, self._who())
                self._journal.append({"n": open.number, **change})
            self._local.last = open.number

    def _begin(self, open: _Open, change: Line, keep: Keep) -> int:
        who, open.head = self._who(), self._refs.read(HEAD)

        def make(number: int) -> list[Line]:
            self._kept.release_one(who, number)
            keep(number, who)
            name = f"{who.name} <{who.email}>"
            begin = {"n": number, "time": int(self._now()), "who": name, "what": open.what, "ends": True}
            return [begin, {"n": number, **change}]

        return self._journal.begin(make)


def _last_dropped(times: Mapping[int, int], oldest: int) -> int:
    """The number up to which operations go: all those before the first that is young, and what exceeds the count."""
    numbers = sorted(times)
    young = next((place for place, number in enumerate(numbers) if times[number] >= oldest), len(numbers))
    gone = numbers[: max(young, len(numbers) - KEEP_COUNT)]
    return gone[-1] if gone else 0
