"""The tokens in some bytes: one pass of RE2 finds candidates, then the exact shape is matched at those places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import Any

from msgspec import Struct

from promptvc.secrets.shapes import LONGEST, SHAPES, Shape

_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_JOINING = frozenset(b"-_")
# Patterns are bytes: `re` compiles each on first use, and most commits use none.
_ESCAPED = rb"\\[nrtfbv]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2}"
_EQUALS = rb"\\+u003[dD]"
_BREAKS = rb"\\+[nrt]|\\+u000[ad]|[\s\\\"',>|`]"
_BEFORE = 12
"""Bytes before a token that decide whether it begins there."""
HIDDEN = "***"
"""The replacement for a secret."""
WINDOW = 1 << 20
"""Bytes that are searched together."""


class Hit(Struct, frozen=True):
    """A token: its kind, its place, and its bytes, which are never shown."""

    kind: str
    start: int
    token: bytes

    @property
    def digest(self) -> str:
        """``sha256:…`` of the token; for a private key, regardless of line breaks and how they are escaped."""
        plain = re.sub(_EQUALS, b"=", self.token)
        plain = re.sub(_BREAKS, b"", plain) if self.kind == "private-key" else plain.replace(b"\\", b"")
        return f"sha256:{sha256(plain).hexdigest()}"


def find(data: bytes, end: int | None = None) -> list[Hit]:
    """The tokens that begin before ``end``; the bytes after it are read too."""
    return [*_hits(data, len(data) if end is None else end)]


def find_small(data: bytes) -> list[Hit]:
    """`find` for a line of text, without loading the library for large data."""
    return [*_hits(data, len(data), near=_near_small())]


def hide_tokens(text: str) -> str:
    """The text with every token replaced."""
    data = text.encode("utf-8", "surrogatepass")
    for hit in reversed(find_small(data)):
        data = data[: hit.start] + HIDDEN.encode() + data[hit.start + len(hit.token) :]
    return data.decode("utf-8", "surrogatepass")


class Stream:
    """Finds tokens in bytes that come in parts. A part is searched once it is known if the next one continues it."""

    def __init__(self) -> None:
        self._rest = b""
        self._seen = 0  # bytes of the rest that only serve as context

    def begin(self, data: bytes) -> list[Hit]:
        """Start with unrelated bytes: no token leads into them. Returns the hits before them; nothing is copied."""
        found = self.end()
        self._rest = data
        return found

    def go_on(self, data: bytes) -> list[Hit]:
        """Continue: a token may reach into these bytes."""
        window = self._rest + data
        until = len(self._rest) - LONGEST
        if until <= self._seen:
            self._rest = window
            return []
        found = self._from(window, until)
        # A token may reach beyond: the bytes that it covers are not searched again.
        reached = max([until, *(hit.start + len(hit.token) for hit in found[-1:])])
        self._rest = window[max(0, reached - _BEFORE) :]
        self._seen = min(reached, _BEFORE)
        return found

    def end(self) -> list[Hit]:
        """Search the rest."""
        found = self._from(self._rest, len(self._rest))
        self._rest, self._seen = b"", 0
        return found

    def _from(self, window: bytes, until: int) -> list[Hit]:
        return [*_hits(window, until, self._seen)]


def _hits(data: bytes, end: int, at: int = 0, near: Any = None) -> Iterator[Hit]:
    search = (near or _near()).search
    while (found := search(data, at)) is not None and (start := found.start()) < end:
        hit = _exact_at(data, start)
        if hit is not None:
            yield hit
        at = start + (len(hit.token) if hit else 1)


def _exact_at(data: bytes, start: int) -> Hit | None:
    found = _exact().match(data, start)
    if found is None:
        return None
    shape = SHAPES[int((found.lastgroup or "s0")[1:])]
    if not _begins(data, start, shape) or not shape.check(found[0]):
        return None
    return Hit(shape.kind, start, found[0])


def _begins(data: bytes, start: int, shape: Shape) -> bool:
    """Whether no word continues here: a letter before does not count if it ends an escape, as in ``\\nghp_…``."""
    if start == 0:
        return True
    before = data[start - 1]
    if before in _JOINING:
        return not shape.alone
    if before not in _LETTERS:
        return True
    return any(re.fullmatch(_ESCAPED, data[start - size : start]) for size in (2, 6, 4, 3) if size <= start)


@cache
def _near() -> Any:
    import re2  # needed only for large data

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    options.max_mem = 64 << 20
    return re2.compile(b"|".join(shape.near for shape in SHAPES), options)


@cache
def _near_small() -> Any:
    return re.compile(b"|".join(b"(?:%s)" % shape.near for shape in SHAPES))


@cache
def _exact() -> re.Pattern[bytes]:
    parts = (b"(?P<s%d>%s)" % (number, shape.exact) for number, shape in enumerate(SHAPES))
    return re.compile(b"|".join(parts))
