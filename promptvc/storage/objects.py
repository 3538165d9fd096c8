"""Git's object encodings: trees, commits and tags as values, and the names of objects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from hashlib import sha1
from typing import NamedTuple

from msgspec import Struct

from promptvc.errors import Advice, ObjectDamaged
from promptvc.ids import ObjectId
from promptvc.patterns import compiled

FILE, EXECUTABLE, LINK, FOLDER, SUBMODULE = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000
EMPTY_TREE = ObjectId("4b825dc642cb6eb9a060e54bf8d69288fbee4904")

MOST_TREE, MOST_COMMIT = 64 << 20, 8 << 20
"""Bytes of a tree, and of a commit or tag, that are read; git makes none that are nearly as long."""

_ID = compiled(r"[0-9a-f]{40}")
_SIGNATURE = compiled(rb"([^<\n]*?) ?<([^<>\n]*)>(?: (-?\d{1,18}) ([+-]\d{4}))?")
_LINKS = compiled(
    rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author [^\n]*\n"
    rb"committer [^<>\n]*<[^<>\n]*> (\d{1,10}) [+-]\d{4}\n"
)
"""The beginning of nearly every commit."""
_NO_TEXT = frozenset(("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"))
"""Encodings of Python's own that no message is in; some take time that grows with the square of the length."""


class Kind(IntEnum):
    """The type numbers of gitformat-pack(5)."""

    COMMIT = 1
    TREE = 2
    BLOB = 3
    TAG = 4

    @property
    def label(self) -> bytes:
        """The word in the object header: ``b"blob"``."""
        return _LABELS[self]


_LABELS = {kind: kind.name.lower().encode() for kind in Kind}


class TreeEntry(Struct, frozen=True):
    """One line of a tree: a git mode, a name and the object it names."""

    mode: int
    name: str
    id: ObjectId

    @property
    def is_folder(self) -> bool:
        """Whether the entry names another tree."""
        return self.mode == FOLDER


class Signature(Struct, frozen=True):
    """Who and when: name, address, seconds since 1970 and minutes east of UTC."""

    name: str
    email: str
    time: int
    offset: int = 0

    def encode(self) -> bytes:
        """``Ada <ada@example.com> 1700000000 +0100``."""
        name, email = (re.sub(r"[<>\n\x00]", "", part).strip() for part in (self.name, self.email))
        sign, minutes = ("-" if self.offset < 0 else "+"), abs(self.offset)
        return f"{name} <{email}> {self.time} {sign}{minutes // 60:02d}{minutes % 60:02d}".encode(
            "utf-8", "replace"
        )

    @classmethod
    def decode(cls, line: bytes) -> Signature:
        """Read what git wrote; odd lines give what can be read of them."""
        match = _SIGNATURE.match(line)
        if match is None:
            return cls(line.decode("utf-8", "replace"), "", 0)
        name, email, time, zone = match.groups()
        minutes = 0
        if zone:
            minutes = int(zone[1:3]) * 60 + int(zone[3:5])
            minutes = -minutes if zone[:1] == b"-" else minutes
        return cls(name.decode("utf-8", "replace"), email.decode("utf-8", "replace"), int(time or 0), minutes)


class Commit(Struct, frozen=True):
    """A commit: a tree, its parents, who, when and why. ``extra`` holds further headers, in order."""

    tree: ObjectId
    parents: tuple[ObjectId, ...]
    author: Signature
    committer: Signature
    message: str
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.strip().split("\n", 1)[0]

    def header(self, name: str) -> str | None:
        """The first extra header of this name."""
        return next((value for key, value in self.extra if key == name), None)


class TagObject(Struct, frozen=True):
    """An annotated tag."""

    target: ObjectId
    kind: Kind
    name: str
    tagger: Signature | None
    message: str


def object_id(kind: Kind, data: bytes) -> ObjectId:
    """The SHA-1 name that git gives to these bytes."""
    return ObjectId(raw_id(kind, data).hex())


def raw_id(kind: Kind, data: bytes) -> bytes:
    """`object_id` as 20 bytes."""
    digest = sha1(b"%s %d\0" % (kind.label, len(data)), usedforsecurity=False)
    digest.update(data)
    return digest.digest()


def encode_tree(entries: Iterable[TreeEntry]) -> bytes:
    """The bytes of a tree, entries in git's order (folders as if their names ended in ``/``)."""
    ordered = sorted(entries, key=_tree_order)
    return b"".join(
        b"%o %s\0%s" % (e.mode, e.name.encode("utf-8", "surrogateescape"), e.id.raw) for e in ordered
    )


def _tree_order(entry: TreeEntry) -> bytes:
    name = entry.name.encode("utf-8", "surrogateescape")
    return name + b"/" if entry.mode == FOLDER else name


def parse_tree(data: bytes) -> list[TreeEntry]:
    """The entries of a tree, in its order; raises `ObjectDamaged` when the bytes are no tree."""
    entries, at, end = [], 0, len(data)
    _need_at_most(MOST_TREE, "tree", data)
    try:
        while at < end:
            space = data.index(b" ", at)
            zero = data.index(b"\0", space)
            mode = int(data[at:space], 8)
            name = data[space + 1 : zero].decode("utf-8", "surrogateescape")
            at = zero + 21
            entries.append(TreeEntry(mode, name, ObjectId(data[zero + 1 : at].hex())))
    except ValueError as error:
        raise ObjectDamaged("a tree object cannot be read", Advice("fsck")) from error
    return entries


