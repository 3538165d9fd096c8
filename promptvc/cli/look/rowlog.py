"""The history of one row for ``promptvc log FILE --key K``: the commits, and what each did to the row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from promptvc.cli.app import App
from promptvc.cli.look.row_key import WantedKey
from promptvc.cli.show.commit_json import commit_value
from promptvc.cli.show.diff.json import row_values
from promptvc.cli.show.diff.table import table_lines
from promptvc.cli.show.log import commit_lines, ref_names
from promptvc.content.tablediff.diff import RowChange, TableDiff
from promptvc.errors import NotATable, PathMissing
from promptvc.repo.look.blame import lineage as lineage_of
from promptvc.session.files.rowstream import key_of_file
from promptvc.session.history.log import LogCommit
from promptvc.session.history.rowlog import Meant, RowCommit, find_rows, walk_row

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.ids import ObjectId
    from promptvc.repo import Repo
    from promptvc.session.files.views import FileView
    from promptvc.session.history.lineage import Lineage


def show_row_log(
    app: App,
    commits: Sequence[LogCommit],
    path: str,
    words: Sequence[str],
    count: int | None,
    *,
    oneline: bool,
) -> None:
    """Show at most ``count`` of these commits that changed the row; raises `RowMissing` if it never existed."""
    lineage, ids = lineage_of(app.repo.parts), [commit.id for commit in commits]
    at, file = _latest(lineage, ids, path)
    key = WantedKey.read(path, key_of_file(file, app.repo.snapshot(at).project), words)
    meant = Meant(key.fields, frozenset(key.tokens), key.is_of)
    found = walk_row(lineage, ids, path, meant)
    if count != 0:
        first = next(found, None)
        if first is None and next(find_rows(file, meant), None) is None:
            raise key.missing(path, at.short)
        found = chain([first] if first else [], found)
    shown = islice(found, count)
    if app.out.json:
        for commit in shown:
            app.out.value(_value(app.repo, commit))
    else:
        app.out.lines(_lines(app.out, app.repo, shown, oneline=oneline))


def _latest(lineage: Lineage, ids: Sequence[ObjectId], path: str) -> tuple[ObjectId, FileView]:
    """The newest version of the file in these commits or their ancestors."""
    parents = (parent for id in reversed(ids) for parent in lineage.history.parents(id))
    for id in chain(ids, parents):
        file = lineage.file(id, path)
        if file is not None:
            if file.kind != "table":
                raise NotATable(f"{path} is not a table", f"without --key: promptvc log {path}")
            return id, file
    raise PathMissing(f"{path} is in none of these commits", "promptvc show HEAD: lists the files")


def _value(repo: Repo, commit: RowCommit) -> dict[str, Any]:
    return {
        **commit_value(repo.read_commit(commit.id)),
        "rows": list(row_values(commit.path, commit.rows)),
    }


def _lines(out: Output, repo: Repo, commits: Iterable[RowCommit], *, oneline: bool) -> Iterator[str]:
    names = ref_names(repo)
    for commit in commits:
        value = repo.read_commit(commit.id).commit
        yield from commit_lines(out, commit.id, value, names.get(commit.id, ()), short=oneline)
        yield from table_lines(out, _as_diff(commit.rows))


def _as_diff(rows: tuple[RowChange, ...]) -> TableDiff:
    """Only these changes."""
    added, removed, changed = (sum(row.op == op for row in rows) for op in ("added", "removed", "changed"))
    return TableDiff(
        key=None,
        columns_added=(),
        columns_removed=(),
        before_rows=removed + changed,
        after_rows=added + changed,
        added=added,
        removed=removed,
        changed=changed,
        moved=0,
        reformatted=0,
        rows=rows,
        moves=(),
    )
