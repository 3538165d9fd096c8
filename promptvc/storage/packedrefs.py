"""Git's packed-refs: the values of many refs in one file (git-pack-refs(1))."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from promptvc.errors import RefDamaged
from promptvc.ids import ObjectId, RefName
from promptvc.patterns import compiled
from promptvc.storage.files import sync_folder
from promptvc.storage.locks import git_lock
from promptvc.storage.scratch import durable_scratch, scratch_folder

_LINE = compiled(rb"([0-9a-f]{40}) (refs/[^\x00-\x20\x7f~^:?*\[\\]+)\Z")
_PEELED = compiled(rb"\^[0-9a-f]{40}\Z")


class PackedRefs:
    """The file ``packed-refs`` of a repository at ``folder``, read again whenever it changes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "packed-refs"
        self._scratch = scratch_folder(folder)
        self._seen: tuple[int, int, int] | None = None
        self._values: dict[RefName, ObjectId] = {}

    def values(self) -> dict[RefName, ObjectId]:
        """Every ref in it; raises `RefDamaged` for a line that is none."""
        stamp = self._stamp()
        if stamp is None:
            return {}
        if stamp != self._seen:
            found, wrong = self.readable()
            if wrong:
                raise RefDamaged("packed-refs", self.path, f"has a line {wrong[0]} that cannot be read")
            self._seen, self._values = stamp, found
        return self._values

    def readable(self) -> tuple[dict[RefName, ObjectId], list[int]]:
        """The refs that can be read, and the numbers, from 1, of the lines that cannot."""
        found: dict[RefName, ObjectId] = {}
        wrong = []
        for number, line in enumerate(self._lines(), 1):
            match = _LINE.match(line)
            if match is not None:
                found[RefName(match[2].decode("utf-8", "replace"))] = ObjectId(match[1].decode())
            elif not (line.startswith(b"# pack-refs") or _PEELED.match(line)):
                wrong.append(number)
        return found, wrong

    def remove(self, name: RefName) -> None:
        """Take a ref out, if it is there."""
        if name not in self.values():
            return
        with git_lock(self.path, self._scratch):
            self._write(self._without(name.encode()))

    def rewrite(self, values: dict[RefName, ObjectId]) -> None:
        """Let the file hold these refs, and no line that cannot be read."""
        with git_lock(self.path, self._scratch):
            self._write(f"{id} {name}\n".encode() for name, id in sorted(values.items()))

    def _without(self, name: bytes) -> Iterator[bytes]:
        """The lines, but for a ref's and the one of what its tag leads to."""
        skip = False
        for line in self._lines():
            skip = line.endswith(b" " + name) or (skip and line.startswith(b"^"))
            if not skip:
                yield line + b"\n"

    def _write(self, lines: Iterator[bytes]) -> None:
        with durable_scratch(self._scratch, b"".join(lines)) as made:
            made.replace(self.path)
        sync_folder(self.path.parent)
        self._seen = None

    def _lines(self) -> list[bytes]:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return data.removesuffix(b"\n").split(b"\n") if data else []

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            info = self.path.stat()
        except FileNotFoundError:
            return None
        return info.st_mtime_ns, info.st_size, info.st_ino
