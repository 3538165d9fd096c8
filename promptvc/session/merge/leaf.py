"""One file that both sides changed, merged by what it is: tables by row, prompts by setting and line, text by line."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from promptvc.content.formats import blank_table, row_format
from promptvc.content.json_type import Json
from promptvc.content.kinds import FileKind
from promptvc.content.runs.run import read_record
from promptvc.content.tablemerge.merge import TableSide, merge_rows
from promptvc.content.text.merge import merge_lines
from promptvc.content.values.conflict import MergeConflict
from promptvc.errors import ConfigInvalid, RunUnreadable
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.files.contents import Contents, source_of
from promptvc.session.files.project import PROJECT_FILE, Project, read_project
from promptvc.session.files.views import StoredFile
from promptvc.versioning.merge import Leaf, PathConflict
from promptvc.versioning.tree import FileEntry

if TYPE_CHECKING:
    from promptvc.content.tablemerge.merge import RowMerge, TableSide
    from promptvc.storage.packing import PackWriter

InPlace = Literal["ours", "base"]
"""Which version stands where something conflicts: ours for people, base where bases themselves are merged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedFile:
    """A merged file: what it is, where it is stored, and what conflicts.

    ``rows`` is there for a table. ``lines`` are the numbers, from 1, of the lines at which changes of theirs begin.
    ``marker_size`` is the length of the markers around text that conflicts, 0 where there are none.
    """

    path: RepoPath
    kind: FileKind
    entry: FileEntry
    conflicts: tuple[MergeConflict, ...] = ()
    rows: RowMerge | None = None
    lines: tuple[int, ...] = ()
    marker_size: int = 0
    read: Callable[[], bytes] | None = field(default=None, compare=False, repr=False)
    """Its bytes, where they are new and not in the store yet."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How files are merged.

    ``writer`` stores what is new; without one it is only worked out. ``labels`` name the two sides in markers.
    """

    writer: PackWriter | None = None
    labels: tuple[str, str] = ("ours", "theirs")
    in_place: InPlace = "ours"


