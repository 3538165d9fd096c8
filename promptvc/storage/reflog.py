"""Git's reflogs: what a ref's values were, a line each (gitformat: ``OLD NEW WHO TIME ZONE<TAB>REASON``)."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from promptvc.ids import ObjectId
from promptvc.patterns import compiled
from promptvc.storage.files import cut_torn_line, sync_folder, write_all
from promptvc.storage.objects import Signature

ZERO = "0" * 40
"""Stands for "absent" in a reflog."""
_CHECKOUT = "checkout: moving from "
_LINE = compiled(rb"([0-9a-f]{40}) ([0-9a-f]{40}) ([^\x00]*?> -?\d+ [+-]\d{4})(?:\t(.*))?\Z", re.DOTALL)


class LogEntry(Struct, frozen=True):
    """One line of a reflog: the value before (None: absent) and after, who, when and why."""

    before: ObjectId | None
    after: ObjectId | None
    who: Signature
    reason: str


def checkout_reason(before: str, after: str) -> str:
    """What git's reflog of HEAD says of a move from one branch, or commit, to another."""
    return f"{_CHECKOUT}{before} to {after}"


def checkout_of(reason: str) -> tuple[str, str] | None:
    """From where to where a `checkout_reason` says that HEAD went; None for another reason."""
    if not reason.startswith(_CHECKOUT):
        return None
    before, _, after = reason.removeprefix(_CHECKOUT).partition(" to ")
    return before, after


def read_log(path: Path) -> list[LogEntry]:
    """The entries of a reflog, newest first; none where there is no log. Lines that cannot be read are left out."""
    return [entry for line in reversed(_lines(path)) if (entry := _parse(line)) is not None]


def damaged_lines(path: Path) -> list[int]:
    """The numbers, from 1, of the lines that cannot be read."""
    return [number for number, line in enumerate(_lines(path), 1) if _parse(line) is None]


def mapped_lines(path: Path, became: Mapping[str, str]) -> bytes:
    """A reflog that names the commits that others became, and none that are no more.

    A line stays where both of its values are in ``became``, as what became or what it became, or were absent.
    """
    known = {ZERO, *became.values()}
    kept = []
    for line in _lines(path):
        ids = [line[at : at + 40].decode("ascii", "replace") for at in (0, 41)]
        old, new = (became.get(id, id) for id in ids)
        if known.issuperset((old, new)):
            kept.append(f"{old} {new}".encode() + line[81:] + b"\n")
    return b"".join(kept)


def sound_lines(path: Path) -> bytes:
    """A reflog without the lines that cannot be read."""
    return b"".join(line + b"\n" for line in _lines(path) if _parse(line) is not None)


@contextmanager
def logged(path: Path, entry: LogEntry) -> Iterator[None]:
    """Add an entry, durably, for what the block does; it is taken out again where the block raises.

    A line that an earlier process did not finish is removed first: what it was to tell of was never done.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        size, line = cut_torn_line(handle), _encode(entry)
        try:
            write_all(handle, line)
            os.fsync(handle)
            if is_new:
                sync_folder(path.parent)
            yield
        except BaseException:
            with suppress(OSError):
                if os.fstat(handle).st_size <= size + len(line):  # nobody else added a line meanwhile
                    os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)


def _encode(entry: LogEntry) -> bytes:
    reason = " ".join(entry.reason.split("\n")).strip().replace("\0", "")
    ids = f"{entry.before or ZERO} {entry.after or ZERO} ".encode()
    return ids + entry.who.encode() + b"\t" + reason.encode("utf-8", "replace") + b"\n"


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return []
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # no ref can have this name
            return []
        raise


def _parse(line: bytes) -> LogEntry | None:
    match = _LINE.match(line)
    if match is None:
        return None
    ids = [None if id.decode() == ZERO else ObjectId(id.decode()) for id in match.group(1, 2)]
    return LogEntry(ids[0], ids[1], Signature.decode(match[3]), (match[4] or b"").decode("utf-8", "replace"))
