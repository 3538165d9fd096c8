"""Working files against the store: what changed, taken in, put back. Nothing uncommitted is overwritten unasked."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from promptvc.errors import (
    Advice,
    DiskFull,
    FileChanging,
    FileUnreadable,
    InvalidName,
    PathMissing,
    WorkWouldBeLost,
)
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.obstructions import check_obstructions
from promptvc.session.files.project import PROJECT_FILE, Project, read_project
from promptvc.session.files.refill import refill
from promptvc.session.files.removals import Removals
from promptvc.session.files.scan import HALF_MADE, Found, open_source, scan
from promptvc.session.files.untracked import Untracked
from promptvc.session.files.views import WorkingFile
from promptvc.storage.cache import Cache
from promptvc.storage.files import disk_errors, signature, sync_folder
from promptvc.storage.objects import LINK
from promptvc.storage.scratch import scratch_name
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.ropes.loading import read_chunk
from promptvc.versioning.ropes.rope import Watch
from promptvc.versioning.tree import FileEntry, Files, is_below

if TYPE_CHECKING:
    from promptvc.session.intent import Intents
    from promptvc.storage.packing import PackWriter
    from promptvc.versioning.oplog.oplog import OperationLog

_STAT = "stat"
_SECOND = 1_000_000_000
_FINE, _COARSE = 20_000_000, 2 * _SECOND
"""Nanoseconds within which a change may not show in a file's times, for fine clocks and for whole seconds."""


