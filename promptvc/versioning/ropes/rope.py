"""Ropes: a row file kept as a git tree of chunks.

    examples/tickets.jsonl/     tree
        .rope                   constant blob; its mode is the file's mode
        000  001+  002 …        chunks, or inner trees of the same shape

The chunks joined in name order are the file. A name ends in ``+`` where the chunk ends inside a row. A file of
one chunk is a plain blob. docs/format.md is the specification.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import Struct

from promptvc.errors import Advice, FileUnreadable, ObjectDamaged
from promptvc.ids import ObjectId
from promptvc.patterns import compiled
from promptvc.storage.objects import FILE, FOLDER, Kind, object_id
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.chunking import Cutting, Piece, cut
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.ropes.marker import MARKER, MARKER_ID, MARKER_NAME

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter

NODE_MIN, NODE_TARGET, NODE_MAX = 16, 64, 256
DEEPEST, MOST_CHUNKS = 8, 1 << 21
"""Levels and chunks of a rope: 64 GiB of a table at `CHUNK_TARGET` each. A few objects can claim any number."""
NODE_CUT_BELOW = (1 << 32) // (NODE_TARGET - NODE_MIN)
"""A child ends its node when the first 32 bits of its id are below this."""
_CUT_BELOW = NODE_CUT_BELOW.to_bytes(4, "big")
_LEAF_NAMES, _NODE_NAMES = (
    (
        [b"%o %03d\0" % (mode, n) for n in range(NODE_MAX)],
        [b"%o %03d+\0" % (mode, n) for n in range(NODE_MAX)],
    )
    for mode in (FILE, FOLDER)
)
"""What stands before the ids of a node's children, and of those that end inside a row."""

_ENTRY_SIZE = len(b"100644 000+\0") + 20
_ENTRY = compiled(rb"[0-7]+ ([0-9]{3}\+?)\0(.{20})", re.DOTALL)
_LEAVES = compiled(rb"(?:100644 [0-9]{3}\+?\0.{20})*", re.DOTALL)
_NODES = compiled(rb"(?:40000 [0-9]{3}\+?\0.{20})*", re.DOTALL)


class Chunk(NamedTuple):
    """One chunk of a rope: its blob, and whether it ends inside a row (which goes on in the next)."""

    id: ObjectId
    broken: bool


class Written(Struct, frozen=True):
    """A row file as it is in the store: a blob's id, or a rope's, and its chunks."""

    id: ObjectId
    is_rope: bool
    chunks: ChunkList


class Watch(Protocol):
    """Is shown what a row file is written of, in order: new chunks by their bytes, those that stay by name."""

    def new(self, data: bytes, *, goes_on: bool = False) -> None:
        """A chunk that no version at hand has; ``goes_on`` where it begins inside a row."""

    def known(self, first: ObjectId, last: ObjectId) -> None:
        """Chunks that stay, one after another."""

    def drop(self) -> None:
        """Nothing was new: the file is as an earlier version of it."""

    def order(self) -> object:
        """What another process must know to look at a part of the file in the same way; plain values."""

    def take(self, found: object) -> None:
        """What it found there; plain values."""

    def meet(self, before: bytes, after: bytes) -> None:
        """Two chunks, one after the other, each of which another process looked at."""


def write_rows(
    blocks: Iterable[bytes],
    cutting: Cutting,
    writer: PackWriter | None,
    known: ChunkList | None = None,
    *,
    seed: int = 0,
    mode: int = FILE,
    watch: Watch | None = None,
) -> Written:
    """Write a row file; without a writer only work out its id.

    ``blocks`` joined are the file, ``known`` the chunks of an earlier version. Same bytes, same id.
    """
    pieces = cut(blocks, cutting, known)
    return write_cut(pieces, cutting, writer, known, seed=seed, mode=mode, watch=watch)


def write_cut(
    pieces: Iterator[Piece],
    cutting: Cutting,
    writer: PackWriter | None,
    known: ChunkList | None,
    *,
    seed: int = 0,
    mode: int = FILE,
    watch: Watch | None = None,
) -> Written:
    """Write a row file that is cut already; ``known`` is the list that recognised pieces are from."""
    chunks = write_chunks(pieces, cutting, writer, known, seed=seed, watch=watch)
    return write_over(chunks, writer, mode)


def write_chunks(
    pieces: Iterator[Piece],
    cutting: Cutting,
    writer: PackWriter | None,
    known: ChunkList | None,
    *,
    seed: int = 0,
    watch: Watch | None = None,
    first: bool = True,
) -> ChunkList:
    """Write the chunks of a file, or of a part of it; ``first`` where that part is the file's beginning."""
    chunks = ChunkList(cutting.style, seed)
    fresh: list[int] = []
    shown = _watched(pieces, known, watch) if watch else pieces
    new = _new_pieces(shown, chunks, known, cutting, fresh, first)
    ids = writer.add_blobs(new) if writer else map(partial(object_id, Kind.BLOB), new)
    made = list(ids)
    for place, id in zip(fresh, made, strict=True):
        chunks.set_id(place, id)
    return chunks


