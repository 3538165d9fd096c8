"""Which chunk runs of a table may hold the row with a key, found without reading the table.

What is known of a chunk run's keys follows from its bytes, so all versions share it. It is kept in segments, by family:
the table's path, the fields of the key, and how rows are read. Hashes are hints: the rows are read, and say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64_hexdigest, xxh3_128_digest

from promptvc.content.formats.base import Malformed, Row, RowFormat
from promptvc.content.keys.family import Family
from promptvc.content.keys.gathered import Gathered
from promptvc.content.keys.hashes import KeyHashes, hash_keys, hash_token
from promptvc.content.keys.scan import keyed_bodies
from promptvc.content.keys.segments import (
    MOST_RUNS,
    NAME,
    Segment,
    make_segment,
    repeated,
    run_name,
    segment_of,
    upper_bits,
)
from promptvc.content.keys.tokens import KeyToken
from promptvc.versioning.ropes.chunklist import ID
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.ropes.joined import chunk_ids

KEYS = "keys"
"""The folder of a store's caches that the families are in."""
_SMALL = 8
"""Chunk runs of a table below which nothing is kept: it is read in a moment."""
_FEW = 1 / 4
"""The share of chunk runs up to which a version is looked at by what it has and another had not."""
_AT_HAND = 64
"""Chunk runs whose rows stay in memory for the next question."""


class KeyIndexes:
    """The families of a store, each read when it is asked for. Without a folder all is kept in memory."""

    def __init__(self, folder: Path | None = None, seed: Callable[[], int] = lambda: 0) -> None:
        self._folder, self._seed = folder, seed
        self._families: dict[str, Family] = {}

    def of(
        self, path: str, format: RowFormat, key: Sequence[str], chunk_runs: Sequence[ChunkRun]
    ) -> VersionKeys:
        """The keys of a version of a table; chunk runs that no segment knows are read at once."""
        family = self._family(path, format, key) if len(chunk_runs) >= _SMALL else Family(None)
        return VersionKeys(family, format, key, chunk_runs, self._seed())

    def remember_unique(
        self, path: str, format: RowFormat, key: Sequence[str], chunk_runs: Sequence[ChunkRun]
    ) -> None:
        """Remember that no two rows of a version of a table share a key."""
        names = _names(chunk_runs)
        if len(names) >= _SMALL:
            self._family(path, format, key).remember(_version(names), True, names)

    def take(self, path: str, format: RowFormat, key: Sequence[str], parts: Sequence[Gathered]) -> None:
        """Keep the keys of a table, gathered by other processes."""
        if sum(map(len, parts)) <= MOST_RUNS:
            self._family(path, format, key).take(segment_of(parts))

    def clear(self) -> None:
        """Drop what is in memory: the folder was removed."""
        self._families.clear()

    def are_right(
        self, path: str, format: RowFormat, key: Sequence[str], chunk_runs: Sequence[ChunkRun]
    ) -> bool:
        """Whether what is kept of these chunk runs is what their bytes say: all of them are read."""
        kept: dict[bytes, tuple[list[int], bool]] = {}
        for segment in self._family(path, format, key).segments:
            kept.update(segment.by_name())
        for place, (name, run) in enumerate(zip(_names(chunk_runs), chunk_runs, strict=True)):
            if name in kept:
                found = hash_keys(format, key, run.load(), first=place == 0, seed=self._seed())
                if kept[name] != (sorted(map(upper_bits, found.hashes)), found.complete):
                    return False
        return True

    def _family(self, path: str, format: RowFormat, key: Sequence[str]) -> Family:
        reading = repr((path, tuple(key), format.reading)).encode("utf-8", "surrogatepass")
        name = xxh3_64_hexdigest(reading, self._seed())
        if name not in self._families:
            self._families[name] = Family(self._folder / name if self._folder else None)
        return self._families[name]


class KeyedRow(NamedTuple):
    """A row found by its key: the place of its chunk run, its number there, its bytes."""

    place: int
    number: int
    body: bytes


class SharedKey(NamedTuple):
    """A key that several rows have: the place of each one's chunk run with its number there, and the first row."""

    at: list[tuple[int, int]]
    row: Row


