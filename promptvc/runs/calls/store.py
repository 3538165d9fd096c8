"""The call store: every answer in any commit of any branch, fetched ones included, and every answer in the journal.

A call is named by its request's fingerprint. Whoever has the repository has its answers.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace
from xxhash import xxh3_64_intdigest

from promptvc.content.formats.base import Malformed
from promptvc.content.formats.jsonrow import parse_json
from promptvc.content.runs.run import FOLDER, RECORD_SUFFIX, OutputRow, encode_row, read_record
from promptvc.errors import (
    DiskFailed,
    DiskFull,
    ObjectDamaged,
    ObjectMissing,
    PromptvcError,
    RunUnreadable,
    StoreBusy,
    StoreReadOnly,
)
from promptvc.ids import ObjectId, RepoPath
from promptvc.runs.calls.index import CallIndex, Entry, Place
from promptvc.runs.calls.journal import Journal, damaged_lines, journal_files, sound_lines
from promptvc.session.files.contents import Contents
from promptvc.storage.files import disk_errors
from promptvc.storage.locks import flocked
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.sealed import is_damaged
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import find_commits
from promptvc.versioning.history import History
from promptvc.versioning.tree import FileEntry, load_files

_T = TypeVar("_T")
_IN_JOURNAL = b"journal:"
_HELD = 8 << 20
"""Bytes of chunk runs that are kept in memory, so that answers can be looked up in any order."""
_HASH_DIGITS = 64


class CallStore:
    """Finds answers by request hash and keeps new ones. ``folder`` is for the index and the journal.

    ``damaged`` lists the lines of the journal that cannot be read; ``notice`` is called with a message about each.
    """

    def __init__(
        self,
        store: ObjectStore,
        refs: Refs,
        contents: Contents,
        folder: Path,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._store, self._refs, self._contents, self._notice = store, refs, contents, notice
        self.damaged: list[str] = []
        self._folder = folder
        with _in_plain_words(folder):
            self._index = CallIndex(folder / "index.sqlite")
        self._journal = Journal(folder)
        self._held: OrderedDict[bytes, bytes] = OrderedDict()
        self._held_bytes = 0

    def refresh(self) -> None:
        """Index what was committed, fetched or answered since the last refresh, and report damaged answers."""
        self._mended(self._scan)
        self.damaged = [f"{path}: line {number}" for path, number in damaged_lines(self._folder)]
        for place in self.damaged:
            self._notice(f"{place} is damaged, and the answer in it is lost")

    def find(self, hashes: Sequence[str]) -> dict[str, OutputRow]:
        """The known answers to these requests, without example ids and scores."""
        return self._mended(lambda: self._find(hashes))

    def add(self, row: OutputRow) -> None:
        """Keep an answer; on return it is on disk. Thread-safe."""
        self._journal.add(encode_row(row))

    def close(self) -> None:
        """Close the files."""
        self._journal.close()
        self._index.close()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from making calls, which would pay for the same answers; raises `StoreBusy`."""
        busy = "another process makes calls in this store"
        hint = "wait for it: what it is answered is known then"
        with disk_errors(self._folder), flocked(self._folder / "lock", patience=0.0, busy=busy, hint=hint):
            yield

    # --- entering -----------------------------------------------------------------------------------------

    def _scan(self) -> None:
        with self._index.writing():
            for path in journal_files(self._folder):
                self._scan_journal(path)
            self._scan_history()

    def _scan_journal(self, path: Path) -> None:
        source = _IN_JOURNAL + path.name.encode()
        end = self._index.read_of(source)
        if path.stat().st_size <= end:
            return

        def lines() -> Iterator[tuple[int, bytes]]:
            nonlocal end
            for start, line in sound_lines(path, end):
                end = start + len(line)
                yield start, line

        self._index.enter(source, _answers(lines()))
        self._index.has_read(source, end)

    def _scan_history(self) -> None:
        commits, whole = self._new_commits()
        for commit in commits:
            try:
                self._scan_commit(commit)
            except (
                ObjectMissing,
                ObjectDamaged,
            ):  # fsck reports it; here some answers are missing, and may come back
                whole = False
        if whole:
            self._index.see(commit.encode() for commit in commits)

    def _scan_commit(self, commit: ObjectId) -> None:
        tree = self._store.load_commit(commit).tree
        folder = next((entry.id for entry in self._store.load_tree(tree) if entry.name == FOLDER), None)
        if folder is None or self._index.saw(folder.encode()):
            return
        files = load_files(self._store, folder)
        for path, entry in files.items():
            record = files.get(RepoPath(path.removesuffix(".jsonl") + RECORD_SUFFIX))
            if record is None or not path.endswith(".jsonl") or self._index.saw(entry.id.encode()):
                continue
            if self._is_of(entry, record):
                self._scan_file(entry)
                self._index.see([entry.id.encode()])
        self._index.see([folder.encode()])

    def _new_commits(self) -> tuple[list[ObjectId], bool]:
        """The commits that are not indexed yet, and whether all their parents are here (not so in a shallow clone)."""
        tips = [*self._refs.find().values(), self._refs.read(HEAD)]
        todo = find_commits(self._store, filter(None, tips))
        history, found, whole = History(self._store), dict.fromkeys(todo), True
        new: list[ObjectId] = []
        while todo:
            id = todo.pop()
            if self._index.saw(id.encode()):
                continue
            new.append(id)
            wanted, there = history.commit(id).parents, history.parents(id)
            whole = whole and len(wanted) == len(there)
            todo += [parent for parent in there if parent not in found]
            found.update(dict.fromkeys(there))
        return new, whole

    def _is_of(self, rows: FileEntry, record: FileEntry) -> bool:
        """Whether rows are those that their record names: edited rows are not model answers."""
        try:
            return read_record(self._contents.read(record), "").outputs == rows.id
        except RunUnreadable:
            return False

    def _scan_file(self, entry: FileEntry) -> None:
        for chunk_run in self._contents.chunk_runs(entry):
            if not self._index.read_of(chunk_run.id):
                data = chunk_run.load()
                self._index.enter(chunk_run.id, _answers(_lines(data)))
                self._index.has_read(chunk_run.id, len(data) or 1)

    # --- finding ------------------------------------------------------------------------------------------

    def _find(self, hashes: Sequence[str]) -> dict[str, OutputRow]:
        found: dict[str, OutputRow] = {}
        for hash, places in self._index.find(hashes).items():
            rows = (row for place in places if (row := self._row(place)) is not None)
            row = next((row for row in rows if row.request_hash == hash), None)
            if row is not None:
                found[hash] = replace(row, scores={})
        return found

    def _row(self, place: Place) -> OutputRow | None:
        try:
            line = self._bytes(place)
            return None if is_damaged(line) else _read(line)
        except (ObjectMissing, FileNotFoundError):  # collected, or removed by hand
            self._index.forget(place.source)
        except ObjectDamaged:
            pass
        return None

    def _bytes(self, place: Place) -> bytes:
        source, start, size = place[:3]
        if source.startswith(_IN_JOURNAL):
            with (self._folder / source.removeprefix(_IN_JOURNAL).decode()).open("rb") as file:
                file.seek(start)
                return file.read(size)
        if source not in self._held:
            ids = (source[at : at + 20] for at in range(0, len(source), 20))
            self._held[source] = b"".join(self._store.read_blob(ObjectId.from_raw(id)) for id in ids)
            self._held_bytes += len(self._held[source])
            while self._held_bytes > _HELD and len(self._held) > 1:
                self._held_bytes -= len(self._held.popitem(last=False)[1])
        self._held.move_to_end(source)
        return self._held[source][start : start + size]

    def _mended(self, do: Callable[[], _T]) -> _T:
        """Run an action on the index, rebuilding the index first if it is damaged; disk errors become our own."""
        with _in_plain_words(self._folder):
            return self._once_mended(do)

    def _once_mended(self, do: Callable[[], _T]) -> _T:
        try:
            return do()
        except sqlite3.DatabaseError as error:
            if (
                getattr(error, "sqlite_errorname", "") == "SQLITE_READONLY_DBMOVED"
            ):  # another process has rebuilt it
                self._index.reopen()
                self._scan()
                return do()
            if isinstance(error, sqlite3.OperationalError) and _known(error, self._folder):
                raise
            self._index.clear()
            self._scan()
            return do()


