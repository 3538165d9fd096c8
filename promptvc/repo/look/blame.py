"""Blame: which commit last changed each line, row or cell of a file."""

from __future__ import annotations

from typing import Any

from promptvc.content.keys.tokens import equal_tokens
from promptvc.content.tablediff.blame import split_lines
from promptvc.errors import Advice, NotATable, PathMissing, RowMissing, Usage
from promptvc.repo.parts import Parts
from promptvc.session.files.rowstream import Keyed, key_of_file
from promptvc.session.files.views import FileView
from promptvc.session.history.blamed import Blamed, blamed_cells, blamed_lines, blamed_rows
from promptvc.session.history.lineage import Lineage
from promptvc.session.workspace.snapshot import Snapshot


def lineage(parts: Parts) -> Lineage:
    """Follows files through the history of the repository."""
    return Lineage(parts.store, parts.contents, parts.history)


def blame(
    parts: Parts, path: str, revision: str, key: Any, start: int | None, stop: int | None
) -> list[Blamed]:
    """Each line of a text, row of a table, or cell of the rows with a key: see `Repo.blame`."""
    snapshot = parts.snapshot(revision)
    file = blamable(snapshot, path)
    if file.kind != "table":
        if key is not None:
            raise NotATable(f"{path} is not a table", "without a key blame gives its lines")
        return blamed_lines(lineage(parts), snapshot, file, count_lines(file)[start:stop])
    if key is None:
        return list(blamed_rows(lineage(parts), snapshot, file, range(file.count_rows())[start:stop]))
    return _cells(parts, snapshot, file, key if isinstance(key, tuple) else (key,))


def blamable(snapshot: Snapshot, path: str) -> FileView:
    """A file whose lines or rows can be blamed; raises `PathMissing`, also for a folder, `Usage` for a binary file."""
    if path not in snapshot and any(path in ("", ".") or name.startswith(f"{path}/") for name in snapshot):
        raise PathMissing(f"{path or 'the project'} is a folder", Advice("one-file"))
    file = snapshot.file(path)
    if file.kind == "binary":
        raise Usage(f"{path} is a binary file: it has no lines", Advice("who-changed", path=path))
    return file


def count_lines(file: FileView) -> range:
    """The numbers of a text's lines."""
    return range(len(split_lines(file.read())))


def _cells(parts: Parts, snapshot: Snapshot, file: FileView, values: tuple[Any, ...]) -> list[Blamed]:
    fields = key_of_file(file, snapshot.project)
    if fields is None or len(fields) != len(values):
        had = f"the key {', '.join(fields)}" if fields else "no key"
        raise Usage(f"{file.path} has {had}", "a key is a value, or a tuple of as many as it has fields")
    table = Keyed.of(file)
    assert table is not None
    rows = list(table.rows(fields, equal_tokens([[value] for value in values])))
    if not rows:
        named = ", ".join(f"{field}={value!r}" for field, value in zip(fields, values, strict=True))
        raise RowMissing(f"{file.path} has no row with {named}")
    return list(blamed_cells(lineage(parts), snapshot, file, rows, fields))
