"""Commits: written with our format's header, read with it checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from promptvc.errors import ObjectDamaged, ObjectMissing, UnknownRevision, UnsupportedFormat
from promptvc.ids import ObjectId
from promptvc.storage.objects import Commit, Kind, Signature, encode_commit
from promptvc.storage.store import ObjectStore

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter

FORMAT = 1
HEADER = "promptvc-format"
"""A header git carries along unread; it marks our commits, and the format of the trees below them."""
CODE_TRAILER = "Code-Commit"
"""The message trailer that names the commit of the code repository around the project."""


def write_commit(
    writer: PackWriter,
    tree: ObjectId,
    parents: tuple[ObjectId, ...],
    message: str,
    author: Signature,
    committer: Signature,
) -> ObjectId:
    """Write a commit in the current format."""
    made = Commit(tree, parents, author, committer, message, ((HEADER, str(FORMAT)),))
    return writer.add(Kind.COMMIT, encode_commit(made))


def read_commit(store: ObjectStore, id: ObjectId) -> Commit:
    """Read a commit; raises `UnsupportedFormat` for one of a newer format."""
    commit = store.load_commit(id)
    found = commit.header(HEADER)
    if found is not None and found != str(FORMAT):
        raise UnsupportedFormat(f"commit {id.short}", found, FORMAT)
    return commit


def is_ours(commit: Commit) -> bool:
    """Whether promptvc wrote the commit."""
    return commit.header(HEADER) is not None


def follow_tags(store: ObjectStore, id: ObjectId) -> tuple[list[ObjectId], ObjectId, Kind]:
    """(annotated tags on the way, what an id comes to, its kind); raises `ObjectMissing`, `ObjectDamaged`."""
    tags = []
    kind, _ = store.read(id)
    while kind is Kind.TAG:
        tags.append(id)
        id = store.load_tag(id).target
        kind, _ = store.read(id)
    return tags, id, kind


def peel(store: ObjectStore, id: ObjectId) -> ObjectId:
    """The commit that an id comes to through annotated tags; raises `UnknownRevision` when it is something else."""
    _, id, kind = follow_tags(store, id)
    if kind is not Kind.COMMIT:
        raise UnknownRevision(f"{id.short} (a {kind.name.lower()})")
    return id


def find_commit(store: ObjectStore, id: ObjectId) -> ObjectId | None:
    """`peel` for an id of any kind; None where it comes to no commit, or that cannot be read here."""
    try:
        return peel(store, id)
    except (UnknownRevision, ObjectMissing, ObjectDamaged):
        return None


def find_commits(store: ObjectStore, ids: Iterable[ObjectId]) -> list[ObjectId]:
    """The commits that ids of any kind come to, once each; those that `find_commit` does not find are left out."""
    return list(dict.fromkeys(found for id in ids if (found := find_commit(store, id)) is not None))


def with_trailer(message: str, name: str, value: str) -> str:
    """Add ``name: value`` in the trailer block at the message's end (git-interpret-trailers(1))."""
    text = message.rstrip("\n")
    last = text.rsplit("\n\n", 1)[-1]
    lines = last.split("\n")
    in_block = "\n\n" in text and all(": " in line and " " not in line.split(": ", 1)[0] for line in lines)
    return f"{text}{chr(10) if in_block else chr(10) * 2}{name}: {value}\n"


def trailer(message: str, name: str) -> str | None:
    """The value of the last trailer of this name."""
    for line in reversed(message.rstrip("\n").split("\n")):
        if line.startswith(f"{name}: "):
            return line[len(name) + 2 :]
    return None