class LeafMerger:
    """Merges files; those of ``deferred`` paths are merged later."""

    def __init__(
        self, contents: Contents, project: Project, manner: Manner, deferred: Container[str] = ()
    ) -> None:
        self._contents, self._project, self._manner, self._deferred = contents, project, manner, deferred

    def merge(self, leaf: Leaf) -> MergedFile:
        """Merge one file; that of a run which is merged later stays as it is in ours."""
        merged = self._merge(leaf)
        origins = self._contents.origins
        if origins is not None and self._manner.writer is not None and merged.read is not None:
            new = merged.read
            origins.merged(
                leaf.path,
                merged.entry,
                (leaf.ours, leaf.theirs),
                lambda entry: new() if entry == merged.entry else self._contents.read(entry),
            )
        return merged

    def _merge(self, leaf: Leaf) -> MergedFile:
        if leaf.path in self._deferred:
            return MergedFile(path=leaf.path, kind="run", entry=leaf.ours)
        base = StoredFile(self._contents, leaf.path, leaf.base) if leaf.base else None
        ours = StoredFile(self._contents, leaf.path, leaf.ours)
        theirs = StoredFile(self._contents, leaf.path, leaf.theirs)
        kinds = {side.kind for side in (base, ours, theirs) if side is not None}
        if "binary" in kinds:
            return self._binary(leaf)
        if kinds == {"table"}:
            return self._table(leaf, base, ours, theirs)
        before = base.read() if base else b""
        if leaf.path == PROJECT_FILE:
            return self._settings(leaf, before, ours.read(), theirs.read(), read_project)
        if "run" in kinds:
            return self._settings(
                leaf, before, ours.read(), theirs.read(), lambda data: read_record(data, leaf.path)
            )
        if self._manner.in_place == "ours" and ours.kind == "prompt":
            return self._prompt(leaf, before, ours.read(), theirs.read())
        return self._text(leaf, ours.kind, before, ours.read(), theirs.read())

    def _table(self, leaf: Leaf, base: StoredFile | None, ours: StoredFile, theirs: StoredFile) -> MergedFile:
        rules = self._project.table(leaf.path)
        sides = (_empty(leaf.path) if base is None else _side(base), _side(ours), _side(theirs))
        if any(map(ends_open, sides)):
            return self._binary(leaf)
        found = merge_rows(*sides, rules, prefer_base=self._manner.in_place == "base")
        like = leaf.theirs if found.from_theirs else leaf.ours
        entry = self._contents.write_pieces(leaf.path, found.pieces, self._manner.writer, like, leaf.mode)
        return MergedFile(
            path=leaf.path,
            kind=ours.kind,
            entry=entry,
            conflicts=_named(found.conflicts, leaf.path),
            rows=found,
            read=lambda: found.data,
        )

    def _prompt(self, leaf: Leaf, base: bytes, ours: bytes, theirs: bytes) -> MergedFile:
        from promptvc.content.prompt.merge import merge_prompts  # 8 ms, for a merge that has prompts

        found = merge_prompts(leaf.path, base, ours, theirs)
        size = found.marker_size if any(each.kind == "text" for each in found.conflicts) else 0
        data = found.marked(*self._manner.labels) if size else found.data
        return MergedFile(
            path=leaf.path,
            kind="prompt",
            entry=self._store(leaf, data),
            conflicts=_named(found.conflicts, leaf.path),
            lines=found.lines,
            marker_size=size,
            read=lambda: data,
        )

    def _text(self, leaf: Leaf, kind: FileKind, base: bytes, ours: bytes, theirs: bytes) -> MergedFile:
        found = merge_lines(*(data.decode("utf-8", "surrogateescape") for data in (base, ours, theirs)))
        conflicts = tuple(
            MergeConflict(kind="text", base=each.base, ours=each.ours, theirs=each.theirs, path=leaf.path)
            for each in found.conflicts
        )
        in_place = self._manner.in_place == "ours" and bool(conflicts)
        text = found.marked(*self._manner.labels) if in_place else found.text(self._manner.in_place)
        data = text.encode("utf-8", "surrogateescape")
        size = found.marker_size if in_place else 0
        return MergedFile(
            path=leaf.path,
            kind=kind,
            entry=self._store(leaf, data),
            conflicts=conflicts,
            marker_size=size,
            read=lambda: data,
        )

    def _settings(
        self, leaf: Leaf, base: bytes, ours: bytes, theirs: bytes, read: Callable[[bytes], object]
    ) -> MergedFile:
        """promptvc.toml, or the record of a run, which must be readable at any time: by line, or else as a whole."""
        found = merge_lines(*(data.decode("utf-8", "surrogateescape") for data in (base, ours, theirs)))
        try:
            read(found.text().encode("utf-8", "surrogateescape"))
        except (ConfigInvalid, RunUnreadable):  # lines of both sides that do not go together
            return self._binary(leaf)
        return self._binary(leaf) if found.conflicts else self._text(leaf, "text", base, ours, theirs)

    def _binary(self, leaf: Leaf) -> MergedFile:
        kind: Literal["both-changed", "both-added"] = "both-changed" if leaf.base else "both-added"
        whole = PathConflict(leaf.path, kind, leaf.base, leaf.ours, leaf.theirs)
        entry = leaf.base if self._manner.in_place == "base" and leaf.base else leaf.ours
        return MergedFile(path=leaf.path, kind="binary", entry=entry, conflicts=(file_conflict(whole),))

    def _store(self, leaf: Leaf, data: bytes) -> FileEntry:
        return self._contents.write(leaf.path, source_of(data, leaf.mode), self._manner.writer, leaf.ours)


def file_conflict(found: PathConflict) -> MergeConflict:
    """A file as a whole that conflicts, shown as any conflict; its versions are values with ``id`` and ``mode``."""
    values: list[Json] = [
        {
            "id": str(entry.id),
            "mode": f"{entry.mode:o}",
            "rope": entry.is_rope,
            "path": str(path or found.path),
        }
        if entry
        else None
        for entry, path in zip((found.base, found.ours, found.theirs), found.paths, strict=True)
    ]
    return MergeConflict(kind=found.kind, base=values[0], ours=values[1], theirs=values[2], path=found.path)


def entry_of(value: object) -> tuple[RepoPath, FileEntry] | None:
    """The path and entry that a version of a file conflict names; None where the file is not there."""
    if not isinstance(value, dict):
        return None
    return RepoPath(value["path"]), FileEntry(
        ObjectId(value["id"]), int(value["mode"], 8), bool(value["rope"])
    )


def is_file_conflict(conflict: MergeConflict) -> bool:
    """Whether a conflict is about a file as a whole."""
    return conflict.kind != "text" and conflict.field is None and conflict.row is None


def _named(conflicts: tuple[MergeConflict, ...], path: RepoPath) -> tuple[MergeConflict, ...]:
    return tuple(replace(conflict, path=path) for conflict in conflicts)


def ends_open(side: TableSide) -> bool:
    """Whether a file takes in rows that a merge puts behind it: a CSV quote that never closes, or blank lines alone,
    behind which a row would be the header.
    """
    chunk_runs, format = side.chunk_runs, side.format
    if not chunk_runs:
        return False
    return format.columns == [] or format.ends_open(chunk_runs[-1].load(), len(chunk_runs) == 1)


def _side(file: StoredFile) -> TableSide:
    format = file.format
    assert format is not None
    return TableSide(file.chunk_runs(), format)


def _empty(path: RepoPath) -> TableSide:
    format = row_format(path, blank_table(path))
    assert format is not None
    return TableSide([], format)
