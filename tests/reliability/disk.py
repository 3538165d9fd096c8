"""A simulated disk: what it may hold after a power cut, from a trace of the calls that changed it.

What is promised by a disk here: what was written to a file before its fsync is there; a folder's names are as at its
last fsync or later, changed in their order. Nothing else is: unsynced data may be missing, zeros, or a part; names of
different folders may come in any order. ``ordered`` is kinder, as ext4 is: all names change in one order, and any
fsync keeps all changes of names before it.
"""

from __future__ import annotations

import os
import random
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_HEAD = struct.Struct("=c3xqq")
_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h


@dataclass(frozen=True, slots=True)
class Call:
    """One call that changed the disk; ``op`` is a letter of shim.c's trace."""

    op: str
    a: int
    b: int
    path: str
    other: str
    data: bytes


def read_trace(path: Path) -> list[Call]:
    """The calls that the shim wrote down."""
    return list(_calls(path.read_bytes()))


def _calls(data: bytes) -> Iterator[Call]:
    at = 0
    while at + 4 <= len(data):
        (size,) = struct.unpack_from("=I", data, at)
        frame = data[at + 4 : at + 4 + size]
        op, a, b = _HEAD.unpack_from(frame)
        path, place = _text(frame, _HEAD.size)
        other, place = _text(frame, place)
        yield Call(op.decode(), a, b, path, other, frame[place:])
        at += 4 + size


def _text(frame: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("=I", frame, at)
    return os.fsdecode(frame[at + 4 : at + 4 + size]), at + 4 + size


@dataclass(slots=True, eq=False)
class File:
    """A file: what is surely on the disk, and what was written since, as (offset, bytes) or a new size."""

    durable: bytes = b""
    mode: int = 0o644
    link: str | None = None
    pending: list[tuple[int, bytes] | int] = field(default_factory=list)

    def after(self, count: int) -> bytearray:
        """The bytes once so many of the pending writes are done."""
        data = bytearray(self.durable)
        for write in self.pending[:count]:
            if isinstance(write, int):
                del data[write:]
                data.extend(bytes(write - len(data)))
            else:
                at, part = write
                data.extend(bytes(max(0, at - len(data))))
                data[at : at + len(part)] = part
        return data

    def sync(self) -> None:
        """All that was written is on the disk."""
        self.durable, self.pending = bytes(self.after(len(self.pending))), []

    def drawn(self, draw: random.Random) -> bytes:
        """What the file may hold after a power cut."""
        if not self.pending:
            return self.durable
        match draw.choice(("all", "none", "zeros", "part", "part")):
            case "all":
                return bytes(self.after(len(self.pending)))
            case "none":
                return self.durable
            case "zeros":
                data, old = self.after(len(self.pending)), self.durable
                return old[: len(data)] + bytes(max(0, len(data) - len(old)))
            case _:
                data = self.after(draw.randrange(len(self.pending) + 1))
                added = len(data) - len(self.durable)
                return bytes(data[: len(data) - draw.randrange(added)] if added > 1 else data)


@dataclass(slots=True, eq=False)
class Change:
    """One name that a folder gets (or loses, for None). ``only_with`` is a change that must have been made before."""

    number: int
    name: str
    node: File | Folder | None
    only_with: Change | None = None
    kept: bool = False


@dataclass(slots=True, eq=False)
class Folder:
    """A folder: the names that are surely on the disk, and the changes since."""

    parent: Folder | None = None
    mode: int = 0o755
    durable: dict[str, File | Folder] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)
    now: dict[str, File | Folder] = field(default_factory=dict)

    def change(self, change: Change) -> None:
        """Give a name to a node, or take it away."""
        self.pending.append(change)
        _apply(self.now, change)

    def sync(self) -> None:
        """All names so far are on the disk, and the folder itself is."""
        self._settle(len(self.pending))
        if self.parent is not None:
            self.parent._keep(self)

    def _settle(self, count: int) -> None:
        """So many of the changes are on the disk."""
        for change in self.pending[:count]:
            _apply(self.durable, change)
            change.kept = True
        del self.pending[:count]

    def _keep(self, child: Folder) -> None:
        """A child that was synced is found again: the change that named it is on the disk, with those before."""
        for place, change in enumerate(self.pending):
            if change.node is child:
                self._settle(place + 1)
                break
        if self.parent is not None:
            self.parent._keep(self)


