"""Which operations lead back to an earlier state, where some of them were undone meanwhile."""

from __future__ import annotations

from promptvc.errors import Advice, Negative, Usage
from promptvc.versioning.oplog.operation import Operation

UNDO, REDO = "undo: ", "redo: "
"""How the names of undoing operations begin."""


def choose(known: list[Operation], first: int, to: int | None) -> tuple[list[Operation], int]:
    """The operations to take back, oldest first, and the one right after which things will be as they were.

    ``known`` are all there are, oldest first, ``first`` the number of the oldest. Raises `Negative` where there is
    nothing to take back, `Usage` for a number that is not known.
    """
    if not known:
        raise Negative("nothing to undo", "operations are written down from now on")
    last = known[-1].number
    target = last - 1 if to is None else to
    if target > last or (target < first - 1 and target != 0):
        raise Usage(f"no operation {target}", Advice("list-operations"))
    chosen = _way_back(known, target)
    if not chosen:
        raise Negative(
            f"nothing to undo: things are as they were right after operation {target}",
            Advice("list-all-operations"),
        )
    return chosen, target


def _way_back(known: list[Operation], target: int) -> list[Operation]:
    """The operations since the target that still count: where an undo led back, those that it took back do not."""
    at, chosen = known[-1].number, []
    for operation in reversed(known):
        if target < operation.number <= at:
            if operation.to is not None and operation.to >= target:
                at = operation.to
            else:
                chosen.append(operation)
    return chosen[::-1]


def name_undo(chosen: list[Operation], to: int | None) -> str:
    """What an undo of these operations is called; that of an undo is a redo."""
    last = chosen[-1].what
    if to is not None and len(chosen) > 1:
        return f"{UNDO}back to operation {to}"
    if last.startswith(UNDO):
        return REDO + last.removeprefix(UNDO)
    return UNDO + last.removeprefix(REDO)
