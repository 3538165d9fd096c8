"""Three versions of a table merged: rows by key, fields independently, values inside fields.

rowoutcome.py    what becomes of each row           rowinserts.py    rows that one side put in: which, and where
rowlayout.py     header, line ends, indentation     rowcanvas.py     the file written on top of one side
rowpairs.py      two versions side by side          valuemerge.py    inside a field
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from promptvc.content.formats.base import Json
from promptvc.content.table.keys import guess_common_key
from promptvc.content.tablediff.pairs import Pairs
from promptvc.content.tablediff.pairs import TableSide as TableSide
from promptvc.content.tablemerge.canvas import Canvas
from promptvc.content.tablemerge.inserts import Inserts
from promptvc.content.tablemerge.layout import Layout, find_renames, merge_layouts
from promptvc.content.tablemerge.outcome import BASE, OURS, THEIRS, Outcomes
from promptvc.content.values.conflict import Conflict
from promptvc.versioning.ropes.chunkrun import ChunkRun


@dataclass(frozen=True, slots=True)
class SideCounts:
    """What one side did to the rows of base."""

    added: int
    removed: int
    changed: int


@dataclass(frozen=True, slots=True)
class MergedRow:
    """A row that both sides changed, and which fields each did."""

    key: dict[str, Json] | None
    row: int
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowMerge:
    """A merged table: chunk runs that stayed as they were on one side, and new bytes between them.

    In the file stands what ours has wherever something conflicts. The chunk runs are those of ours, or of theirs where
    ``from_theirs``. ``counts`` are those of ours and of theirs.
    """

    pieces: tuple[ChunkRun | bytes, ...]
    from_theirs: bool
    conflicts: tuple[Conflict, ...]
    key: tuple[str, ...] | None
    counts: tuple[SideCounts, SideCounts]
    merged: tuple[MergedRow, ...]

    def blocks(self) -> Iterator[bytes]:
        """The bytes of the file, piece by piece."""
        for piece in self.pieces:
            yield piece.load() if isinstance(piece, ChunkRun) else piece

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return b"".join(self.blocks())


def merge_rows(
    base: TableSide,
    ours: TableSide,
    theirs: TableSide,
    key: Sequence[str] | None = None,
    *,
    prefer_base: bool = False,
) -> RowMerge:
    """Merge two versions that come from a common one.

    Rows are matched by ``key``, else by the first of `KEY_NAMES` that fits the changed rows of all three, else as a
    sequence. Only chunk runs that a side changed are loaded, and rows that neither changed keep their bytes. The order
    is that of ours, theirs' new rows behind the row that they followed; where theirs alone put rows into another
    order, theirs. With ``prefer_base`` stands what base has in place of what conflicts. docs/merging.md says what is
    merged and what is a conflict.
    """
    unchanged = _unchanged(base, ours, theirs)
    if unchanged is not None:
        return unchanged
    left = Pairs(base.chunk_runs, ours.chunk_runs, base.format, ours.format)
    right = Pairs(base.chunk_runs, theirs.chunk_runs, base.format, theirs.format)
    fields = tuple(key) if key else _guess(left, right)
    left.match(fields)
    right.match(fields)
    outcomes = Outcomes(left, right, fields, find_renames(left), find_renames(right), prefer_base)
    outcomes.decide()
    layout = merge_layouts(base, ours, theirs, outcomes)
    inserts = Inserts(left, right, outcomes)
    files, pairs = {BASE: base, OURS: ours, THEIRS: theirs}, {OURS: left, THEIRS: right}
    canvas = Canvas(_canvas_side(left, right, layout), files, pairs, outcomes, inserts)
    return RowMerge(
        canvas.write(layout),
        canvas.side == THEIRS,
        tuple(canvas.numbered(outcomes.conflicts)),
        fields,
        (_counts(left, outcomes, OURS), _counts(right, outcomes, THEIRS)),
        tuple(MergedRow(m.key, canvas.number(m.place), m.ours, m.theirs) for m in outcomes.merged),
    )


def _unchanged(base: TableSide, ours: TableSide, theirs: TableSide) -> RowMerge | None:
    """The side that holds as it is, where one did nothing, or both did the same."""
    ids = [[chunk_run.id for chunk_run in side.chunk_runs] for side in (base, ours, theirs)]
    if ids[0] != ids[1] and ids[0] != ids[2] and ids[1] != ids[2]:
        return None
    kept = theirs if ids[0] == ids[1] else ours
    nothing = SideCounts(0, 0, 0)
    return RowMerge(tuple(kept.chunk_runs), kept is theirs, (), None, (nothing, nothing), ())


def _guess(left: Pairs, right: Pairs) -> tuple[str, ...] | None:
    return guess_common_key([list(side.rows.values()) for side in (left.old, left.new, right.old, right.new)])


def _canvas_side(left: Pairs, right: Pairs, layout: Layout) -> int:
    """The side on top of which the file is written: whose order holds, and if both do, whose layout."""
    if right.moved and not left.moved:
        return THEIRS
    return THEIRS if layout.side == THEIRS and not left.moved else OURS


def _counts(pairs: Pairs, outcomes: Outcomes, side: int) -> SideCounts:
    gone = len(pairs.old.bodies) - len(pairs.matching.to_after)
    added = len(pairs.new.bodies) - len(pairs.matching.to_before)
    return SideCounts(added, gone, outcomes.changed[side])
