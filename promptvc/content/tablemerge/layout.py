"""How the merged file is laid out beside its rows: header, line ends, byte-order mark, indentation, final line end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from promptvc.content.formats.base import BOM, FileStyle, Malformed, Row, RowFormat
from promptvc.content.formats.equal import same
from promptvc.content.tablediff.pairs import Pairs, TableSide
from promptvc.content.tablemerge.outcome import BASE, OURS, THEIRS, Content, Outcomes, renamed

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout that a merge asks for.

    ``side`` is the one that has it already, None where neither does: then ``head`` is what opens the file. ``marked``
    says whether a byte-order mark comes first, ``ended`` whether a line end comes last.
    """

    format: RowFormat
    side: int | None
    head: bytes
    marked: bool
    ended: bool


def merge_layouts(base: TableSide, ours: TableSide, theirs: TableSide, outcomes: Outcomes) -> Layout:
    """What one side changed of the layout holds; where both did, ours."""
    sides = (base, ours, theirs)
    styles = [_style(side.format, outcomes.names[place]) for place, side in enumerate(sides)]
    styles = _with_columns(_with_line_ends(styles, sides))
    columns = _merge_columns(*(style.columns for style in styles), kept=outcomes.undropped)
    wanted = FileStyle(
        _pick(*(style.line_end for style in styles)),
        _pick(*(style.delimiter for style in styles)),
        _pick(*(style.indent for style in styles)),
        columns,
    )
    marked, ended = _pick(*map(_is_marked, sides)), _pick(*map(_is_ended, sides))
    for place in (OURS, THEIRS):
        # A header whose columns the other side renamed is not the one that is wanted, though it reads so.
        if styles[place] == wanted and not _has_renamed(sides[place].format.columns, outcomes.names[place]):
            return Layout(sides[place].format, place, b"", marked, ended)
    if not ours.format.by_line:
        return Layout(ours.format, OURS, b"", marked, ended)
    format, head = ours.format.restyled(wanted, theirs.format)
    return Layout(format, None, head, marked, ended)


def find_renames(pairs: Pairs) -> dict[str, str]:
    """Fields that have another name in every row after, mostly with the same values: old name -> new name."""
    if len(pairs.old.bodies) < pairs.old.count or not pairs.matching.to_after:
        return {}  # some rows are as they were
    rows = [
        (pairs.old.row(before), pairs.new.row(after)) for before, after in pairs.matching.to_after.items()
    ]
    both = [(before, after) for before, after in rows if before is not None and after is not None]
    was = dict.fromkeys(name for before, _ in both for name in before)
    now = dict.fromkeys(name for _, after in both for name in after)
    return _best_names(both, [n for n in was if n not in now], [n for n in now if n not in was])


def encode(
    content: Content, target: RowFormat, formats: Mapping[int, RowFormat], outcomes: Outcomes
) -> bytes:
    """The bytes of a row in the merged file; those that it has, where they mean the same there."""
    source = formats[content.side]
    row = content.row
    if row is None:
        if source.reading == target.reading:
            return content.body
        parsed = source.parse(content.body)
        if isinstance(parsed, Malformed):
            return content.body
        row = renamed(parsed, outcomes.names[content.side])
    columns = {name for format in formats.values() for name in format.columns or ()}
    return target.translate(row, content.body, source, columns)


def _pick(base: _T, ours: _T, theirs: _T) -> _T:
    return theirs if ours == base else ours


def _style(format: RowFormat, names: Mapping[str, str]) -> FileStyle:
    """How a version is written, with its columns under the names that the other side gave them."""
    style = format.file_style
    return replace(style, columns=tuple(names.get(name, name) for name in style.columns))


def _with_line_ends(styles: Sequence[FileStyle], sides: Sequence[TableSide]) -> list[FileStyle]:
    """A version without any line end says nothing about them: it goes with base, and base with another one."""
    known = [
        style.line_end if _has_line_end(side) else None for style, side in zip(styles, sides, strict=True)
    ]
    base = next((end for end in known if end is not None), styles[BASE].line_end)
    return [replace(style, line_end=end or base) for style, end in zip(styles, known, strict=True)]


def _with_columns(styles: Sequence[FileStyle]) -> list[FileStyle]:
    """A version without any header, an empty file, dropped no column."""
    base = styles[BASE].columns
    return [replace(style, columns=style.columns or base) for style in styles]


def _has_line_end(side: TableSide) -> bool:
    data = side.chunk_runs[0].load() if side.chunk_runs else b""
    return b"\n" in data or b"\r" in data


def _is_marked(side: TableSide) -> bool:
    return bool(side.chunk_runs) and side.chunk_runs[0].load().startswith(BOM)


def _is_ended(side: TableSide) -> bool:
    data = b""
    for chunk_run in reversed(side.chunk_runs):
        data = chunk_run.load()
        if data:
            break
    return not data or data[-1:] in (b"\n", b"\r")


def _merge_columns(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], *, kept: Sequence[str]
) -> tuple[str, ...]:
    """Ours without what theirs dropped, and theirs' new ones behind the column that they followed."""
    ours, theirs = _with_kept(ours, base, kept), _with_kept(theirs, base, kept)
    if set(ours) == set(base) == set(theirs):
        return tuple(_pick(tuple(base), tuple(ours), tuple(theirs)))
    merged = [name for name in ours if name in theirs or name not in base]
    for place, name in enumerate(theirs):
        if name not in base and name not in ours:
            before = [merged.index(n) for n in theirs[:place] if n in merged]
            at = before[-1] + 1 if before else 0
            while at < len(merged) and merged[at] not in base and merged[at] not in theirs:
                at += 1
            merged.insert(at, name)
    return tuple(merged)


def _with_kept(columns: Sequence[str], base: Sequence[str], kept: Sequence[str]) -> list[str]:
    """The columns with those that stay after all, each behind the one that it followed in base."""
    made = list(columns)
    for name in kept:
        if name not in made:
            before = [made.index(other) for other in base[: list(base).index(name)] if other in made]
            made.insert(max(before, default=-1) + 1, name)
    return made


def _has_renamed(columns: Sequence[str] | None, names: Mapping[str, str]) -> bool:
    return any(name in names for name in columns or ())


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


__all__ = ["BASE", "Layout", "encode", "find_renames", "merge_layouts"]