def write_over(chunks: ChunkList, writer: PackWriter | None, mode: int = FILE) -> Written:
    """Write the tree over the chunks of a file, which are written already."""
    put = writer.add if writer else object_id
    if len(chunks) > MOST_CHUNKS:
        raise FileUnreadable(
            f"a table of {len(chunks):,} pieces is too large: at most {MOST_CHUNKS:,} are kept",
            "divide it into several files, or exclude it in promptvc.toml",
        )
    if len(chunks) == 1:
        return Written(chunks.id(0), False, chunks)
    if not chunks:
        return Written(put(Kind.BLOB, b""), False, chunks)
    put(Kind.BLOB, MARKER)
    return Written(build(chunks, partial(put, Kind.TREE), mode), True, chunks)


def _watched(pieces: Iterator[Piece], known: ChunkList | None, watch: Watch) -> Iterator[Piece]:
    """The pieces, each shown on its way."""
    goes_on = False
    for piece in pieces:
        if piece.known >= 0 and known is not None:
            watch.known(known.id(piece.known), known.id(piece.known + piece.run - 1))
        else:
            watch.new(piece.data, goes_on=goes_on)
        goes_on = piece.broken
        yield piece


def _new_pieces(
    pieces: Iterator[Piece],
    chunks: ChunkList,
    known: ChunkList | None,
    cutting: Cutting,
    fresh: list[int],
    first: bool,
) -> Iterator[bytes]:
    """Enter every piece in the list; pass on the bytes of those that are not known, noting their places."""
    pending: list[bytes] = []  # of a chunk run that is not complete
    for piece in pieces:
        if piece.known >= 0 and known is not None:
            chunks.extend_known(known, piece.known, piece.run)
        else:
            pending.append(piece.data)
            rows = _rows(piece, pending, cutting, first)
            fresh.append(len(chunks))
            chunks.append(piece.data, rows, broken=piece.broken, firm=piece.firm)
            yield piece.data
        if not piece.broken:
            pending.clear()
            first = False


def _rows(piece: Piece, pending: list[bytes], cutting: Cutting, first: bool) -> int:
    """The rows of a chunk run, counted at its last chunk."""
    if piece.broken:
        return 0
    if piece.rows is not None and len(pending) == 1 and not first:
        return piece.rows
    return cutting.count(b"".join(pending), first)


def build(chunks: ChunkList, put: Callable[[bytes], ObjectId], mode: int = FILE) -> ObjectId:
    """Build the tree over the chunks; gives the root's id."""
    return _build(chunks.raw_ids(), [*map(chunks.broken, range(len(chunks)))], put, mode)


def build_over(children: list[Chunk], put: Callable[[bytes], ObjectId], mode: int = FILE) -> ObjectId:
    """`build` from the chunks' ids alone; there are two of them at least."""
    return _build([child.id.raw for child in children], [child.broken for child in children], put, mode)


def _build(ids: list[bytes], broken: list[bool], put: Callable[[bytes], ObjectId], mode: int) -> ObjectId:
    names = _LEAF_NAMES
    while True:
        nodes = [*_group(ids)]
        if len(nodes) == 1:
            marker = b"%o %s\0" % (mode, MARKER_NAME.encode()) + MARKER_ID.raw
            return put(marker + _encode(ids, broken, names))
        ids = [put(_encode(ids[start:stop], broken[start:stop], names)).raw for start, stop in nodes]
        broken = [broken[stop - 1] for _, stop in nodes]
        names = _NODE_NAMES


def _group(ids: list[bytes]) -> Iterator[tuple[int, int]]:
    """Cut a level into nodes, by the children's ids: where each begins and ends."""
    start = 0
    cuts = [place for place, id in enumerate(ids, 1) if id < _CUT_BELOW]
    for end in (*cuts, len(ids)):
        while end - start > NODE_MAX:
            yield start, start + NODE_MAX
            start += NODE_MAX
        if end - start >= NODE_MIN or (end == len(ids) and end > start):
            yield start, end
            start = end


def _encode(ids: list[bytes], broken: list[bool], names: tuple[list[bytes], list[bytes]]) -> bytes:
    whole, cut = names
    if True not in broken:
        return b"".join(chain.from_iterable(zip(whole, ids, strict=False)))
    entries = zip(whole, cut, broken, ids, strict=False)
    return b"".join((goes_on if b else ends) + id for ends, goes_on, b, id in entries)


