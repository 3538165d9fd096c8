"""The chunk runs that two versions of a table have in common, found without making them.

Most versions differ in few places. So ids are compared as bytes, many at once; behind a difference the next equal id is
looked for nearby, and where there is none, what is left is aligned as any two sequences are.
"""

from __future__ import annotations

from collections.abc import Sequence

from promptvc.content.align.align import align
from promptvc.content.align.runs import Run, joined
from promptvc.versioning.ropes.chunklist import ID, split
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns
from promptvc.versioning.ropes.joined import chunk_ids

_NEAR = 16
"""How many chunk runs a difference may have, on both sides together, to be passed without an alignment of the rest."""
_STEPS = [(step - after, after) for step in range(1, _NEAR + 1) for after in range(step + 1)]


def equal_runs(before: Sequence[ChunkRun], after: Sequence[ChunkRun]) -> list[Run]:
    """Runs of chunk runs with equal ids, rising on both sides, no two of which touch.

    The first one of a file holds what opens it, so its bytes mean something else at another place: it equals a first
    one only.
    """
    if isinstance(before, ChunkRuns) and isinstance(after, ChunkRuns):
        return _of_bytes(before.ids, after.ids)
    return align(_marked(chunk_ids(before)), _marked(chunk_ids(after)))


def _of_bytes(before: bytes, after: bytes) -> list[Run]:
    """The same from ids of 20 bytes each, one after another."""
    old_count, new_count = len(before) // ID, len(after) // ID
    runs: list[Run] = []
    b = a = 0
    while b < old_count and a < new_count:
        length = _common_head(before, b, after, a)
        runs.append((b, a, length))
        b, a = b + length, a + length
        step = next((step for step in _STEPS if _meet(before, b + step[0], after, a + step[1])), None)
        if step is None:
            runs += _aligned(before, b, after, a)
            break
        b, a = b + step[0], a + step[1]
    return joined(runs)


def _common_head(before: bytes, b: int, after: bytes, a: int) -> int:
    """How many ids are equal from here on; blocks are compared, each twice as long as the one before."""
    most = min(len(before) // ID - b, len(after) // ID - a)
    length, size = 0, 64
    while length < most:
        size = min(size, most - length)
        at, to = (b + length) * ID, (a + length) * ID
        if before[at : at + size * ID] == after[to : to + size * ID]:
            length, size = length + size, 2 * size
        else:
            most, size = length + size - 1, (size + 1) // 2
    return length


def _meet(before: bytes, b: int, after: bytes, a: int) -> bool:
    """Whether both have the same id here, and neither file begins with it."""
    at, to = b * ID, a * ID
    id = before[at : at + ID]
    return bool(b and a and id) and id == after[to : to + ID]


def _aligned(before: bytes, b: int, after: bytes, a: int) -> list[Run]:
    ids = [split(before, ID), split(after, ID)]
    old, new = map(_marked, ids)
    return [(b + one, a + other, length) for one, other, length in align(old[b:], new[a:])]


def _marked(ids: list[bytes]) -> list[bytes]:
    ids[:1] = [b"first " + id for id in ids[:1]]
    return ids
