"""Deltas: an object said in terms of another one, as git has them (gitformat-pack(5)).

Made for what is stored here: two versions of a chunk or of a tree differ in a few places, and what is equal between
these is equal line by line, or entry by entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from promptvc.patterns import compiled
from promptvc.storage.objects import Kind

_COPY_MOST, _INSERT_MOST = 1 << 16, 127
_WORTH = 8
"""Bytes from which a copy is shorter than what it copies."""
_LINES = compiled(rb"[^\n]*\n|[^\n]+")
_ENTRIES = compiled(rb"(?<=\0).{20}|[^\0]*\0|[^\0]+", re.DOTALL)


class _Copy(NamedTuple):
    start: int
    size: int


def make_delta(base: bytes, target: bytes, kind: Kind) -> bytes:
    r"""The delta that makes target of base.

    ``make_delta(b"a\nb\n", b"a\nc\n", Kind.BLOB)`` inserts four bytes: copies of less than 8 are not worth it.
    """
    head = _common_head(base, target)
    tail = _common_tail(base[head:], target[head:])
    steps: list[_Copy | bytes] = [_Copy(0, head)] if head >= _WORTH else [target[:head]]
    old, new = base[head : len(base) - tail], target[head : len(target) - tail]
    steps += _middle(old, new, head, kind)
    steps.append(_Copy(len(base) - tail, tail) if tail >= _WORTH else target[len(target) - tail :])
    return _size(len(base)) + _size(len(target)) + b"".join(map(_encode, _joined(steps)))


def _middle(old: bytes, new: bytes, start: int, kind: Kind) -> Iterator[_Copy | bytes]:
    """Copies of the pieces that old has too, and what is between them; ``start`` is where old begins in the base."""
    if len(old) < _WORTH or len(new) < _WORTH:
        yield new
        return
    cut = _LINES if kind is Kind.BLOB else _ENTRIES
    places: dict[bytes, int] = {}
    for found in cut.finditer(old):
        places.setdefault(found[0], found.start())
    at = 0  # where the next piece of old would be, if old went on as new does
    copied: list[_Copy | bytes] = []
    for piece in cut.findall(new):
        size = len(piece)
        place = at if old[at : at + size] == piece else places.get(piece, -1)
        if place < 0:
            copied.append(piece)
            continue
        last = copied[-1] if copied else b""
        if isinstance(last, _Copy) and last.start + last.size == place:
            copied[-1] = _Copy(last.start, last.size + size)
        else:
            copied.append(_Copy(place, size))
        at = place + size
    yield from _refined(old, [*_joined(copied)], start)


def _refined(old: bytes, steps: list[_Copy | bytes], start: int) -> Iterator[_Copy | bytes]:
    """The steps with copies of what inserted bytes have in common with those that stood in their place."""
    before = 0
    for number, step in enumerate(steps):
        if isinstance(step, _Copy):
            before = step.start + step.size
            yield step._replace(start=start + step.start)
            continue
        following = steps[number + 1] if number + 1 < len(steps) else None
        end = following.start if isinstance(following, _Copy) else len(old)
        there = old[before:end] if before < end else b""
        head = _common_head(there, step)
        tail = _common_tail(there[head:], step[head:])
        head, tail = head if head >= _WORTH else 0, tail if tail >= _WORTH else 0
        if head:
            yield _Copy(start + before, head)
        yield step[head : len(step) - tail]
        if tail:
            yield _Copy(start + end - tail, tail)


def _joined(steps: list[_Copy | bytes]) -> Iterator[_Copy | bytes]:
    """The steps without empty ones, neighbours that insert as one; a copy that is too short is inserted nowhere."""
    inserted = b""
    for step in steps:
        if isinstance(step, bytes):
            inserted += step
            continue
        if inserted:
            yield inserted
            inserted = b""
        if step.size:
            yield step
    if inserted:
        yield inserted


def _encode(step: _Copy | bytes) -> bytes:
    if isinstance(step, bytes):
        parts = (step[at : at + _INSERT_MOST] for at in range(0, len(step), _INSERT_MOST))
        return b"".join(bytes([len(part)]) + part for part in parts)
    copies = (
        _copy(at, min(_COPY_MOST, step.start + step.size - at))
        for at in range(step.start, step.start + step.size, _COPY_MOST)
    )
    return b"".join(copies)


def _copy(start: int, size: int) -> bytes:
    """One copy: a byte whose bits say which bytes of offset and size follow; a size of 65,536 has none."""
    flags, out = 0x80, bytearray()
    for bit, byte in enumerate(start.to_bytes(4, "little")):
        if byte:
            flags |= 1 << bit
            out.append(byte)
    for bit, byte in enumerate((size & 0xFFFF).to_bytes(2, "little"), 4):
        if byte:
            flags |= 1 << bit
            out.append(byte)
    return bytes([flags]) + bytes(out)


def _size(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _common_head(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while low < high - 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _common_tail(one: bytes, other: bytes) -> int:
    """How many bytes both end with."""
    return _common_head(one[::-1], other[::-1])
