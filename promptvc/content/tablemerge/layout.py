"""How the merged file is laid out beside its rows: header, line ends, byte-order mark, indentation, final line end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from promptvc.content.formats.base import BOM, HEAD_SIZE, RowFormat
from promptvc.content.tablediff.pairs import TableSide
from promptvc.content.tablemerge.renames import Names
from promptvc.content.tablemerge.versions import BASE, OURS, THEIRS, Files

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


@dataclass(frozen=True, slots=True)
class _Shape:
    """One version's layout, by component."""

    line_end: bytes
    delimiter: bytes
    indent: tuple[object, ...]
    columns: tuple[str, ...]


def merge_layouts(sides: Files, names: Sequence[Names], undropped: Sequence[str]) -> Layout:
    """What one side changed of the layout holds; where both did, ours.

    ``names`` are how the fields of each version are renamed, ``undropped`` the columns that stay after all.
    """
    ours, theirs = sides[OURS], sides[THEIRS]
    shapes = [_shape(side, names[place]) for place, side in enumerate(sides)]
    shapes = _with_columns(_with_line_ends(shapes, sides))
    columns = _merge_columns(*(shape.columns for shape in shapes), kept=undropped)
    wanted = _Shape(
        _pick(*(shape.line_end for shape in shapes)),
        _pick(*(shape.delimiter for shape in shapes)),
        _pick(*(shape.indent for shape in shapes)),
        columns,
    )
    marked, ended = _pick(*map(_is_marked, sides)), _pick(*map(_is_ended, sides))
    for place in (OURS, THEIRS):
        # A header whose columns the other side renamed is not the one that is wanted, though it reads so.
        if shapes[place] == wanted and not _has_renamed(sides[place].format.columns, names[place]):
            return Layout(sides[place].format, place, b"", marked, ended)
    if ours.format.name == "json":
        return Layout(ours.format, OURS, b"", marked, ended)
    return _new_layout([ours.format, theirs.format], wanted, marked, ended)


def _pick(base: _T, ours: _T, theirs: _T) -> _T:
    return theirs if ours == base else ours


def _shape(side: TableSide, names: Mapping[str, str]) -> _Shape:
    format: Any = side.format
    columns = tuple(names.get(name, name) for name in format.columns or ())
    if format.name == "json":
        return _Shape(b"", b"", format.layout, ())
    return _Shape(format.line_end, getattr(format, "delimiter", b""), (), columns)


def _with_line_ends(shapes: Sequence[_Shape], sides: Sequence[TableSide]) -> list[_Shape]:
    """A version without any line end says nothing about them: it goes with base, and base with another one."""
    known = [
        shape.line_end if _has_line_end(side) else None for shape, side in zip(shapes, sides, strict=True)
    ]
    base = next((end for end in known if end is not None), shapes[BASE].line_end)
    return [replace(shape, line_end=end or base) for shape, end in zip(shapes, known, strict=True)]


def _with_columns(shapes: Sequence[_Shape]) -> list[_Shape]:
    """A version without any header, an empty file, dropped no column."""
    base = shapes[BASE].columns
    return [replace(shape, columns=shape.columns or base) for shape in shapes]


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


def _new_layout(formats: Sequence[RowFormat], wanted: _Shape, marked: bool, ended: bool) -> Layout:
    """A format of lines with a header made for the merge, of the names as they are written on a side."""
    from promptvc.content.formats.csv import Csv
    from promptvc.content.formats.csvcells import write_cell
    from promptvc.content.formats.jsonl import JsonLines

    written = [format for format in formats if isinstance(format, Csv)]
    if not written:
        return Layout(JsonLines(b"{}" + wanted.line_end), None, b"", marked, ended)
    quoted = {
        n: cell.startswith(b'"') for format in reversed(written) for n, cell in format.header_cells.items()
    }
    cells = [write_cell(name, wanted.delimiter, quoted.get(name, False)) for name in wanted.columns]
    head = wanted.delimiter.join(cells) + wanted.line_end
    return Layout(Csv(head[:HEAD_SIZE], tabs=written[0].name == "tsv"), None, head, marked, ended)
