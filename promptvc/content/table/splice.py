"""Rows of a file replaced, taken out and added, chunk run by chunk run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec.structs import replace

from promptvc.content.formats.base import RowFormat, Segment
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.ropes.joined import Joined, Parts

Changes = Mapping[int, Mapping[int, bytes | None]]
"""By chunk run and row in it: the new body, or None for a row that goes."""

Insertions = Mapping[int, Mapping[int, Sequence[bytes]]]
"""By chunk run and row in it: the bodies that come behind that row; -1 for in front of the chunk run's first."""


class OpenFile:
    """The chunk runs of a file, each loaded once."""

    def __init__(self, chunk_runs: Sequence[ChunkRun], format: RowFormat) -> None:
        self.chunk_runs, self.format = chunk_runs, format
        self._data: dict[int, bytes] = {}

    def data(self, at: int) -> bytes:
        """The bytes of a chunk run."""
        if at not in self._data:
            self._data[at] = self.chunk_runs[at].load()
        return self._data[at]

    @property
    def loaded(self) -> set[int]:
        """The chunk runs whose bytes are at hand."""
        return set(self._data)

    def segments(self, at: int) -> Sequence[Segment]:
        """The segments of a chunk run."""
        return self.format.segments(self.data(at), at == 0)

    def chunk_run(self, at: int) -> ChunkRun:
        """A chunk run as it was, which need not be loaded again."""
        data = self._data.get(at)
        return self.chunk_runs[at] if data is None else self.chunk_runs[at]._replace(load=lambda: data)


def splice(
    file: OpenFile, changes: Changes, added: Sequence[bytes], inserted: Insertions = MappingProxyType({})
) -> Joined[ChunkRun | bytes]:
    """The file with these changes, and with bodies added at its end: chunk runs that stay, and new bytes."""
    made = Parts()
    last = len(file.chunk_runs)
    regions = [*_regions(file, changes, added, inserted), (last, last)]
    touched = sorted(file.loaded | changes.keys())
    at = 0
    for start, stop in regions:
        for place in touched[bisect_left(touched, at) : bisect_left(touched, start)]:
            made.take(file.chunk_runs[at:place])
            made.put(_replaced(file, place, changes[place]) if changes.get(place) else file.chunk_run(place))
            at = place + 1
        made.take(file.chunk_runs[at:start])
        if start < stop or (added and not last):
            made.put(_rebuilt(file, range(start, stop), changes, inserted, added if stop == last else ()))
            at = stop
    return made.joined()


def _rebuilt(
    file: OpenFile, places: range, changes: Changes, inserted: Insertions, added: Sequence[bytes]
) -> bytes:
    """The bytes of chunk runs that are laid out anew, with bodies added behind."""
    old = [segment for place in places for segment in file.segments(place)]
    new = [item for place in places for item in _changed(file, place, changes, inserted)]
    return b"".join(segment.data for segment in file.format.rebuild(old, [*new, *added]))


def _regions(
    file: OpenFile, changes: Changes, added: Sequence[bytes], inserted: Insertions
) -> list[tuple[int, int]]:
    """Runs of chunk runs that are laid out anew, for rows come or go; a row stays in each, if any stays in the file.

    What separates rows is with the row before: so one that stays must be there.
    """
    count = len(file.chunk_runs)
    wanted = sorted({at for at, bodies in changes.items() if None in bodies.values()} | inserted.keys())
    if added and count and wanted[-1:] != [count - 1]:
        wanted.append(count - 1)
    regions: list[tuple[int, int]] = []
    for at in wanted:
        start, stop = at, at + 1
        while not any(_stays(file, place, changes) for place in range(start, stop)) and stop - start < count:
            start, stop = (start - 1, stop) if start else (start, stop + 1)
        while regions and regions[-1][1] > start:
            start, stop = min(start, regions[-1][0]), max(stop, regions.pop()[1])
        regions.append((start, stop))
    return regions


def _stays(file: OpenFile, at: int, changes: Changes) -> bool:
    gone = sum(body is None for body in changes.get(at, {}).values())
    return file.format.count(file.data(at), at == 0) > gone


def _replaced(file: OpenFile, at: int, changes: Mapping[int, bytes | None]) -> bytes:
    segments = _changed(file, at, {at: changes}, {})
    return b"".join(segment if isinstance(segment, bytes) else segment.data for segment in segments)


def _changed(file: OpenFile, at: int, changes: Changes, inserted: Insertions) -> Iterator[Segment | bytes]:
    """The segments of a chunk run without the rows that go, and the bodies that come."""
    bodies, new = changes.get(at, {}), inserted.get(at, {})
    number = -1
    for segment in file.segments(at):
        if segment.body is None:
            yield segment
            continue
        if number < 0:
            yield from new.get(-1, ())
        number += 1
        if number not in bodies:
            yield segment
        elif (body := bodies[number]) is not None:
            yield replace(segment, body=body)
        yield from new.get(number, ())
    if number < 0:
        yield from new.get(-1, ())
