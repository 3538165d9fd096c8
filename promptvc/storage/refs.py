"""Refs: branches, tags, remote-tracking refs and HEAD, moved by compare-and-swap, with git's reflogs."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Protocol

from promptvc.errors import DiskFailed, InvalidName, PromptvcError, RefDamaged, RefMoved, UnknownRevision
from promptvc.ids import ObjectId, RefName
from promptvc.patterns import compiled
from promptvc.storage.files import disk_errors, sync_folder
from promptvc.storage.locks import git_lock
from promptvc.storage.objects import Signature
from promptvc.storage.packedrefs import PackedRefs
from promptvc.storage.reflog import LogEntry, logged, read_log
from promptvc.storage.scratch import durable_scratch, scratch_folder

__all__ = ["HEAD", "PRIVATE", "LogEntry", "RefRecorder", "Refs"]

HEAD = RefName("HEAD")
PRIVATE = "refs/promptvc/"
"""Below this are refs of our own, which are never listed, sent or recorded with the others."""
_ID = compiled(r"[0-9a-f]{40}\Z")
_SYMBOLIC = compiled(r"ref: ?(refs/[^\x00-\x20\x7f~^:?*\[\\]+)\Z")
_KEPT_FOLDERS = ("heads", "tags", "remotes", "refs", "logs")


class RefRecorder(Protocol):
    """Is called with each change right before it is made; see `versioning.oplog`."""

    def ref(self, name: RefName, before: ObjectId | None, after: ObjectId | None, reason: str) -> None:
        """A ref moves; None stands for absent."""

    def head(self, before: str, after: str, reason: str) -> None:
        """HEAD will hold another ref's name, or another commit."""

    def void(self, name: RefName) -> None:
        """The change that was reported last was not made."""


