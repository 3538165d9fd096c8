"""Arrow tables kept on disk, mapped into memory when they are wanted again.

A file is an Arrow IPC stream, then what a stream reader never sees: a msgpack trailer that says which chunk runs the
rows come from, and a footer of 32 bytes (`FOOTER`) with the checksums of both. So a file that a crash left
half-written is recognised without waiting for the disk at each write. Everything here can be deleted at any time,
and nothing here ever fails: what cannot be read or written is as if it were not there.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash
from msgspec import Struct

from promptvc.content.arrow.draft import FOOTER, MARK, Draft
from promptvc.content.arrow.draft import Origin as Origin
from promptvc.content.arrow.kinds import kind_from_plain
from promptvc.patterns import compiled

if TYPE_CHECKING:
    import pyarrow as pa

_OURS = compiled(r"[0-9a-f]{16}-[0-9a-f]{32}\.arrow\Z")
_UNFINISHED = compiled(r"\.[0-9a-f]{32}\.part\Z")
_UNFINISHED_SECONDS = 3600
_CANDIDATES = 8


class _Trailer(Struct, frozen=True):
    origin: Origin
    stream_bytes: int
    checksum: int


class ArrowCache:
    """Tables by family (a file and how its rows are read; 16 hexadecimal digits) and version (its bytes; 32).

    ``limit_bytes`` bounds all files together; those that were not used for longest go first.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes

    def load(self, family: str, version: str) -> tuple[pa.Table, Origin] | None:
        """The table of exactly this version; its columns come from disk when they are touched."""
        return _load(self._path(family, version))

    def nearest(self, family: str, ids: Sequence[bytes]) -> tuple[pa.Table, Origin] | None:
        """The table that shares most chunk runs with these, and at least half of them."""
        wanted = set(ids)
        best, nearest = (len(wanted) + 1) // 2 - 1, None
        family_files = [path for path, _ in self._files() if path.name.startswith(family)]
        for path in family_files[:_CANDIDATES]:
            trailer = _load_trailer(path)
            shared = len(wanted.intersection(trailer.origin.ids)) if trailer else 0
            if shared > best:
                best, nearest = shared, path
        return _load(nearest) if nearest else None

    def save(self, family: str, version: str, table: pa.Table, origin: Origin) -> None:
        """Keep a table, unless it is larger than the limit; removes others to stay below it."""
        with self.draft() as draft:
            draft.write(table)
            self.keep(family, version, draft, origin)

    def draft(self) -> Draft:
        """A file to write a table to piece by piece, for `keep`."""
        return Draft(self.folder / f".{os.urandom(16).hex()}.part", self.limit_bytes)

    def keep(self, family: str, version: str, draft: Draft, origin: Origin) -> None:
        """Keep the table that a draft holds, if it could be written; removes others to stay below the limit."""
        if draft.finish(origin):
            with contextlib.suppress(OSError):
                draft.path.replace(self._path(family, version))
        self._prune()

    def _path(self, family: str, version: str) -> Path:
        return self.folder / f"{family}-{version}.arrow"

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        """Our files, the last used first."""
        files = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.folder):
                if _OURS.match(entry.name):
                    with contextlib.suppress(OSError):
                        files.append((Path(entry.path), entry.stat()))
        return sorted(files, key=lambda file: -file[1].st_mtime_ns)

    def _prune(self) -> None:
        total = 0
        for path, stat in self._files():
            total += stat.st_size
            if total > self.limit_bytes:
                with contextlib.suppress(OSError):
                    path.unlink()
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if _UNFINISHED.match(path.name) and time.time() - path.stat().st_mtime > _UNFINISHED_SECONDS:
                    path.unlink()


def _load(path: Path) -> tuple[pa.Table, Origin] | None:
    import pyarrow as pa

    trailer = _load_trailer(path)
    if trailer is None:
        return None
    try:
        with pa.memory_map(str(path)) as file:
            stream = file.read_buffer(trailer.stream_bytes)
        if xxhash.xxh3_64_intdigest(memoryview(stream)) != trailer.checksum:
            return None
        table = pa.ipc.open_stream(stream).read_all()
    except (OSError, pa.ArrowException):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # it was used now
    return table, trailer.origin


def _load_trailer(path: Path) -> _Trailer | None:
    import msgpack

    try:
        with path.open("rb") as file:
            end = file.seek(-FOOTER.size, os.SEEK_END)
            length, checksum, trailer_checksum, mark = FOOTER.unpack(file.read(FOOTER.size))
            if mark != MARK or length > end:
                return None
            file.seek(end - length)
            trailer = file.read(length)
    except (OSError, struct.error):
        return None
    if xxhash.xxh3_64_intdigest(trailer) != trailer_checksum:
        return None
    ids, counts, witnesses, kinds = msgpack.unpackb(trailer)
    named = {name: kind_from_plain(kind) for name, kind in kinds}
    return _Trailer(Origin(ids, counts, witnesses, named), end - length, checksum)
