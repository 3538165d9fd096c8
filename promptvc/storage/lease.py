"""The lease on a store's objects: shared by writers until refs lead to what they wrote, held alone to drop any."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock

from promptvc.storage.locks import flocked

DRAIN = 10.0
"""Seconds for which who drops objects waits for the writers to finish; new ones wait meanwhile."""
TURN = 60.0
"""Seconds for which a writer waits for who drops objects."""


class Lease:
    """Two locked files, ``lease`` and ``lease.turn``, in a store's local folder; the end of a process frees them.

    An object that a writer reuses, or has written, is not removed before the writer's block ends, even if nothing
    leads to it yet. Nobody waits for ever: who wants the lease alone first closes the way for new writers.
    """

    def __init__(self, folder: Path) -> None:
        self._main, self._turn = folder / "lease", folder / "lease.turn"
        self._guard = Lock()
        self._holders = 0
        self._held = ExitStack()

    @property
    def is_held(self) -> bool:
        """Whether a writer of this process holds it."""
        return self._holders > 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold it as a writer; blocks may stand inside each other. Raises `StoreBusy` after `TURN` seconds."""
        with self._guard:
            if not self._holders:
                self._held = self._share()
            self._holders += 1
        try:
            yield
        finally:
            with self._guard:
                self._holders -= 1
                if not self._holders:
                    self._held.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold it while no writer does; raises `StoreBusy` where one does not finish within `DRAIN` seconds."""
        busy = "another process is writing to the store"
        with flocked(self._turn, patience=DRAIN, busy=busy), flocked(self._main, patience=DRAIN, busy=busy):
            yield

    def _share(self) -> ExitStack:
        stack = ExitStack()
        if not _is_writable(self._main.parent):
            return stack  # nor can anything be dropped there
        busy = "another process is collecting garbage in the store"
        with flocked(self._turn, shared=True, patience=TURN, busy=busy):
            stack.enter_context(flocked(self._main, shared=True, patience=TURN, busy=busy))
        return stack


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
