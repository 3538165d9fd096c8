"""How the merged file is laid out beside its rows: header, line ends, byte-order mark, indentation, final line end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.base import BOM, FileStyle, RowFormat
from promptvc.content.tablediff.pairs import TableSide
from promptvc.content.tablemerge.renames import Names
from promptvc.content.tablemerge.versions import BASE, OURS, THEIRS, Files

_T = TypeVar("_T")


class Layout(Struct, frozen=True):
    """The layout that a merge asks for.

    ``side`` is the one that has it already, None where neither does: then ``head`` is what opens the file. ``marked``
    says whether a byte-order mark comes first, ``ended`` whether a line end comes last.
    """

    format: RowFormat
    side: int | None
    head: bytes
    marked: bool
    ended: bool


def merge_layouts(sides: Files, names: Sequence[Names], undropped: Sequence[str]) -> Layout:
    """What one side changed of the layout holds; where both did, ours.

    ``names`` are how the fields of each version are renamed, ``undropped`` the columns that stay after all.
    """
    ours, theirs = sides[OURS], sides[THEIRS]
    styles = [_style(side.format, names[place]) for place, side in enumerate(sides)]
    styles = _with_columns(_with_line_ends(styles, sides))
    columns = _merge_columns(*(style.columns for style in styles), kept=undropped)
    wanted = FileStyle(
        _pick(*(style.line_end for style in styles)),
        _pick(*(style.delimiter for style in styles)),
        _pick(*(style.indent for style in styles)),
        columns,
    )
    marked, ended = _pick(*map(_is_marked, sides)), _pick(*map(_is_ended, sides))
    for place in (OURS, THEIRS):
        # A header whose columns the other side renamed is not the one that is wanted, though it reads so.
        if styles[place] == wanted and not _has_renamed(sides[place].format.columns, names[place]):
            return Layout(sides[place].format, place, b"", marked, ended)
    if not ours.format.by_line:
        return Layout(ours.format, OURS, b"", marked, ended)
    format, head = ours.format.restyled(wanted, theirs.format)
    return Layout(format, None, head, marked, ended)


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
