"""The journal of operations: a file of JSON Lines, to which processes append by turns, each line made durable."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from promptvc.patterns import compiled
from promptvc.storage.files import cut_torn_line, disk_errors, sync_folder, write_all, write_durably
from promptvc.storage.locks import flocked
from promptvc.storage.sealed import is_damaged, seal

_BEGIN = compiled(rb'^\{"n":(\d+),"time":', re.MULTILINE)
_BLOCK = 4 << 10

Line = Mapping[str, Any]


class Journal:
    """The file ``promptvc/operations`` of a store at ``folder``. Lines that cannot be read count as absent."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "promptvc" / "operations"

    def lines(self) -> list[dict[str, Any]]:
        """Every line that can be read, oldest first; none where there is no journal."""
        return [line for raw in self._raw_lines() if (line := _parse(raw)) is not None]

    def damaged(self) -> list[int]:
        """The numbers, from 1, of the lines that do not fit their checksum, or are no JSON.

        A last line without an end is none: its writer was stopped, and what it was to tell of was not done.
        """
        return [number for number, raw in enumerate(self._raw_lines(), 1) if raw and _parse(raw) is None]

    def drop_damaged(self) -> None:
        """Take the damaged lines out."""
        with self._locked():
            write_durably(
                self.path, b"".join(raw + b"\n" for raw in self._raw_lines() if _parse(raw) is not None)
            )

    def append(self, *lines: Line, durable: bool = True) -> None:
        """Add lines behind the last one; they are durable when this returns, unless they need not be."""
        with self._locked():
            self._append(lines, durable=durable)

    def begin(self, make: Callable[[int], list[Line]]) -> int:
        """Take the next number and add the lines that ``make(number)`` gives; gives the number.

        The first of them has the time behind its number, by which it is found again.
        """
        with self._locked():
            number = self.last_number() + 1
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
        with flocked(self.path.with_name("operations.lock")), disk_errors(self.path):
            yield

    def _raw_lines(self) -> list[bytes]:
        try:
            return self.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []

    def _append(self, lines: tuple[Line, ...] | list[Line], *, durable: bool = True) -> None:
        fresh = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            size = cut_torn_line(handle)
            try:
                write_all(handle, b"".join(map(_encode, lines)))
                if durable:
                    os.fsync(handle)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        if fresh:
            sync_folder(self.path.parent)

    def last_number(self) -> int:
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
        line = None if is_damaged(raw) else json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or not isinstance(line.get("n"), int):
        return None
    line.pop("_check", None)
    return line


def _encode(line: Line) -> bytes:
    return seal(json.dumps(line, separators=(",", ":")).encode()) + b"\n"
