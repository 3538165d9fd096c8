"""What becomes of one row: of base as both sides have it now, or one that both sides added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from promptvc.content.formats.base import Row
from promptvc.content.formats.dicts import malformed_row
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING
from promptvc.content.tablemerge.outcome import BothChanged, Content, Outcome, Place, Placed
from promptvc.content.tablemerge.versions import BASE, OURS, THEIRS, RowStatus, Versions
from promptvc.content.values.conflict import MergeConflict
from promptvc.content.values.merge import ValueConflict, ValueMerge, merge_objects, put


class Decision(Struct, frozen=True):
    """What a row holds, what conflicts in it, and which fields both sides changed."""

    outcome: Outcome
    conflicts: tuple[Placed, ...] = ()
    merged: BothChanged | None = None


def decide_row(
    versions: Versions, prefer_base: bool, number: int, ours: RowStatus, theirs: RowStatus
) -> Decision:
    """Decide for a row of base that a side changed."""
    if ours is RowStatus.GONE or theirs is RowStatus.GONE:
        return _decide_gone(versions, prefer_base, number, ours, theirs)
    if theirs is RowStatus.SAME or (ours, theirs) == (RowStatus.REFORMATTED, RowStatus.REFORMATTED):
        return Decision(kept(versions, OURS, number))
    if ours is RowStatus.SAME:
        return Decision(kept(versions, THEIRS, number))
    one, two = versions.side_row(OURS, number), versions.side_row(THEIRS, number)
    if ours is RowStatus.REFORMATTED:
        return Decision(Content(OURS, versions.side_body(OURS, number), two))
    if theirs is RowStatus.REFORMATTED:
        return Decision(Content(THEIRS, versions.side_body(THEIRS, number), one))
    return _decide_changed(versions, prefer_base, number, one, two)


def kept(versions: Versions, side: int, number: int) -> Content:
    """A row of base as a side has it: its bytes, and its fields where those are not what they say any more."""
    is_other = versions.names[side] or versions.undropped
    row = versions.side_row(side, number) if is_other else None
    return Content(side, versions.side_body(side, number), row)


def added(versions: Versions, side: int, number: int) -> Content:
    """A row that a side added as it has it: its bytes, but for names that the other side changed."""
    row = versions.new_row(side, number) if versions.names[side] else None
    return Content(side, versions.new_body(side, number), row)


def decide_both_added(versions: Versions, prefer_base: bool, ours: int, theirs: int) -> Decision:
    """Merge the row that both sides added, without a base."""
    one, two = versions.new_row(OURS, ours), versions.new_row(THEIRS, theirs)
    if one is None or two is None or same(one, two):
        return Decision(added(versions, OURS, ours))
    found = merge_objects({}, one, two)
    content = Content(OURS, versions.new_body(OURS, ours), _in_place(found, prefer_base))
    return Decision(content, tuple(_placed(versions, (OURS, ours), one, found.conflicts)))


def decide_both_replaced(versions: Versions, ours: int, theirs: int, base: int) -> Decision:
    """The row that ours put in the place of one for which theirs put in another: a conflict, unless they are equal."""
    rows = versions.base_row(base), versions.new_row(OURS, ours), versions.new_row(THEIRS, theirs)
    bodies = versions.base_body(base), versions.new_body(OURS, ours), versions.new_body(THEIRS, theirs)
    if bodies[1] == bodies[2] or (rows[1] is not None and rows[2] is not None and same(rows[1], rows[2])):
        return Decision(added(versions, OURS, ours))
    values = [malformed_row(body) if row is None else row for row, body in zip(rows, bodies, strict=True)]
    conflict = MergeConflict(kind="both-changed", base=values[0], ours=values[1], theirs=values[2])
    return Decision(added(versions, OURS, ours), (Placed((OURS, ours), conflict),))


def _decide_gone(
    versions: Versions, prefer_base: bool, number: int, ours: RowStatus, theirs: RowStatus
) -> Decision:
    base = versions.base_row(number)
    mine = None if ours is RowStatus.GONE else versions.side_row(OURS, number)
    other = None if theirs is RowStatus.GONE else versions.side_row(THEIRS, number)
    if not _is_edited(versions, base or {}, OURS if mine else THEIRS, mine or other):
        return Decision(None)
    values = [MISSING if row is None else row for row in (base, mine, other)]
    key = versions.key_of(base)
    conflict = MergeConflict(kind="edit-delete", key=key, base=values[0], ours=values[1], theirs=values[2])
    outcome = None if mine is None else kept(versions, OURS, number)
    if prefer_base:
        outcome = Content(BASE, versions.base_body(number), base)
    return Decision(outcome, (Placed((BASE, number), conflict),))


def _is_edited(versions: Versions, base: Row, side: int, row: Row | None) -> bool:
    """Whether a row says something else than base, but for columns of the whole table that came or went."""
    if row is None:
        return False
    columns = versions.pairs(side).new.format.columns
    before = {
        name: value for name, value in base.items() if columns is None or name in columns or name in row
    }
    after = {name: value for name, value in row.items() if columns is None or name in base or value != ""}
    return not same(before, after)


def _decide_changed(
    versions: Versions, prefer_base: bool, number: int, ours: Row | None, theirs: Row | None
) -> Decision:
    base = versions.base_row(number)
    assert base is not None
    assert ours is not None
    assert theirs is not None
    if same(ours, theirs):
        return Decision(kept(versions, OURS, number))
    found = merge_objects(base, ours, theirs)
    place = (BASE, number)
    return Decision(
        Content(OURS, versions.side_body(OURS, number), _in_place(found, prefer_base)),
        tuple(_placed(versions, place, base, found.conflicts)),
        BothChanged(place, versions.key_of(base), tuple(_changed(base, ours)), tuple(_changed(base, theirs))),
    )


def _in_place(found: ValueMerge, prefer_base: bool) -> Row:
    """The merged row, with ours in place of what conflicts, or base."""
    value = found.value
    for each in found.conflicts if prefer_base else ():
        value = put(value, each.at, each.base)
    assert isinstance(value, dict)
    return value


def _placed(versions: Versions, place: Place, row: Row, found: Iterable[ValueConflict]) -> Iterator[Placed]:
    for each in found:
        conflict = MergeConflict(
            kind=each.kind,
            key=versions.key_of(row),
            field=each.at[0],
            at=each.at[1:],
            base=each.base,
            ours=each.ours,
            theirs=each.theirs,
        )
        yield Placed(place, conflict)


def _changed(before: Row, after: Row) -> Iterator[str]:
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after or not same(before[name], after[name]):
            yield name
