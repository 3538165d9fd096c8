"""How the merged file is laid out beside its rows: header, line ends, byte-order mark, indentation, final line end."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from promptvc.content.formats.base import BOM, HEAD_SIZE, Malformed, Row, RowFormat
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


@dataclass(frozen=True, slots=True)
class _Shape:
    """One version's layout, by component."""

    line_end: bytes
    delimiter: bytes
    indent: tuple[object, ...]
    columns: tuple[str, ...]


def merge_layouts(base: TableSide, ours: TableSide, theirs: TableSide, outcomes: Outcomes) -> Layout:
    """What one side changed of the layout holds; where both did, ours."""
    sides = (base, ours, theirs)
    shapes = [_shape(side, outcomes.names[place]) for place, side in enumerate(sides)]
    shapes = _with_columns(_with_line_ends(shapes, sides))
    columns = _merge_columns(*(shape.columns for shape in shapes), kept=outcomes.undropped)
    wanted = _Shape(
        _pick(*(shape.line_end for shape in shapes)),
        _pick(*(shape.delimiter for shape in shapes)),
        _pick(*(shape.indent for shape in shapes)),
        columns,
    )
    marked, ended = _pick(*map(_is_marked, sides)), _pick(*map(_is_ended, sides))
    for place in (OURS, THEIRS):
        # A header whose columns the other side renamed is not the one that is wanted, though it reads so.
        if shapes[place] == wanted and not _has_renamed(sides[place].format.columns, outcomes.names[place]):
            return Layout(sides[place].format, place, b"", marked, ended)
    if ours.format.name == "json":
        return Layout(ours.format, OURS, b"", marked, ended)
    return _new_layout([ours.format, theirs.format], wanted, marked, ended)


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
    like = content.body if _is_like(source, target) else None
    if target.columns is None or source.columns is None:
        return target.encode(row, like)
    columns = {name for format in formats.values() for name in format.columns or ()}
    fitted = _fitted(row, source, target, columns)
    body = target.encode(fitted, like)
    return _shortened(body, fitted, target) if like is None else body


def _is_like(source: RowFormat, target: RowFormat) -> bool:
    """Whether bodies of one format can show how a row of the other is written: their cells mean the same there."""
    if source.columns is not None and (target.columns or [])[: len(source.columns)] != source.columns:
        return False
    return source.reading[:2] == target.reading[:2]


def _fitted(row: Row, source: Any, target: Any, columns: Container[str]) -> Row:
    """A row of one header under another: cells beyond the header stay beyond it, those of dropped columns go.

    A record that was whole has a cell in every column; one that was short stays so. ``columns`` are those of all
    versions.
    """
    known = set(target.columns)
    extra = [name for name in row if name not in known and name not in columns]
    beyond = target.names(len(target.columns) + len(extra))[len(target.columns) :]
    names = dict(zip(extra, beyond, strict=True))
    shared = [name for name in source.columns if name in known]
    is_short = bool(shared) and shared[-1] not in row
    cells = {} if is_short else dict.fromkeys(target.columns, "")
    return cells | {
        names.get(name, name): value for name, value in row.items() if name in known or name in names
    }


def _shortened(body: bytes, row: Row, target: Any) -> bytes:
    """A record without the empty cells behind its last field."""
    from promptvc.content.formats.csvcells import split_cells

    cells = split_cells(body, target.delimiter)
    last = max((at for at, name in enumerate(target.names(len(cells))) if name in row), default=0)
    delimiter: bytes = target.delimiter
    return delimiter.join(cells[: last + 1]) or b'""'


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
