"""Which working files there are, and how one is read: no surprise goes by in silence."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unicodedata import normalize

from msgspec import Struct

from promptvc.errors import FileChanging, FileUnreadable
from promptvc.ids import RepoPath
from promptvc.session.files.contents import Source
from promptvc.session.files.project import Project
from promptvc.storage.files import signature
from promptvc.storage.objects import EXECUTABLE, FILE, LINK
from promptvc.versioning.ropes.chunking import BLOCK, file_blocks

HALF_MADE = ".promptvc-half"
"""How the names of half-made files begin that had to be made beside the working files; they are never tracked."""
_OURS = (".promptvc-half-", ".promptvc-new-")
_SKIPPED_FOLDERS = (".git", ".promptvc")


class Found(Struct, frozen=True):
    """A working file: its path and what the system says of it, not following a link."""

    path: RepoPath
    stat: os.stat_result

    @property
    def mode(self) -> int:
        """Its mode as git keeps it."""
        if stat.S_ISLNK(self.stat.st_mode):
            return LINK
        return EXECUTABLE if self.stat.st_mode & stat.S_IXUSR else FILE


def scan(root: Path, project: Project) -> Iterator[Found]:
    """Every tracked file below root. Folders that are links are links, not folders; nested stores are skipped.

    Raises `InvalidName` for a name that cannot be kept, `FileUnreadable` for what is neither file nor link, and
    for a folder that cannot be listed.
    """
    for start in project.roots:
        path = root / start
        try:
            info = path.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(info.st_mode):
            yield from _scan_folder(root, path, project)
        elif project.tracks(start):
            yield _found(start, info)


def _scan_folder(root: Path, folder: Path, project: Project) -> Iterator[Found]:
    prefix = "" if folder == root else folder.relative_to(root).as_posix() + "/"
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise FileUnreadable(
            f"{prefix}: {error.strerror}", "make it readable, or exclude it in promptvc.toml"
        ) from error
    for entry in entries:
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            skipped = entry.name in _SKIPPED_FOLDERS or entry.name.startswith(_OURS)
            if not skipped and not _is_store(entry.path):
                yield from _scan_folder(root, Path(entry.path), project)
        elif not entry.name.startswith(_OURS) and _tracks(project, name):
            yield _found(name, entry.stat(follow_symlinks=False))


def _tracks(project: Project, name: str) -> bool:
    try:
        return project.tracks(name)
    except UnicodeEncodeError:
        return True  # and RepoPath says what is wrong with it


def _found(name: str, info: os.stat_result) -> Found:
    path = RepoPath.parse(name)
    if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
        raise FileUnreadable(
            f"{path}: neither a file nor a link", "remove it, or exclude it in promptvc.toml"
        )
    return Found(path, info)


def _is_store(folder: str) -> bool:
    """Whether another project begins in this folder."""
    return Path(folder, ".promptvc", "HEAD").exists()


@contextmanager
def open_source(root: Path, found: Found) -> Iterator[Source]:
    """Open a working file for reading; raises `FileUnreadable`, and at the end `FileChanging` if it changed."""
    path = root / found.path
    try:
        if found.mode == LINK:
            target = os.fsencode(path.readlink())
            yield Source([target], LINK)
            return
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise FileUnreadable(
            f"{found.path}: {error.strerror}", "make it readable, or exclude it in promptvc.toml"
        ) from error
    try:
        before = os.fstat(handle)
        size = min(before.st_size + 1, BLOCK)  # one more shows in one go that a small file is at its end
        yield Source(file_blocks(partial(os.read, handle), size), found.mode, handle, path)
        if signature(os.fstat(handle)) != signature(before) or signature(before) != signature(found.stat):
            raise FileChanging(
                f"{found.path} changed while it was read", "try again when its writer has finished"
            )
    finally:
        os.close(handle)


_RESERVED = {"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in range(1, 10))}


def unportable(paths: list[RepoPath]) -> list[tuple[RepoPath, str]]:
    """Paths that another system cannot hold, and why: reserved characters and names, twins in case or accents."""
    seen: dict[str, RepoPath] = {}
    found = []
    for path in paths:
        parts = path.split("/")
        if any(set(part) & set('<>:"|?*\\') for part in parts):
            found.append((path, 'Windows cannot hold a name with one of <>:"|?*\\'))
        elif any(part.partition(".")[0].lower() in _RESERVED or part[-1:] in (".", " ") for part in parts):
            found.append((path, "Windows reserves this name"))
        twin = seen.setdefault(normalize("NFC", path).casefold(), path)
        if twin != path:
            accents = normalize("NFC", path) == normalize("NFC", twin)
            how = "in how its accents are written" if accents else "in upper and lower case"
            found.append((path, f"differs from {twin} only {how}"))
    return found
