"""Every version that files had in a history, and the objects that they consist of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from promptvc.ids import ObjectId, RepoPath
from promptvc.storage.objects import SUBMODULE
from promptvc.storage.store import ObjectStore
from promptvc.versioning.history import History
from promptvc.versioning.ropes.marker import MARKER_NAME, is_rope, rope_mode
from promptvc.versioning.ropes.rope import walk_chunks
from promptvc.versioning.tree import FileEntry


class FileVersions:
    """The files of all commits that tips lead to: by path, each version with a commit that has it, newest first."""

    def __init__(self, store: ObjectStore, tips: Iterable[ObjectId]) -> None:
        self._store = store
        self._seen: set[tuple[str, ObjectId]] = set()
        self._leaves: dict[ObjectId, tuple[ObjectId, ...]] = {}
        self.by_path: dict[RepoPath, dict[FileEntry, ObjectId]] = {}
        self.commits: list[ObjectId] = []
        history = History(store)
        for id in history.in_order(tips):
            self.commits.append(id)
            self._walk(history.commit(id).tree, "", id)

    def _walk(self, tree: ObjectId, prefix: str, commit: ObjectId) -> None:
        if (prefix, tree) in self._seen:
            return
        self._seen.add((prefix, tree))
        for entry in self._store.load_tree(tree):
            path = RepoPath(prefix + entry.name)
            if entry.mode == SUBMODULE:
                continue
            if not entry.is_folder:
                self._add(path, FileEntry(entry.id, entry.mode), commit)
                continue
            below = self._store.load_tree(entry.id)
            if is_rope(below):
                self._add(path, FileEntry(entry.id, rope_mode(below), is_rope=True), commit)
            else:
                self._walk(entry.id, f"{path}/", commit)

    def _add(self, path: RepoPath, entry: FileEntry, commit: ObjectId) -> None:
        self.by_path.setdefault(path, {}).setdefault(entry, commit)

    def blobs(self, entry: FileEntry) -> Iterator[ObjectId]:
        """The blobs that a file consists of; of a rope, those of nodes that were not walked before."""
        if not entry.is_rope:
            yield entry.id
            return
        todo = [entry.id]
        while todo:
            id = todo.pop()
            if id in self._leaves:
                continue
            children = [each for each in self._store.load_tree(id) if each.name != MARKER_NAME]
            nodes = [each.id for each in children if each.is_folder]
            self._leaves[id] = ()
            todo += nodes
            yield from (each.id for each in children if not each.is_folder)

    def holds(self, entry: FileEntry, ids: set[ObjectId], clean: set[ObjectId]) -> bool:
        """Whether a file consists of one of these blobs; ``clean`` remembers nodes that do not."""
        if not entry.is_rope:
            return entry.id in ids
        seen: list[ObjectId] = []
        todo = [entry.id]
        while todo:
            id = todo.pop()
            if id in clean:
                continue
            seen.append(id)
            for each in self._store.load_tree(id):
                if each.id in ids:
                    return True
                if each.is_folder:
                    todo.append(each.id)
        clean.update(seen)
        return False

    def all_blobs(self, entry: FileEntry) -> set[ObjectId]:
        """Every blob that a file consists of."""
        return {entry.id} if not entry.is_rope else {chunk.id for chunk in walk_chunks(self._store, entry.id)}
