"""Three versions of one YAML text merged: settings by name, items of a list one by one, all else by line.

What the values are to be is decided by `merge_value`; here the lines are found that say so.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.base import Json
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING, Missing
from promptvc.content.text.merge import merge_lines
from promptvc.content.values.lists import align_lists, token
from promptvc.content.values.merge import merge_runs, merge_value
from promptvc.content.yaml.blocks import (
    BlockKind,
    Blocks,
    Entry,
    around_value,
    count_repeats,
    holds,
    joined,
    parts,
    rows,
    split,
)
from promptvc.content.yaml.rewrite import new_entry, rewrite_entry, rewrite_yaml


class _Three(Struct, frozen=True):
    """An entry in three versions; at most two are not there."""

    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


def merge_yaml(base: str, ours: str, theirs: str, value: Json) -> str | None:
    """The lines of both sides that make up ``value``, which is what `merge_value` makes of the three texts.

    Lines that neither side changed stay as they are. None where the texts cannot be merged so, or a text would not
    hold that value.
    """
    lines = merge_lines(base, ours, theirs)
    if (
        not lines.conflicts
        and holds_value(lines.text(), value)
        and _no_new_repeats(lines.text(), ours, theirs)
    ):
        return lines.text()
    made = _merged_blocks(base, ours, theirs)
    if made is not None and holds_value(made, value):
        return made
    return rewrite_yaml(ours, value, theirs) if split(theirs) else None


def holds_value(text: str | None, value: Json) -> bool:
    """Whether the text holds the value; nothing at all is an empty mapping or list."""
    return holds(text, value) or (value in ({}, []) and holds(text, None))


def _no_new_repeats(text: str, ours: str, theirs: str) -> bool:
    """Whether no name stands twice where neither side has it so: of two, the first would be lost to readers."""
    return count_repeats(text) <= max(count_repeats(ours), count_repeats(theirs))


def merge_comments(base: str, ours: str, theirs: str) -> str:
    """Comments merged by line; what both sides wrote differently at one place is kept from both."""
    found = merge_lines(base, ours, theirs)
    return "".join(
        part if isinstance(part, str) else "".join(sorted([part.ours, part.theirs])) for part in found.parts
    )


def _merged_blocks(base: str, ours: str, theirs: str) -> str | None:
    blocks = [split(text) for text in (base, ours, theirs)]
    known = [block for block in blocks if block is not None]
    kinds = {block.kind for block in known} - {"nothing"}
    if len(known) < 3 or len(kinds) != 1 or len({block.column for block in known if block.entries}) != 1:
        return None
    [kind] = kinds
    old, left, right = (_placed(block) for block in known)
    merge = _mapping if kind == "mapping" else _sequence
    column = max(block.column for block in known)
    entries = merge(old, left, right, column, "\r\n" if "\r\n" in ours else "\n")
    preface = merge_comments(old.preface, left.preface, right.preface)
    return Blocks(kind, column, preface, entries, merge_comments(old.tail, left.tail, right.tail)).text


def _placed(blocks: Blocks) -> Blocks:
    """Comments of a text that holds nothing else count as what stands above the first entry."""
    return replace(blocks, preface=blocks.tail, tail="") if blocks.kind == "nothing" else blocks


# --- mappings -----------------------------------------------------------------------------------------


def _mapping(base: Blocks, ours: Blocks, theirs: Blocks, column: int, end: str) -> tuple[Entry, ...]:
    merged: dict[str, Entry] = {}
    for name in dict.fromkeys(entry.name for blocks in (ours, theirs) for entry in blocks.entries):
        three = _Three(base.named(name), ours.named(name), theirs.named(name))
        entry = _entry(three, "mapping", column, end)
        if entry is not None:
            merged[name] = entry
    orders = (
        [entry.name for entry in blocks.entries if entry.name in merged] for blocks in (base, ours, theirs)
    )
    return tuple(merged[name] for name in _order(*orders))


def _order(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Names in the order of the side that changed it; a new one behind the one that it was put behind."""
    both = [name for name in ours if name in theirs]
    moved = [name for name in base if name in both] != both
    spine = both if moved else [name for name in theirs if name in both]
    runs = (_runs(ours, set(spine)), _runs(theirs, set(spine)))
    order = merge_runs(runs[0][""], runs[1][""])
    for name in spine:
        order += [name, *merge_runs(runs[0][name], runs[1][name])]
    return order


def _runs(names: Sequence[str], spine: set[str]) -> dict[str, list[str]]:
    """The names that are not on the spine, by the last one before them that is."""
    runs: dict[str, list[str]] = defaultdict(list)
    last = ""
    for name in names:
        if name in spine:
            last = name
        else:
            runs[last].append(name)
    return runs


