"""The list of what was forgotten: ids of objects that must not come back, and what stands in their place.

It is the ref ``refs/promptvc/forgotten``: a commit whose tree holds the list and the blobs that it names. Lists only
grow: two are merged by joining their lines. Like any ref it is sent and fetched; docs/format.md is the specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from promptvc.errors import Advice, ObjectDamaged
from promptvc.ids import ObjectId, RefName
from promptvc.storage.objects import (
    FILE,
    FOLDER,
    SUBMODULE,
    Kind,
    Signature,
    TreeEntry,
    encode_tree,
    parse_commit,
    parse_tag,
    parse_tree,
)
from promptvc.storage.refs import PRIVATE, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import write_commit

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter

FORGOTTEN = RefName(f"{PRIVATE}forgotten")
_LIST, _WITH = "list", "with"
_GONE = "-"
Run = tuple[ObjectId, ...]
"""The chunks of a chunk run, or the blob of a small file."""


class Forgotten(Struct, frozen=True):
    """What was forgotten: ``ids`` of blobs, and what stands in the place of each run of them (None: the file goes).

    As text, a line ``ID ID`` or ``ID,ID… ID`` for each run, ``ID -`` for each blob of a file that goes, and ``ID`` for
    each other id.
    """

    ids: frozenset[ObjectId] = frozenset()
    replaced: Mapping[Run, ObjectId | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.ids)

    def joined(self, other: Forgotten) -> Forgotten:
        """Both lists in one."""
        return Forgotten(self.ids | other.ids, {**other.replaced, **self.replaced})

    def encode(self) -> bytes:
        """The list as text, its lines sorted."""
        files = {run[0] for run, new in self.replaced.items() if new is None}
        lines = [str(id) for id in self.ids - files]
        lines += [f"{','.join(run)} {new or _GONE}" for run, new in self.replaced.items()]
        return "".join(f"{line}\n" for line in sorted(lines)).encode()

    @classmethod
    def decode(cls, text: bytes) -> Forgotten:
        """Read what `encode` gave; raises `ObjectDamaged`."""
        ids: set[ObjectId] = set()
        replaced: dict[Run, ObjectId | None] = {}
        try:
            for line in text.decode("ascii").splitlines():
                run, blank, new = line.partition(" ")
                if blank:
                    replaced[tuple(map(_id, run.split(",")))] = None if new == _GONE else _id(new)
                if not blank or new == _GONE:
                    ids.add(_id(run))
        except ValueError as error:
            raise ObjectDamaged("the list of what was forgotten cannot be read", Advice("fsck")) from error
        return cls(frozenset(ids), replaced)


def load_forgotten(store: ObjectStore, refs: Refs) -> Forgotten:
    """The list of a store; an empty one where nothing was forgotten."""
    tip = refs.read(FORGOTTEN)
    return Forgotten() if tip is None else read_forgotten(store, tip)


def read_forgotten(store: ObjectStore, tip: ObjectId) -> Forgotten:
    """The list at a commit; raises `ObjectDamaged` where it holds none."""
    tree = store.load_tree(store.load_commit(tip).tree)
    found = next((entry.id for entry in tree if entry.name == _LIST), None)
    if found is None:
        raise ObjectDamaged(f"commit {tip.short} holds no list of what was forgotten", Advice("fsck"))
    return Forgotten.decode(store.read_blob(found))


def write_forgotten(
    writer: PackWriter, forgotten: Forgotten, parents: Iterable[ObjectId], message: str, who: Signature
) -> ObjectId:
    """Write a list, whose blobs are in the store or in the writer; gives its commit."""
    kept = {id for id in forgotten.replaced.values() if id is not None}
    entries = [TreeEntry(FILE, _LIST, writer.add(Kind.BLOB, forgotten.encode()))]
    if kept:
        below = encode_tree(TreeEntry(FILE, str(id), id) for id in kept)
        entries.append(TreeEntry(FOLDER, _WITH, writer.add(Kind.TREE, below)))
    return write_commit(
        writer, writer.add(Kind.TREE, encode_tree(entries)), tuple(dict.fromkeys(parents)), message, who, who
    )


def join_forgotten(store: ObjectStore, refs: Refs, tip: ObjectId, who: Signature) -> Forgotten:
    """Take over the list at a commit that came from elsewhere; gives what is forgotten now."""
    here = refs.read(FORGOTTEN)
    theirs = read_forgotten(store, tip)
    if here is None or here == tip:
        refs.move(FORGOTTEN, here, tip, who, "forgotten elsewhere")
        return theirs
    ours = read_forgotten(store, here)
    both = ours.joined(theirs)
    if both == ours:
        return ours
    if both == theirs:
        refs.move(FORGOTTEN, here, tip, who, "forgotten elsewhere")
        return theirs
    with store.begin() as writer:
        made = write_forgotten(writer, both, (here, tip), "Join what was forgotten", who)
        writer.finish()
        refs.move(FORGOTTEN, here, made, who, "forgotten elsewhere")
    return both


class Finder:
    """Finds which commits lead to forgotten objects. Most stores hold none of them, which is quickly seen."""

    def __init__(self, store: ObjectStore, forgotten: Forgotten) -> None:
        self._store = store
        self.ids = frozenset(id for id in forgotten.ids if store.contains(id))
        self._clean: set[ObjectId] = set()

    def leads_there(self, tip: ObjectId) -> bool:
        """Whether anything that an object leads to was forgotten; what is missing leads nowhere."""
        if not self.ids:
            return False
        todo, seen = [tip], {tip}
        while todo:
            id = todo.pop()
            for child, leaf in self._links(id):
                if child in self.ids:
                    return True
                if not leaf and child not in seen and child not in self._clean:
                    seen.add(child)
                    todo.append(child)
        self._clean |= seen
        return False

    def _links(self, id: ObjectId) -> list[tuple[ObjectId, bool]]:
        if not self._store.contains(id):
            return []
        kind, data = self._store.read(id)
        if kind is Kind.COMMIT:
            commit = parse_commit(data)
            return [(commit.tree, False), *((parent, False) for parent in commit.parents)]
        if kind is Kind.TREE:
            entries = [entry for entry in parse_tree(data) if entry.mode != SUBMODULE]
            return [(entry.id, not entry.is_folder) for entry in entries]
        return [(parse_tag(data).target, False)] if kind is Kind.TAG else []


def _id(text: str) -> ObjectId:
    if len(text) != 40:
        raise ValueError(text)
    bytes.fromhex(text)
    return ObjectId(text)
