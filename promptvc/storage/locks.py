"""Locks between processes: git's ``NAME.lock`` files, which a dead owner does not hold, and flock(2) with patience."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from promptvc.errors import StoreBusy
from promptvc.patterns import compiled
from promptvc.storage.files import disk_errors
from promptvc.storage.scratch import is_running, scratch_name

PATIENCE = 10.0
"""Seconds that a busy lock is waited for."""
STALE = 120.0
"""Age in seconds from which a lock file that git or another host left counts as abandoned."""
TORN = 1.0
"""Age in seconds from which a lock file that nobody has locked and that says nothing counts as abandoned."""
_OWNER = b"promptvc lock"
_GIT_TEXT = compiled(rb"[0-9a-f]{40}\s|ref: |# pack-refs|\s*[\[#;]")
"""How the files begin that git writes under the name of a lock: refs, packed-refs, config."""
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.03
_Made = TypeVar("_Made")


@contextmanager
def git_lock(path: Path, scratch: Path) -> Iterator[None]:
    """Hold ``path.lock``, which git and other processes respect, until the block ends.

    The lock names its owner and is held with flock(2) as well, so that one whose owner died on this host is taken over
    at once. ``scratch`` is a folder on the same file system for half-made files. Raises `StoreBusy` where a living
    owner keeps it, `NotADirectoryError` where the path cannot be.
    """
    lock = path.with_name(path.name + ".lock")
    handle = _acquire(lock, scratch)
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        os.close(handle)


@contextmanager
def flocked(
    path: Path, *, shared: bool = False, patience: float = PATIENCE, busy: str = "", hint: str = ""
) -> Iterator[None]:
    """Hold a file's flock until the block ends, or the process does; raises `StoreBusy` when patience ends.

    Whoever has waited longer asks more often, so that nobody waits for ever. Systems without flock(2) lock nothing.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        wait_for(lambda: _flock(handle, shared) is not False, patience, lambda: _busy(path, busy, hint))
        yield
    finally:
        os.close(handle)


def wait_for(ready: Callable[[], bool], patience: float, error: Callable[[], Exception]) -> None:
    """Ask until something is ready, with back-off at first and more often towards the end; raises ``error()``."""
    began, pause = time.monotonic(), _FIRST_PAUSE
    while not ready():
        waited = time.monotonic() - began
        if waited >= patience:
            raise error()
        time.sleep(pause * os.urandom(1)[0] / 255)
        pause = (
            min(pause * 2, _LONGEST_PAUSE) if waited < 1 else max(_FIRST_PAUSE, _LONGEST_PAUSE / (1 + waited))
        )


def _flock(handle: int, shared: bool = False) -> bool | None:
    """Lock an open file until it is closed: whether that was had; None where there are no locks."""
    try:
        import fcntl  # not on Windows

        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # a network file system may have none
        return None
    return True


def _acquire(lock: Path, scratch: Path) -> int:
    """Make the lock file, whole and locked from its first moment; gives its handle."""
    scratch.mkdir(parents=True, exist_ok=True)
    made = scratch_name(scratch, "lock")
    handle = _own_file(made)
    try:
        _wait_to_make(lock, lambda: os.link(made, lock))
    except OSError as error:
        os.close(handle)
        if error.errno not in _NO_LINKS:
            raise
        # Without hard links, a kill may leave a lock that only its age shows.
        return _wait_to_make(lock, lambda: _own_file(lock))
    except BaseException:
        os.close(handle)
        raise
    finally:
        with suppress(OSError):
            made.unlink()
    return handle


def _wait_to_make(lock: Path, make: Callable[[], _Made]) -> _Made:
    """Make a lock file as soon as no living owner keeps it."""
    made: list[_Made] = []

    def ready() -> bool:
        try:
            made.append(make())
        except FileExistsError:
            _take_over(lock)
        except FileNotFoundError:
            lock.parent.mkdir(parents=True, exist_ok=True)
        return bool(made)

    wait_for(ready, PATIENCE, lambda: _busy(lock))
    return made[0]


def _own_file(path: Path) -> int:
    """A new file that is locked and says whose it is."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        _flock(handle)
        os.write(handle, b"%s %d %s\n" % (_OWNER, os.getpid(), _host()))
    except BaseException:
        os.close(handle)
        with suppress(OSError):
            path.unlink()
        raise
    return handle


def _take_over(lock: Path) -> None:
    """Remove a lock file whose owner is dead."""
    try:
        handle = os.open(lock, os.O_RDWR)
    except OSError:
        return
    try:
        info, text = os.fstat(handle), os.read(handle, 300)
        words = text.split()
        is_ours = (
            words[:2] == _OWNER.split() and words[2:3] != [] and words[2].isdigit() and words[3:] == [_host()]
        )
        # A power failure may leave the name of a lock without its text; git's are without it for an instant only.
        is_torn = not _GIT_TEXT.match(text) and not (words[:2] == _OWNER.split() and text.endswith(b"\n"))
        if not is_ours and time.time() - info.st_mtime <= (TORN if is_torn else STALE):
            return
        free = _flock(handle)
        if free is False or (free is None and is_ours and is_running(int(words[2]))):
            return
        # It may have been taken over, and locked anew, since it was opened: then the name is another file's.
        with suppress(OSError):
            if lock.stat().st_ino == info.st_ino:
                lock.unlink()
    finally:
        os.close(handle)


def _host() -> bytes:
    name = os.uname().nodename if hasattr(os, "uname") else ""
    return b"-".join(name.encode("utf-8", "replace").split()) or b"-"


def _busy(path: Path, what: str = "", hint: str = "") -> StoreBusy:
    if what:
        return StoreBusy(what, hint or "try again when it has ended")
    return StoreBusy(f"{path} is held by another process", "if none is running, delete this file")