# --- sequences ----------------------------------------------------------------------------------------


def _sequence(base: Blocks, ours: Blocks, theirs: Blocks, column: int, end: str) -> tuple[Entry, ...]:
    values = [[entry.value for entry in blocks.entries] for blocks in (base, ours, theirs)]
    merged = merge_value(values[0], values[1], values[2]).value
    known: dict[str, deque[Entry]] = defaultdict(deque)
    for entry in _candidates(base, ours, theirs, column, end):
        known[token(entry.value)].append(entry)
    return tuple(
        known[token(item)].popleft() if known[token(item)] else new_entry("", item, "sequence", column, end)
        for item in (merged if isinstance(merged, list) else [])
    )


def _candidates(base: Blocks, ours: Blocks, theirs: Blocks, column: int, end: str) -> list[Entry]:
    """The entries that a merged list can be made of: merged ones first, then those that one side has alone."""
    values = [[entry.value for entry in blocks.entries] for blocks in (base, ours, theirs)]
    left, right = align_lists(values[0], values[1]).kept, align_lists(values[0], values[2]).kept
    found: list[Entry] = []
    for entry, i, j in zip(base.entries, left, right, strict=True):
        one = None if i is None else ours.entries[i]
        other = None if j is None else theirs.entries[j]
        made = _entry(_Three(entry, one, other), "sequence", column, end)
        found += [each for each in (made or one or other,) if each is not None]
    new = [entry for at, entry in enumerate(ours.entries) if at not in left]
    return found + new + [entry for at, entry in enumerate(theirs.entries) if at not in right]


# --- one entry ----------------------------------------------------------------------------------------


def _entry(three: _Three, kind: BlockKind, column: int, end: str) -> Entry | None:
    """The merged entry, None where it goes; with what ours has where the values conflict."""
    base, ours, theirs = three.base, three.ours, three.theirs
    if ours == theirs or base == theirs:
        return ours
    if base == ours:
        return theirs
    value = merge_value(_value(base), _value(ours), _value(theirs)).value
    if isinstance(value, Missing):
        return None
    if ours is None or theirs is None:
        return ours or theirs
    lead = merge_comments("" if base is None else base.lead, ours.lead, theirs.lead)
    return replace(ours, lead=lead, text=_entry_text(three, value, kind, column, end), value=value)


def _value(entry: Entry | None) -> Json | Missing:
    return MISSING if entry is None else entry.value


def _entry_text(three: _Three, value: Json, kind: BlockKind, column: int, end: str) -> str:
    assert three.ours is not None
    assert three.theirs is not None
    whole = {three.ours.name: value} if kind == "mapping" else [value]
    texts = ("" if three.base is None else three.base.text, three.ours.text, three.theirs.text)
    lines = merge_lines(*texts)
    clean = None if lines.conflicts else lines.text()
    for made in (_pick(*texts), clean, _in_place(three), _inside(three, kind, column), lines.text()):
        if made is not None and holds(made, whole) and _no_new_repeats(made, *texts[1:]):
            return made
    if three.base is None and same(three.ours.value, three.theirs.value):
        return min(three.ours.text, three.theirs.text)
    if same(three.theirs.value, value):
        return three.theirs.text
    return rewrite_entry(three.ours, value, kind, column, end).text


def _pick(base: str, ours: str, theirs: str) -> str | None:
    """The version of the one side that changed it; None where both did."""
    if ours == theirs or base == theirs:
        return ours
    return theirs if base == ours else None


def _in_place(three: _Three) -> str | None:
    """A value on one line, what stands before it and the comment behind it, each merged for itself."""
    pieces = [around_value(entry) for entry in (three.base, three.ours, three.theirs) if entry is not None]
    known = [piece for piece in pieces if piece is not None]
    if len(known) < 3:
        return None
    found = [_pick(*versions) for versions in zip(*known, strict=True)]
    return "".join(ours if made is None else made for made, ours in zip(found, known[1], strict=True))


def _inside(three: _Three, kind: BlockKind, column: int) -> str | None:
    """A mapping or list in lines of its own, merged as a text is."""
    entries = (three.base, three.ours, three.theirs)
    found = [("", "") if entry is None else parts(entry, kind, column) for entry in entries]
    known = [each for each in found if each is not None]
    if len(known) < 3:
        return None
    inner = _merged_blocks(known[0][1], known[1][1], known[2][1])
    if inner is None or not rows(inner):
        return None
    heading = _pick(known[0][0], known[1][0], known[2][0])
    return joined(known[1][0] if heading is None else heading, inner, kind, column)
