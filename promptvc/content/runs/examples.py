"""The rows of an example set by example id, each read from its bytes when it is asked for."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from promptvc.content.formats.base import Row, RowFormat
from promptvc.content.formats.dicts import read_row
from promptvc.content.formats.equal import same
from promptvc.content.runs.exampleids import read_ids
from promptvc.content.runs.request import DistinctIds
from promptvc.versioning.ropes.chunkrun import ChunkRun

_OPEN = 256
"""Blocks whose bytes stay in memory."""
_ROW_BITS = 32


class _Block(Struct, frozen=True, eq=False):
    """The rows of one chunk run: their ids before they are made distinct, and how to read them."""

    serial: int
    ids: Sequence[str]
    format: RowFormat
    run: ChunkRun
    first: bool


class ExampleBlocks:
    """Blocks of rows, those in chunk runs that several versions share kept once.

    A *mark* is an integer that names a row: the serial number of its block and its place there.
    """

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._known: dict[tuple[object, ...], _Block] = {}
        self._open: OrderedDict[int, list[bytes]] = OrderedDict()

    def of(self, format: RowFormat, run: ChunkRun, first: bool, key: Sequence[str] | None) -> _Block:
        """The block of a chunk run."""
        name = (run.id, first, format.reading, key)
        if (found := self._known.get(name)) is not None:
            return found
        ids = read_ids(format, run.load(), first, key)
        made = _Block(len(self._blocks), ids, format, run, first)
        self._blocks.append(made)
        if run.is_stored:
            self._known[name] = made
        return made

    def marks(self, block: _Block) -> range:
        """The marks of a block's rows."""
        start = block.serial << _ROW_BITS
        return range(start, start + len(block.ids))

    def row(self, mark: int) -> Row:
        """The row with this mark."""
        return read_row(self._blocks[mark >> _ROW_BITS].format, self._body(mark))

    def are_same(self, one: int, other: int) -> bool:
        """Whether the rows with these marks have the same fields."""
        if one == other:
            return True
        formats = (self._blocks[mark >> _ROW_BITS].format.reading for mark in (one, other))
        if len(set(formats)) == 1 and self._body(one) == self._body(other):
            return True
        return same(self.row(one), self.row(other))

    def _body(self, mark: int) -> bytes:
        serial, place = divmod(mark, 1 << _ROW_BITS)
        bodies = self._open.get(serial)
        if bodies is None:
            block = self._blocks[serial]
            bodies = self._open[serial] = block.format.bodies(block.run.load(), block.first)
            if len(self._open) > _OPEN:
                self._open.popitem(last=False)
        return bodies[place]


class ExampleRows(Mapping[str, Row]):
    """The rows of one version by example id; see `example_ids`. Nobody may change them."""

    def __init__(
        self,
        blocks: ExampleBlocks,
        format: RowFormat | None = None,
        runs: Sequence[ChunkRun] = (),
        key: Sequence[str] | None = None,
    ) -> None:
        self._blocks, self._format, self._runs = blocks, format, runs
        self._key = None if key is None else tuple(key)

    def __getitem__(self, id: str) -> Row:
        return self._blocks.row(self._marks[id])

    def __contains__(self, id: object) -> bool:
        return id in self._marks

    def __iter__(self) -> Iterator[str]:
        return iter(self._marks)

    def __len__(self) -> int:
        return len(self._marks)

    def compare(self, before: ExampleRows) -> tuple[int, int]:
        """How many ids both have, and in how many of these the rows differ; both must share their blocks."""
        old, differ, both = before._marks.get, 0, 0
        for id, mark in self._marks.items():
            was = old(id)
            if was is not None:
                both += 1
                differ += was != mark and not self._blocks.are_same(was, mark)
        return both, differ

    @cached_property
    def _marks(self) -> dict[str, int]:
        ids, marks = list[str](), array("q")
        for at, run in enumerate(self._runs):
            assert self._format is not None
            block = self._blocks.of(self._format, run, at == 0, self._key)
            ids += block.ids
            marks.extend(self._blocks.marks(block))
        found = dict(zip(ids, marks, strict=True))
        return found if len(found) == len(ids) else dict(zip(map(DistinctIds().add, ids), marks, strict=True))