class Worktree:
    """The working files below ``root``. ``log()`` gives what records each change before any of them is written."""

    def __init__(
        self,
        root: Path,
        store: ObjectStore,
        contents: Contents,
        cache: Cache,
        log: Callable[[], OperationLog] | None = None,
        intents: Callable[[], Intents] | None = None,
    ) -> None:
        self.root, self.untracked = root, Untracked(store, contents)
        self._store, self._contents, self._cache, self._log = store, contents, cache, log
        self._intents, self._scratch = intents, cache.folder / "tmp"
        self._found: dict[RepoPath, Found] = {}

    def project(self) -> Project:
        """The settings in the working promptvc.toml; raises `ConfigInvalid`."""
        try:
            return read_project((self.root / PROJECT_FILE).read_bytes())
        except (FileNotFoundError, IsADirectoryError):
            return Project()

    def files(
        self,
        base: Files,
        writer: PackWriter | None = None,
        only: Sequence[str] | None = None,
        watch: Callable[[RepoPath], Watch | None] = lambda path: None,
    ) -> Files:
        """Every tracked working file as the entry it has, or would have, in the store.

        Files whose times and size are as they were are not read. With a writer, content that is new is written
        to it, and ``watch`` gives who is shown what is new to base in a file that is read. ``only`` limits it to these
        paths and what is below them; elsewhere ``base`` stands.
        Raises `FileUnreadable`, `FileChanging`, `InvalidName`, and `PathMissing` for one of ``only`` at which there is
        no file, here or in base.
        """
        remembered = self._remembered()
        project = self.project()
        self._found = {found.path: found for found in scan(self.root, project)}
        _need_paths(only or (), {*base, *self._found})
        entries = Files() if only is None else {p: e for p, e in base.items() if not is_below(p, *only)}
        fresh = dict(remembered)
        for path, found in self._found.items():
            if only is not None and not is_below(path, *only):
                continue
            entry = _entry(remembered.get(path), found)
            if entry is None or (
                writer is not None and entry != base.get(path) and not self._store.contains(entry.id)
            ):
                key = project.table(path).key
                entry = self._take(found, base.get(path), writer, fresh, watch(path), key)
            entries[path] = entry
        if fresh != remembered:
            self._cache.save(_STAT, {path: fresh[path] for path in fresh if path in self._found})
        return dict(sorted(entries.items()))

    def view(self, path: RepoPath, entry: FileEntry) -> WorkingFile:
        """A file that `files` gave, to be read where it lies."""
        if entry.is_rope and self._contents.chunk_list(entry.id) is None:
            self._take(self._found[path], None, None, {})
        return WorkingFile(self._contents, self.root, self._found[path], entry)

    def known(self, path: RepoPath) -> WorkingFile | None:
        """A file that looks as it did when it was read last, if it is a large table; it is not read."""
        place = self.root / path
        if self._leads_out(path) or not place.is_file():
            return None
        found = Found(path, place.lstat())
        entry = _entry(self._remembered().get(path), found)
        if entry is None or not entry.is_rope or self._contents.chunk_list(entry.id) is None:
            return None
        return WorkingFile(self._contents, self.root, found, entry)

    def put(self, base: Files, target: Files, *, force: bool = False) -> list[RepoPath]:
        """Make the working files that differ between base and target as they are in target; gives their paths.

        Other files stay as they are. Raises `WorkWouldBeLost`, before anything is touched, where a file to be
        replaced or removed holds what neither base nor target has.
        """
        return self.write(self.plan(base, target, force=force), target)

    def plan(
        self,
        base: Files,
        target: Files,
        *,
        force: bool = False,
        later: Iterable[RepoPath] = (),
        project: Project | None = None,
    ) -> dict[RepoPath, FileEntry | None]:
        """The paths that `put` would write or remove, with what lies there; raises `WorkWouldBeLost` as it does.

        So too for the paths that are to be written ``later``. What target only tracks no longer stays; ``project`` are
        target's settings where they are not stored yet.
        """
        files, stay = self.files(base), set(self.untracked.between(base, target, project))
        differing = (path for path in sorted({*base, *target}) if base.get(path) != target.get(path))
        changed = [path for path in differing if path not in stay]
        current = {path: self._current(path, files) for path in [*changed, *later]}
        planned = {p: now for p, now in current.items() if now != target.get(p) or p not in changed}
        lost = [path for path, now in planned.items() if now not in (base.get(path), None)]
        if lost and not force:
            raise work_would_be_lost(lost)
        return planned

    def write(self, paths: Iterable[RepoPath], target: Mapping[RepoPath, FileEntry]) -> list[RepoPath]:
        """Write these files as target has them, and remove those it has not, without asking.

        What lies there now is stored and written down first, so that it can be brought back. Raises
        `WorkWouldBeLost`, before anything is touched, where a folder or a link is in the way, `InvalidName` for a name
        that cannot be written, and `FileUnreadable` or `FileChanging` where what lies there cannot be kept.
        """
        todo = list(paths)
        for path in todo:
            if path in target:
                _need_writable(path)
        remembered = self._remembered()
        check_obstructions(self.root, [p for p in todo if p in target], {p for p in todo if p not in target})
        intents = self._intents() if self._intents else None
        with intents.block() if intents else nullcontext():
            changes = self._record(todo, target, remembered)
            if intents and changes:
                intents.add(changes)
            self._put_all(todo, target, remembered)
        return todo

    def put_back(
        self, paths: Iterable[RepoPath], target: Mapping[RepoPath, FileEntry], *, record: bool = False
    ) -> None:
        """`write` without saying so first, for what settles an intent; with ``record`` what lies there is kept."""
        todo, remembered = list(paths), self._remembered()
        if record:
            self._record(todo, target, remembered)
        if todo:
            self._put_all(todo, target, remembered)

    def make_durable(self, paths: Iterable[RepoPath]) -> None:
        """Have these files, or that they are gone, survive a power failure."""
        for place in (self.root / path for path in paths):
            with suppress(FileNotFoundError), disk_errors(place):
                if place.is_file() and not place.is_symlink():
                    with place.open("rb") as file:
                        os.fsync(file.fileno())
                sync_folder(next(folder for folder in place.parents if folder.is_dir()))

    def _put_all(
        self,
        todo: list[RepoPath],
        target: Mapping[RepoPath, FileEntry],
        remembered: dict[str, list[object]],
    ) -> None:
        with Removals() as removals:
            for path in todo:
                if path not in target:
                    remembered.pop(path, None)
                    with disk_errors(self.root / path):
                        self._remove(path)
            for path in todo:
                if path in target:
                    with disk_errors(self.root / path):
                        self._write(path, target[path], remembered.get(path), removals)
                    self._remember(remembered, path, target[path])
        self._cache.save(_STAT, remembered)

    def _remember(self, remembered: dict[str, list[object]], path: RepoPath, entry: FileEntry) -> None:
        """Remember a file just written, unless its times are so coarse that a change would not show."""
        info = (self.root / path).lstat()
        if info.st_mtime_ns % _SECOND:
            remembered[path] = _memory(entry, info)
        else:
            remembered.pop(path, None)

    def at(self, paths: Iterable[RepoPath]) -> dict[RepoPath, FileEntry | None]:
        """What lies at these paths now, tracked or not; None for nothing, and for a folder."""
        remembered = self._remembered()
        return {path: self._lying(path, remembered) for path in paths}

    def keep(self, paths: Iterable[RepoPath], writer: PackWriter) -> dict[RepoPath, FileEntry | None]:
        """`at`, with what lies there stored."""
        remembered = self._remembered()
        return {path: self._lying(path, remembered, writer) for path in paths}

    def is_torn(self, path: RepoPath, entry: FileEntry | None) -> bool:
        """Whether a file holds the beginning of an entry, or zeros in its place: what a power failure leaves."""
        if entry is None or entry.mode == LINK:
            return False
        try:
            with (self.root / path).open("rb") as file:
                for block in self._contents.blocks(entry):
                    found = file.read(len(block))
                    if found != block:
                        pairs = enumerate(zip(found, block, strict=False))
                        kept = next((at for at, (one, other) in pairs if one != other), len(found))
                        return not found[kept:].strip(b"\0") and not file.read().strip(b"\0")
                return False
        except OSError:
            return False

    # --- reading ------------------------------------------------------------------------------------------

    def _record(
        self,
        todo: list[RepoPath],
        target: Mapping[RepoPath, FileEntry],
        remembered: dict[str, list[object]],
    ) -> dict[RepoPath, tuple[FileEntry | None, FileEntry | None]]:
        """Store what is about to be replaced, and have it written down; gives it, and what replaces it.

        Only what is new to the store is read.
        """
        if self._log is None or not todo:
            return {}
        with self._store.begin() as writer:
            here = {path: self._lying(path, remembered, writer, target.get(path)) for path in todo}
            writer.finish()
            changes = {path: (here[path], target.get(path)) for path in todo}
            self._log().files(changes)
        return changes

    def _lying(
        self,
        path: RepoPath,
        remembered: dict[str, list[object]],
        writer: PackWriter | None = None,
        like: FileEntry | None = None,
    ) -> FileEntry | None:
        """What lies at a path; with a writer it is stored if it was not."""
        if self._leads_out(path):
            return None
        try:
            info = (self.root / path).lstat()
        except OSError:
            return None
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
            return None
        entry = _entry(remembered.get(path), Found(path, info))
        if entry is None or (writer is not None and not self._store.contains(entry.id)):
            entry = self._take(Found(path, info), like, writer, remembered)
        return entry

    def _take(
        self,
        found: Found,
        like: FileEntry | None,
        writer: PackWriter | None,
        fresh: dict[str, list[object]],
        watch: Watch | None = None,
        key: Sequence[str] | None = None,
    ) -> FileEntry:
        """Read a file, and remember what it is unless it is so new that a later change might not show."""
        began = time.time_ns()
        if writer is not None and self._contents.origins is not None:
            self._contents.origins.taking(found.path, found.mode)
        with open_source(self.root, found) as source:
            entry = self._contents.write(found.path, source, writer, like, watch, key)
        newest = max(found.stat.st_mtime_ns, found.stat.st_ctime_ns)
        if newest + (_FINE if newest % _SECOND else _COARSE) < began:
            fresh[found.path] = _memory(entry, found.stat)
        else:
            fresh.pop(found.path, None)
        return entry

    def _current(self, path: RepoPath, current: Files) -> FileEntry | None:
        """What lies at a path, tracked or not; a folder there counts as nothing."""
        return current[path] if path in current else self._lying(path, {})

    def _remembered(self) -> dict[str, list[object]]:
        found = self._cache.load(_STAT)
        return found if isinstance(found, dict) else {}

    # --- writing ------------------------------------------------------------------------------------------

    def _remove(self, path: RepoPath) -> None:
        place = self.root / path
        if self._leads_out(path):
            return  # what lies behind a link is not ours to remove
        place.unlink(missing_ok=True)
        for folder in place.parents:
            if folder == self.root:
                return
            try:
                folder.rmdir()
            except OSError:
                return

    def _leads_out(self, path: RepoPath) -> bool:
        """Whether one of the folders above is a link, so that the path would name a file somewhere else."""
        parents = list((self.root / path).parents)
        return any(folder.is_symlink() for folder in parents[: parents.index(self.root)])

    def _write(
        self, path: RepoPath, entry: FileEntry, memory: list[object] | None, removals: Removals
    ) -> None:
        place = self.root / path
        self._make_folder(place.parent)
        if place.is_dir() and not place.is_symlink():
            raise WorkWouldBeLost(
                f"{path} is a folder here, with files of its own", "move it elsewhere and try again"
            )
        if self._contents.origins is not None:
            self._contents.origins.wrote(path, entry, lambda: self._contents.read(entry))
        temporary = self._temporary(place)
        try:
            if entry.mode == LINK:
                temporary.symlink_to(os.fsdecode(self._contents.read(entry)))
            else:
                self._fill(temporary, path, entry, memory)
                if entry.is_executable:
                    temporary.chmod(temporary.stat().st_mode | 0o111)
            # So old that whatever changes it from now on gives it another time.
            written = time.time_ns() - _FINE
            os.utime(temporary, ns=(written, written + (not written % _SECOND)), follow_symlinks=False)
            removals.replace(temporary, place)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _temporary(self, place: Path) -> Path:
        """A name for a half-made file: in the store, or, where that is on another disk, beside what it becomes."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        if self._scratch.stat().st_dev == place.parent.stat().st_dev:
            return scratch_name(self._scratch, "file")
        return scratch_name(place.parent, HALF_MADE)

    def _fill(self, temporary: Path, path: RepoPath, entry: FileEntry, memory: list[object] | None) -> None:
        """Write the content of a file; what the one that it replaces has in common with it is copied from there."""
        old = self._chunks_here(path, memory)
        new = self._contents.chunk_list(entry.id) if entry.is_rope and old else None
        if old and new:
            with suppress(FileUnreadable, FileChanging, EOFError), temporary.open("wb") as out:
                with open_source(self.root, Found(path, (self.root / path).lstat())) as source:
                    assert source.handle is not None
                    refill(source.handle, out.fileno(), old, new, partial(read_chunk, self._store))
                return
        self._need_room(temporary, path, entry)
        with temporary.open("wb") as out:
            out.writelines(self._contents.blocks(entry))

    def _need_room(self, temporary: Path, path: RepoPath, entry: FileEntry) -> None:
        """Refuse a table that the disk has no room for before its first byte: a few objects can make any number."""
        if not entry.is_rope:
            return
        from shutil import disk_usage  # 3 ms that few commands need to pay

        free = disk_usage(temporary.parent).free
        if self._contents.most_bytes(entry) > free and (size := self._contents.size(entry)) > free:
            raise DiskFull(
                f"{path}: {size:,} bytes, and {free:,} are free on the disk", "make room, and try again"
            )

    def _chunks_here(self, path: RepoPath, memory: list[object] | None) -> ChunkList | None:
        """The chunks of the file that lies at a path, if it is a large table that looks as it did."""
        try:
            info = (self.root / path).lstat()
        except OSError:
            return None
        entry = _entry(memory, Found(path, info)) if stat.S_ISREG(info.st_mode) else None
        return self._contents.chunk_list(entry.id) if entry is not None and entry.is_rope else None

    def _make_folder(self, folder: Path) -> None:
        """Make a folder, never through a link that could lead out of the project."""
        if folder == self.root:
            return
        self._make_folder(folder.parent)
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise WorkWouldBeLost(
                f"{folder.relative_to(self.root)} is in the way of a folder",
                "move it elsewhere and try again",
            )
        folder.mkdir(exist_ok=True)


LONGEST_NAME, LONGEST_PATH = 255, 4000
"""Bytes of a file name, and of a path, that a file system takes."""


def _need_writable(path: RepoPath) -> None:
    """Raise `InvalidName` for a path that git can hold, and a file system, or our own records, cannot."""
    RepoPath.parse(path)
    parts = [len(part.encode()) for part in path.split("/")]
    if max(parts) > LONGEST_NAME or sum(parts) + len(parts) > LONGEST_PATH:
        raise InvalidName(f"the file name {path[:40]}… is too long to be written", "rename it in git")


def _need_paths(paths: Iterable[str], known: Collection[RepoPath]) -> None:
    for path in paths:
        if not any(is_below(name, path) for name in known):
            raise PathMissing(
                f"{path}: no tracked file here", "[track] in promptvc.toml says what is tracked"
            )


def work_would_be_lost(paths: list[RepoPath]) -> WorkWouldBeLost:
    """The error for uncommitted work in the way, naming the first few files."""
    shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    verb = "has" if len(paths) == 1 else "have"
    return WorkWouldBeLost(
        f"{shown} {verb} changes that are not committed",
        Advice("overwrite"),
    )


def _memory(entry: FileEntry, info: os.stat_result) -> list[object]:
    return [*signature(info), entry.id, entry.mode, entry.is_rope]


def _entry(memory: list[object] | None, found: Found) -> FileEntry | None:
    """The remembered entry, if the file looks as it did."""
    if memory is None or len(memory) != 8 or tuple(memory[:5]) != signature(found.stat):
        return None
    id, mode, rope = memory[5:]
    return (
        FileEntry(ObjectId(id), mode, bool(rope)) if isinstance(id, str) and isinstance(mode, int) else None
    )
