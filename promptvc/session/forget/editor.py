"""Versions of files without what is forgotten: rows taken out, the rest cut as if they had never been there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.table.splice import OpenFile, splice
from promptvc.errors import Advice, Refused
from promptvc.ids import ObjectId, RepoPath
from promptvc.patterns import compiled
from promptvc.session.files.contents import Contents, Source, head_of
from promptvc.session.files.cutting import cutting_of
from promptvc.session.forget.wanted import Wanted, wanted_by_mark
from promptvc.storage.packing import PackWriter
from promptvc.storage.store import ObjectStore
from promptvc.versioning.forgotten import Cuts, Forgotten, RowMark, joined_cuts
from promptvc.versioning.ropes.chunking import CHUNK_MIN
from promptvc.versioning.ropes.chunkrun import ChunkRun, load_pieces
from promptvc.versioning.ropes.loading import chunk_runs
from promptvc.versioning.ropes.recut import Recutter
from promptvc.versioning.ropes.rope import walk_chunks
from promptvc.versioning.tree import FileEntry

_IN_HEAD = HEAD_SIZE // CHUNK_MIN + 1
"""Chunk runs that hold the head of a file, all but the last of a file being `CHUNK_MIN` long."""
_ID = compiled(rb"[0-9a-f]{40}")


class Editor:
    """Takes rows out of versions of tables, and remembers which objects had them and what stands there now."""

    def __init__(self, store: ObjectStore, contents: Contents, writer: PackWriter) -> None:
        self._store, self._contents, self._writer = store, contents, writer
        self._recutter = Recutter(writer)
        self._formats: dict[tuple[str, tuple[bytes, ...]], RowFormat | None] = {}
        self._rows: dict[tuple[Wanted, str], dict[bytes, dict[int, bytes | None]]] = {}
        self._marked: dict[RowMark, Wanted] = {}
        self._made: dict[tuple[Wanted, str, FileEntry], FileEntry | None] = {}
        self.cuts: dict[ObjectId, Cuts | None] = {}
        """Blobs that hold what is forgotten, and the bytes that are: see `Forgotten`."""
        self.texts: set[str] = set()
        """What the rows say that is worth looking for."""
        self.entries: dict[ObjectId, ObjectId] = {}
        """Files that became others."""

    # --- rows that are wanted -------------------------------------------------------------------------------

    def without(self, wanted: Wanted, path: RepoPath, entry: FileEntry) -> FileEntry | None:
        """The file without what is wanted; None where it goes."""
        known = (wanted, path, entry)
        if known not in self._made:
            self._made[known] = self._without(wanted, path, entry)
        return self._made[known]

    def _without(self, wanted: Wanted, path: RepoPath, entry: FileEntry) -> FileEntry | None:
        runs = self.chunk_runs(entry)
        if wanted.is_of is None:
            self.cuts.update((id, None) for run in runs for id in run.blobs)
            return None
        format = None if entry.is_link else self._format(path, runs)
        if format is None:
            return entry
        changes = self._wanted_rows(wanted, runs, format)
        if not changes:
            return entry
        for at, rows in changes.items():
            self._note(runs[at], *row_cuts(format, runs[at].load(), at == 0, rows))
        return self._write(path, entry, format, splice(OpenFile(runs, format), changes, []))

    def _wanted_rows(
        self, wanted: Wanted, runs: Sequence[ChunkRun], format: RowFormat
    ) -> dict[int, dict[int, bytes | None]]:
        """By chunk run, the rows that are meant and what becomes of them; each run is read once for all versions."""
        known = self._rows.setdefault((wanted, repr(format.cutting)), {})
        changes = {}
        for at, run in enumerate(runs):
            name = run.id if at else b"first " + run.id
            rows = known.get(name)
            if rows is None:
                rows = known[name] = self._read(wanted, run, at == 0, format)
            if rows:
                changes[at] = rows
        return changes

    def _read(self, wanted: Wanted, run: ChunkRun, first: bool, format: RowFormat) -> dict[int, bytes | None]:
        rows: dict[int, bytes | None] = {}
        for number, body, row in wanted.bodies(format, run.load(), first):
            self.texts |= wanted.says(row)
            rows[number] = wanted.without(format, row, body)
        return rows

    def _note(self, run: ChunkRun, rows: Cuts, cuts: Cuts) -> None:
        """Remember which bytes of a chunk run are taken out of these rows, by its blobs."""
        start = 0
        for id in run.blobs:
            end = start + self._store.size(id)
            if any(a < end and b > start for a, b in rows):
                own = ((max(a, start) - start, min(b, end) - start) for a, b in cuts if a < end and b > start)
                self.cuts[id] = joined_cuts([*(self.cuts.get(id) or ()), *own])
            start = end

    # --- rows that others forgot ----------------------------------------------------------------------------

    def cut_by(self, forgotten: Forgotten, path: RepoPath, entry: FileEntry) -> FileEntry | None:
        """The file as a list of what was forgotten has it; None where it goes. Raises as `Planner.apply` does."""
        runs = self.chunk_runs(entry)
        held = {at for at, run in enumerate(runs) if any(id in forgotten.cuts for id in run.blobs)}
        marks = [mark for mark in forgotten.rows if mark.path == path]
        if not held and not marks:
            return entry
        if any(forgotten.cuts.get(id, ()) is None for at in held for id in runs[at].blobs):
            return None
        format = self._format(path, runs)
        changes = {} if format is None else self._forgotten_rows(forgotten, marks, runs, held, format)
        if format is None or any(at not in changes for at in held):
            raise Refused(
                f"{path} holds what was forgotten; the list does not say where", Advice("forget-key")
            )
        if not changes:
            return entry
        return self._write(path, entry, format, splice(OpenFile(runs, format), changes, []))

    def _forgotten_rows(
        self,
        forgotten: Forgotten,
        marks: Sequence[RowMark],
        runs: Sequence[ChunkRun],
        held: Iterable[int],
        format: RowFormat,
    ) -> dict[int, dict[int, bytes | None]]:
        """By chunk run, the rows that a list takes out: by their bytes, and by the hashes of their keys."""
        changes: dict[int, dict[int, bytes | None]] = {}
        for at in held:
            rows = cut_rows(format, runs[at].load(), at == 0, self._cuts_of(forgotten, runs[at]))
            if rows:
                changes[at] = rows
        for mark in marks:
            for at, rows in self._wanted_rows(self._by_mark(mark), runs, format).items():
                changes[at] = changes.get(at, {}) | rows
        return changes

    def _by_mark(self, mark: RowMark) -> Wanted:
        if mark not in self._marked:
            self._marked[mark] = wanted_by_mark(mark)
        return self._marked[mark]

    def _cuts_of(self, forgotten: Forgotten, run: ChunkRun) -> Cuts:
        found: list[tuple[int, int]] = []
        start = 0
        for id in run.blobs:
            found += ((start + a, start + b) for a, b in forgotten.cuts.get(id) or ())
            start += self._store.size(id)
        return joined_cuts(found)

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


def row_cuts(
    format: RowFormat, data: bytes, first: bool, rows: Mapping[int, bytes | None]
) -> tuple[Cuts, Cuts]:
    """Where rows of a chunk run are that go or lose a part, and which bytes go; none of a row that is written anew."""
    places, cuts = [], []
    for number, start, body in _bodies(format, data, first):
        if number in rows:
            new = rows[number]
            before, after = (0, 0) if new is None else _common(body, new)
            places.append((start, start + len(body)))
            if new is None or before + after == len(new):
                cuts.append((start + before, start + len(body) - after))
    return joined_cuts(places), joined_cuts(cuts)


def cut_rows(format: RowFormat, data: bytes, first: bool, cuts: Cuts) -> dict[int, bytes | None]:
    """The rows of a chunk run of which bytes go: None for those that go as a whole."""
    rows: dict[int, bytes | None] = {}
    for number, start, body in _bodies(format, data, first):
        own = [(max(a - start, 0), min(b - start, len(body))) for a, b in cuts]
        own = [(a, b) for a, b in own if a < b]
        if own:
            kept = b"".join(body[a:b] for a, b in pairwise_gaps(own, len(body)))
            rows[number] = kept or None
    return rows


def pairwise_gaps(cuts: Sequence[tuple[int, int]], length: int) -> Iterator[tuple[int, int]]:
    """What stands between ranges: ``[(2, 4)], 9 -> (0, 2), (4, 9)``."""
    at = 0
    for start, end in cuts:
        yield at, start
        at = end
    yield at, length


def _bodies(format: RowFormat, data: bytes, first: bool) -> Iterator[tuple[int, int, bytes]]:
    """(number, offset, body) of each row."""
    at = number = 0
    for segment in format.segments(data, first):
        if segment.body is not None:
            yield number, at + len(segment.lead), segment.body
            number += 1
        at += len(segment.data)


def _common(old: bytes, new: bytes) -> tuple[int, int]:
    """How many bytes two texts have in common at their beginning, and then at their end."""
    most = min(len(old), len(new))
    before = next((at for at in range(most) if old[at] != new[at]), most)
    most -= before
    after = next((at for at in range(most) if old[-1 - at] != new[-1 - at]), most)
    return before, after