class Refs:
    """The refs of a git repository at ``folder``. ``recorder()`` gives what records changes.

    ``guard(id)`` is the block in which a ref is moved to an object: it raises where the object is not there, and keeps
    it there meanwhile.
    """

    def __init__(
        self,
        folder: Path,
        recorder: Callable[[], RefRecorder] | None = None,
        guard: Callable[[ObjectId], AbstractContextManager[None]] = lambda id: nullcontext(),
    ) -> None:
        self._folder, self._recorder, self._guard = folder, recorder, guard
        self._packed_refs = PackedRefs(folder)
        self._scratch = scratch_folder(folder)

    @property
    def folder(self) -> Path:
        """Where the repository is."""
        return self._folder

    @property
    def packed(self) -> PackedRefs:
        """The refs in packed-refs."""
        return self._packed_refs

    # --- reading ------------------------------------------------------------------------------------------

    def head(self) -> RefName | ObjectId:
        """What HEAD holds: the current branch's ref, or a commit when detached; raises `RefDamaged`."""
        found = self._value(HEAD)
        if found is None:
            raise self._damaged(HEAD, "is missing")
        return found

    def current(self) -> ObjectId | None:
        """The commit that HEAD leads to; None before the first one.

        Raises `RefDamaged` also where HEAD names a branch that is not there although HEAD was on a commit before and
        other branches exist: then HEAD, or that branch, was lost.
        """
        found = self.read(HEAD)
        branch = self.head() if found is None else None
        if isinstance(branch, RefName) and self._is_lost(branch):
            raise self._damaged(HEAD, f"names the branch {branch.short}, which is not there")
        return found

    def need(self, name: RefName) -> ObjectId:
        """`read` of a ref that must be there; raises `UnknownRevision`."""
        found = self.read(name)
        if found is None:
            raise UnknownRevision(name.short)
        return found

    def read(self, name: RefName) -> ObjectId | None:
        """The value of a ref, symbolic ones followed; None when it does not exist.

        Raises `RefDamaged` for one that exists and cannot be read, and for one that is lost: it is gone, but its log,
        which goes with a ref that is deleted, is there.
        """
        at = name
        for _ in range(5):
            found = self._value(at)
            if found is None and at != HEAD:
                found = self._packed_refs.values().get(at)
            if found is None:
                self._need_never_there(at)
            if not isinstance(found, RefName):
                return found
            at = found
        raise self._damaged(name, "leads in a circle")

    def find(self, prefix: str = "refs/") -> dict[RefName, ObjectId]:
        """Every ref below a prefix and its value, sorted by name; our private ones only if the prefix names them.

        Raises `RefDamaged` where one of them cannot be read.
        """
        found = {name: id for name, id in self._packed_refs.values().items() if name.startswith(prefix)}
        for name in {*self.loose(prefix), *_names_below(self._folder / "logs", prefix)}:
            id = self.read(name)
            if id is not None:
                found[name] = id
        hidden = not prefix.startswith(PRIVATE)
        return {name: id for name, id in sorted(found.items()) if not (hidden and name.startswith(PRIVATE))}

    def loose(self, prefix: str = "refs/") -> list[RefName]:
        """The refs below a prefix that are files of their own, whatever is in them."""
        return _names_below(self._folder, prefix)

    def log(self, name: RefName) -> list[LogEntry]:
        """The reflog of a ref, newest first; empty where git keeps none."""
        return read_log(self.log_file(name))

    def log_file(self, name: RefName) -> Path:
        """Where the reflog of a ref is, if it has one."""
        return self._folder / "logs" / name

    def logs(self) -> list[RefName]:
        """The refs that have a reflog, those that are gone too."""
        names = _names_below(self._folder / "logs", "refs/")
        return [HEAD, *names] if self.log_file(HEAD).exists() else names

    # --- moving -------------------------------------------------------------------------------------------

    def move(
        self, name: RefName, expected: ObjectId | None, new: ObjectId | None, who: Signature, reason: str
    ) -> None:
        """Compare-and-swap a ref; None stands for "absent", so that moving to None deletes.

        This is the one instant at which a write becomes visible. Raises `RefMoved` when the ref does not hold
        ``expected``, `InvalidName` when another ref is in the way (``a`` and ``a/b``); then nothing is changed.
        """
        with disk_errors(self._folder), self._guard(new) if new is not None else nullcontext():
            target = self._followed(name)
            with self._locked(target):
                found = self.read(target)
                if found != expected:
                    raise RefMoved(name, expected, found)
                if new is not None and found is None:
                    self._check_name(target)
                entry = LogEntry(expected, new, who, reason)
                with self._recorded(target, entry):
                    if new is None:
                        self._delete(target, entry)
                    elif found is None:
                        self._create(target, entry)
                    else:
                        with self._logged(target, entry):
                            self._put(target, f"{new}\n")
                # From here on it is done, logged and recorded, also where the disk fails to make it durable.
                _sync(self._folder / target)
                if new is not None and found is not None:
                    # An older value there would count again if the ref's own file were lost.
                    with suppress(OSError, PromptvcError):
                        self._packed_refs.remove(target)

    def set_head(self, target: RefName | ObjectId, who: Signature, reason: str) -> None:
        """Point HEAD at a branch, or at a commit (detached)."""
        text = f"ref: {target}\n" if isinstance(target, RefName) else f"{target}\n"
        guard = self._guard(target) if isinstance(target, ObjectId) else nullcontext()
        with disk_errors(self._folder), guard, self._locked(HEAD):
            before = self.read(HEAD)
            after = target if isinstance(target, ObjectId) else self.read(target)
            entry = LogEntry(before, after, who, reason)
            is_unborn = before is None and after is None
            log = nullcontext() if is_unborn else logged(self.log_file(HEAD), entry)
            with self._recorded(HEAD, entry, str(target)), log:
                self._put(HEAD, text)
            _sync(self._folder / HEAD)

    def force(self, name: RefName, text: str) -> None:
        """Write what a ref, or HEAD, holds, whatever is there: for repairs only."""
        with disk_errors(self._folder), self._locked(name):
            self._put(name, f"{text}\n")
            _sync(self._folder / name)

    def write_log(self, name: RefName, lines: bytes) -> None:
        """Replace a reflog."""
        path = self.log_file(name)
        # Not beside it: half of it would be the log of another ref.
        with disk_errors(path), durable_scratch(self._scratch, lines) as made:
            made.replace(path)

    # --- details ------------------------------------------------------------------------------------------

    def _value(self, name: RefName) -> RefName | ObjectId | None:
        """What a ref's own file holds; None where there is none."""
        try:
            text = (self._folder / name).read_bytes().decode("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # no ref can have this name
                return None
            raise DiskFailed(
                f"{self._folder / name}: cannot be read ({error.strerror})", "check permissions, and the disk"
            ) from error
        text = text.rstrip(" \t\r\n")
        if _ID.match(text):
            return ObjectId(text)
        symbolic = _SYMBOLIC.match(text)
        if symbolic is None or (name == HEAD and not symbolic[1].startswith("refs/heads/")):
            raise self._damaged(name, "is empty" if not text.strip("\0") else "holds no commit and no ref")
        return RefName(symbolic[1])

    def _damaged(self, name: RefName, why: str) -> RefDamaged:
        last = next((entry.after for entry in self.log(name) if entry.after), None)
        return RefDamaged(name, self._folder / name, why, last)

    def _need_never_there(self, name: RefName) -> None:
        """Raise `RefDamaged` for a ref that is lost, and for HEAD, which is always there."""
        if name == HEAD:
            raise self._damaged(HEAD, "is missing")
        log = self.log(name)
        if log and log[0].after is not None:
            raise self._damaged(name, "is gone, but not its log")

    def _is_lost(self, branch: RefName) -> bool:
        log = self.log(HEAD)
        if not log or log[0].after is None:
            return False
        return any(self._value(name) for name in self.loose("refs/heads/")) or any(
            name.startswith("refs/heads/") for name in self._packed_refs.values()
        )

    def _followed(self, name: RefName) -> RefName:
        """The ref that a move of this one moves: HEAD's is that of its branch."""
        for _ in range(5):
            found = self._value(name)
            if not isinstance(found, RefName):
                break
            name = found
        return name

    @contextmanager
    def _locked(self, name: RefName) -> Iterator[None]:
        try:
            with git_lock(self._folder / name, self._scratch):
                yield
        except NotADirectoryError as error:
            raise _in_the_way(name) from error

    def _check_name(self, name: RefName) -> None:
        """Raise `InvalidName` where a ref is the folder of another."""
        place = self._folder / name
        if any(
            other.startswith(f"{name}/") or name.startswith(f"{other}/")
            for other in self._packed_refs.values()
        ):
            raise _in_the_way(name)
        if place.is_dir() and self.loose(f"{name}/"):
            raise _in_the_way(name)

    @contextmanager
    def _recorded(self, target: RefName, entry: LogEntry, head: str = "") -> Iterator[None]:
        """Have a change recorded before the block makes it; the record is void where the block raises.

        ``head`` is what HEAD will hold, where that is a ref's name.
        """
        held, head = (str(self.head()), head or str(entry.after)) if target == HEAD else ("", "")
        is_change = held != head or entry.before != entry.after
        if self._recorder is None or target.startswith(PRIVATE) or not is_change:
            yield
            return
        recorder = self._recorder()
        if target == HEAD:
            recorder.head(held, head, entry.reason)
        else:
            recorder.ref(target, entry.before, entry.after, entry.reason)
        try:
            yield
        except BaseException:
            with suppress(OSError, PromptvcError):
                recorder.void(target)
            raise

    @contextmanager
    def _logged(self, name: RefName, entry: LogEntry) -> Iterator[None]:
        """Log a move where git would: not for tags, nor our own; for HEAD too when it stands on this branch."""
        if name.startswith(("refs/tags/", PRIVATE)):
            yield
            return
        _clear_way(self.log_file(name))
        with_head = name != HEAD and self._value(HEAD) == name
        above = logged(self.log_file(HEAD), entry) if with_head else nullcontext()
        with above, logged(self.log_file(name), entry):
            yield

    def _put(self, name: RefName, text: str) -> None:
        path = self._folder / name
        with durable_scratch(self._scratch, text.encode()) as made:
            _clear_way(path)
            made.replace(path)

    def _create(self, name: RefName, entry: LogEntry) -> None:
        """Make a ref, then its log: a log without a ref would tell of one that was lost."""
        self._put(name, f"{entry.after}\n")
        try:
            sync_folder((self._folder / name).parent)  # a log must not outlive it in a power failure either
            with self._logged(name, entry):
                pass
        except BaseException:
            with suppress(OSError):
                (self._folder / name).unlink()
            raise

    def _delete(self, name: RefName, entry: LogEntry) -> None:
        """Delete a ref and its log; the log says so first, so that a ref that is gone is not taken for lost."""
        path, log = self._folder / name, self.log_file(name)
        with logged(log, entry) if log.is_file() else nullcontext():
            self._packed_refs.remove(name)
            path.unlink(missing_ok=True)
        with suppress(OSError):
            log.unlink(missing_ok=True)
        _remove_empty(log.parent)


def _names_below(folder: Path, prefix: str) -> list[RefName]:
    base = folder / prefix
    files = (path for path in (base.rglob("*") if base.is_dir() else ()) if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in files if not path.name.endswith(".lock"))
    return [RefName(name) for name in sorted(names)]


def _clear_way(path: Path) -> None:
    """Make room for a file: empty folders of its name go, and the logs of refs that are gone, whose folder it needs."""
    if path.is_dir():
        for folder in sorted((p for p in path.rglob("*") if p.is_dir()), reverse=True):
            folder.rmdir()
        path.rmdir()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        next(above for above in path.parents if above.is_file()).unlink()
        path.parent.mkdir(parents=True, exist_ok=True)


def _sync(path: Path) -> None:
    """Make the name of a ref durable, or that it is gone; its folder goes where it is left empty."""
    with suppress(FileNotFoundError):
        sync_folder(path.parent)
    _remove_empty(path.parent)


def _remove_empty(folder: Path) -> None:
    """Remove folders left empty, which would block a ref of their name."""
    while folder.name not in _KEPT_FOLDERS:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _in_the_way(name: RefName) -> InvalidName:
    return InvalidName(f"{name}: another ref is in the way", "a name cannot also be the folder of another")
