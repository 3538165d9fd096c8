"""Every version that files had in a history, and the objects that they consist of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from promptvc.ids import ObjectId, RepoPath
from promptvc.storage.objects import SUBMODULE
from promptvc.storage.store import ObjectStore
from promptvc.versioning.history import History
from promptvc.versioning.ropes.marker import MARKER_NAME
from promptvc.versioning.tree import FileEntry, as_file


class FileVersions:
    """The files of all commits that tips lead to: by path, each version with a commit that has it, newest first."""

    def __init__(self, store: ObjectStore, tips: Iterable[ObjectId]) -> None:
        self._store = store
        self._seen: set[tuple[str, ObjectId]] = set()
        self._walked: set[ObjectId] = set()
        self.by_path: dict[RepoPath, dict[FileEntry, ObjectId]] = {}
        history = History(store)
        for id in history.in_order(tips):
            self._walk(history.commit(id).tree, "", id)

    def _walk(self, tree: ObjectId, prefix: str, commit: ObjectId) -> None:
        if (prefix, tree) in self._seen:
            return
        self._seen.add((prefix, tree))
        for entry in self._store.load_tree(tree):
            if entry.mode == SUBMODULE:
                continue
            path, file = RepoPath(prefix + entry.name), as_file(self._store, entry)
            if file is not None:
                self.by_path.setdefault(path, {}).setdefault(file, commit)
            else:
                self._walk(entry.id, f"{path}/", commit)

    def blobs(self, entry: FileEntry) -> Iterator[ObjectId]:
        """The blobs that a file consists of; of a rope, those of nodes that were not walked before."""
        if not entry.is_rope:
            yield entry.id
            return
        todo = [entry.id]
        while todo:
            id = todo.pop()
            if id in self._walked:
                continue
            self._walked.add(id)
            children = [each for each in self._store.load_tree(id) if each.name != MARKER_NAME]
            todo += [each.id for each in children if each.is_folder]
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
