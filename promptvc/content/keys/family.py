"""A family of segments: all that is kept of one key of one table, and which versions of it have unique keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from promptvc.content.keys.segments import (
    MOST_RUNS,
    NAME,
    Segment,
    join_segments,
    read_segment,
    write_segment,
)
from promptvc.storage.cache import Cache
from promptvc.storage.files import write_atomically

_SEGMENTS = 8
"""Segments of a family beside which the next one makes small ones join."""
_DEAD, _DEAD_FROM = 4, 1 << 16
"""How many times as many keys as the version at hand a family may have before those of others go; from how many."""
_MARKS = 64
"""Versions of which it is remembered whether their keys are unique."""


class Family:
    """The segments for one key of one table, and which versions have unique keys.

    Nothing that is written is waited for or missed: a disk that is full or read-only means that it is found again.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.segments = [*_segments(folder)] if folder else []
        self.names = {name for segment in self.segments for name in segment.names}
        self.incomplete = {name for segment in self.segments for name in segment.incomplete()}
        """The names of chunk runs in which rows lack the key."""

    def add(self, segment: Segment, alive: Sequence[bytes]) -> None:
        """Keep a segment; ``alive`` are the names of the version at hand."""
        self._enter(self._write(segment))
        total = sum(map(len, self.segments))
        at_hand = set(alive)
        if total > _DEAD_FROM and total > _DEAD * sum(_count(each, at_hand) for each in self.segments):
            self._join(list(self.segments), at_hand.__contains__)
        elif len(self.segments) > _SEGMENTS:
            self._join(_small(self.segments), lambda name: True)

    def take(self, segment: Segment) -> None:
        """Keep a segment of a version that is new; nothing is joined."""
        self._enter(self._write(segment))

    def find(self, hash: int) -> Iterator[bytes]:
        """The names of the chunk runs that may have a key of this hash, one for each row."""
        for segment in self.segments:
            yield from segment.find(hash)

    @cached_property
    def remembered(self) -> Remembered:
        """What is known of versions."""
        return Remembered.load(self._cache)

    def remember(self, version: bytes, unique: bool, names: Sequence[bytes]) -> None:
        """Remember whether the keys of a version are unique; such a version later ones are compared to."""
        self.remembered.add(version, unique, names)
        if self._cache is not None:
            self.remembered.save(self._cache)

    @cached_property
    def _cache(self) -> Cache | None:
        return Cache(self._folder) if self._folder is not None else None

    def _join(self, some: Sequence[Segment], wanted: Callable[[bytes], bool]) -> None:
        if sum(len(each.names) for each in some) > MOST_RUNS:
            return
        made = self._write(join_segments(some, wanted))
        if self._folder is not None and made.path is None:
            return  # the disk is full, say: those that are there stay
        gone = {id(each) for each in some}
        self.segments = [each for each in self.segments if id(each) not in gone] + [made]
        self.names = {name for each in self.segments for name in each.names}
        for each in some:
            if each.path is not None:
                with suppress(OSError):
                    each.path.unlink()

    def _write(self, segment: Segment) -> Segment:
        if self._folder is None:
            return segment
        path = _save(self._folder, write_segment(segment))
        return segment if path is None else segment.at(path)

    def _enter(self, segment: Segment) -> None:
        self.segments.append(segment)
        self.names.update(segment.names)
        self.incomplete.update(segment.incomplete())


class Remembered:
    """Of the last versions, whether their keys are unique; and the names of the last one for which they are."""

    def __init__(self, marks: dict[bytes, bool], reference: frozenset[bytes] | None) -> None:
        self.marks, self.reference = marks, reference

    @classmethod
    def load(cls, cache: Cache | None) -> Remembered:
        """What was saved; nothing where it cannot be read."""
        found = cache.load("unique") if cache is not None else None
        if not isinstance(found, list):
            return cls({}, None)
        try:
            marks, joined = found
            names = frozenset(joined[at : at + NAME] for at in range(0, len(joined), NAME))
            return cls({bytes(version): bool(unique) for version, unique in marks.items()}, names or None)
        except (TypeError, ValueError, AttributeError):
            return cls({}, None)

    def add(self, version: bytes, unique: bool, names: Sequence[bytes]) -> None:
        """Remember a version."""
        self.marks.pop(version, None)
        self.marks[version] = unique
        while len(self.marks) > _MARKS:
            del self.marks[next(iter(self.marks))]
        if unique:
            self.reference = frozenset(names)

    def save(self, cache: Cache) -> None:
        """Save it."""
        cache.save("unique", [self.marks, b"".join(self.reference or ())])


def _save(folder: Path, data: bytes) -> Path | None:
    """Write the bytes of a segment; gives where, None where that is not possible."""
    path = folder / f"{os.urandom(8).hex()}.keys"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
        return path
    return None


def _segments(folder: Path) -> Iterator[Segment]:
    """The segments in a folder; what cannot be read is removed."""
    seen: set[bytes] = set()
    for path in sorted(folder.glob("*.keys")) if folder.is_dir() else ():
        segment = read_segment(path)
        if segment is None:
            with suppress(OSError):
                path.unlink()
        elif not seen.issuperset(segment.names):
            seen.update(segment.names)
            yield segment


def _small(segments: Sequence[Segment]) -> list[Segment]:
    """The smallest ones, while each is less than twice what the smaller ones hold together; two at least."""
    chosen: list[Segment] = []
    total = 0
    for segment in sorted(segments, key=len):
        if len(chosen) > 1 and len(segment) > 2 * total:
            break
        chosen.append(segment)
        total += len(segment)
    return chosen


def _count(segment: Segment, names: set[bytes]) -> int:
    """About how many keys the chunk runs of these names have."""
    if not segment.names:
        return 0
    return len(segment) * sum(name in names for name in segment.names) // len(segment.names)
