"""Which files differ between two trees, with renames found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from promptvc.ids import ObjectId, RepoPath
from promptvc.versioning.tree import FileEntry

FileStatus = Literal["added", "removed", "modified", "renamed"]
RENAME_SIMILARITY = 0.5
RENAME_LIMIT = 400
"""Pairs compared at most; beyond, only files that are equal count as renamed."""


class FileChange(Struct, frozen=True):
    """One file that differs. ``old_path`` is the path before, where it was renamed."""

    path: RepoPath
    status: FileStatus
    before: FileEntry | None
    after: FileEntry | None
    old_path: RepoPath | None = None


def diff_files(
    before: Mapping[RepoPath, FileEntry],
    after: Mapping[RepoPath, FileEntry],
    similarity: Callable[[RepoPath, RepoPath], float] | None = None,
) -> list[FileChange]:
    """The changed files, by path. ``similarity(old path, new path)``, 0 to 1, finds renames with changes."""
    changes = [
        FileChange(path, "modified", before[path], after[path])
        for path in before.keys() & after.keys()
        if before[path] != after[path]
    ]
    removed = {path: before[path] for path in sorted(before.keys() - after.keys())}
    added = {path: after[path] for path in sorted(after.keys() - before.keys())}
    for old, new in _renames(removed, added, similarity):
        changes.append(FileChange(new, "renamed", removed.pop(old), added.pop(new), old))
    changes += [FileChange(path, "removed", file, None) for path, file in removed.items()]
    changes += [FileChange(path, "added", None, file) for path, file in added.items()]
    return sorted(changes, key=lambda change: change.path)


def _renames(
    removed: Mapping[RepoPath, FileEntry],
    added: Mapping[RepoPath, FileEntry],
    similarity: Callable[[RepoPath, RepoPath], float] | None,
) -> list[tuple[RepoPath, RepoPath]]:
    by_id: dict[ObjectId, list[RepoPath]] = defaultdict(list)
    for path, file in removed.items():
        by_id[file.id].append(path)
    pairs = []
    for path, file in added.items():
        if by_id[file.id]:
            pairs.append((by_id[file.id].pop(0), path))
    old = [path for path in removed if path not in {p for p, _ in pairs}]
    new = [path for path in added if path not in {p for _, p in pairs}]
    if similarity is None or len(old) * len(new) > RENAME_LIMIT:
        return pairs
    scores = [(similarity(o, n), o, n) for o in old for n in new if _suffix(o) == _suffix(n)]
    for score, o, n in sorted(scores, key=lambda item: (-item[0], item[1], item[2])):
        if score >= RENAME_SIMILARITY and o in old and n in new:
            pairs.append((o, n))
            old.remove(o)
            new.remove(n)
    return pairs


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2]
