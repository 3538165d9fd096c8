"""A command that is killed: run in a child process, which ends itself at one of the calls that change the disk."""

from __future__ import annotations

import builtins
import io
import os
import signal
import traceback
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

CALLS = (
    "replace",
    "rename",
    "unlink",
    "remove",
    "rmdir",
    "mkdir",
    "fsync",
    "link",
    "symlink",
    "write",
    "pwrite",
    "truncate",
    "ftruncate",
    "chmod",
)
"""The functions of ``os`` that change the disk; files opened for writing count too."""


def run_killed(act: Callable[[], object], at: int, *, after: bool) -> bool:
    """Run in a child that kills itself at its ``at``-th change of the disk, before or after making it.

    A write that is killed writes half of its bytes. Gives whether it was killed; else it came to its end.
    """
    child = os.fork()
    if child == 0:
        status = 70
        try:
            _Killer(at, after).patch()
            act()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, how = os.waitpid(child, 0)
    assert os.WIFSIGNALED(how) or os.waitstatus_to_exitcode(how) == 0, "the child failed by itself"
    return os.WIFSIGNALED(how)


class _Killer:
    def __init__(self, at: int, after: bool) -> None:
        self._left, self._after = at, after

    def patch(self) -> None:
        """Count every change from here on; never taken back, for this process will not live long."""
        for name in CALLS:
            patch.object(
                os, name, self._counting(getattr(os, name), torn=name in ("write", "pwrite"))
            ).start()
        opens = self._counting_opens(io.open)
        patch.object(io, "open", opens).start()
        patch.object(builtins, "open", opens).start()

    def _counting(self, call: Callable[..., Any], *, torn: bool) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                if torn:
                    data = memoryview(args[1])
                    call(args[0], data[: len(data) // 2], *args[2:])
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return call(*args, **kwargs)
            finally:
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        return counted

    def _counting_opens(self, call: Callable[..., Any]) -> Callable[..., Any]:
        counted = self._counting(call, torn=False)

        def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            changes = any(letter in mode for letter in "wax+")
            return (counted if changes else call)(file, mode, *args, **kwargs)

        return opened
