"""History written again with other files: commits, trees and tags that differ get new ids, all others stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from promptvc.ids import ObjectId, RepoPath
from promptvc.patterns import compiled
from promptvc.storage.objects import FOLDER, SUBMODULE, Kind, TreeEntry, encode_tree, parse_commit, parse_tag
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import follow_tags
from promptvc.versioning.tree import FileEntry, as_file

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter

Edit = Callable[[RepoPath, FileEntry], FileEntry | None]
"""What a file becomes; None for one that goes. The same file gives the same again."""

_SIGNED = (b"gpgsig ", b"gpgsig-sha256 ")
_FULL_ID = compiled(rb"\b[0-9a-f]{40}\b")


class Rewriter:
    """Writes commits again, parents first. ``wanted(prefix)`` is false for folders in which nothing can change."""

    def __init__(
        self,
        store: ObjectStore,
        writer: PackWriter,
        edit: Edit,
        wanted: Callable[[str], bool] = lambda prefix: True,
    ) -> None:
        self._store, self._writer, self._edit, self._wanted = store, writer, edit, wanted
        self.commits: dict[ObjectId, ObjectId] = {}
        """Every commit that was met, and what it became."""
        self._trees: dict[tuple[str, ObjectId], ObjectId | None] = {}
        self._shallow = store.shallow()

    def tip(self, id: ObjectId) -> ObjectId:
        """What a ref's value becomes: a commit, or an annotated tag on one; anything else stays."""
        tags, target, kind = follow_tags(self._store, id)
        if kind is not Kind.COMMIT:
            return id
        made = self._commit(target)
        for tag in reversed(tags):
            made = self._tag(tag, made)
        return made

    def _commit(self, tip: ObjectId) -> ObjectId:
        todo = [tip]
        while todo:
            id = todo[-1]
            parents = () if id in self._shallow else parse_commit(self._store.read(id)[1]).parents
            lacking = [p for p in parents if p not in self.commits and self._store.contains(p)]
            if lacking and id not in self.commits:
                todo += lacking
                continue
            todo.pop()
            if id not in self.commits:
                self.commits[id] = self._one(id)
        return self.commits[tip]

    def _one(self, id: ObjectId) -> ObjectId:
        """One commit, whose parents are known; who, when and the message stay, a signature of what was goes."""
        _, data = self._store.read(id)
        commit = parse_commit(data)
        tree = self._tree(commit.tree, "") or self._writer.add(Kind.TREE, b"")
        new = {commit.tree: tree, **{p: self.commits.get(p, p) for p in commit.parents}}
        if all(before == after for before, after in new.items()):
            return id
        head, _, message = data.partition(b"\n\n")
        lines = [_link(line, new) for line in _unsigned(head.split(b"\n"))]
        message = _FULL_ID.sub(self._mention, message)
        return self._writer.add(Kind.COMMIT, b"\n".join(lines) + b"\n\n" + message)

    def _mention(self, found: re.Match[bytes]) -> bytes:
        """A commit that a message names, as "cherry picked from commit …" does."""
        id = ObjectId(found[0].decode())
        return self.commits.get(id, id).encode()

    def _tag(self, id: ObjectId, target: ObjectId) -> ObjectId:
        _, data = self._store.read(id)
        before = parse_tag(data).target
        if before == target:
            return id
        head, _, message = data.partition(b"\n\n")
        lines = [_link(line, {before: target}) for line in head.split(b"\n")]
        message = message.partition(b"-----BEGIN PGP SIGNATURE-----")[0]
        return self._writer.add(Kind.TAG, b"\n".join(lines) + b"\n\n" + message)

    def _tree(self, id: ObjectId, prefix: str) -> ObjectId | None:
        """A tree with its files edited; None where nothing is left of it."""
        if prefix and not self._wanted(prefix):
            return id
        if (prefix, id) not in self._trees:
            entries = self._store.load_tree(id)
            new = [each for entry in entries if (each := self._entry(entry, prefix)) is not None]
            same = new == entries
            made = id if same else self._writer.add(Kind.TREE, encode_tree(new)) if new else None
            self._trees[prefix, id] = made
        return self._trees[prefix, id]

    def _entry(self, entry: TreeEntry, prefix: str) -> TreeEntry | None:
        if entry.mode == SUBMODULE:
            return entry
        path, file = RepoPath(prefix + entry.name), as_file(self._store, entry)
        if file is None:
            made = self._tree(entry.id, f"{path}/")
            return None if made is None else TreeEntry(FOLDER, entry.name, made)
        new = self._edit(path, file)
        if new is None or new == file:
            return None if new is None else entry
        return TreeEntry(FOLDER if new.is_rope else new.mode, entry.name, new.id)


def _unsigned(lines: Iterable[bytes]) -> list[bytes]:
    """The header lines without signatures, which go on in lines that begin with a space."""
    kept: list[bytes] = []
    dropping = False
    for line in lines:
        dropping = line.startswith(_SIGNED) or (dropping and line.startswith(b" "))
        if not dropping:
            kept.append(line)
    return kept


def _link(line: bytes, new: dict[ObjectId, ObjectId]) -> bytes:
    name, _, value = line.partition(b" ")
    if name not in (b"tree", b"parent", b"object"):
        return line
    id = ObjectId(value.decode("ascii", "replace"))
    return name + b" " + new.get(id, id).encode()
