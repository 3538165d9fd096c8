"""Lines of JSON with a checksum inside, which other readers take as a field: ``{"n":1,"_check":"0f3a…"}``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xxhash import xxh3_64_hexdigest

from promptvc.patterns import compiled

_SEAL = compiled(rb',"_check":"([0-9a-f]{16})"\}')


def seal(line: bytes) -> bytes:
    """Add the xxh3_64 of what stands before it to a JSON object that is not empty, without a line end."""
    body = line[:-1]
    return b'%s,"_check":"%s"}' % (body, xxh3_64_hexdigest(body).encode())


def is_damaged(line: bytes) -> bool:
    """Whether a line has a checksum that it does not fit; one without was written before there were any."""
    match = _last_seal(line)
    return match is not None and xxh3_64_hexdigest(line[: match.start()]).encode() != match[1]


def sound_parts(line: bytes) -> Iterator[tuple[int, bytes]]:
    """The sealed objects in a damaged line that are whole, each with its offset: two lines may have become one."""
    start = 0
    for match in _SEAL.finditer(line):
        opening = line.find(b"{", start)
        while 0 <= opening < match.start():
            if xxh3_64_hexdigest(line[opening : match.start()]).encode() == match[1]:
                yield opening, line[opening : match.end()]
                break
            opening = line.find(b"{", opening + 1)
            if (
                opening - start > 64
            ):  # a line's own start is near, whatever became of the end of the one before
                break
        start = match.end()


def _last_seal(line: bytes) -> re.Match[bytes] | None:
    end = line.rstrip(b"\r\n")
    return _SEAL.fullmatch(end, max(0, len(end) - 29))
