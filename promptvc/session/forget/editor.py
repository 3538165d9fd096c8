"""Versions of files without what is forgotten: rows taken out, the rest cut as if they had never been there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.table.splice import OpenFile, splice
from promptvc.errors import Advice, Refused
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.files.contents import Contents, Source, cutting_of, head_of
from promptvc.session.forget.wanted import Wanted
from promptvc.storage.objects import Kind
from promptvc.storage.packing import PackWriter
from promptvc.storage.store import ObjectStore
from promptvc.versioning.forgotten import Forgotten, Run
from promptvc.versioning.ropes.chunking import CHUNK_MIN
from promptvc.versioning.ropes.chunkrun import ChunkRun, load_pieces
from promptvc.versioning.ropes.recut import Recutter
from promptvc.versioning.ropes.rope import chunk_runs, walk_chunks
from promptvc.versioning.tree import FileEntry

_IN_HEAD = HEAD_SIZE // CHUNK_MIN + 1
"""Chunk runs that hold the head of a file, all but the last of a file being `CHUNK_MIN` long."""
_LONGEST = 64
"""Chunk runs that are laid out anew together, at the most: a row that goes takes along a neighbour or two."""
_ID = re.compile(rb"[0-9a-f]{40}")


class Editor:
    """Takes rows out of versions of tables, and remembers which objects had them and what stands there now."""

    def __init__(self, store: ObjectStore, contents: Contents, writer: PackWriter) -> None:
        self._store, self._contents, self._writer = store, contents, writer
        self._recutter = Recutter(writer)
        self._formats: dict[tuple[str, tuple[bytes, ...]], RowFormat | None] = {}
        self._rows: dict[tuple[object, ...], dict[int, bytes | None]] = {}
        self._made: dict[tuple[str, FileEntry, int], FileEntry | None] = {}
        self.ids: set[ObjectId] = set()
        """Blobs that hold what is forgotten."""
        self.replaced: dict[Run, ObjectId | None] = {}
        """What stands in the place of chunk runs, by the blobs that these were."""
        self.texts: set[str] = set()
        """What the rows say that is worth looking for."""
        self.entries: dict[ObjectId, ObjectId] = {}
        """Files that became others."""

    # --- rows that are wanted -------------------------------------------------------------------------------

    def without(self, wanted: Wanted, path: RepoPath, entry: FileEntry) -> FileEntry | None:
        """The file without what is wanted; None where it goes."""
        known = (path, entry, id(wanted))
        if known not in self._made:
            self._made[known] = self._without(wanted, path, entry)
        return self._made[known]

    def _without(self, wanted: Wanted, path: RepoPath, entry: FileEntry) -> FileEntry | None:
        runs = self.chunk_runs(entry)
        if wanted.is_of is None:
            self.replaced.update({(id,): None for run in runs for id in ids_of(run)})
            return None
        format = None if entry.is_link else self._format(path, runs)
        if format is None:
            return entry
        changes = {
            at: rows
            for at, run in enumerate(runs)
            if (rows := self._wanted_rows(wanted, run, at == 0, format))
        }
        if not changes:
            return entry
        for at in changes:
            self.ids.update(ids_of(runs[at]))
        pieces = splice(OpenFile(runs, format), changes, [])
        self._note(runs, pieces)
        return self._write(path, entry, format, pieces)

    def _wanted_rows(
        self, wanted: Wanted, run: ChunkRun, first: bool, format: RowFormat
    ) -> dict[int, bytes | None]:
        known = (id(wanted), run.id, first, repr(format.cutting))
        if known not in self._rows:
            made: dict[int, bytes | None] = {}
            for number, body, row in wanted.bodies(format, run.load(), first):
                self.texts |= wanted.says(row)
                made[number] = wanted.without(format, row, body)
            self._rows[known] = made
        return self._rows[known]

    def _note(self, runs: Sequence[ChunkRun], pieces: Sequence[ChunkRun | bytes]) -> None:
        """Remember what stands in the place of which chunk runs."""
        at, new = 0, b""
        for piece in [*pieces, None]:
            if isinstance(piece, bytes):
                new += piece
                continue
            end = at
            while end < len(runs) and (piece is None or runs[end].id != piece.id):
                end += 1
            gone = tuple(id for run in runs[at:end] for id in ids_of(run))
            if gone:
                self.replaced.setdefault(gone, self._writer.add(Kind.BLOB, new))
            at, new = end + 1, b""

    # --- rows that others forgot ----------------------------------------------------------------------------

    def replaced_by(self, forgotten: Forgotten, path: RepoPath, entry: FileEntry) -> FileEntry | None:
        """The file as a list of what was forgotten has it; None where it goes."""
        runs = self.chunk_runs(entry)
        if not any(forgotten.ids.intersection(ids_of(run)) for run in runs):
            return entry
        pieces: list[ChunkRun | bytes] = []
        firsts = {run[0] for run in forgotten.replaced}
        at = 0
        while at < len(runs):
            known = ids_of(runs[at])[0] in firsts
            run, new = self._replacement(runs, at, forgotten) if known else (0, None)
            if run and new is None:
                return None
            if new is not None:
                pieces.append(self._store.read_blob(new))
            elif forgotten.ids.intersection(ids_of(runs[at])):
                raise Refused(
                    f"{path} holds what was forgotten, beside what the list does not know",
                    Advice("forget-key"),
                )
            else:
                pieces.append(runs[at])
            at += run or 1
        return self._write(path, entry, self._format(path, runs), pieces)

    def _replacement(
        self, runs: Sequence[ChunkRun], at: int, forgotten: Forgotten
    ) -> tuple[int, ObjectId | None]:
        """(how many chunk runs from here on are replaced, by which blob); 0 for none."""
        ids: Run = ()
        for count in range(1, min(len(runs) - at, _LONGEST) + 1):
            ids += tuple(ids_of(runs[at + count - 1]))
            if ids in forgotten.replaced:
                return count, forgotten.replaced[ids]
        return 0, None

    # --- details --------------------------------------------------------------------------------------------

    def chunk_runs(self, entry: FileEntry) -> list[ChunkRun]:
        """The file as chunk runs, read from its tree: what is remembered of a rope would be a file for each version."""
        if not entry.is_rope:
            return [ChunkRun(entry.id.raw, lambda: self._store.read_blob(entry.id))]
        return chunk_runs(self._store, walk_chunks(self._store, entry.id))

    def _format(self, path: str, runs: Sequence[ChunkRun]) -> RowFormat | None:
        known = (path.rpartition(".")[2], tuple(run.id for run in runs[:_IN_HEAD]))
        if known not in self._formats:
            self._formats[known] = row_format(path, head_of(load_pieces(runs)))
        return self._formats[known]

    def _write(
        self, path: RepoPath, entry: FileEntry, format: RowFormat | None, pieces: Sequence[ChunkRun | bytes]
    ) -> FileEntry:
        if not entry.is_rope or format is None or self._has_other_style(path, format, pieces):
            source = Source(load_pieces(pieces), entry.mode)
            made = self._contents.write(path, source, self._writer)
        else:
            id, rope = self._recutter.write(pieces, cutting_of(format), entry.mode)
            made = FileEntry(id, entry.mode, rope)
        self.entries[entry.id] = made.id
        return made

    def _has_other_style(self, path: str, format: RowFormat, pieces: Sequence[ChunkRun | bytes]) -> bool:
        """Whether the file is cut otherwise now, since its head says so."""
        if all(isinstance(piece, ChunkRun) for piece in pieces[:_IN_HEAD]):
            return False
        now = row_format(path, head_of(load_pieces(pieces)))
        return now is None or cutting_of(now).style != cutting_of(format).style


def pinned(data: bytes, entries: Callable[[ObjectId], ObjectId]) -> bytes:
    """The record of a run with the ids of files that became others."""
    return _ID.sub(lambda found: entries(ObjectId(found[0].decode())).encode(), data)


def ids_of(run: ChunkRun) -> list[ObjectId]:
    """The blobs of a chunk run."""
    return [ObjectId(run.id[at : at + 20].hex()) for at in range(0, len(run.id), 20)]
