"""A commit-graph, written: always as a chain of layers, made visible by the file that lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from struct import pack

from msgspec import Struct

from promptvc.storage.commitgraph.bloom import BITS, HASHES
from promptvc.storage.commitgraph.graph import CHAIN, FOLDER, SINGLE
from promptvc.storage.commitgraph.layer import HEAD, MORE, NO_PARENT, Layer
from promptvc.storage.files import write_durably

_MOST_OFFSET = 0x7FFFFFFF


class GraphEntry(Struct, frozen=True):
    """A commit of the graph: 20-byte ids, and what is said of it. ``filter`` is nothing where it is not known."""

    raw: bytes
    tree: bytes
    parents: tuple[bytes, ...]
    level: int
    time: int
    corrected: int
    filter: bytes


def write_chain(objects: Path, kept: Sequence[Layer], entries: Iterable[GraphEntry]) -> None:
    """Put a new layer upon these, which are files of the chain, and let the chain be no others."""
    folder = objects / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    data = encode_layer(kept, entries)
    name = data[-20:].hex()
    write_durably(folder / f"graph-{name}.graph", data)
    names = [*(layer.checksum.hex() for layer in kept), name]
    write_durably(objects / CHAIN, "".join(f"{name}\n" for name in names).encode())
    with suppress(OSError):
        (objects / SINGLE).unlink(missing_ok=True)
    for path in folder.glob("graph-*.graph"):
        if path.stem.removeprefix("graph-") not in names:
            with suppress(OSError):
                path.unlink()


def drop_graph(objects: Path) -> None:
    """Remove every file of the graph; the next walks open the commits themselves."""
    for path in (objects / SINGLE, objects / CHAIN, *(objects / FOLDER).glob("graph-*.graph")):
        path.unlink(missing_ok=True)


def encode_layer(below: Sequence[Layer], entries: Iterable[GraphEntry]) -> bytes:
    """The bytes of a layer upon others."""
    ordered = sorted(entries, key=lambda entry: entry.raw)
    start = sum(layer.count for layer in below)
    own = {entry.raw: start + place for place, entry in enumerate(ordered)}
    edges: list[int] = []
    cdat = b"".join(_entry(entry, _numbers(below, own), edges) for entry in ordered)
    chunks = {
        b"OIDF": _fan(ordered),
        b"OIDL": b"".join(entry.raw for entry in ordered),
        b"CDAT": cdat,
        **_dates(ordered),
        b"EDGE": pack(f">{len(edges)}I", *edges),
        **_filters(ordered),
        b"BASE": b"".join(layer.checksum for layer in below),
    }
    return _assemble({name: chunk for name, chunk in chunks.items() if chunk}, len(below))


def _assemble(chunks: dict[bytes, bytes], below: int) -> bytes:
    at = 8 + 12 * (len(chunks) + 1)
    toc = []
    for name, chunk in chunks.items():
        toc.append(pack(">4sQ", name, at))
        at += len(chunk)
    toc.append(pack(">4sQ", bytes(4), at))
    body = b"".join((HEAD, bytes((len(chunks), below)), *toc, *chunks.values()))
    return body + sha1(body, usedforsecurity=False).digest()


def _numbers(below: Sequence[Layer], own: dict[bytes, int]) -> Callable[[bytes], int]:
    def number(raw: bytes) -> int:
        if raw in own:
            return own[raw]
        start = 0
        for layer in below:
            found = layer.find(raw)
            if found is not None:
                return start + found
            start += layer.count
        raise KeyError(raw.hex())

    return number


def _entry(entry: GraphEntry, number: Callable[[bytes], int], edges: list[int]) -> bytes:
    parents = [number(raw) for raw in entry.parents]
    first, second = [*parents[:2], NO_PARENT, NO_PARENT][:2]
    if len(parents) > 2:
        second = MORE | len(edges)
        edges += [*parents[1:-1], parents[-1] | MORE]
    high = entry.level << 2 | entry.time >> 32
    return pack(">20sIIII", entry.tree, first, second, high, entry.time & 0xFFFFFFFF)


def _fan(ordered: Sequence[GraphEntry]) -> bytes:
    counts = [0] * 256
    for entry in ordered:
        counts[entry.raw[0]] += 1
    total = 0
    for place, count in enumerate(counts):
        counts[place] = total = total + count
    return pack(">256I", *counts)


def _dates(ordered: Sequence[GraphEntry]) -> dict[bytes, bytes]:
    offsets, far = [], []
    for entry in ordered:
        offset = entry.corrected - entry.time
        if offset > _MOST_OFFSET:
            far.append(offset)
            offset = MORE | (len(far) - 1)
        offsets.append(offset)
    return {b"GDA2": pack(f">{len(offsets)}I", *offsets), b"GDO2": pack(f">{len(far)}Q", *far)}


def _filters(ordered: Sequence[GraphEntry]) -> dict[bytes, bytes]:
    ends, at = [], 0
    for entry in ordered:
        at += len(entry.filter)
        ends.append(at)
    data = b"".join((pack(">III", 1, HASHES, BITS), *(entry.filter for entry in ordered)))
    return {b"BIDX": pack(f">{len(ends)}I", *ends), b"BDAT": data}