@contextmanager
def _in_plain_words(folder: Path) -> Iterator[None]:
    """Raise SQLite's disk and lock errors as our own."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _known(error, folder) or error from error


def _known(error: sqlite3.OperationalError, folder: Path) -> PromptvcError | None:
    """The error for a disk or lock failure; None for damage."""
    text = str(error)
    if "full" in text:
        return DiskFull(f"{folder}: no space left on the disk", "free some space and try again")
    if "disk I/O" in text:
        return DiskFailed(f"{folder}: the disk failed", "check the disk, then try again")
    if "locked" in text or "busy" in text:
        return StoreBusy(
            f"{folder}: another process writes the index of calls", "try again when it has ended"
        )
    if "readonly" in text or "unable to open" in text:
        return StoreReadOnly(
            f"{folder}: cannot be written", "check permissions, free space and how the disk is mounted"
        )
    return None


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    for line in data.split(b"\n"):
        yield start, line
        start += len(line) + 1


def _answers(lines: Iterator[tuple[int, bytes]]) -> Iterator[Entry]:
    """The rows that answer a request."""
    for start, line in lines:
        row = _read(line) if b'"request_hash"' in line else None
        if row is not None and row.is_answer and row.request_hash and _is_hash(row.request_hash):
            yield Entry(row.request_hash, start, len(line), _digest(row))


def _read(line: bytes) -> OutputRow | None:
    """The row that a line holds; None for anything else."""
    value = parse_json(line.strip())
    try:
        return None if isinstance(value, Malformed) else OutputRow.from_value(value)
    except RunUnreadable:
        return None


def _digest(row: OutputRow) -> int:
    """A digest of an answer without its example: of two answers to a request, everyone chooses the same one."""
    said = (
        row.output,
        row.finish_reason,
        row.input_tokens,
        row.output_tokens,
        row.latency_ms,
        row.response_model,
    )
    return xxh3_64_intdigest(repr((said, row.tool_calls)).encode("utf-8", "surrogatepass")) >> 1


def _is_hash(text: object) -> bool:
    if not isinstance(text, str) or len(text) != _HASH_DIGITS:
        return False
    try:
        return len(bytes.fromhex(text)) == _HASH_DIGITS // 2
    except ValueError:
        return False