class _Suspects(NamedTuple):
    """Rows that may share their keys: what is kept of the hashes, and the places of the chunk runs."""

    hashes: set[int]
    places: set[int]


class VersionKeys:
    """The keys of one version of a table."""

    def __init__(
        self, family: Family, format: RowFormat, key: Sequence[str], chunk_runs: Sequence[ChunkRun], seed: int
    ) -> None:
        self.key = tuple(key)
        self._family, self._format, self._runs, self._seed = family, format, chunk_runs, seed
        self._fresh: dict[bytes, KeyHashes] = {}
        self._read: dict[int, dict[KeyToken, list[KeyedRow]]] = {}
        self._loose = Family(None)
        self._names = _names(chunk_runs)
        self._cover()

    def places(self, token: KeyToken) -> list[int]:
        """The places of the chunk runs that may hold rows with this key, rising."""
        return sorted(set(self._rows(hash_token(token, self._seed))))

    def find(self, token: KeyToken) -> list[KeyedRow]:
        """The rows with this key, in their order."""
        found = (row for place in self.places(token) for row in self._rows_at(place).get(token, ()))
        return [row for row in found if self._parsed(row) is not None]

    @property
    def is_complete(self) -> bool:
        """Whether every row that can be read has the key, as a scalar."""
        return not any(family.incomplete.intersection(self._by_name) for family in self._families)

    @property
    def is_unique(self) -> bool:
        """Whether no two rows that can be read share a key."""
        return next(self.duplicates(), None) is None

    def duplicates(self) -> Iterator[SharedKey]:
        """The keys that rows share, in the order of their first rows."""
        remembered = self._family.remembered.marks
        if not self._is_stored or not remembered.get(self._version):
            groups = self._confirmed(self._suspects())
            if self._is_stored and remembered.get(self._version) != (not groups):
                self._family.remember(self._version, not groups, self._names)
            yield from groups

    # --- details ------------------------------------------------------------------------------------------

    @property
    def _families(self) -> tuple[Family, Family]:
        return self._family, self._loose

    @property
    def _is_stored(self) -> bool:
        """Whether the version is one that may come again."""
        return not self._loose.names

    @cached_property
    def _version(self) -> bytes:
        """A name of the version: that of its chunk runs, in their order."""
        return _version(self._names)

    @cached_property
    def _by_name(self) -> dict[bytes, int]:
        """The place of each name, the last where there are several."""
        return {name: place for place, name in enumerate(self._names)}

    @cached_property
    def _repeated(self) -> dict[bytes, list[int]]:
        """The places of the chunk runs that are in the table more than once."""
        if len(self._by_name) == len(self._names):
            return {}
        places: dict[bytes, list[int]] = {}
        for place, name in enumerate(self._names):
            places.setdefault(name, []).append(place)
        return {name: found for name, found in places.items() if len(found) > 1}

    def _places_of(self, name: bytes) -> Sequence[int]:
        place = self._by_name.get(name)
        if place is None:
            return ()
        return self._repeated.get(name, (place,))

    def _cover(self) -> None:
        """Read the chunk runs that no segment knows."""
        missing = [name for name in dict.fromkeys(self._names) if name not in self._family.names]
        if not missing:
            return
        kept = [name for name in missing if self._runs[self._by_name[name]].is_stored]
        loose = [name for name in missing if not self._runs[self._by_name[name]].is_stored]
        # Those of a few are asked for again, when it is looked for keys that rows share.
        hashes = self._hashes if len(missing) <= len(self._names) * _FEW else self._read_hashes
        for start in range(0, len(kept), MOST_RUNS):
            self._family.add(self._segment(kept[start : start + MOST_RUNS], hashes), self._names)
        if loose:
            self._loose.add(self._segment(loose, hashes), loose)

    def _segment(self, names: Sequence[bytes], hashes: Callable[[int], KeyHashes]) -> Segment:
        return make_segment((name, hashes(self._by_name[name])) for name in names)

    def _rows(self, hash: int) -> Iterator[int]:
        """The place of every row whose key may have this hash."""
        for family in self._families:
            for name in family.find(hash):
                yield from self._places_of(name)

    def _rows_at(self, place: int) -> dict[KeyToken, list[KeyedRow]]:
        """The rows of a chunk run by their keys."""
        found = self._read.get(place)
        if found is None:
            found = self._read[place] = {}
            for token, row in self._read_rows(place):
                found.setdefault(token, []).append(row)
            if len(self._read) > _AT_HAND:
                del self._read[next(iter(self._read))]
        return found

    def _read_rows(self, place: int) -> Iterator[tuple[KeyToken, KeyedRow]]:
        found = keyed_bodies(self._format, self.key, self._runs[place].load(), first=place == 0)
        return ((token, KeyedRow(place, number, body)) for number, body, token in found)

    def _parsed(self, found: KeyedRow) -> Row | None:
        row = self._format.parse(found.body)
        return None if isinstance(row, Malformed) else row

    def _suspects(self) -> _Suspects:
        reference = self._family.remembered.reference
        if reference is not None:
            added = [place for place, name in enumerate(self._names) if name not in reference]
            twice = self._twice
            if len(added) + len(twice) <= len(self._names) * _FEW:
                return self._suspects_among({*added, *twice})
        return self._all_suspects()

    @property
    def _twice(self) -> set[int]:
        return {place for places in self._repeated.values() for place in places}

    def _suspects_among(self, places: set[int]) -> _Suspects:
        """The rows of these chunk runs that may share their keys, with each other or with any."""
        hashes = {upper_bits(hash) for place in places for hash in self._hashes(place).hashes}
        rows: dict[int, list[int]] = {}
        for segment in (segment for family in self._families for segment in family.segments):
            here = [name in self._by_name for name in segment.names]
            if not any(here):
                continue
            for hash, number in segment.among(hashes, here):
                rows.setdefault(hash, []).extend(self._places_of(segment.names[number]))
        shared = {hash for hash, found in rows.items() if len(found) > 1}
        return _Suspects(shared, {place for hash in shared for place in rows[hash]})

    def _all_suspects(self) -> _Suspects:
        found = self._suspects_among(self._twice)
        segments = [segment for family in self._families for segment in family.segments]
        for hash, names in repeated(segments, self._by_name.__contains__):
            found.hashes.add(hash)
            found.places.update(place for name in names for place in self._places_of(name))
        return found

    def _confirmed(self, suspects: _Suspects) -> list[SharedKey]:
        """The keys that these rows do share."""
        found: dict[KeyToken, SharedKey] = {}
        for place in sorted(suspects.places):
            for token, keyed in self._read_rows(place):
                if upper_bits(hash_token(token, self._seed)) not in suspects.hashes:
                    continue
                if (row := self._parsed(keyed)) is not None:
                    found.setdefault(token, SharedKey([], row)).at.append((place, keyed.number))
        return sorted(
            (shared for shared in found.values() if len(shared.at) > 1), key=lambda each: each.at[0]
        )

    def _hashes(self, place: int) -> KeyHashes:
        name = self._names[place]
        if name not in self._fresh:
            self._fresh[name] = self._read_hashes(place)
        return self._fresh[name]

    def _read_hashes(self, place: int) -> KeyHashes:
        data = self._runs[place].load()
        return hash_keys(self._format, self.key, data, first=place == 0, seed=self._seed)


def _version(names: Sequence[bytes]) -> bytes:
    return xxh3_128_digest(b"".join(names))


def _names(chunk_runs: Sequence[ChunkRun]) -> list[bytes]:
    """The names of chunk runs; one that has no name of its own is named by its place."""
    ids = chunk_ids(chunk_runs)
    found = [id[:NAME] if len(id) == ID else _other_name(id, place) for place, id in enumerate(ids)]
    if found and chunk_runs[0].is_stored:
        found[0] = run_name(ids[0], first=True)
    return found


def _other_name(id: bytes, place: int) -> bytes:
    return run_name(id, first=False) if id and len(id) % ID == 0 else b"at %013d" % place
