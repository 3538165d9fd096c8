"""The preloaded library that counts, stops and fails calls to the disk: built once, and asked through ctypes."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
MODES = {
    "kill-before": (2, 0),
    "kill-after": (3, 0),
    "tear": (4, 0),
    "full-once": (5, errno.ENOSPC),
    "full": (6, errno.ENOSPC),
    "eio-once": (5, errno.EIO),
    "eio": (6, errno.EIO),
}
"""What may happen at a call: (mode of the shim, the error that is given). Without ``-once`` it goes on failing."""
_COUNT = 1
FULL_DISK = frozenset("cwrlms")
"""The kinds of calls that a full disk refuses: create, write, rename, link, mkdir, sync."""


def why_not() -> str | None:
    """Why the shim cannot be used here; None where it can."""
    if not sys.platform.startswith("linux"):
        return "the preloaded library is for Linux"
    if _compiler() is None:
        return "there is no C compiler (cc)"
    return None


def build(folder: Path) -> Path:
    """Compile the library into a folder; gives its path."""
    compiler, target = _compiler(), folder / "shim.so"
    assert compiler is not None
    words = [compiler, "-shared", "-fPIC", "-O1", "-o", str(target), str(SOURCE), "-ldl", "-lpthread"]
    subprocess.run(words, check=True)
    return target


def points_of(mode: str, kinds: str) -> list[int]:
    """The calls, counted from 1, at which a mode does something of its own, for calls of these kinds."""
    numbers = range(1, len(kinds) + 1)
    if mode == "tear":
        return [n for n in numbers if kinds[n - 1] == "w"]
    if mode.startswith("full"):
        return [n for n in numbers if kinds[n - 1] in FULL_DISK]
    if mode == "kill-after":
        return list(numbers[-1:])  # after a call is before the next one
    return list(numbers)


class Shim:
    """The library as loaded into this very process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.pvc_arm.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_long, ctypes.c_int]
        self._library.pvc_kinds.restype = ctypes.c_char_p
        self._library.pvc_count.restype = self._library.pvc_failed.restype = ctypes.c_long

    def count(self, root: Path) -> None:
        """Count the calls below a folder from now on."""
        self._library.pvc_arm(os.fsencode(root), _COUNT, 0, 0)

    def arm(self, root: Path, mode: str, number: int) -> None:
        """Let something happen at a call below a folder."""
        how, error = MODES[mode]
        self._library.pvc_arm(os.fsencode(root), how, number, error)

    def disarm(self) -> str:
        """Stop watching; gives the kinds of the calls that there were, a letter each."""
        self._library.pvc_disarm()
        return bytes(self._library.pvc_kinds()).decode()

    def failed(self) -> int:
        """How many calls were given an error."""
        return int(self._library.pvc_failed())

    def trace(self, handle: int) -> None:
        """Write each call, with its data, to an open file."""
        self._library.pvc_trace(handle)

    def mark(self, text: str) -> None:
        """Put a note into the trace."""
        self._library.pvc_mark(text.encode())


def _compiler() -> str | None:
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
