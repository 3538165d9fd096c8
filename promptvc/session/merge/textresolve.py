"""Lines between markers, and settings of a prompt, put to what a conflict was resolved to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from promptvc.content.formats.missing import Missing
from promptvc.content.text.merge import TextConflict, find_blocks, marker_lines_left, resolve_block
from promptvc.content.values.conflict import MergeConflict
from promptvc.content.values.json import write_exact
from promptvc.errors import Advice, ConflictStale, Usage
from promptvc.session.merge.openmerge import OpenMerge, Read, unresolved
from promptvc.session.transaction.pending import PendingFile


class Block(Struct, frozen=True):
    """Where lines that conflict stand in a file: the offset, and the first and last line, from 1."""

    start: int
    first: int
    last: int


Open = tuple[MergeConflict, Block | None]
"""A conflict that is left, and the block that shows it; None where there is none, or where it was edited."""


def open_conflicts(merge: OpenMerge, read: Read) -> list[Open]:
    """What is not resolved yet. Lines whose markers are gone from the file were resolved by hand."""
    found: list[Open] = []
    texts: dict[str, list[MergeConflict]] = {}
    for conflict in unresolved(merge, read):
        if conflict.kind != "text":
            found.append((conflict, None))
        else:
            texts.setdefault(conflict.path, []).append(conflict)
    for path, conflicts in texts.items():
        found += _open_blocks(merge, read(path), path, conflicts)
    order = {id(conflict): place for place, conflict in enumerate(merge.conflicts)}
    return sorted(found, key=lambda each: order[id(each[0])])


def resolve_text(
    file: PendingFile, conflict: MergeConflict, value: Any | Missing, merge: OpenMerge, after: int
) -> bytes:
    """The file with the block of a conflict replaced, of equal ones the first from the offset ``after`` on."""
    if not isinstance(value, str):
        raise Usage(f"{file.path}: text takes text, not {value!r}", Advice("edit-lines"))
    text = file.read().decode("utf-8", "surrogateescape")
    size = merge.markers.get(file.path, 7)
    made = resolve_block(text, _lines(conflict), size, *merge.labels, value, after)
    if made is None:
        raise ConflictStale(
            f"{file.path}: the lines between the markers were edited",
            "finish it by hand: without markers it is resolved",
        )
    return made.encode("utf-8", "surrogateescape")


def resolve_setting(file: PendingFile, conflict: MergeConflict, value: Any | Missing, like: bytes) -> bytes:
    """The prompt with a setting put to a value, written as in ``like`` where that has it."""
    from promptvc.content.prompt.merge import set_setting  # as in `promptvc.session.merge.leaf`

    made = set_setting(file.path, file.read(), conflict.field or "", conflict.at, value, like)
    if made is None:
        raise ConflictStale(
            f"{file.path}: {place_name(conflict)} cannot be set",
            Advice("as-is"),
        )
    return write_exact(made)


def place_name(conflict: MergeConflict) -> str:
    """``metadata.score`` for a place inside a field; the field's name for the field itself."""
    return ".".join([conflict.field or "", *conflict.at])


# --- details ------------------------------------------------------------------------------------------


def _open_blocks(
    merge: OpenMerge, data: bytes | None, path: str, conflicts: Sequence[MergeConflict]
) -> list[Open]:
    """The conflicts of one text whose blocks are there; the others too, if marker lines stand anywhere else."""
    if data is None:
        return [(conflict, None) for conflict in conflicts]
    text = data.decode("utf-8", "surrogateescape")
    size = merge.markers.get(path, 7)
    places = find_blocks(text, [_lines(conflict) for conflict in conflicts], size, *merge.labels)
    rest, at = "", 0
    for start, stop in filter(None, places):
        rest, at = rest + text[at:start], stop
    is_edited = marker_lines_left(rest + text[at:], size, *merge.labels)
    blocks = [None if place is None else _block(text, *place) for place in places]
    return [
        (conflict, block)
        for conflict, block in zip(conflicts, blocks, strict=True)
        if block is not None or is_edited
    ]


def _block(text: str, start: int, stop: int) -> Block:
    first = text.count("\n", 0, start) + 1
    return Block(start, first, first + text.count("\n", start, stop) - 1)


def _lines(conflict: MergeConflict) -> TextConflict:
    return TextConflict(*(str(side) for side in (conflict.base, conflict.ours, conflict.theirs)))
