"""The journal of calls: every answer is on disk before it counts, even if the process is killed.

A folder of JSON Lines files, one per process, in the form of output rows. Nothing is removed from them: until it is
committed, an answer is stored nowhere else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

from promptvc.content.formats.base import Malformed
from promptvc.content.formats.jsonrow import parse_json
from promptvc.errors import DiskFull
from promptvc.storage.files import disk_errors, sync_folder, write_durably
from promptvc.storage.sealed import is_damaged, seal, sound_parts

SUFFIX = ".jsonl"


class Journal:
    """Appends lines to this process's own file. Thread-safe.

    Lines of threads that wait at the same time are written and synced together.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle: int | None = None
        self._pending: list[bytes] = []
        self._entered = self._durable = 0
        self._lost: tuple[int, Exception] | None = None
        self._entering, self._writing = Lock(), Lock()

    def add(self, row: bytes) -> None:
        """Append one row, a line of JSON; on return it is on disk, with a checksum. Raises `DiskFull`, …"""
        line = seal(row.removesuffix(b"\n")) + b"\n"
        with self._entering:
            self._pending.append(line)
            self._entered += 1
            number = self._entered
        with self._writing:
            if self._durable >= number:
                return  # another thread wrote it
            if self._lost is not None and number <= self._lost[0]:
                raise self._lost[1]  # another thread tried to write it and failed
            with self._entering:
                lines, self._pending = self._pending, []
                last = self._entered
            try:
                with disk_errors(self._folder):
                    self._write(b"".join(lines))
            except Exception as error:
                self._lost = (last, error)
                self.close()  # a partly written line ends that file; the next line starts a new one
                if isinstance(error, DiskFull):
                    error.hint = "free some space and run again: the answers so far are kept"
                raise
            self._durable = last

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _write(self, data: bytes) -> None:
        if self._handle is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"{time.time_ns():x}-{os.getpid()}{SUFFIX}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
            self._handle = os.open(self._folder / name, flags, 0o600)
            sync_folder(self._folder)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        os.fsync(self._handle)


def journal_files(folder: Path) -> list[Path]:
    """The files of a journal, oldest first."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
    except FileNotFoundError:
        return []


def sound_lines(path: Path, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """The rows from an offset on, each with its own offset.

    Of a damaged line it gives the intact parts: if the line end between two lines was damaged, both are found.
    """
    for offset, line in read_lines(path, start):
        if not _is_unsound(line):
            yield offset, line
            continue
        yield from ((offset + at, part) for at, part in sound_parts(line))


def damaged_lines(folder: Path) -> Iterator[tuple[Path, int]]:
    """Each damaged line of a journal: its file and its line number, from 1."""
    for path in journal_files(folder):
        number = end = 0
        for number, (start, line) in enumerate(read_lines(path), 1):
            end = start + len(line)
            if _is_unsound(line):
                yield path, number
        with path.open("rb") as file:
            file.seek(end)
            if b"\0" in file.read(
                1 << 20
            ):  # no line that a stopped process began, but what a power failure left
                yield path, number + 1


def drop_damaged(folder: Path) -> None:
    """Remove the damaged lines from a journal. The index of answers holds their offsets, so it is rebuilt."""
    (folder / "index.sum").unlink(missing_ok=True)
    for path in {path for path, _ in damaged_lines(folder)}:
        write_durably(path, b"".join(line.rstrip(b"\n") + b"\n" for _, line in sound_lines(path)))


def drop_lines(folder: Path, patterns: Sequence[bytes]) -> int:
    """Remove the lines that contain one of these patterns from a journal; returns how many. The index is rebuilt."""
    dropped = 0
    for path in journal_files(folder) if patterns and folder.is_dir() else ():
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not any(map(line.__contains__, patterns))]
        if len(kept) < len(lines):
            (folder / "index.sum").unlink(missing_ok=True)
            with disk_errors(path):
                write_durably(path, b"".join(kept))
            dropped += len(lines) - len(kept)
    return dropped


def _is_unsound(line: bytes) -> bool:
    return is_damaged(line) or isinstance(parse_json(line.strip()), Malformed)


def read_lines(path: Path, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """The lines from an offset on, each with its own offset, without an incomplete last line."""
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                return  # cut off, or still being written
            yield start, line
            start += len(line)
