"""Refs: branches, tags, remote-tracking refs and HEAD, moved by compare-and-swap, with git's reflogs."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from promptvc.errors import RefMoved
from promptvc.ids import ObjectId, RefName
from promptvc.storage.files import disk_errors, sync_folder, write_durably
from promptvc.storage.git import ZERO, swap_ref
from promptvc.storage.objects import Signature

HEAD = RefName("HEAD")
PRIVATE = "refs/promptvc/"
"""Below this are refs of our own, which are never listed, sent or recorded with the others."""
_ID = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a reflog: the value before (None: absent) and after, who, when and why."""

    before: ObjectId | None
    after: ObjectId | None
    who: Signature
    reason: str


class RefRecorder(Protocol):
    """Is told of each change right before it is made; see `versioning.oplog`."""

    def ref(self, name: RefName, before: ObjectId | None, after: ObjectId | None, reason: str) -> None:
        """A ref moves; None stands for absent."""

    def head(self, before: str, after: str, reason: str) -> None:
        """HEAD will hold another ref's name, or another commit."""

    def void(self, name: RefName) -> None:
        """The change that was told last was not made."""


class Refs:
    """The refs of a git repository at ``folder``. ``recorder()`` gives what is told of changes."""

    def __init__(self, folder: Path, recorder: Callable[[], RefRecorder] | None = None) -> None:
        self._folder, self._recorder = folder, recorder

    @property
    def folder(self) -> Path:
        """Where the repository is."""
        return self._folder

    def head(self) -> RefName | ObjectId:
        """What HEAD holds: the current branch's ref, or a commit when detached."""
        text = (self._folder / "HEAD").read_text().strip()
        return RefName(text[5:].strip()) if text.startswith("ref:") else ObjectId(text)

    def read(self, name: RefName) -> ObjectId | None:
        """The value of a ref, symbolic ones followed; None when it does not exist."""
        for _ in range(5):
            text = self._read_loose(name)
            if text is None:
                return self._packed().get(name)
            if not text.startswith("ref:"):
                return ObjectId(text) if _ID.match(text) else None
            name = RefName(text[5:].strip())
        return None

    def find(self, prefix: str = "refs/") -> dict[RefName, ObjectId]:
        """Every ref below a prefix and its value, sorted by name; our private ones only if the prefix names them."""
        found = {name: id for name, id in self._packed().items() if name.startswith(prefix)}
        base = self._folder / prefix
        for path in base.rglob("*") if base.is_dir() else ():
            if path.is_file() and not path.name.endswith(".lock"):
                name = RefName(path.relative_to(self._folder).as_posix())
                id = self.read(name)
                if id is not None:
                    found[name] = id
        hidden = not prefix.startswith(PRIVATE)
        return {name: id for name, id in sorted(found.items()) if not (hidden and name.startswith(PRIVATE))}

    def move(
        self, name: RefName, expected: ObjectId | None, new: ObjectId | None, who: Signature, reason: str
    ) -> None:
        """Compare-and-swap a ref; None stands for "absent", so that moving to None deletes.

        This is the one instant at which a write becomes visible. Raises `RefMoved` when the ref does not hold
        ``expected``.
        """
        with disk_errors(self._folder):
            if not self._swap(name, expected, new, reason):
                raise RefMoved(name, expected, self.read(name))
            path = self._folder / name
            if new is None:
                self._forget(path)
            else:
                sync_folder(path.parent)
                self._log(name, LogEntry(expected, new, who, reason))

    def set_head(self, target: RefName | ObjectId, who: Signature, reason: str) -> None:
        """Point HEAD at a branch, or at a commit (detached)."""
        before = self.read(HEAD)
        after = target if isinstance(target, ObjectId) else self.read(target)
        text = f"ref: {target}\n" if isinstance(target, RefName) else f"{target}\n"
        if self._recorder is not None:
            self._recorder().head(str(self.head()), str(target), reason)
        with disk_errors(self._folder):
            write_durably(self._folder / "HEAD", text.encode())
            if before is not None or after is not None:
                self._append_log(HEAD, LogEntry(before, after, who, reason))

    def log(self, name: RefName) -> list[LogEntry]:
        """The reflog of a ref, newest first; empty where git keeps none."""
        try:
            lines = (self._folder / "logs" / name).read_bytes().splitlines()
        except OSError:
            return []
        return [entry for line in reversed(lines) if (entry := _parse_log(line)) is not None]

    def _swap(self, name: RefName, expected: ObjectId | None, new: ObjectId | None, reason: str) -> bool:
        """Have the change recorded, then make it; False where the ref holds another value."""
        if self._recorder is None or name.startswith(PRIVATE):
            return swap_ref(self._folder, name, expected, new)
        if self.read(name) != expected:  # which spares recording what is not going to be made
            return False
        recorder, target = self._recorder(), self.head() if name == HEAD else name
        if isinstance(target, RefName):
            recorder.ref(target, expected, new, reason)
        else:
            recorder.head(str(target), str(new), reason)
        try:
            done = swap_ref(self._folder, name, expected, new)
        except Exception:
            recorder.void(name)
            raise
        if not done:
            recorder.void(name)
        return done

    def _read_loose(self, name: RefName) -> str | None:
        try:
            return (self._folder / name).read_text(errors="replace").strip()
        except OSError:
            return None

    def _packed(self) -> dict[RefName, ObjectId]:
        try:
            lines = (self._folder / "packed-refs").read_text(errors="replace").splitlines()
        except OSError:
            return {}
        pairs = (line.split(" ", 1) for line in lines if line[:1] not in ("#", "^", ""))
        return {RefName(name): ObjectId(id) for id, name in pairs}

    def _log(self, name: RefName, entry: LogEntry) -> None:
        """Log a move where git would: not for tags, nor our own; for HEAD too when it stands on this branch."""
        if name.startswith(("refs/tags/", PRIVATE)):
            return
        self._append_log(name, entry)
        if name != HEAD and self.head() == name:
            self._append_log(HEAD, entry)

    def _append_log(self, name: RefName, entry: LogEntry) -> None:
        path = self._folder / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        reason = entry.reason.replace("\n", " ").strip()
        ids = f"{entry.before or ZERO} {entry.after or ZERO} ".encode()
        with path.open("ab") as out:
            out.write(ids + entry.who.encode() + b"\t" + reason.encode("utf-8", "replace") + b"\n")

    def _forget(self, path: Path) -> None:
        """Drop the log of a deleted ref, and folders left empty, which would block a ref of their name."""
        log = self._folder / "logs" / path.relative_to(self._folder)
        for file in (path, log):
            with suppress(OSError):
                if file == log:
                    file.unlink()
            folder = file.parent
            while folder.name not in ("heads", "tags", "remotes", "refs", "logs"):
                try:
                    folder.rmdir()
                except OSError:
                    break
                folder = folder.parent


def _parse_log(line: bytes) -> LogEntry | None:
    head, _, reason = line.partition(b"\t")
    before, after = head[:40].decode("ascii", "replace"), head[41:81].decode("ascii", "replace")
    if not _ID.match(before) or not _ID.match(after):
        return None
    ids = [None if id == ZERO else ObjectId(id) for id in (before, after)]
    return LogEntry(ids[0], ids[1], Signature.decode(head[82:]), reason.decode("utf-8", "replace"))
