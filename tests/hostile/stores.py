"""Stores that nobody would make: objects written byte by byte, whatever they claim."""

from __future__ import annotations

import struct
import zlib
from hashlib import sha1
from pathlib import Path

from promptvc.ids import ObjectId
from promptvc.repo import Repo
from promptvc.storage.objects import Kind, object_id
from promptvc.surroundings import surroundings
from promptvc.versioning.ropes.marker import MARKER, MARKER_ID

WORLD = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}
HEADERS = b"author Ada <a@b> 1 +0000\ncommitter Ada <a@b> 1 +0000\npromptvc-format 1\n"


class HostileStore:
    """A project whose store is written to by hand."""

    def __init__(self, root: Path) -> None:
        self.root, self.store = root, root / ".promptvc"
        Repo.init(root, surroundings(WORLD))

    def open(self) -> Repo:
        """The project, opened anew."""
        return Repo.open(self.root, surroundings(WORLD))

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        """A loose object."""
        id = object_id(kind, data)
        self.put_raw(id, zlib.compress(kind.label + b" %d\0" % len(data) + data, 1))
        return id

    def put_raw(self, id: ObjectId, stored: bytes) -> None:
        """The bytes of a loose object's file."""
        path = self.store / "objects" / id[:2] / id[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(stored)

    def tree(self, *entries: tuple[bytes, bytes, ObjectId]) -> ObjectId:
        """A tree of (mode, name, id)."""
        return self.put(
            Kind.TREE, b"".join(b"%s %s\0%s" % (mode, name, id.raw) for mode, name, id in entries)
        )

    def commit(self, tree: ObjectId) -> ObjectId:
        """A commit of a tree, on main."""
        return self.commit_raw(b"tree %s\n" % tree.encode() + HEADERS + b"\nmessage\n")

    def commit_raw(self, data: bytes) -> ObjectId:
        """A commit of any bytes, on main."""
        id = self.put(Kind.COMMIT, data)
        (self.store / "refs/heads").mkdir(parents=True, exist_ok=True)
        (self.store / "refs/heads/main").write_text(f"{id}\n")
        return id

    def table(self, root: ObjectId) -> ObjectId:
        """A commit with one table, ``examples/t.jsonl``."""
        return self.commit(self.tree((b"40000", b"examples", self.tree((b"40000", b"t.jsonl", root)))))

    def rope(self, levels: int, children: int, chunk: bytes = b'{"id": 1}\n' * 900) -> ObjectId:
        """A table of so many levels, in which every node has the same child so many times."""
        self.put(Kind.BLOB, MARKER)
        node, mode = self.put(Kind.BLOB, chunk), b"100644"
        for _ in range(levels - 1):
            node, mode = self.tree(*((mode, b"%03d" % n, node) for n in range(children))), b"40000"
        marked = (b"100644", b".rope", MARKER_ID)
        return self.table(self.tree(marked, *((mode, b"%03d" % n, node) for n in range(children))))


def header(number: int, size: int) -> bytes:
    """The header of an object in a pack: its type number, and the size that it claims."""
    byte, size = number << 4 | size & 15, size >> 4
    made = b""
    while size:
        made += bytes([byte | 0x80])
        byte, size = size & 0x7F, size >> 7
    return made + bytes([byte])


def number(value: int) -> bytes:
    """A number as deltas have it."""
    made = b""
    while value >= 0x80:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def pack(*objects: bytes, count: int | None = None) -> bytes:
    """A pack that ends in its own checksum."""
    data = b"PACK\0\0\0\2" + struct.pack(">I", len(objects) if count is None else count) + b"".join(objects)
    return data + sha1(data).digest()


def blob(data: bytes) -> bytes:
    """A blob in a pack."""
    return header(3, len(data)) + zlib.compress(data)


def delta(base: bytes, instructions: bytes) -> bytes:
    """A delta in a pack, on a blob of these bytes."""
    return header(7, len(instructions)) + object_id(Kind.BLOB, base).raw + zlib.compress(instructions)
