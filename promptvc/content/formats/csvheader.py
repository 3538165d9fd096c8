"""The header of a CSV file: the delimiter that it shows, and its names."""

from __future__ import annotations

import re

from promptvc.content.formats.csvcells import QUOTED
from promptvc.patterns import compiled

_DELIMITERS = b",;\t|"
_QUOTED = compiled(QUOTED)


def sniff_delimiter(head: bytes, start: int, ending: bytes) -> bytes:
    """The candidate that is most often in the header outside quotes; of equals, the first; the comma if none is."""
    counts = dict.fromkeys(_DELIMITERS, 0)
    at = start
    while at < len(head):
        quoted = _QUOTED.match(head, at)
        if head[at] == 0x22 and quoted is None:
            break
        stop = re.compile(rb"[^,;\t|" + ending + rb"]*+").match(head, at if quoted is None else quoted.end())
        at = len(head) if stop is None else stop.end()
        if head[at : at + 1] in (ending, b""):
            break
        counts[head[at]] += 1
        at += 1
    return bytes([max(counts, key=lambda candidate: counts[candidate])])


def unique_names(names: list[str]) -> list[str]:
    """``a b a -> a b a#2``."""
    taken: set[str] = set(names)
    seen: set[str] = set()
    numbers: dict[str, int] = {}
    unique = []
    for name in names:
        number = numbers.get(name, 2)
        fresh = name
        while fresh in seen or (fresh != name and fresh in taken):
            fresh = f"{name}#{number}"
            number += 1
        numbers[name] = number
        seen.add(fresh)
        unique.append(fresh)
    return unique
