"""Three versions of a table side by side, read row by row under the names that the merged table has."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.equal import same
from promptvc.content.keys.tokens import guess_common_key, key_token
from promptvc.content.tablediff.pairs import Pairs, TableSide
from promptvc.content.tablediff.side import RowSide
from promptvc.content.tablemerge.renames import Names, find_renames, merge_names, renamed
from promptvc.content.tablemerge.rules import MergeRules

BASE, OURS, THEIRS = 0, 1, 2

Files = tuple[TableSide, TableSide, TableSide]
"""Base, ours and theirs."""


class RowStatus(Enum):
    """What a side did to a row of base."""

    SAME = "every byte"
    REFORMATTED = "the same fields in other bytes"
    CHANGED = "other fields"
    GONE = "not there any more"


class Versions(Struct, frozen=True, kw_only=True):
    """Base paired with each side.

    - ``left``, ``right``: base and ours, base and theirs;
    - ``rules``: what holds for the merge, with the key that was found where none is declared;
    - ``names``: how fields are renamed when a row of base, of ours or of theirs is read;
    - ``undropped``: columns that one side dropped and that stay; on that side they hold what base has.
    """

    left: Pairs
    right: Pairs
    rules: MergeRules
    names: tuple[Names, Names, Names]
    undropped: tuple[str, ...] = ()

    def pairs(self, side: int) -> Pairs:
        """Base and this side."""
        return self.left if side == OURS else self.right

    def touched(self) -> list[int]:
        """The rows of base that a side does not have byte for byte, rising."""
        return sorted(self.left.unequal | self.right.unequal)

    def status(self, side: int, number: int) -> RowStatus:
        """What a side did to a row of base."""
        pairs = self.pairs(side)
        if number not in pairs.old.bodies:
            return RowStatus.SAME
        after = pairs.matching.to_after.get(number)
        if after is None:
            return RowStatus.GONE
        if pairs.comparable and pairs.old.bodies[number] == pairs.new.bodies[after]:
            return RowStatus.SAME
        before, now = self.base_row(number), self.side_row(side, number)
        if before is None or now is None:
            return RowStatus.SAME  # malformed rows have partners of equal bytes only
        return RowStatus.REFORMATTED if same(before, now) else RowStatus.CHANGED

    def base_body(self, number: int) -> bytes:
        """The bytes of a row of base."""
        return self._base(number).bodies[number]

    def base_row(self, number: int) -> Row | None:
        """The fields of a row of base; None for one that cannot be read."""
        return self._row(BASE, self._base(number), number)

    def side_body(self, side: int, number: int) -> bytes:
        """The bytes that a side has for a row of base."""
        pairs = self.pairs(side)
        if number in pairs.old.bodies:
            return pairs.new.bodies[pairs.matching.to_after[number]]
        return self.base_body(number)

    def side_row(self, side: int, number: int) -> Row | None:
        """The fields that a side has for a row of base; None where they cannot be read."""
        pairs = self.pairs(side)
        if number not in pairs.old.bodies:
            return self.base_row(number)
        row = self._row(side, pairs.new, pairs.matching.to_after[number])
        if self.undropped and row is not None:
            before = self.base_row(number) or {}
            row = {**{name: before[name] for name in self.undropped if name in before}, **row}
        return row

    def new_rows(self, side: int) -> list[int]:
        """The rows that a side added, rising."""
        return self.pairs(side).added

    def new_body(self, side: int, number: int) -> bytes:
        """The bytes of a row that a side added."""
        return self.pairs(side).new.bodies[number]

    def new_row(self, side: int, number: int) -> Row | None:
        """The fields of a row that a side added; None for one that cannot be read."""
        return self._row(side, self.pairs(side).new, number)

    def key_of(self, row: Row | None) -> dict[str, Json] | None:
        """The key fields of a row with their values; None where it has none."""
        if row is None or self.new_key is None or key_token(row, self.new_key) is None:
            return None
        return {name: row[name] for name in self.new_key}

    @property
    def new_key(self) -> tuple[str, ...] | None:
        """The key fields under the names that the merged table has."""
        key = self.rules.key
        return tuple(self.names[BASE].get(name, name) for name in key) if key else None

    def _base(self, number: int) -> RowSide:
        return self.left.old if number in self.left.old.bodies else self.right.old

    def _row(self, side: int, rows: RowSide, number: int) -> Row | None:
        row = rows.row(number)
        return row if row is None else renamed(row, self.names[side])


def read_versions(files: Files, rules: MergeRules) -> Versions:
    """Load what either side changed, and pair its rows: by the key of the rules, else by the first that fits."""
    base, ours, theirs = files
    left = Pairs(base.chunk_runs, ours.chunk_runs, base.format, ours.format)
    right = Pairs(base.chunk_runs, theirs.chunk_runs, base.format, theirs.format)
    key = rules.key or _guess(left, right)
    left.match(key)
    right.match(key)
    names = merge_names(find_renames(left), find_renames(right))
    return Versions(left=left, right=right, rules=replace(rules, key=key), names=names)


def _guess(left: Pairs, right: Pairs) -> tuple[str, ...] | None:
    return guess_common_key([side.key_rows() for side in (left.old, left.new, right.old, right.new)])
