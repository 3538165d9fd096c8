"""The journal of operations: a file of JSON Lines, to which processes append by turns, each line made durable."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from promptvc.errors import StoreBusy
from promptvc.storage.files import disk_errors, sync_folder, write_durably

if sys.platform != "win32":  # there, appending in one write has to do
    import fcntl

PATIENCE = 10.0
"""Seconds for which a lock that another process holds is waited for."""
_BEGIN = re.compile(rb'^\{"n":(\d+),"time":', re.MULTILINE)
_BLOCK = 1 << 16

Line = Mapping[str, Any]


class Journal:
    """The file ``promptvc/operations`` of a store at ``folder``. Lines that cannot be read count as absent."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "promptvc" / "operations"

    def lines(self) -> list[dict[str, Any]]:
        """Every line that can be read, oldest first; none where there is no journal."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return []
        return [line for raw in data.split(b"\n") if (line := _parse(raw)) is not None]

    def append(self, *lines: Line) -> None:
        """Add lines behind the last one; they are durable when this returns."""
        with self._locked():
            self._append(lines)

    def begin(self, make: Callable[[int], list[Line]]) -> int:
        """Take the next number and add the lines that ``make(number)`` gives; gives the number.

        The first of them has the time behind its number, by which it is found again.
        """
        with self._locked():
            number = self._last_number() + 1
            self._append(make(number))
        return number

    def rewrite(self, choose: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        """Replace the lines by those chosen of them, at once; nothing is written where all are chosen."""
        if not self.path.exists():
            return
        with self._locked():
            before = self.lines()
            after = choose(before)
            if after != before:
                write_durably(self.path, b"".join(map(_encode, after)))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        folder = self.path.parent
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path.with_name("operations.lock"), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle, self.path)
            with disk_errors(self.path):
                yield
        finally:
            os.close(handle)  # which frees the lock

    def _append(self, lines: tuple[Line, ...] | list[Line]) -> None:
        fresh = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            try:
                _write_all(handle, (b"\n" if torn else b"") + b"".join(map(_encode, lines)))
                os.fsync(handle)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        if fresh:
            sync_folder(self.path.parent)

    def _last_number(self) -> int:
        """The highest number: operations begin in the order of their numbers, so that the last beginning has it."""
        try:
            handle = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            size, block = os.fstat(handle).st_size, _BLOCK
            while True:
                start = max(0, size - block)
                tail = os.pread(handle, size - start, start)
                if start:
                    tail = tail[tail.find(b"\n") + 1 :]  # what is cut off is no line
                found = _BEGIN.findall(tail)
                if found or not start:
                    return max(map(int, found), default=0)
                block *= 4
        finally:
            os.close(handle)


def _parse(raw: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and isinstance(line.get("n"), int) else None


def _encode(line: Line) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _lock(handle: int, path: Path) -> None:
    """Wait for the others; raises `StoreBusy` when one of them does not finish."""
    if sys.platform == "win32":
        return
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreBusy(f"{path} is held by another process", "try again when it is done") from None
            time.sleep(0.003)
        else:
            return
