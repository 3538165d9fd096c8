"""An on-disk index of where each known answer is, so that a million of them take no memory.

The index is derived data: it is rebuilt when it is damaged or removed. ``index.sum`` beside it holds its checksum,
because SQLite would answer from a damaged page, and an answer that is not found is paid for again. SQLite is in
Python's standard library.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_128

from promptvc.storage.files import write_atomically
from promptvc.storage.locks import flocked

_VERSION = 2
_TABLES = f"""
CREATE TABLE sources (number INTEGER PRIMARY KEY, name BLOB UNIQUE NOT NULL, read INTEGER NOT NULL);
CREATE TABLE calls (hash BLOB NOT NULL, source INTEGER NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL,
    digest INTEGER NOT NULL, PRIMARY KEY (hash, source)) WITHOUT ROWID;
CREATE TABLE seen (id BLOB PRIMARY KEY) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""
_AT_ONCE = 500


class Place(NamedTuple):
    """Where an answer is: its source, offset and length in bytes, and a digest of its content."""

    source: bytes
    start: int
    size: int
    digest: int


class Entry(NamedTuple):
    """An answer of a source, ready to be indexed."""

    hash: str
    start: int
    size: int
    digest: int


class CallIndex:
    """Maps request hashes to the places of their answers. A *source* is a chunk run of rows, or a journal file."""

    def __init__(self, path: Path) -> None:
        self._path, self._sum = path, path.with_suffix(".sum")
        self._lock = path.with_suffix(".lock")
        self._db = self._open_whole()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A block that runs as one database transaction."""
        with flocked(self._lock, patience=60.0):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            self._seal()

    def saw(self, id: bytes) -> bool:
        """Whether a commit or file is indexed already."""
        return self._db.execute("SELECT 1 FROM seen WHERE id = ?", (id,)).fetchone() is not None

    def see(self, ids: Iterable[bytes]) -> None:
        """Mark commits or files as indexed."""
        self._db.executemany("INSERT OR IGNORE INTO seen VALUES (?)", ((id,) for id in ids))

    def read_of(self, source: bytes) -> int:
        """How many bytes of a source are indexed; 0 for an unknown source."""
        found = self._db.execute("SELECT read FROM sources WHERE name = ?", (source,)).fetchone()
        return int(found[0]) if found else 0

    def enter(self, source: bytes, entries: Iterable[Entry]) -> None:
        """Index the answers of a source; if it answers a request twice, the first answer counts."""
        self._db.execute("INSERT OR IGNORE INTO sources (name, read) VALUES (?, 0)", (source,))
        number = self._db.execute("SELECT number FROM sources WHERE name = ?", (source,)).fetchone()[0]
        self._db.executemany(
            "INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?)",
            ((bytes.fromhex(each.hash), number, each.start, each.size, each.digest) for each in entries),
        )

    def has_read(self, source: bytes, size: int) -> None:
        """Record how many bytes of a source are indexed."""
        self._db.execute("UPDATE sources SET read = ? WHERE name = ?", (size, source))

    def find(self, hashes: Sequence[str]) -> dict[str, list[Place]]:
        """The places of the known hashes, lowest digest first, so that the order of indexing does not matter."""
        found: dict[str, list[Place]] = {}
        for at in range(0, len(hashes), _AT_ONCE):
            part = [bytes.fromhex(hash) for hash in hashes[at : at + _AT_ONCE]]
            rows = self._db.execute(
                "SELECT hash, name, start, size, digest FROM calls JOIN sources ON source = number WHERE hash IN"
                f" ({','.join('?' * len(part))}) ORDER BY digest, number",
                part,
            )
            for hash, name, start, size, digest in rows:
                found.setdefault(hash.hex(), []).append(Place(name, start, size, digest))
        return found

    def forget(self, source: bytes) -> None:
        """Remove a source and its answers. Commits and files are scanned again, since the source may come back."""
        with self.writing():
            self._db.execute(
                "DELETE FROM calls WHERE source = (SELECT number FROM sources WHERE name = ?)", (source,)
            )
            self._db.execute("DELETE FROM sources WHERE name = ?", (source,))
            self._db.execute("DELETE FROM seen")

    def count(self) -> int:
        """How many requests have an answer."""
        return int(self._db.execute("SELECT count(DISTINCT hash) FROM calls").fetchone()[0])

    def reopen(self) -> None:
        """Switch to the file with which another process replaced this one."""
        self.close()
        self._db = self._open_whole()

    def clear(self) -> None:
        """Start over with an empty index."""
        self.close()
        self._remove()
        self._db = self._open()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _open_whole(self) -> sqlite3.Connection:
        """Open the file, or a new one if it is damaged, and mark it so that the next process can check it."""
        with flocked(self._lock, patience=60.0):
            if self._is_whole():
                return self._open()
            self._remove()
            made = self._open()
            self._seal()
            return made

    def _seal(self) -> None:
        with suppress(OSError):
            write_atomically(self._sum, _checksum(self._path))

    def _is_whole(self) -> bool:
        """Whether the file is as last written; it is not after a process was stopped while writing."""
        try:
            return self._sum.read_bytes() == _checksum(self._path)
        except OSError:
            return False

    def _remove(self) -> None:
        self._sum.unlink(missing_ok=True)
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + suffix).unlink()

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, timeout=60, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA synchronous = NORMAL")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                db.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
            elif version != _VERSION:
                raise sqlite3.DatabaseError("another version")
        except sqlite3.OperationalError as error:
            db.close()
            if "already exists" not in str(error):
                raise
            return self._open()  # another process was first
        except sqlite3.DatabaseError:
            db.close()
            self._path.unlink()
            return self._open()
        return db


def _checksum(path: Path) -> bytes:
    digest = xxh3_128()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()
