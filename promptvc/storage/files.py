"""Whole-file writes that are either durable or absent, and disk errors in plain words."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from promptvc.errors import Advice, DiskFailed, DiskFull, StoreReadOnly

_FAILED = (errno.EIO, errno.EREMOTEIO, errno.ENXIO, errno.ENODEV, errno.ESTALE)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
_BLOCK = 1 << 16
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD of fcntl.h, RENAME_EXCHANGE of linux/fs.h


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk says into `DiskFull`, `StoreReadOnly` or `DiskFailed`, which name the path."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(f"{path}: no space left on the disk", "free some space and try again") from error
        if error.errno in _READ_ONLY:
            raise StoreReadOnly(
                f"{path}: cannot be written ({os.strerror(error.errno)})",
                "check permissions and how the disk is mounted",
            ) from error
        if error.errno in _FAILED:
            raise DiskFailed(
                f"{path}: the disk failed ({os.strerror(error.errno)})",
                Advice("check-disk"),
            ) from error
        raise


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file by these bytes: fsync, rename, fsync of the folder."""
    with disk_errors(path):
        write_atomically(path, data, durable=True)
        sync_folder(path.parent)


def write_atomically(path: Path, data: bytes, *, durable: bool = False, scratch: Path | None = None) -> None:
    """Replace a file by these bytes, so that a reader sees the old ones or the new ones.

    They are first written in the folder ``scratch``, the file's own where none is given.
    """
    temporary = (scratch or path.parent) / f".{path.name}.{os.getpid()}.tmp"
    try:
        with temporary.open("wb") as out:
            out.write(data)
            if durable:
                out.flush()
                os.fsync(out.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def exchange(one: Path, other: Path) -> bool:
    """Let two files trade places in one step (Linux, renameat2(2)); gives whether the system can.

    Unlike a rename over a file, which makes ext4 allocate all of the new one at once, it only changes two names.
    """
    import ctypes  # for large files only

    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    return bool(rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)


def write_all(handle: int, data: bytes) -> None:
    """Write all the bytes, however many the system takes at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def cut_torn_line(handle: int) -> int:
    """Cut off a last line that has no end, whose writer was stopped; gives the size that is left."""
    size = end = os.fstat(handle).st_size
    while end:
        start = max(0, end - _BLOCK)
        found = os.pread(handle, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(handle, end)
    return end


def sync_folder(folder: Path) -> None:
    """Make renames in this folder durable (a rename is not, by itself: fsync(2))."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def signature(info: os.stat_result) -> tuple[int, int, int, int, int]:
    """What changes when a file's content does: size, times, number, mode."""
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_mode