class Disk:
    """The folder ``root`` on a disk, as a trace changes it."""

    def __init__(self, root: str, before: Path) -> None:
        self.root, self.top, self._number = root, _load(before, None), 0
        self._synced = 0

    def apply(self, call: Call) -> None:
        """Do what a call did; what lies outside is left out."""
        if call.op == "r":
            self._rename(call)
            return
        if call.op == "l":
            node = self._node(call.path)
            self._name(call.other, node)
            return
        if call.op == "c":
            self._name(call.path, File(mode=call.b & 0o777 & ~0o022))
        elif call.op == "y":
            self._name(call.path, File(link=call.other))
        elif call.op == "m":
            folder, _ = self._place(call.path)
            self._name(call.path, Folder(parent=folder))
        elif call.op in "ud":
            self._name(call.path, None)
        else:
            self._inside(call)

    def _inside(self, call: Call) -> None:
        node = self._node(call.path)
        if call.op == "s" and node is not None:
            self._synced = self._number
            node.sync()
        if not isinstance(node, File):
            return
        if call.op == "w":
            node.pending.append((call.a, call.data))
        elif call.op == "t":
            node.pending.append(call.a)
        elif call.op == "o" and call.a:
            node.pending.append(0)
        elif call.op == "a":
            node.mode = call.a & 0o777

    def _rename(self, call: Call) -> None:
        moved, replaced = self._node(call.path), self._node(call.other)
        if moved is None:
            return
        if isinstance(moved, Folder):
            moved.parent, _ = self._place(call.other)
        added = self._name(call.other, moved)
        self._number -= 1  # both names change at once
        self._name(call.path, replaced if call.a & _EXCHANGE else None, only_with=added)

    def _name(self, path: str, node: File | Folder | None, only_with: Change | None = None) -> Change | None:
        folder, name = self._place(path)
        if folder is None:
            return None
        self._number += 1
        change = Change(self._number, name, node, only_with)
        folder.change(change)
        return change

    def _place(self, path: str) -> tuple[Folder | None, str]:
        """The folder that a path is in, and its name there."""
        if not path.startswith(self.root + "/"):
            return None, ""
        *parents, name = [part for part in path[len(self.root) + 1 :].split("/") if part not in ("", ".")]
        folder: Folder = self.top
        for part in parents:
            inner = folder.now.get(part)
            if not isinstance(inner, Folder):
                return None, ""
            folder = inner
        return folder, name

    def _node(self, path: str) -> File | Folder | None:
        folder, name = self._place(path)
        return folder.now.get(name) if folder is not None else (self.top if path == self.root else None)

    def write(self, target: Path, draw: random.Random, *, ordered: bool) -> None:
        """Write what the disk may hold after a power cut now; ``ordered`` as the module says."""
        upto = draw.choice((self._synced, self._number, draw.randint(self._synced, self._number)))
        made: set[int] = set()
        for folder in _folders(self.top, set()):
            last = upto if ordered else _drawn_last(folder, draw)
            made.update(id(change) for change in folder.pending if change.number <= last)
        _write(self.top, target, draw, made)


def _folders(folder: Folder, seen: set[int]) -> Iterator[Folder]:
    """Every folder that is there, or was."""
    if id(folder) in seen:
        return
    seen.add(id(folder))
    yield folder
    nodes = [*folder.durable.values(), *folder.now.values(), *(change.node for change in folder.pending)]
    for node in nodes:
        if isinstance(node, Folder):
            yield from _folders(node, seen)


def _drawn_last(folder: Folder, draw: random.Random) -> int:
    """The number of the last change of a folder that is on the disk: often that of none, or of all."""
    numbers = [0, *(change.number for change in folder.pending)]
    return draw.choice((0, numbers[-1], draw.choice(numbers)))


def _write(folder: Folder, target: Path, draw: random.Random, made: set[int]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    names = dict(folder.durable)
    for change in folder.pending:
        other = change.only_with
        if id(change) in made and (other is None or other.kept or id(other) in made):
            _apply(names, change)
    for name, node in sorted(names.items()):
        place = target / name
        if isinstance(node, Folder):
            _write(node, place, draw, made)
        elif node.link is not None:
            place.symlink_to(node.link)
        else:
            place.write_bytes(node.drawn(draw))
            place.chmod(node.mode | 0o200)


def _apply(names: dict[str, File | Folder], change: Change) -> None:
    if change.node is None:
        names.pop(change.name, None)
    else:
        names[change.name] = change.node


def _load(source: Path, parent: Folder | None) -> Folder:
    folder = Folder(parent)
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(info.st_mode):
            folder.now[entry.name] = File(link=os.readlink(entry.path))
        elif stat.S_ISDIR(info.st_mode):
            folder.now[entry.name] = _load(Path(entry.path), folder)
        else:
            folder.now[entry.name] = File(Path(entry.path).read_bytes(), info.st_mode & 0o777)
    folder.durable = dict(folder.now)
    return folder