def linked_ids(kind: Kind, data: bytes) -> list[bytes]:
    """The 20-byte ids of the objects that a tree, commit or tag of ours needs, submodules left out."""
    if kind is Kind.TREE:
        found, at = [], 0
        while at < len(data):
            zero = data.index(b"\0", at)
            if not data.startswith(b"160000 ", at):
                found.append(data[zero + 1 : zero + 21])
            at = zero + 21
        return found
    if kind is Kind.BLOB:
        return []
    head = data.partition(b"\n\n")[0].split(b"\n")
    links = (line.split(b" ", 1) for line in head if line.startswith((b"tree ", b"parent ", b"object ")))
    return [bytes.fromhex(id.decode()) for _, id in links]


def encode_commit(commit: Commit) -> bytes:
    """The bytes of a commit object; the message ends in a line end, as git's own do."""
    lines = [b"tree " + commit.tree.encode()]
    lines += [b"parent " + parent.encode() for parent in commit.parents]
    lines += [b"author " + commit.author.encode(), b"committer " + commit.committer.encode()]
    lines += [f"{key} {value}".replace("\n", "\n ").encode() for key, value in commit.extra]
    message = commit.message.replace("\0", "").strip("\n") + "\n"
    return b"\n".join(lines) + b"\n\n" + message.encode("utf-8", "replace")


def parse_commit(data: bytes) -> Commit:
    """Read a commit object; raises `ObjectDamaged` when tree, author or committer is missing, or an id is none."""
    _need_at_most(MOST_COMMIT, "commit", data)
    headers, message = _split_headers(data)
    found: dict[str, bytes] = {}
    parents, extra = [], []
    for key, value in headers:
        if key == "parent":
            parents.append(ObjectId(value.decode("ascii", "replace")))
        elif key in ("tree", "author", "committer"):
            found[key] = value
        else:
            extra.append((key, value.decode("utf-8", "replace")))
    if len(found) < 3 or not all(map(_ID.fullmatch, [found["tree"].decode("ascii", "replace"), *parents])):
        raise ObjectDamaged("a commit object cannot be read", Advice("fsck"))
    encoding = next((value for key, value in extra if key == "encoding"), "utf-8")
    return Commit(
        ObjectId(found["tree"].decode("ascii", "replace")),
        tuple(parents),
        Signature.decode(found["author"]),
        Signature.decode(found["committer"]),
        _decode(message, encoding),
        tuple(extra),
    )


class CommitLinks(NamedTuple):
    """What walks need of a commit: its tree, its parents, and when it was committed."""

    tree: ObjectId
    parents: tuple[ObjectId, ...]
    time: int


def commit_links(data: bytes) -> CommitLinks | None:
    """What `parse_commit` would have, of a commit that is written as nearly all are; None of another one."""
    match = _LINKS.match(data) if len(data) <= MOST_COMMIT else None
    if match is None or b"\nparent " in data[match.end() - 1 :]:
        return None
    parents = tuple(ObjectId(line[7:].decode()) for line in match[2].splitlines())
    return CommitLinks(ObjectId(match[1].decode()), parents, int(match[3]))


def encode_tag(tag: TagObject) -> bytes:
    """The bytes of an annotated tag object."""
    lines = [b"object " + tag.target.encode(), b"type " + tag.kind.label, b"tag " + tag.name.encode()]
    lines += [b"tagger " + tag.tagger.encode()] if tag.tagger else []
    return b"\n".join(lines) + b"\n\n" + (tag.message.strip("\n") + "\n").encode("utf-8", "replace")


def parse_tag(data: bytes) -> TagObject:
    """Read an annotated tag object; raises `ObjectDamaged` when it names no object."""
    _need_at_most(MOST_COMMIT, "tag", data)
    headers, message = _split_headers(data)
    found = dict(headers)
    try:
        kind = Kind[found["type"].decode().upper()]
        target = ObjectId(found["object"].decode())
        if not _ID.fullmatch(target):
            raise ValueError("no id")
    except (KeyError, ValueError) as error:
        raise ObjectDamaged("a tag object cannot be read", Advice("fsck")) from error
    tagger = Signature.decode(found["tagger"]) if "tagger" in found else None
    return TagObject(
        target, kind, found.get("tag", b"").decode("utf-8", "replace"), tagger, _decode(message, "utf-8")
    )


def _split_headers(data: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """Headers and message; a header line that begins with a space continues the one before."""
    head, _, message = data.partition(b"\n\n")
    headers: list[tuple[str, list[bytes]]] = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and headers:
            headers[-1][1].append(line[1:])
        else:
            name, _, value = line.partition(b" ")
            headers.append((name.decode("utf-8", "replace"), [value]))
    return [(name, b"\n".join(lines)) for name, lines in headers], message


def _decode(message: bytes, encoding: str) -> str:
    try:
        known = encoding.lower().replace("-", "_") not in _NO_TEXT
        return message.decode(encoding if known else "utf-8", "replace")
    except (LookupError, ValueError):  # of a name with a zero byte, and of codecs that cannot replace
        return message.decode("utf-8", "replace")


def _need_at_most(most: int, what: str, data: bytes) -> None:
    if len(data) > most:
        raise ObjectDamaged(f"a {what} of {len(data)} bytes; at most {most} are read", Advice("fsck"))
