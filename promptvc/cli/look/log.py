"""``promptvc log``: the commits, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.arguments import WordsCommand, split_words, words_of
from promptvc.cli.show.commit_json import commit_value
from promptvc.cli.show.graph import Graph
from promptvc.cli.show.log import commit_lines, ref_names, with_graph
from promptvc.session.history.log import nearest_shown

if TYPE_CHECKING:
    from promptvc.ids import ObjectId
    from promptvc.repo import Repo
    from promptvc.session.history.log import LogCommit


@click.command("log", cls=WordsCommand)
@click.argument("words", nargs=-1, metavar="[REV | A..B]... [[--] PATHS]...")
@click.option("--graph", is_flag=True, help="Draw the commit graph.")
@click.option("--stat", is_flag=True, help="What each commit changed, one line per file.")
@click.option("-n", "--max-count", "count", type=click.IntRange(min=0), help="Limit the number of commits.")
@click.option("--oneline", is_flag=True, help="One line per commit.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="The history of the row with this key in one table; for a key of several fields A,B, or once for each.",
)
@click.option(
    "--since", metavar="TIME", help='Committed since then: "yesterday", "3 days ago", "2026-11-01 14:30".'
)
@click.option("--until", metavar="TIME", help="Committed until then.")
@click.option(
    "--author", metavar="PATTERN", help="Only commits whose author, as in `Ada <ada@example.com>`, matches."
)
@click.option("--grep", metavar="PATTERN", help="Only commits whose message matches; a regular expression.")
@click.option("--all", "everything", is_flag=True, help="From every branch and tag.")
@json_option
@pass_app
def command(
    app: App,
    words: tuple[str, ...],
    graph: bool,
    stat: bool,
    count: int | None,
    oneline: bool,
    keys: tuple[str, ...],
    since: str | None,
    until: str | None,
    author: str | None,
    grep: str | None,
    everything: bool,
) -> None:
    """Show the commits reachable from REV (HEAD), newest first; for A..B, those that A lacks.

    With PATHS, only commits that changed one of these files, or something in these folders.
    With --key and the path of a table, only commits that changed that row, and what they changed of it.
    """
    ranges, paths = split_words(app, words_of(words))
    repo, meant = app.repo, [str(item) for item in ranges] or ["HEAD"]
    wanted = partial(
        repo.log, revision=meant, since=since, until=until, author=author, grep=grep, all=everything
    )
    if keys:
        _check_options(paths, graph=graph, stat=stat)
        from promptvc.cli.look.rowlog import show_row_log

        commits = list(wanted())
        show_row_log(app, commits, paths[0], keys, count, oneline=oneline)
        return
    if app.out.json:
        for commit in wanted(paths, limit=count):
            app.out.value(commit_value(commit) | (_stat_value(repo, commit, paths) if stat else {}))
    elif graph:
        shown = list(wanted(paths))
        chosen = paths or since or until or author or grep
        whole = repo.log(revision=meant, all=everything) if chosen else shown
        app.out.lines(_with_graph(app, shown[:count], nearest_shown(whole, shown), paths, stat, oneline))
    else:
        found = wanted(paths, limit=count)
        app.out.lines(line for _, entry in _entries(app, found, paths, stat, oneline) for line in entry)


def _check_options(paths: Sequence[str], *, graph: bool, stat: bool) -> None:
    if len(paths) != 1 or not paths[0]:
        raise click.UsageError("--key takes the path of one table")
    if graph or stat:
        raise click.UsageError(f"--key shows rows: leave out {'--graph' if graph else '--stat'}")


def _entries(
    app: App, commits: Iterable[LogCommit], paths: Sequence[str], stat: bool, oneline: bool
) -> Iterator[tuple[LogCommit, list[str]]]:
    """Each commit with its lines."""
    names = ref_names(app.repo)
    for commit in commits:
        lines = commit_lines(app.out, commit.id, commit.commit, names.get(commit.id, ()), short=oneline)
        yield commit, [*lines, *(_stat_lines(app, commit, paths) if stat else ())]


def _with_graph(
    app: App,
    commits: Iterable[LogCommit],
    parents: Mapping[ObjectId, Sequence[ObjectId]],
    paths: Sequence[str],
    stat: bool,
    oneline: bool,
) -> Iterator[str]:
    graph = Graph()
    for commit, entry in _entries(app, commits, paths, stat, oneline):
        yield from with_graph(app.out, entry, graph.add(commit.id, parents[commit.id]))


def _stat_lines(app: App, commit: LogCommit, paths: Sequence[str]) -> Iterator[str]:
    from promptvc.cli.show.diff.stat import stat_lines

    lines = stat_lines(app.out, app.repo.show(commit.id, paths))
    return (line if line.startswith(" ") else f"  {line}" for line in lines)


def _stat_value(repo: Repo, commit: LogCommit, paths: Sequence[str]) -> dict[str, object]:
    from promptvc.cli.show.diff.json import diff_values

    values = diff_values(repo.show(commit.id, paths), rows=False)
    return {"files": [value for value in values if value["type"] == "file"]}
