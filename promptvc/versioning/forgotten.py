"""The list of what was forgotten: ids of blobs that must not come back, and which of their bytes were taken out.

It is the ref ``refs/promptvc/forgotten``: a commit whose tree holds the list. It has ids, numbers and hashes only,
nothing of what was forgotten. ``refs/promptvc/applied`` is the list that this store was last cleaned by. Lists only
grow: two are merged by joining their lines. Like any ref it is sent and fetched; docs/format.md is the specification.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import astuple

from promptvc.errors import Advice, ObjectDamaged
from promptvc.ids import ObjectId, RefName
from promptvc.storage.objects import FILE, Kind, Signature, TreeEntry, encode_tree
from promptvc.storage.refs import PRIVATE, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import write_commit
from promptvc.versioning.history import History
from promptvc.versioning.links import links

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter

FORGOTTEN, APPLIED = RefName(f"{PRIVATE}forgotten"), RefName(f"{PRIVATE}applied")
_LIST, _ROW = "list", "row"
_GONE = "-"
Cuts = tuple[tuple[int, int], ...]
"""Which bytes of a blob were taken out: each from where to where, in order, none touching the next."""


class RowMark(Struct, frozen=True, order=True):
    """A row that was forgotten, wherever its table stands in a chunk: the table, its key fields, and a hash of its key.

    ``hash`` is the SHA-256 of ``salt`` and the key's values as JSON: see `mark_hash`. ``field`` is the one field that
    was forgotten of it, ``""`` for the whole row.
    """

    path: str
    fields: tuple[str, ...]
    field: str
    salt: str
    hash: str


def mark_hash(salt: str, values: Sequence[object]) -> str:
    """The hash of a key: ``sha256(salt + JSON array of the values, compact, in ASCII)``."""
    text = salt + json.dumps(list(values), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Forgotten(Struct, frozen=True):
    """What was forgotten: blobs, and the bytes of each that were taken out (None: any file that has it goes); rows.

    As text a line for each: ``ID 120-340,900-1010``, or ``ID -``; ``ID`` alone where the bytes are not known; and
    ``row ["PATH",["FIELD",…],"FIELD","SALT","HASH"]`` for a row.
    """

    cuts: Mapping[ObjectId, Cuts | None] = field(default_factory=dict)
    rows: frozenset[RowMark] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.cuts or self.rows)

    def joined(self, other: Forgotten) -> Forgotten:
        """Both lists in one."""
        made = {**self.cuts, **other.cuts}
        for id in self.cuts.keys() & other.cuts.keys():
            ours, theirs = self.cuts[id], other.cuts[id]
            made[id] = None if ours is None or theirs is None else joined_cuts([*ours, *theirs])
        return Forgotten(made, self.rows | other.rows)

    def encode(self) -> bytes:
        """The list as text, its lines sorted."""
        lines = [f"{id} {_cuts_text(cuts)}".rstrip() for id, cuts in self.cuts.items()]
        lines += [f"{_ROW} {json.dumps(astuple(row), separators=(',', ':'))}" for row in self.rows]
        return "".join(f"{line}\n" for line in sorted(lines)).encode()

    @classmethod
    def decode(cls, text: bytes) -> Forgotten:
        """Read what `encode` gave; raises `ObjectDamaged`."""
        try:
            lines = [line.partition(" ") for line in text.decode("ascii").splitlines()]
            cuts = {_id(id): _cuts(rest) for id, _, rest in lines if id != _ROW}
            return cls(cuts, frozenset(_row(rest) for id, _, rest in lines if id == _ROW))
        except (ValueError, TypeError, RecursionError) as error:
            raise ObjectDamaged("the list of what was forgotten cannot be read", Advice("fsck")) from error


def joined_cuts(cuts: Iterable[tuple[int, int]]) -> Cuts:
    """Ranges in order, those that touch joined: ``[(5, 9), (0, 3), (2, 4)] -> ((0, 4), (5, 9))``."""
    made: list[tuple[int, int]] = []
    for start, end in sorted(cuts):
        if made and start <= made[-1][1]:
            start, end = made[-1][0], max(end, made.pop()[1])
        made.append((start, end))
    return tuple(made)


def _cuts_text(cuts: Cuts | None) -> str:
    return _GONE if cuts is None else ",".join(f"{start}-{end}" for start, end in cuts)


def _row(text: str) -> RowMark:
    path, fields, name, salt, hash = json.loads(text)
    if not all(isinstance(each, str) for each in (path, name, salt, hash, *fields)):
        raise ValueError(text)
    return RowMark(path, tuple(fields), name, salt, hash)


def _cuts(text: str) -> Cuts | None:
    if text == _GONE:
        return None
    pairs = [part.split("-") for part in text.split(",")] if text else []
    made = joined_cuts((int(start), int(end)) for start, end in pairs)
    if any(start >= end for start, end in made):
        raise ValueError(text)
    return made


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
    """Write a list; gives its commit."""
    tree = encode_tree([TreeEntry(FILE, _LIST, writer.add(Kind.BLOB, forgotten.encode()))])
    return write_commit(writer, writer.add(Kind.TREE, tree), tuple(dict.fromkeys(parents)), message, who, who)


def join_forgotten(store: ObjectStore, refs: Refs, tip: ObjectId, who: Signature) -> Forgotten:
    """Take over the list at a commit that came from elsewhere; gives what is forgotten now.

    Where it brings nothing that is not on the list here, the store stays as clean of the list as it was.
    """
    here, history = refs.read(FORGOTTEN), History(store)
    theirs = read_forgotten(store, tip)
    ours = Forgotten() if here is None else read_forgotten(store, here)
    if here is not None and (here == tip or history.is_ancestor(tip, here)):
        return ours
    both, new = ours.joined(theirs), tip
    with store.begin() as writer:
        if here is not None and not history.is_ancestor(here, tip):
            new = write_forgotten(writer, both, (here, tip), "Join what was forgotten", who)
            writer.finish()
        applied = refs.read(APPLIED)
        is_clean = applied == here if both == ours else not refs.find()  # a clone of what is clean
        if is_clean:
            refs.move(APPLIED, applied, new, who, "forgotten elsewhere")
        refs.move(FORGOTTEN, here, new, who, "forgotten elsewhere")
    return both


class Finder:
    """Finds which commits lead to forgotten objects. Most stores hold none of them, which is quickly seen."""

    def __init__(self, store: ObjectStore, forgotten: Forgotten) -> None:
        self._store = store
        self.ids = frozenset(id for id in forgotten.cuts if store.contains(id))
        self._clean: set[ObjectId] = set()

    def leads_there(self, tip: ObjectId) -> bool:
        """Whether anything that an object leads to was forgotten; what is missing leads nowhere."""
        if not self.ids:
            return False
        todo, seen = [tip], {tip}
        while todo:
            id = todo.pop()
            for child, leaf in links(self._store, id) if self._store.contains(id) else ():
                if child in self.ids:
                    return True
                if not leaf and child not in seen and child not in self._clean:
                    seen.add(child)
                    todo.append(child)
        self._clean |= seen
        return False


def _id(text: str) -> ObjectId:
    if len(text) != 40:
        raise ValueError(text)
    bytes.fromhex(text)
    return ObjectId(text)
