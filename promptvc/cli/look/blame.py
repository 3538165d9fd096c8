"""``promptvc blame``: who last changed each line of a text, each row of a table, each cell of a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.arguments import find_range, revision_path, split_path
from promptvc.cli.look.row_key import WantedKey
from promptvc.cli.look.row_source import RowSource
from promptvc.cli.show.blame import show_cells, show_lines, show_rows
from promptvc.errors import NotATable, Usage
from promptvc.repo.look.blame import blamable, count_lines, lineage
from promptvc.session.history.blamed import Blamed, blamed_cells, blamed_lines, blamed_rows

if TYPE_CHECKING:
    from promptvc.session.files.views import FileView
    from promptvc.session.workspace.snapshot import Snapshot


@click.command("blame")
@click.argument("file", metavar="[REV:]FILE")
@click.option("--rev", metavar="REV", help="The file at this revision (HEAD).")
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
    """Show which commit last changed each line of a text or prompt, each row of a table, or each cell of one row.

    A row that only moved, or was reformatted, keeps its commit; so does a row that a merge took from one side. Renames
    are followed.
    """
    if keys and lines:
        raise click.UsageError("give --key or -L, not both")
    snapshot, path = _meant(app, file, rev)
    view = blamable(snapshot, path)
    if view.kind != "table":
        if keys:
            raise NotATable(f"{path} is not a table", "without --key blame shows its lines")
        chosen = _range(lines, len(count_lines(view)), path, "line")
        show_lines(app.out, blamed_lines(lineage(app.repo.parts), snapshot, view, chosen))
    elif keys:
        show_cells(app.out, _cells(app, snapshot, view, keys))
    else:
        chosen = _range(lines, view.count_rows(), path, "row")
        show_rows(app.out, blamed_rows(lineage(app.repo.parts), snapshot, view, chosen))


def _meant(app: App, text: str, revision: str | None) -> tuple[Snapshot, str]:
    """The version and the path; raises `UnknownRevision` or `PathMissing`."""
    pair = split_path(text) if revision is None else None
    if pair is not None and (
        find_range(app.repo, pair[0] or "HEAD") or app.path(text) not in app.repo.snapshot()
    ):
        return app.repo.snapshot(pair[0]), revision_path(app, *pair)
    return app.repo.snapshot(revision or "HEAD"), app.paths((text,))[0]


def _range(text: str | None, count: int, path: str, what: str) -> range:
    """``"3,10" -> range(2, 10)``; either may be left out."""
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


def _cells(app: App, snapshot: Snapshot, file: FileView, words: Sequence[str]) -> Iterator[Blamed]:
    """The cells of each row with the typed key."""
    assert file.format is not None
    declared = snapshot.project.table(file.path).key
    source = RowSource(file.path, file.format, file.chunk_runs, file.size(), declared, file.indexes)
    key = WantedKey.read(source.path, source.key, words)
    found = key.find(source)
    if not found:
        raise key.missing(source.path, snapshot.id.short)
    return blamed_cells(lineage(app.repo.parts), snapshot, file, found, key.fields)
