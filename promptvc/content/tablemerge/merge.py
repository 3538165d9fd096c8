"""Three versions of a table merged: rows by key, fields independently, values inside fields.

The way through: read the versions, decide what becomes of each row, place the rows, write the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.base import Json
from promptvc.content.tablediff.pairs import TableSide as TableSide
from promptvc.content.tablemerge.decide import decide
from promptvc.content.tablemerge.layout import Layout, merge_layouts
from promptvc.content.tablemerge.outcome import Decisions, Placed
from promptvc.content.tablemerge.place import Numbers, place
from promptvc.content.tablemerge.rules import MergeRules
from promptvc.content.tablemerge.versions import OURS, THEIRS, Files, Versions, read_versions
from promptvc.content.tablemerge.write import write
from promptvc.content.values.conflict import MergeConflict
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns
from promptvc.versioning.ropes.joined import Pieces, chunk_ids


class SideCounts(Struct, frozen=True):
    """What one side did to the rows of base."""

    added: int
    removed: int
    changed: int


class MergedRow(Struct, frozen=True):
    """A row that both sides changed, and which fields each did."""

    key: dict[str, Json] | None
    row: int
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


class RowMerge(Struct, frozen=True, kw_only=True):
    """A merged table: chunk runs that stayed as they were on one side, and new bytes between them.

    In the file stands what ours has wherever something conflicts. The chunk runs are those of ours, or of theirs where
    ``from_theirs``. ``counts`` are those of ours and of theirs.
    """

    pieces: Pieces
    from_theirs: bool
    conflicts: tuple[MergeConflict, ...]
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
    base: TableSide, ours: TableSide, theirs: TableSide, rules: MergeRules, *, prefer_base: bool = False
) -> RowMerge:
    """Merge two versions that come from a common one.

    Rows are matched by the key of the rules, else by the first of `KEY_NAMES` that fits the changed rows of all three,
    else as a sequence. Only chunk runs that a side changed are loaded, and rows that neither changed keep their bytes.
    The order is that of ours, theirs' new rows behind the row that they followed; where theirs alone put rows into
    another order, theirs. With ``prefer_base`` stands what base has in place of what conflicts. docs/merging.md says
    what is merged and what is a conflict.
    """
    files = (base, ours, theirs)
    unchanged = _unchanged(files)
    if unchanged is not None:
        return unchanged
    versions = read_versions(files, rules)
    decisions = decide(versions, prefer_base=prefer_base)
    layout = merge_layouts(files, versions.names, decisions.undropped)
    placement = place(versions, decisions, _side(versions, layout))
    pieces = write(files, versions.names, placement, layout)
    numbers = Numbers(versions, decisions.partners, placement)
    return RowMerge(
        pieces=pieces,
        from_theirs=placement.side == THEIRS,
        conflicts=_numbered(decisions.conflicts, numbers),
        key=versions.rules.key,
        counts=(_counts(versions, decisions, OURS), _counts(versions, decisions, THEIRS)),
        merged=tuple(MergedRow(m.key, numbers.of(m.place), m.ours, m.theirs) for m in decisions.merged),
    )


def _unchanged(files: Files) -> RowMerge | None:
    """The side that holds as it is, where one did nothing, or both did the same."""
    _, ours, theirs = files
    ids = _ids([side.chunk_runs for side in files])
    if ids[0] != ids[1] and ids[0] != ids[2] and ids[1] != ids[2]:
        return None
    kept = theirs if ids[0] == ids[1] else ours
    nothing = SideCounts(0, 0, 0)
    return RowMerge(
        pieces=kept.chunk_runs,
        from_theirs=kept is theirs,
        conflicts=(),
        key=None,
        counts=(nothing, nothing),
        merged=(),
    )


def _ids(sides: Sequence[Sequence[ChunkRun]]) -> Sequence[object]:
    """What is equal where the ids of a side are."""
    made = [side.ids for side in sides if isinstance(side, ChunkRuns)]
    return made if len(made) == len(sides) else [*map(chunk_ids, sides)]


def _side(versions: Versions, layout: Layout) -> int:
    """The side on top of which the file is written: whose order holds, and if both do, whose layout."""
    if versions.right.moved and not versions.left.moved:
        return THEIRS
    return THEIRS if layout.side == THEIRS and not versions.left.moved else OURS


def _numbered(found: Iterable[Placed], numbers: Numbers) -> tuple[MergeConflict, ...]:
    """The conflicts with the numbers of their rows in the merged file, in their order."""
    made = [replace(each.conflict, row=numbers.of(each.place)) for each in found]
    return tuple(sorted(made, key=lambda conflict: conflict.row or 0))


def _counts(versions: Versions, decisions: Decisions, side: int) -> SideCounts:
    pairs = versions.pairs(side)
    gone = len(pairs.old.bodies) - len(pairs.matching.to_after)
    added = len(pairs.new.bodies) - len(pairs.matching.to_before)
    return SideCounts(added, gone, decisions.changed[side])
