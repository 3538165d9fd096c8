"""The edits that a transaction records: each can be done, and checked against what others did meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from promptvc.content import rowedit
from promptvc.content.formats.equal import same
from promptvc.content.table import Table
from promptvc.errors import Conflict, PathMissing, RowMissing
from promptvc.ids import RepoPath
from promptvc.session.pending import PendingFile
from promptvc.session.state import State

Row = Mapping[str, Any]


class Edit(Protocol):
    """One change to one file."""

    def apply(self, state: State) -> None:
        """Do it."""

    def check(self, base: State, tip: State) -> None:
        """Raise `Conflict` where doing it on tip would undo what was done there since base."""


@dataclass(frozen=True, slots=True)
class Write:
    """Replace a whole file."""

    path: RepoPath
    data: bytes
    mode: int

    def apply(self, state: State) -> None:
        """Do it."""
        state.pending[self.path] = PendingFile.of_bytes(self.path, self.data, self.mode)

    def check(self, base: State, tip: State) -> None:
        """The file must be as it was, or already as we want it."""
        if base.files.get(self.path) != tip.files.get(self.path):
            now = tip.get(self.path)
            if now is None or now.read() != self.data:
                raise _conflict(self.path)


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file."""

    path: RepoPath

    def apply(self, state: State) -> None:
        """Do it."""
        state.need(self.path)
        state.pending[self.path] = None

    def check(self, base: State, tip: State) -> None:
        """The file must be as it was."""
        if base.files.get(self.path) != tip.files.get(self.path):
            raise _conflict(self.path)


@dataclass(frozen=True, slots=True)
class Append:
    """Add rows at the end of a table."""

    path: RepoPath
    rows: Sequence[Row]

    def apply(self, state: State) -> None:
        """Do it."""
        _edit_rows(state, self.path, self.rows, None, None)

    def check(self, base: State, tip: State) -> None:
        """The table must still be there."""
        _check_rows(self.path, base, tip, {}, None)


@dataclass(frozen=True, slots=True)
class Upsert:
    """Put rows in the place of those with their keys."""

    path: RepoPath
    rows: Sequence[Row]
    key: tuple[str, ...] | None

    def apply(self, state: State) -> None:
        """Do it."""
        _edit_rows(state, self.path, self.rows, self.key, rowedit.upsert)

    def check(self, base: State, tip: State) -> None:
        """Rows with these keys must be as they were, or already as we want them."""
        if self.path in base.files:
            fields = self.key or base.table(self.path).key or ()
            wanted = {_key_of(row, fields): row for row in self.rows}
            _check_rows(self.path, base, tip, wanted, self.key)
        elif self.path in tip.files:
            raise _conflict(self.path)


@dataclass(frozen=True, slots=True)
class Delete:
    """Take rows out by key."""

    path: RepoPath
    keys: Sequence[Any]
    key: tuple[str, ...] | None

    def apply(self, state: State) -> None:
        """Do it; raises `RowMissing`."""
        table, file = state.table(self.path, self.key), state.need(self.path)
        format = file.format
        assert format is not None
        done = rowedit.delete(self.path, file.stretches(), format, table.key, self.keys)
        if done.missing:
            raise RowMissing(
                f"{self.path}: no row has the key {done.missing[0]!r}", "table.key names the key fields"
            )
        state.pending[self.path] = file.edited(done)

    def check(self, base: State, tip: State) -> None:
        """Rows with these keys must be as they were."""
        wanted = {tuple(k) if isinstance(k, list | tuple) else k: None for k in self.keys}
        _check_rows(self.path, base, tip, wanted, self.key)


def _edit_rows(
    state: State, path: RepoPath, rows: Sequence[Row], key: Sequence[str] | None, how: Any
) -> None:
    file = state.get(path)
    if file is None:
        state.pending[path] = PendingFile.of_bytes(path, rowedit.new_file(path, rows))
        return
    table, format = state.table(path, key), file.format
    assert format is not None
    if how is None:
        done = rowedit.append(path, file.stretches(), format, rows)
    else:
        done = how(path, file.stretches(), format, table.key, rows)
    state.pending[path] = file.edited(done)


def _check_rows(
    path: RepoPath, base: State, tip: State, wanted: Mapping[Any, Row | None], key: tuple[str, ...] | None
) -> None:
    if base.files.get(path) == tip.files.get(path):
        return
    if path in base.files and path not in tip.files:
        raise _conflict(path)
    if path not in base.files or not wanted:
        return
    before, now = base.table(path, key), tip.table(path, key or base.table(path).key)
    for name, row in wanted.items():
        old, new = _rows(before, name), _rows(now, name)
        if not same(old, new) and not (row is not None and same(new, [dict(row)])):
            raise Conflict(
                f"{path}: row {name!r} was changed by another writer meanwhile",
                "read it again, and write what should be",
            )


def _rows(table: Table, key: Any) -> list[dict[str, Any]]:
    try:
        return table.rows_with_key(key)
    except (RowMissing, PathMissing):
        return []


def _key_of(row: Row, fields: Sequence[str]) -> Any:
    values = tuple(row.get(name) for name in fields)
    return values[0] if len(values) == 1 else values


def _conflict(path: RepoPath) -> Conflict:
    return Conflict(
        f"{path} was changed by another writer meanwhile", "read it again, and write what should be"
    )
