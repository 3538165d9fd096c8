"""docs/format.md once more, as plain as can be and with nothing of promptvc: what the real code is held against.

Slow, byte by byte; whole files in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import xxhash

HEAD_SIZE = 65536
CHUNK_MIN, CHUNK_TARGET, CHUNK_MAX = 8192, 32768, 262144
NODE_MIN, NODE_TARGET, NODE_MAX = 16, 64, 256
BLANKS = b" \t\r\n"
BOM = b"\xef\xbb\xbf"

Child = tuple[bytes, bool]
"""An id, and whether the chunk (or the last chunk below) ends inside a row."""


def file_id(path: str, data: bytes, executable: bool = False) -> tuple[str, bool]:
    """The object that a file is stored as, and whether that is a rope."""
    ends = row_ends(path, data)
    if ends is None:
        return git_id(b"blob", data).hex(), False
    pieces = list(chunks(data, ends))
    if len(pieces) < 2:
        return git_id(b"blob", data).hex(), False
    children = [(git_id(b"blob", chunk), broken) for chunk, broken in pieces]
    return rope_id(children, b"100755" if executable else b"100644").hex(), True


def git_id(kind: bytes, data: bytes) -> bytes:
    """A git object's name, as 20 bytes."""
    return hashlib.sha1(b"%s %d\0%s" % (kind, len(data), data)).digest()


# --- row ends ---------------------------------------------------------------------------------------------


def row_ends(path: str, data: bytes) -> list[int] | None:
    """The row ends of a file; None where it is no row file."""
    head = data[:HEAD_SIZE]
    suffix = path[path.rfind(".") :].lower()
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    if suffix in (".jsonl", ".ndjson"):
        return [at + 1 for at, byte in enumerate(data) if byte == 0x0A]
    if suffix in (".csv", ".tsv"):
        return list(_records(data, head, tabs=suffix == ".tsv"))
    if suffix == ".json" and _opens_array(head):
        return list(_elements(data))
    return None


def _records(data: bytes, head: bytes, *, tabs: bool) -> Iterator[int]:
    ending = 0x0D if b"\r" in head and b"\n" not in head else 0x0A
    delimiter = 0x09 if tabs else _delimiter(head, ending)
    at = _behind_blank_lines(data, ending)
    while (end := _record_end(data, at, delimiter, ending)) is not None:
        yield end
        at = end


def _behind_blank_lines(data: bytes, ending: int) -> int:
    at = len(BOM) if data.startswith(BOM) else 0
    while True:
        stop = at
        while stop < len(data) and data[stop] == 0x0D:
            stop += 1
        if ending == 0x0D:
            return stop
        if stop >= len(data) or data[stop] != 0x0A:
            return at
        at = stop + 1


def _record_end(data: bytes, at: int, delimiter: int, ending: int) -> int | None:
    while True:
        if data[at : at + 1] == b'"':
            behind = _behind_quote(data, at)
            if behind is None:
                return None
            at = behind
        while at < len(data) and data[at] not in (delimiter, ending):
            at += 1
        if at == len(data):
            return None
        at += 1
        if data[at - 1] == ending:
            return at


def _behind_quote(data: bytes, at: int) -> int | None:
    """Behind the quote that closes the one at this offset."""
    at += 1
    while at < len(data):
        if data[at] != 0x22:
            at += 1
        elif data[at + 1 : at + 2] == b'"':
            at += 2
        else:
            return at + 1
    return None


def _delimiter(head: bytes, ending: int) -> int:
    candidates = b",;\t|"
    counts = dict.fromkeys(candidates, 0)
    at = _behind_blank_lines(head, ending)
    while at < len(head):
        if head[at] == 0x22:
            behind = _behind_quote(head, at)
            if behind is None:
                break
            at = behind
        while at < len(head) and head[at] not in candidates and head[at] != ending:
            at += 1
        if at == len(head) or head[at] == ending:
            break
        counts[head[at]] += 1
        at += 1
    return max(candidates, key=lambda candidate: counts[candidate])


def _opens_array(head: bytes) -> bool:
    rest = head.removeprefix(BOM).lstrip(BLANKS)
    return rest[:1] == b"[" and rest[1:].lstrip(BLANKS)[:1] in (b"{", b"]", b"")


def _elements(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        if data[at] == 0x22:
            behind = _behind_string(data, at)
            if behind is None:
                return
            at = behind
        elif data[at] == 0x7B:
            stop = _behind_element(data, at)
            if stop is None:
                return
            at = stop
            comma = _skip(data, at, BLANKS)
            if data[comma : comma + 1] == b",":
                at = _skip(data, comma + 1, b" \t\r")
                at += data[at : at + 1] == b"\n"
                yield at
        else:
            at += 1


def _behind_element(data: bytes, at: int) -> int | None:
    depth = 0
    while at < len(data):
        if data[at] == 0x22:
            behind = _behind_string(data, at)
            if behind is None:
                return None
            at = behind
            continue
        depth += {0x7B: 1, 0x7D: -1}.get(data[at], 0)
        at += 1
        if depth == 0:
            return at
    return None


def _behind_string(data: bytes, at: int) -> int | None:
    at += 1
    while at < len(data):
        if data[at] == 0x22:
            return at + 1
        at += 2 if data[at] == 0x5C else 1
    return None


def _skip(data: bytes, at: int, letters: bytes) -> int:
    while at < len(data) and data[at] in letters:
        at += 1
    return at


# --- chunks and ropes -------------------------------------------------------------------------------------


def chunks(data: bytes, ends: list[int]) -> Iterator[tuple[bytes, bool]]:
    """The chunks of a file, each with whether it is broken."""
    cut_below = 2**64 // (CHUNK_TARGET - CHUNK_MIN)
    known = set(ends)
    start = row = 0
    for end in [*ends, len(data)]:
        if end - start > CHUNK_MAX and row > start:
            yield data[start:row], False
            start = row
        while end - start > CHUNK_MAX:
            yield data[start : start + CHUNK_MAX], True
            start += CHUNK_MAX
        chosen = xxhash.xxh3_64_intdigest(data[row:end]) < (end - row) * cut_below
        if chosen and end in known and end - start >= CHUNK_MIN:
            yield data[start:end], False
            start = end
        row = end
    if start < len(data):
        yield data[start:], False


def rope_id(children: list[Child], file_mode: bytes) -> bytes:
    """The root over chunks."""
    mode = b"100644"
    while len(groups := list(_groups(children))) > 1:
        children = [(git_id(b"tree", _tree(mode, group)), group[-1][1]) for group in groups]
        mode = b"40000"
    marker = file_mode + b" .rope\0" + git_id(b"blob", b"promptvc rope 1\n")
    return git_id(b"tree", marker + _tree(mode, groups[0]))


def _groups(children: list[Child]) -> Iterator[list[Child]]:
    group: list[Child] = []
    for child in children:
        group.append(child)
        cuts = int.from_bytes(child[0][:4], "big") < 2**32 // (NODE_TARGET - NODE_MIN)
        if len(group) == NODE_MAX or (len(group) >= NODE_MIN and cuts):
            yield group
            group = []
    if group:
        yield group


def _tree(mode: bytes, group: list[Child]) -> bytes:
    names = (b"%03d" % number + b"+" * broken for number, (_, broken) in enumerate(group))
    return b"".join(b"%s %s\0%s" % (mode, name, id) for name, (id, _) in zip(names, group, strict=True))
