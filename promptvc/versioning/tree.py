"""Whole trees as flat maps from path to file, and back; a rope counts as one file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from promptvc.errors import Advice, InvalidName, ObjectDamaged
from promptvc.ids import ObjectId, RepoPath
from promptvc.storage.objects import (
    EXECUTABLE,
    FILE,
    FOLDER,
    LINK,
    Kind,
    TreeEntry,
    encode_tree,
)
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.marker import is_rope, rope_mode

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter


class FileEntry(Struct, frozen=True):
    """A file of a tree: what names its content, its mode, and whether it is kept as a rope.

    ``mode`` is the file's own (100644, 100755, 120000), also for a rope. Equal entries are equal files.
    """

    id: ObjectId
    mode: int = FILE
    is_rope: bool = False

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, its content being the target."""
        return self.mode == LINK

    @property
    def is_executable(self) -> bool:
        """Whether the owner may execute it."""
        return self.mode == EXECUTABLE


Files = dict[RepoPath, FileEntry]
DEEPEST = 400
"""Folders in folders that are followed; who makes more of them wants to do harm."""


def load_files(store: ObjectStore, tree: ObjectId | None) -> Files:
    """Every file below a tree, sorted by path; of no tree, none. Raises `ObjectDamaged` for a name that stands
    twice, and below `DEEPEST` folders.
    """
    if tree is None:
        return {}
    found = sorted(_walk(store, tree, ""), key=itemgetter(0))
    files = dict(found)
    if len(files) < len(found):
        raise ObjectDamaged(f"tree {tree} names a file twice", Advice("fsck"))
    return files


def _walk(
    store: ObjectStore, tree: ObjectId, prefix: str, depth: int = 0
) -> Iterator[tuple[RepoPath, FileEntry]]:
    if depth > DEEPEST:
        raise ObjectDamaged(f"tree {tree} is more than {DEEPEST} folders deep", Advice("fsck"))
    for entry in store.load_tree(tree):
        path, file = RepoPath(prefix + entry.name), as_file(store, entry)
        if file is not None:
            yield path, file
        else:
            yield from _walk(store, entry.id, f"{path}/", depth + 1)


def as_file(store: ObjectStore, entry: TreeEntry) -> FileEntry | None:
    """The file that an entry of a tree is; None for a folder."""
    if not entry.is_folder:
        return FileEntry(entry.id, entry.mode)
    below = store.load_tree(entry.id)
    return FileEntry(entry.id, rope_mode(below), is_rope=True) if is_rope(below) else None


def find_file(store: ObjectStore, tree: ObjectId, path: str) -> FileEntry | None:
    """The file at a path; None where there is none, or a folder."""
    *folders, name = path.split("/")
    for folder in folders:
        entry = _entry(store, tree, folder)
        if entry is None or not entry.is_folder:
            return None
        tree = entry.id
    entry = _entry(store, tree, name)
    return as_file(store, entry) if entry is not None else None


def _entry(store: ObjectStore, tree: ObjectId, name: str) -> TreeEntry | None:
    return next((entry for entry in store.load_tree(tree) if entry.name == name), None)


def is_below(path: str, *folders: str) -> bool:
    """Whether a path is one of these, or inside one; ``""`` and ``.`` stand for the whole project."""
    return any(folder in ("", ".", path) or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def in_the_way(path: RepoPath, files: Iterable[RepoPath]) -> Iterator[RepoPath]:
    """The files that cannot be beside a file at this path: those it would be a folder of, or is in a folder of."""
    return (other for other in files if other != path and (is_below(path, other) or is_below(other, path)))


def write_tree(writer: PackWriter, files: Mapping[RepoPath, FileEntry]) -> ObjectId:
    """Write the trees over these files; gives the root's id. Trees that are there already are not written again.

    Raises `InvalidName` where a path is both a file and a folder, which no tree can hold.
    """
    below: dict[str, dict[RepoPath, FileEntry]] = {}
    entries: list[TreeEntry] = []
    for path, file in files.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[RepoPath(rest)] = file
        else:
            entries.append(TreeEntry(FOLDER if file.is_rope else file.mode, name, file.id))
    for entry in entries:
        if entry.name in below:
            raise InvalidName(
                f"{entry.name} is both a file and a folder", "remove one of the two, or rename it"
            )
    entries += [TreeEntry(FOLDER, name, write_tree(writer, inside)) for name, inside in below.items()]
    return writer.add(Kind.TREE, encode_tree(entries))