class _Node(NamedTuple):
    """One tree of a rope: its chunks, or the nodes below it."""

    chunks: list[Chunk]
    below: list[ObjectId]


class RopeNodes:
    """The nodes of a rope, each read once; a rope that repeats itself has few, and may claim any number of chunks."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._read: dict[ObjectId, _Node] = {}

    def node(self, id: ObjectId, depth: int) -> _Node:
        """A node; raises `ObjectDamaged` for what is none, and below `DEEPEST` levels."""
        if depth >= DEEPEST:
            raise ObjectDamaged(f"table {id} has more than {DEEPEST} levels", Advice("fsck"))
        found = self._read.get(id)
        if found is None:
            found = self._read[id] = _node(id, self._store.read_tree(id))
        return found

    def children(self, ids: Iterable[ObjectId]) -> list[ObjectId]:
        """What is below these nodes, in order: nodes, or chunks."""
        nodes = (self.node(id, 0) for id in ids)
        return [id for node in nodes for id in (node.below or [chunk.id for chunk in node.chunks])]

    def height(self, id: ObjectId) -> int:
        """The levels from a node down to its chunks: 1 for one that has chunks itself."""
        height = 1
        while below := self.node(id, height - 1).below:
            id, height = below[0], height + 1
        return height

    def walk(self, id: ObjectId, depth: int = 0) -> Iterator[Chunk]:
        """The chunks in order."""
        node = self.node(id, depth)
        yield from node.chunks
        for child in node.below:
            yield from self.walk(child, depth + 1)

    def total(
        self,
        id: ObjectId,
        of: Callable[[Chunk], int],
        known: dict[tuple[ObjectId, int], int] | None = None,
        depth: int = 0,
    ) -> int:
        """The sum over all chunks, in the time that the objects take that there are."""
        known = {} if known is None else known
        if (id, depth) not in known:
            node = self.node(id, depth)
            below = (self.total(child, of, known, depth + 1) for child in node.below)
            known[id, depth] = sum(map(of, node.chunks)) + sum(below)
        return known[id, depth]

    def need_bounded(self, id: ObjectId) -> int:
        """How many chunks there are; raises `ObjectDamaged` above `MOST_CHUNKS`."""
        count = self.total(id, lambda chunk: 1)
        if count > MOST_CHUNKS:
            raise _too_many(id)
        return count


def _node(id: ObjectId, data: bytes) -> _Node:
    marker = data.find(b"\0", 0, 32) + 21 if data.startswith((b"100644 .rope\0", b"100755 .rope\0")) else 0
    if len(data) - marker > NODE_MAX * _ENTRY_SIZE:
        raise ObjectDamaged(f"table {id} has a node of more than {NODE_MAX} pieces", Advice("fsck"))
    if _LEAVES.fullmatch(data, marker):
        chunks = [Chunk(ObjectId(raw.hex()), name[-1:] == b"+") for name, raw in _ENTRY.findall(data, marker)]
        return _Node(chunks, [])
    if _NODES.fullmatch(data, marker):
        return _Node([], [ObjectId(raw.hex()) for _, raw in _ENTRY.findall(data, marker)])
    raise ObjectDamaged(f"table {id} holds what is no chunk", Advice("fsck"))


def _too_many(id: ObjectId) -> ObjectDamaged:
    return ObjectDamaged(f"table {id} claims more than {MOST_CHUNKS:,} pieces", Advice("fsck"))


def walk_chunks(store: ObjectStore, id: ObjectId) -> Iterator[Chunk]:
    """The chunks of a rope in order, its nodes read as they are needed.

    Raises `ObjectDamaged` for what is none, below `DEEPEST` levels, and after `MOST_CHUNKS`.
    """
    for number, chunk in enumerate(RopeNodes(store).walk(id)):
        if number >= MOST_CHUNKS:
            raise _too_many(id)
        yield chunk


def all_chunks(store: ObjectStore, id: ObjectId) -> Iterator[Chunk]:
    """`walk_chunks`, which says before the first one whether there are too many."""
    nodes = RopeNodes(store)
    nodes.need_bounded(id)
    return nodes.walk(id)


def count_chunks(store: ObjectStore, id: ObjectId) -> int:
    """How many chunks a rope has; raises as `all_chunks` does."""
    return RopeNodes(store).need_bounded(id)


def rope_size(store: ObjectStore, id: ObjectId) -> int:
    """The bytes of the file that a rope is; raises as `walk_chunks` does."""
    nodes = RopeNodes(store)
    nodes.need_bounded(id)
    sizes: dict[ObjectId, int] = {}

    def size(chunk: Chunk) -> int:
        if chunk.id not in sizes:
            sizes[chunk.id] = store.size(chunk.id)
        return sizes[chunk.id]

    return nodes.total(id, size)
