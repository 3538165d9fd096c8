"""``promptvc blame``: who changed each line of a text, each row of a table, each cell of a row last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.arguments import find_range, revision_path, split_path
from promptvc.cli.show.blame import Blamed, show_cells, show_lines, show_rows
from promptvc.content.formats.base import Malformed
from promptvc.content.formats.dicts import malformed_row

if TYPE_CHECKING:
    from promptvc.cli.look.row_source import RowSource
    from promptvc.cli.show.row_stream import NumberedRow
    from promptvc.ids import ObjectId
    from promptvc.session.files.views import FileView
    from promptvc.session.history.lineage import Lineage
    from promptvc.session.workspace.snapshot import Snapshot


@click.command("blame")
@click.argument("file", metavar="[REV:]FILE")
@click.option("--rev", metavar="REV", help="The file as it is at this revision; else at HEAD.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="Each cell of the row with this key; for a key of several fields A,B, or once for each.",
)
@click.option("-L", "lines", metavar="START,END", help="Only these lines or rows, counted from 1.")
@json_option
@pass_app
def command(app: App, file: str, rev: str | None, keys: tuple[str, ...], lines: str | None) -> None:
    """Show which commit changed each line of a text or prompt last, each row of a table, or each cell of one row.

    A row that only moved, or is written in another way, keeps its commit; so does what a merge took from a side.
    Renames are followed.
    """
    if keys and lines:
        raise click.UsageError("give --key or -L, not both")
    snapshot, view = _open(app, file, rev)
    lineage = lineage_of(app)
    if view.kind in ("table", "run"):
        source = _source(snapshot, view)
        if keys:
            show_cells(app.out, _cells(lineage, snapshot, source, keys))
        else:
            show_rows(app.out, _rows(lineage, snapshot, source, view.count_rows(), lines))
    else:
        _check_text(view, keys)
        show_lines(app.out, _lines(lineage, snapshot, view, lines))


def lineage_of(app: App) -> Lineage:
    """What follows files through the history of the repository."""
    from promptvc.session.history.lineage import Lineage

    return Lineage(app.repo.parts.store, app.repo.parts.contents, app.repo.parts.history)


def _open(app: App, text: str, revision: str | None) -> tuple[Snapshot, FileView]:
    """The file that is meant; raises `UnknownRevision` or `PathMissing`."""
    from promptvc.errors import PathMissing

    pair = split_path(text) if revision is None else None
    if pair is not None and (
        find_range(app.repo, pair[0] or "HEAD") or app.path(text) not in app.repo.snapshot()
    ):
        snapshot, path = app.repo.snapshot(pair[0]), revision_path(app, *pair)
    else:
        snapshot, path = app.repo.snapshot(revision or "HEAD"), app.paths((text,))[0]
    if path not in snapshot and any(path == "" or name.startswith(f"{path}/") for name in snapshot):
        raise PathMissing(f"{path or 'the project'} is a folder", "promptvc blame takes one file")
    return snapshot, snapshot.file(path)


def _source(snapshot: Snapshot, view: FileView) -> RowSource:
    from promptvc.cli.look.row_source import RowSource

    assert view.format is not None
    return RowSource(
        view.path, view.format, view.chunk_runs, view.size(), snapshot.project.table(view.path).key
    )


def _check_text(view: FileView, keys: Sequence[str]) -> None:
    from promptvc.errors import NotATable, Usage

    if view.kind == "binary":
        raise Usage(
            f"{view.path} is a binary file: it has no lines", f"promptvc log {view.path} shows who changed it"
        )
    if keys:
        raise NotATable(f"{view.path} is not a table", "without --key blame shows its lines")


def _range(text: str | None, count: int, path: str, what: str) -> range:
    """``"3,10" -> range(2, 10)``; either may be left out."""
    from promptvc.errors import Usage

    if text is None:
        return range(count)
    first, comma, last = (part.strip() for part in text.partition(","))
    if not comma or not all(part.isascii() and part.isdigit() for part in (first, last) if part):
        raise click.UsageError(f"-L takes START,END, not {text!r}; either may be left out: -L 3,")
    start, stop = int(first or 1), int(last or count)
    if start < 1 or (last and stop < start):
        raise click.UsageError(f"-L {text}: {what}s are counted from 1, and END comes after START")
    if start > max(count, 1):
        raise Usage(f"{path} has only {count:,} {what}{'s' * (count != 1)}", f"-L {max(count, 1)},")
    return range(start - 1, min(stop, count))


def _lines(lineage: Lineage, snapshot: Snapshot, view: FileView, text: str | None) -> list[Blamed]:
    from promptvc.content.tablediff.blame import split_lines
    from promptvc.session.history.blame import blame_lines

    lines = split_lines(view.read())
    chosen = _range(text, len(lines), view.path, "line")
    ids = blame_lines(lineage, snapshot.id, view.path, chosen)
    return [
        Blamed(id, lineage.history.commit(id).author, number, value=lines[number].decode("utf-8", "replace"))
        for number, id in zip(chosen, ids, strict=True)
    ]


def _rows(
    lineage: Lineage, snapshot: Snapshot, source: RowSource, count: int, text: str | None
) -> Iterator[Blamed]:
    """The rows are blamed at once, and read as they are shown."""
    from promptvc.session.history.blame import blame_rows

    chosen = _range(text, count, source.path, "row")

    ids = blame_rows(lineage, snapshot.id, source.path, chosen, _declared(snapshot, source))
    shown = islice(source.rows(chosen.start), len(chosen))
    return (_blamed(lineage, id, item, source) for item, id in zip(shown, ids, strict=True))


def _cells(lineage: Lineage, snapshot: Snapshot, source: RowSource, words: Sequence[str]) -> Iterator[Blamed]:
    """The cells of each row with the key, but for those of the key itself, if there are others."""
    from promptvc.cli.look.row_key import WantedKey
    from promptvc.session.history.blame import blame_cells

    key = WantedKey.read(source.path, source.key, words)
    found = key.find(source)
    if not found:
        raise key.missing(source.path, snapshot.id.short)
    for item in found:
        assert isinstance(item.row, dict)
        names = [name for name in item.row if name not in key.fields] or list(item.row)
        ids = blame_cells(lineage, snapshot.id, source.path, item.number, names, _declared(snapshot, source))
        yield from (_blamed(lineage, id, item, source, name) for name, id in zip(names, ids, strict=True))


def _blamed(
    lineage: Lineage, id: ObjectId, item: NumberedRow, source: RowSource, field: str | None = None
) -> Blamed:
    row = malformed_row(item.body) if isinstance(item.row, Malformed) else item.row
    key = {name: row[name] for name in source.key or () if row.get(name) is not None}
    value = row if field is None else row[field]
    author = lineage.history.commit(id).author
    return Blamed(id, author, item.number, key if len(key) == len(source.key or (0,)) else None, field, value)


def _declared(snapshot: Snapshot, source: RowSource) -> tuple[str, ...] | None:
    return snapshot.project.table(source.path).key
