"""Fields that a side gave other names in all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promptvc.content.formats.base import Row
from promptvc.content.formats.equal import same
from promptvc.content.tablediff.pairs import Pairs

Names = Mapping[str, str]
"""Old name -> new name."""


def renamed(row: Row, names: Names) -> Row:
    """The row with fields under their new names, in the same order."""
    if not names or not any(name in row for name in names):
        return row
    return {names.get(name, name): value for name, value in row.items()}


def merge_names(ours: Names, theirs: Names) -> tuple[Names, Names, Names]:
    """How fields are renamed when a row of base, of ours or of theirs is read.

    Each side's new names hold for base and the other side; where both renamed a field differently, neither does.
    """
    both = {name for name in ours if theirs.get(name, ours[name]) != ours[name]}
    mine = {name: new for name, new in ours.items() if name not in both}
    other = {name: new for name, new in theirs.items() if name not in both}
    return {**mine, **other}, other, mine


def find_renames(pairs: Pairs) -> dict[str, str]:
    """Fields that have another name in every row after, mostly with the same values: old name -> new name."""
    if len(pairs.old.bodies) < pairs.old.count or not pairs.matching.to_after:
        return {}  # some rows are as they were
    if not _may_be_renamed(pairs):
        return {}
    rows = [
        (pairs.old.row(before), pairs.new.row(after)) for before, after in pairs.matching.to_after.items()
    ]
    both = [(before, after) for before, after in rows if before is not None and after is not None]
    was = dict.fromkeys(name for before, _ in both for name in before)
    now = dict.fromkeys(name for _, after in both for name in after)
    return _best_names(both, [n for n in was if n not in now], [n for n in now if n not in was])


def _may_be_renamed(pairs: Pairs) -> bool:
    """Whether rows that changed have names on one side alone, and others on the other; rows that stay have the same."""
    was, now = set[str](), set[str]()
    for before, after in pairs.matching.to_after.items():
        if before in pairs.old.rows and after in pairs.new.rows:
            was.update(pairs.old.rows[before])
            now.update(pairs.new.rows[after])
    return bool(was - now and now - was)


def _best_names(rows: Sequence[tuple[Row, Row]], gone: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """For each name that is gone the new one with the same values in half of the rows that had it, or more."""
    found: dict[str, str] = {}
    for name in gone:
        having = [(before[name], after) for before, after in rows if name in before]
        counts = {
            other: sum(other in after and same(value, after[other]) for value, after in having)
            for other in new
            if other not in found.values()
        }
        best = max(counts, key=lambda other: counts[other], default=None)
        if best is not None and 2 * counts[best] >= max(2, len(having)):
            found[name] = best
    return found
