"""A comparison for programs: a line per file, a line per row, and the totals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from promptvc.cli.show.diff.diff import whole_rows
from promptvc.cli.show.diff.totals import Totals
from promptvc.content.formats.dicts import malformed_row
from promptvc.content.tablediff.diff import MISSING, RowChange, TableDiff
from promptvc.session.files.rowstream import key_of_file
from promptvc.session.workspace.comparison import BinaryDiff, TextDiff

if TYPE_CHECKING:
    from promptvc.session.workspace.comparison import Comparison, Detail, FileDiff
    from promptvc.versioning.diff import FileChange

Value = dict[str, Any]


def diff_values(comparison: Comparison, *, rows: bool = True) -> Iterator[Value]:
    """``file`` lines, each before its ``row`` lines (if ``rows``), and one ``summary``."""
    totals = Totals()
    for change in comparison.changes:
        if change.status in ("added", "removed") and comparison.kind(change) in ("table", "run"):
            yield from _whole_table(comparison, change, totals, rows)
        else:
            yield from _file(comparison.compare(change), totals, rows)
    yield {
        "type": "summary",
        "files": totals.kinds.total(),
        "added": totals.added,
        "removed": totals.removed,
        "changed": totals.changed,
    }


def file_head(change: FileChange | FileDiff, kind: str) -> Value:
    """The fields of every ``file`` line."""
    head = {"type": "file", "path": change.path, "kind": kind, "status": change.status}
    return head | ({"old_path": change.old_path} if change.old_path else {})


def _file(diff: FileDiff, totals: Totals, rows: bool) -> Iterator[Value]:
    value = file_head(diff, diff.kind) | _detail(diff.detail)
    if diff.mode_change:
        value["mode"] = [f"{mode:o}" for mode in diff.mode_change]
    yield value
    if isinstance(diff.detail, TableDiff):
        totals.count(diff.kind, diff.detail.added, diff.detail.removed, diff.detail.changed)
        if rows:
            yield from row_values(diff.path, diff.detail.rows)
    else:
        totals.count(diff.kind)


def _detail(detail: Detail) -> Value:
    if isinstance(detail, TableDiff):
        counts = {
            name: getattr(detail, name) for name in ("added", "removed", "changed", "moved", "reformatted")
        }
        columns = {"added": list(detail.columns_added), "removed": list(detail.columns_removed)}
        return {"key": _list(detail.key), "rows": counts, "columns": columns}
    if isinstance(detail, BinaryDiff):
        return {"size": [detail.before, detail.after]}
    return _text(detail) if isinstance(detail, TextDiff) else detail.to_json()


def _text(detail: TextDiff) -> Value:
    hunks = [
        {"before": h.before, "after": h.after, "lines": [[line.op, line.text] for line in h.lines]}
        for h in detail.hunks
    ]
    value: Value = {"lines": {"added": detail.added, "removed": detail.removed}, "hunks": hunks}
    return value | ({"note": detail.note} if detail.note else {})


def _whole_table(comparison: Comparison, change: FileChange, totals: Totals, rows: bool) -> Iterator[Value]:
    file, new = comparison.view(change), change.status == "added"
    count, key = file.count_rows(), key_of_file(file, comparison.project)
    totals.count(file.kind, *((count, 0) if new else (0, count)))
    columns = file.format.columns if file.format else None
    yield file_head(change, file.kind) | {
        "key": _list(key),
        "rows": {
            "added": count if new else 0,
            "removed": 0 if new else count,
            "changed": 0,
            "moved": 0,
            "reformatted": 0,
        },
        "columns": {"added": (columns or []) if new else [], "removed": [] if new else (columns or [])},
    }
    if rows:
        yield from row_values(change.path, whole_rows(file, key, new))


def row_values(path: str, rows: Iterable[RowChange]) -> Iterator[Value]:
    """A ``row`` line for each change of a row."""
    for row in rows:
        value: Value = {
            "type": "row",
            "path": path,
            "op": row.op,
            "key": row.key,
            "at": list(row.at),
            "before": _fields(row.before, row.before_raw),
            "after": _fields(row.after, row.after_raw),
        }
        if row.op == "changed":
            value["cells"] = {name: [_or_null(side) for side in sides] for name, sides in row.cells.items()}
            absent = {
                name: "before" if sides[0] is MISSING else "after"
                for name, sides in row.cells.items()
                if sides[0] is MISSING or sides[1] is MISSING
            }
            if absent:
                value["absent"] = absent
        yield value


def _fields(row: Value | None, raw: bytes | None) -> Value | None:
    return row if row is not None or raw is None else malformed_row(raw)


def _or_null(value: Any) -> Any:
    return None if value is MISSING else value


def _list(key: tuple[str, ...] | None) -> list[str] | None:
    return list(key) if key else None
