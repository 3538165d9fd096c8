"""What operations replaced, kept from git's own garbage collection by refs that nothing else shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from promptvc.errors import ObjectDamaged, ObjectMissing
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.storage.objects import Kind, Signature
from promptvc.storage.refs import PRIVATE, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import read_commit, write_commit
from promptvc.versioning.history import History
from promptvc.versioning.tree import FileEntry, load_files, write_tree

KEPT = f"{PRIVATE}kept/"
FAR = 2000
"""Commits that are looked at to find whether one descends from another; further ones are kept to be sure."""


class Kept:
    """The refs ``refs/promptvc/kept/NUMBER/COUNT``; each leads to what one change of that operation replaced."""

    def __init__(self, store: ObjectStore, refs: Refs) -> None:
        self._store, self._refs = store, refs

    def ref(self, number: int, before: ObjectId | None, after: ObjectId | None, who: Signature) -> None:
        """Keep the value that a ref loses, unless the new one leads to it."""
        if before is not None and self._store.contains(before) and not self._leads_to(after, before):
            self.keep(number, before, who)

    def files(
        self, number: int, files: Mapping[RepoPath, FileEntry | None], head: ObjectId | None, who: Signature
    ) -> None:
        """Keep what lay in the working files, in a commit of its own, where the commit that was current lacks it."""
        known = set(load_files(self._store, read_commit(self._store, head).tree).values()) if head else set()
        lacking = {p: e for p, e in files.items() if e is not None and e not in known}
        if lacking:
            with self._store.begin() as writer:
                tree = write_tree(writer, lacking)
                message = f"Working files that operation {number} replaced"
                id = write_commit(writer, tree, (), message, who, who)
                writer.finish()
            self.keep(number, id, who)

    def keep(self, number: int, id: ObjectId, who: Signature) -> None:
        """Let a ref lead to an object."""
        taken = self._refs.find(f"{KEPT}{number}/")
        if id in taken.values():
            return
        name = RefName(f"{KEPT}{number}/{len(taken) + 1}")
        self._refs.move(name, None, id, who, "kept")

    def release(self, who: Signature, last: int) -> None:
        """Release what operations up to the number ``last`` replaced."""
        for name, id in self._refs.find(KEPT).items():
            number = name.removeprefix(KEPT).partition("/")[0]
            if number.isdigit() and int(number) <= last:
                self._refs.move(name, id, None, who, "released")

    def release_one(self, who: Signature, number: int) -> None:
        """Release what was kept for an operation of this number that was stopped before it was written down."""
        for name, id in self._refs.find(f"{KEPT}{number}/").items():
            self._refs.move(name, id, None, who, "released")

    def _leads_to(self, new: ObjectId | None, old: ObjectId) -> bool:
        if new is None or self._store.read(old)[0] is not Kind.COMMIT:
            return False
        return old in islice(self._ancestors(new), FAR)

    def _ancestors(self, tip: ObjectId) -> Iterator[ObjectId]:
        try:
            yield from History(self._store).ancestors([tip])
        except (ObjectMissing, ObjectDamaged):  # not a commit, or one that a shallow clone lacks
            return
