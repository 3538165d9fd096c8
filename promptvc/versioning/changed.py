"""The paths that a commit changed as git sees them: the chunks inside a rope are files of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from promptvc.ids import ObjectId
from promptvc.storage.objects import EMPTY_TREE
from promptvc.storage.store import ObjectStore

Entries = dict[bytes, tuple[bytes, bytes]]
"""By name, the mode and the 20-byte id."""
_FOLDER = b"40000"


class ChangedPaths:
    """Compares trees; the entries of the last ones are remembered, which the next commit has too."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._known: dict[bytes, Entries] = {}

    def between(self, old: bytes | None, new: bytes, most: int) -> list[bytes] | None:
        """The files that differ between two trees, of which the first may be none; None where they are more."""
        found = list(islice(self._walk(old, new, b""), most + 1))
        return None if len(found) > most else found

    def _walk(self, old: bytes | None, new: bytes | None, prefix: bytes) -> Iterator[bytes]:
        before, after = self._entries(old), self._entries(new)
        for name in {**before, **after}:
            was, is_now = before.get(name), after.get(name)
            if was == is_now:
                continue
            path = prefix + name
            folders = [entry[1] if entry and entry[0] == _FOLDER else None for entry in (was, is_now)]
            if any(folders):
                yield from self._walk(folders[0], folders[1], path + b"/")
            if (was and not folders[0]) or (is_now and not folders[1]):
                yield path

    def _entries(self, tree: bytes | None) -> Entries:
        if tree is None:
            return {}
        if tree not in self._known:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known[tree] = _parse(self._read(tree))
        return self._known[tree]

    def _read(self, tree: bytes) -> bytes:
        id = ObjectId.from_raw(tree)
        return b"" if id == EMPTY_TREE else self._store.read_tree(id)


_REMEMBERED = 256


def _parse(data: bytes) -> Entries:
    found, at = {}, 0
    while at < len(data):
        space = data.index(b" ", at)
        zero = data.index(b"\0", space)
        found[data[space + 1 : zero]] = data[at:space], data[zero + 1 : zero + 21]
        at = zero + 21
    return found
