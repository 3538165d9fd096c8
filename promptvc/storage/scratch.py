"""Half-made files of a store: in one folder, named for their process, swept when it is dead."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = "promptvc/tmp"
"""Below the store's own folder, on one file system with what the files become."""
ABANDONED = 86400.0
"""Age in seconds from which a half-made file counts as left over, whoever made it."""


def scratch_folder(store: Path) -> Path:
    """Where the half-made files of the store at a folder are."""
    return store / FOLDER


def scratch_name(folder: Path, kind: str) -> Path:
    """A name that no other process takes: ``KIND-PID-RANDOM``."""
    return folder / f"{kind}-{os.getpid()}-{os.urandom(8).hex()}"


@contextmanager
def durable_scratch(folder: Path, data: bytes) -> Iterator[Path]:
    """A file that holds these bytes durably, to be renamed; one that was not is removed at the block's end."""
    folder.mkdir(parents=True, exist_ok=True)
    path = scratch_name(folder, "new")
    try:
        with path.open("xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        yield path
    finally:
        with suppress(OSError):
            path.unlink()


def sweep(folder: Path) -> int:
    """Remove what dead processes left here; gives how many files."""
    count = 0
    with suppress(FileNotFoundError):
        for path in list(folder.iterdir()):
            with suppress(OSError):
                if _is_abandoned(path):
                    path.unlink()
                    count += 1
    return count


def _is_abandoned(path: Path) -> bool:
    parts = path.name.rsplit("-", 2)
    if len(parts) == 3 and parts[1].isdigit() and not is_running(int(parts[1])):
        return True
    return time.time() - path.lstat().st_mtime > ABANDONED


def is_running(pid: int) -> bool:
    """Whether a process of this host has this number."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
