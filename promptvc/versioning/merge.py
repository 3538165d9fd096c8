"""Three sets of files merged, path by path: renames followed, contents left to a function that knows what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from msgspec import Struct

from promptvc.ids import RepoPath
from promptvc.storage.objects import LINK
from promptvc.versioning.diff import diff_files
from promptvc.versioning.tree import FileEntry, Files

PathConflictKind = Literal["both-changed", "edit-delete", "both-added"]
Similarity = Callable[[Files, Files], Callable[[RepoPath, RepoPath], float]]
"""For two sets of files, how alike a file of the one is to a file of the other, from 0 to 1."""


class Leaf(Struct, frozen=True):
    """A file that both sides changed; ``base`` is None where both added it. ``mode`` is the merged one."""

    path: RepoPath
    base: FileEntry | None
    ours: FileEntry
    theirs: FileEntry
    mode: int


class PathConflict(Struct, frozen=True):
    """A file as a whole that both sides changed in ways that exclude each other; ours stays.

    ``base``, ``ours`` and ``theirs`` are the file's versions, None where it is not there. ``paths`` are its paths in
    the three, where a side renamed it.
    """

    path: RepoPath
    kind: PathConflictKind
    base: FileEntry | None
    ours: FileEntry | None
    theirs: FileEntry | None
    paths: tuple[RepoPath | None, RepoPath | None, RepoPath | None] = (None, None, None)


class FileMerge(Struct, frozen=True):
    """The merged files, as far as whole files go.

    ``files`` has ours in place of ``conflicts`` and of ``leaves``, whose contents are still to be merged. ``taken`` are
    the paths that come from theirs as they are, or go because theirs removed them.
    """

    files: Files
    leaves: tuple[Leaf, ...]
    conflicts: tuple[PathConflict, ...]
    taken: tuple[RepoPath, ...]


def merge_files(base: Files, ours: Files, theirs: Files, similarity: Similarity | None = None) -> FileMerge:
    """Merge whole files: what only one side changed is taken; the same on both sides is no conflict.

    A file that one side renamed and the other changed gets both. Edit against removal, two new files of one path that
    are not of one kind, two different new names, and a file against a folder are conflicts.
    """
    return _Merge(base, ours, theirs, similarity).run()


class _Merge:
    def __init__(self, base: Files, ours: Files, theirs: Files, similarity: Similarity | None) -> None:
        self._base, self._ours, self._theirs = base, ours, theirs
        to_ours, to_theirs = _renames(base, ours, similarity), _renames(base, theirs, similarity)
        self._to_ours = _undisputed(to_ours, theirs, to_theirs)
        self._to_theirs = _undisputed(to_theirs, ours, to_ours)
        self._files: Files = {}
        self._leaves: list[Leaf] = []
        self._conflicts: list[PathConflict] = []
        self._taken: list[RepoPath] = []

    def run(self) -> FileMerge:
        """Each file of base, then what is new."""
        for path in self._base:
            self._one(path, self._to_ours.get(path, path), self._to_theirs.get(path, path))
        known = {*self._base, *self._to_ours.values(), *self._to_theirs.values()}
        for path in sorted((self._ours.keys() | self._theirs.keys()) - known):
            self._merge(path, None, self._ours.get(path), self._theirs.get(path))
        self._refuse_folders()
        taken = sorted({path for path in self._taken if self._files.get(path) != self._ours.get(path)})
        return FileMerge(
            dict(sorted(self._files.items())),
            tuple(sorted(self._leaves, key=lambda leaf: leaf.path)),
            tuple(sorted(self._conflicts, key=lambda conflict: conflict.path)),
            tuple(taken),
        )

    def _one(self, path: RepoPath, in_ours: RepoPath, in_theirs: RepoPath) -> None:
        """A file of base, wherever it is now."""
        base, ours, theirs = self._base[path], self._ours.get(in_ours), self._theirs.get(in_theirs)
        target = in_theirs if ours is None or in_ours == path else in_ours
        target = in_ours if theirs is None else target
        if ours and theirs and len({path, in_ours, in_theirs}) == 3:
            paths = (path, in_ours, in_theirs)
            self._conflicts.append(PathConflict(in_ours, "both-changed", base, ours, theirs, paths))
        if target != in_ours:
            self._taken += [in_ours, target]
        if target != path and (ours is None) != (theirs is None):
            names = (path, in_ours if ours else None, in_theirs if theirs else None)
            self._put(target, ours)
            self._conflicts.append(PathConflict(target, "edit-delete", base, ours, theirs, names))
        else:
            self._merge(target, base, ours, theirs)

    def _merge(
        self, path: RepoPath, base: FileEntry | None, ours: FileEntry | None, theirs: FileEntry | None
    ) -> None:
        if theirs in (ours, base):
            self._put(path, ours)
        elif ours == base:
            self._put(path, theirs)
            self._taken.append(path)
        elif ours is None or theirs is None:
            self._conflict(path, "edit-delete", base, ours, theirs)
        elif (ours.mode == LINK) != (theirs.mode == LINK) or (ours.mode == LINK and ours.id != theirs.id):
            self._conflict(path, "both-changed" if base else "both-added", base, ours, theirs)
        else:
            self._contents(path, base, ours, theirs)

    def _contents(self, path: RepoPath, base: FileEntry | None, ours: FileEntry, theirs: FileEntry) -> None:
        """Mode and content, each by itself."""
        mode = _mode(base, ours, theirs)
        if ours.id == theirs.id or (base and theirs.id == base.id):
            self._put(path, FileEntry(ours.id, mode, ours.is_rope))
        elif base and ours.id == base.id:
            self._put(path, FileEntry(theirs.id, mode, theirs.is_rope))
        else:
            self._put(path, ours)
            self._leaves.append(Leaf(path, base, ours, theirs, mode))
        self._taken.append(path)

    def _conflict(
        self,
        path: RepoPath,
        kind: PathConflictKind,
        base: FileEntry | None,
        ours: FileEntry | None,
        theirs: FileEntry | None,
    ) -> None:
        self._put(path, ours)
        self._conflicts.append(PathConflict(path, kind, base, ours, theirs))

    def _put(self, path: RepoPath, entry: FileEntry | None) -> None:
        if entry is not None:
            self._files[path] = entry

    def _refuse_folders(self) -> None:
        """A path cannot be a file and a folder: theirs stays out, and is a conflict."""
        folders = {folder for path in self._files for folder in _folders(path)}
        for path in [path for path in self._files if path in folders]:
            theirs = (
                [path] if path not in self._ours else [p for p in self._files if p.startswith(f"{path}/")]
            )
            for out in theirs:
                entry = self._files.pop(out, None)
                self._conflicts.append(PathConflict(out, "both-added", self._base.get(out), None, entry))
            self._leaves = [leaf for leaf in self._leaves if leaf.path not in theirs]


def _mode(base: FileEntry | None, ours: FileEntry, theirs: FileEntry) -> int:
    if base is not None and base.mode in (ours.mode, theirs.mode):
        return theirs.mode if ours.mode == base.mode else ours.mode
    return max(ours.mode, theirs.mode)  # executable, where one is


def _renames(base: Files, side: Files, similarity: Similarity | None) -> dict[RepoPath, RepoPath]:
    """Where files of base are on a side that renamed them."""
    found = diff_files(base, side, similarity(base, side) if similarity else None)
    return {
        change.old_path: change.path for change in found if change.status == "renamed" and change.old_path
    }


def _undisputed(
    names: Mapping[RepoPath, RepoPath], other: Files, other_names: Mapping[RepoPath, RepoPath]
) -> dict[RepoPath, RepoPath]:
    """Without names that the other side gave another file: there, the old file is gone and the new one is new."""
    return {old: new for old, new in names.items() if new not in other or other_names.get(old) == new}


def _folders(path: RepoPath) -> Iterable[RepoPath]:
    parts = path.split("/")
    return (RepoPath("/".join(parts[:count])) for count in range(1, len(parts)))
