"""The edits that a transaction records: each can be done, and checked against what others did meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING
from promptvc.content.keys.index import VersionKeys
from promptvc.content.table import edit as rowedit
from promptvc.content.table.intake import as_in_place
from promptvc.content.table.view import Table, keys_of
from promptvc.content.values.merge import merge_value
from promptvc.errors import Conflict, PathMissing, RowMissing
from promptvc.ids import RepoPath
from promptvc.session.transaction.pending import PendingFile
from promptvc.session.transaction.state import State

Row = Mapping[str, Any]


class Edit(Protocol):
    """One change to one file."""

    def apply(self, state: State) -> None:
        """Do it."""

    def onto(self, base: State, tip: State) -> Edit:
        """The edit to do on tip for what this one did on base; raises `Conflict` where both changed the same."""


class Write(Struct, frozen=True):
    """Replace a whole file."""

    path: RepoPath
    data: bytes
    mode: int

    def apply(self, state: State) -> None:
        """Do it."""
        state.pending[self.path] = PendingFile.of_bytes(self.path, self.data, self.mode)

    def onto(self, base: State, tip: State) -> Write:
        """The file must be as it was, or already as we want it."""
        if base.files.get(self.path) != tip.files.get(self.path):
            now = tip.get(self.path)
            if now is None or now.read() != self.data:
                raise _conflict(self.path)
        return self


class Remove(Struct, frozen=True):
    """Remove a file."""

    path: RepoPath

    def apply(self, state: State) -> None:
        """Do it."""
        state.need(self.path)
        state.pending[self.path] = None

    def onto(self, base: State, tip: State) -> Remove:
        """The file must be as it was."""
        if base.files.get(self.path) != tip.files.get(self.path):
            raise _conflict(self.path)
        return self


class Append(Struct, frozen=True):
    """Add rows at the end of a table."""

    path: RepoPath
    rows: Sequence[Row]

    def apply(self, state: State) -> None:
        """Do it."""
        _edit_rows(state, self.path, self.rows, None, None)

    def onto(self, base: State, tip: State) -> Append:
        """The table must still be there."""
        _need_table(self.path, base, tip)
        return self


class Upsert(Struct, frozen=True):
    """Put rows in the place of those with their keys; rows of a frame say less (`as_in_place`)."""

    path: RepoPath
    rows: Sequence[Row]
    key: tuple[str, ...] | None
    is_frame: bool = False

    def apply(self, state: State) -> None:
        """Do it."""
        how = partial(rowedit.upsert, adapt=as_in_place) if self.is_frame else rowedit.upsert
        _edit_rows(state, self.path, self.rows, self.key, how)

    def onto(self, base: State, tip: State) -> Upsert:
        """Rows that both changed are merged field by field, as `merge` does it."""
        if not _need_table(self.path, base, tip):
            return self
        fields = tuple(self.key or tip.table(self.path).key or ())
        before, now = _table(base, self.path, fields), _table(tip, self.path, fields)
        return replace(self, rows=[self._merged(row, fields, before, now) for row in self.rows])

    def _merged(self, row: Row, fields: tuple[str, ...], before: Table | None, now: Table | None) -> Row:
        key = _key_of(row, fields)
        if self.is_frame and len(there := _rows(before, key) or _rows(now, key)) == 1:
            row = as_in_place(row, there[0])
        return _merged(self.path, key, row, before, now)


class Delete(Struct, frozen=True):
    """Take rows out by key."""

    path: RepoPath
    keys: Sequence[Any]
    key: tuple[str, ...] | None

    def apply(self, state: State) -> None:
        """Do it; raises `RowMissing`."""
        table, file = state.table(self.path, self.key), state.need(self.path)
        format = file.format
        assert format is not None
        keys = keys_of(table)
        done = rowedit.delete(self.path, file.chunk_runs(), format, table.key, self.keys, keys)
        if done.missing:
            raise RowMissing(
                f"{self.path}: no row has the key {done.missing[0]!r}", "table.key names the key fields"
            )
        state.pending[self.path] = file.edited(done, _unique_key(keys))

    def onto(self, base: State, tip: State) -> Delete:
        """Rows with these keys must be as they were."""
        if _need_table(self.path, base, tip):
            fields = tuple(self.key or base.table(self.path).key or ())
            before, now = _table(base, self.path, fields), _table(tip, self.path, fields)
            for key in (tuple(k) if isinstance(k, list | tuple) else k for k in self.keys):
                if not same([*_rows(before, key)], [*_rows(now, key)]):
                    raise _row_conflict(self.path, key)
        return self


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
        state.pending[path] = file.edited(rowedit.append(path, file.chunk_runs(), format, rows))
        return
    keys = keys_of(table)
    done = how(path, file.chunk_runs(), format, table.key, rows, keys=keys)
    state.pending[path] = file.edited(done, _unique_key(keys))


def _unique_key(keys: VersionKeys | None) -> tuple[str, ...] | None:
    """The key of a table if no two rows share it: then none do after rows were put in by that key, or taken out."""
    return keys.key if keys is not None and keys.is_unique else None


def _need_table(path: RepoPath, base: State, tip: State) -> bool:
    """Whether somebody changed a table since base; raises `Conflict` where it was removed."""
    if path in base.files and path not in tip.files:
        raise _conflict(path)
    return base.files.get(path) != tip.files.get(path)


def _table(state: State, path: RepoPath, key: tuple[str, ...]) -> Table | None:
    return state.table(path, key or None) if path in state.files else None


def _merged(path: RepoPath, key: Any, row: Row, before: Table | None, now: Table | None) -> Row:
    """A row of ours on top of what others made of it since; raises `Conflict`."""
    old, new = _rows(before, key), _rows(now, key)
    if same([*old], [*new]) or same([*new], [dict(row)]):
        return row
    if len(old) > 1 or len(new) != 1:  # removed there, or rows that share a key
        raise _row_conflict(path, key)
    done = merge_value(old[0] if old else MISSING, dict(row), new[0])
    if done.conflicts or not isinstance(done.value, dict):
        raise _row_conflict(path, key, ".".join(done.conflicts[0].at) if done.conflicts else "")
    return done.value


def _rows(table: Table | None, key: Any) -> list[dict[str, Any]]:
    try:
        return table.rows_with_key(key) if table is not None else []
    except (RowMissing, PathMissing):
        return []


def _key_of(row: Row, fields: Sequence[str]) -> Any:
    values = tuple(row.get(name) for name in fields)
    return values[0] if len(values) == 1 else values


def _row_conflict(path: RepoPath, key: Any, field: str = "") -> Conflict:
    where = f", field {field}" if field else ""
    return Conflict(
        f"{path}: row {key!r}{where} was changed by another writer meanwhile",
        "read it again, and write what should be",
    )


def _conflict(path: RepoPath) -> Conflict:
    return Conflict(
        f"{path} was changed by another writer meanwhile", "read it again, and write what should be"
    )
