"""``promptvc log``: the commits, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.arguments import Range, WordsCommand, split_words, words_of
from promptvc.cli.show.commit_json import commit_value

if TYPE_CHECKING:
    from promptvc.ids import ObjectId
    from promptvc.repo import Repo

Parents = Callable[["ObjectId"], Sequence["ObjectId"]]


@click.command("log", cls=WordsCommand)
@click.argument("words", nargs=-1, metavar="[REV | A..B]... [[--] PATHS]...")
@click.option("--graph", is_flag=True, help="Draw how the commits hang together.")
@click.option("--stat", is_flag=True, help="What each commit changed, one line a file.")
@click.option("-n", "--max-count", "count", type=click.IntRange(min=0), help="At most so many commits.")
@click.option("--oneline", is_flag=True, help="One line a commit.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="What happened to the row with this key of one table; for a key of several fields A,B, or once for each.",
)
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
    everything: bool,
) -> None:
    """Show the commits that lead to REV (HEAD), newest first; of A..B, those that A lacks.

    With PATHS, only commits that changed one of these files, or something in these folders.
    With --key and the path of a table, only commits that changed that row, and what they changed of it.
    """
    ranges, paths = split_words(app, words_of(words))
    repo = app.repo
    if keys:
        _check_options(paths, graph=graph, stat=stat)
        from promptvc.cli.look.rowlog import show_row_log

        order, _ = _chosen(repo, ranges, (), everything)
        show_row_log(app, list(order), paths[0], keys, count, oneline=oneline)
        return
    ids, parents = _chosen(repo, ranges, paths, everything)
    shown = islice(ids, count)
    if app.out.json:
        for id in shown:
            app.out.value(commit_value(repo, id) | (_stat_value(repo, id, paths) if stat else {}))
    else:
        app.out.lines(_lines(app, shown, parents if graph else None, paths, stat=stat, oneline=oneline))


def _check_options(paths: Sequence[str], *, graph: bool, stat: bool) -> None:
    if len(paths) != 1 or not paths[0]:
        raise click.UsageError("--key takes the path of one table")
    if graph or stat:
        raise click.UsageError(f"--key shows rows: leave out {'--graph' if graph else '--stat'}")


def _chosen(
    repo: Repo, ranges: Sequence[Range], paths: Sequence[str], everything: bool
) -> tuple[Iterable[ObjectId], Parents]:
    """The commits to show, in order, and how they hang together."""

    head = repo.parts.refs.current()
    tips = {item.end for item in ranges} | {item.start for item in ranges if item.symmetric and item.start}
    if not ranges and head is not None:
        tips.add(head)
    if everything:
        tips |= _all_tips(repo)
    order = list(repo.parts.history.in_order(tips, _hidden(repo, ranges)))
    wanted = set(order)
    if not paths:
        return order, lambda id: [parent for parent in repo.parts.history.parents(id) if parent in wanted]
    touching = list(repo.parts.history.touching(order, _looker(repo, paths)))
    return touching, _nearest(repo, order, set(touching)).__getitem__


def _hidden(repo: Repo, ranges: Sequence[Range]) -> list[ObjectId]:
    hidden: list[ObjectId] = []
    for item in ranges:
        if item.start is not None:
            both = repo.parts.history.merge_bases(item.start, item.end) if item.symmetric else [item.start]
            hidden += both
    return hidden


def _all_tips(repo: Repo) -> set[ObjectId]:
    from promptvc.versioning.commit import peel

    kinds = ("refs/heads/", "refs/tags/", "refs/remotes/")
    return {peel(repo.parts.store, id) for kind in kinds for id in repo.parts.refs.find(kind).values()}


def _looker(repo: Repo, paths: Sequence[str]) -> Callable[[ObjectId], object]:
    """What stands at these paths in a commit; each pair of tree and path is looked up once."""
    known: dict[tuple[ObjectId, str], ObjectId | None] = {}

    def find(tree: ObjectId, path: str) -> ObjectId | None:
        name, _, rest = path.partition("/")
        if (tree, path) not in known:
            entry = next((e for e in repo.parts.store.load_tree(tree) if e.name == name), None)
            below = entry.id if entry is not None and (not rest or entry.is_folder) else None
            known[tree, path] = find(below, rest) if below is not None and rest else below
        return known[tree, path]

    def look(id: ObjectId) -> object:
        tree = repo.parts.history.commit(id).tree
        found = tuple(find(tree, path) if path else tree for path in paths)
        return found if any(found) else None

    return look


def _nearest(
    repo: Repo, order: Sequence[ObjectId], shown: set[ObjectId]
) -> Mapping[ObjectId, list[ObjectId]]:
    """For each commit, the shown ones that are first met going down from it: its parents in the graph."""
    found: dict[ObjectId, list[ObjectId]] = {}
    for id in reversed(order):
        met: dict[ObjectId, None] = {}
        for parent in repo.parts.history.parents(id):
            met.update(dict.fromkeys([parent] if parent in shown else found.get(parent, [])))
        found[id] = list(met)
    return found


def _lines(
    app: App,
    ids: Iterable[ObjectId],
    parents: Parents | None,
    paths: Sequence[str],
    *,
    stat: bool,
    oneline: bool,
) -> Iterator[str]:
    from promptvc.cli.show.graph import Graph
    from promptvc.cli.show.log import commit_lines, ref_names, with_graph

    repo, out, graph = app.repo, app.out, Graph()
    names = ref_names(repo)
    for id in ids:
        lines = commit_lines(out, id, repo.parts.history.commit(id), names.get(id, ()), short=oneline)
        entry = [*lines, *(_stat_lines(app, id, paths) if stat else ())]
        if parents is None:
            yield from entry
        else:
            yield from with_graph(out, entry, graph.add(id, parents(id)))


def _stat_lines(app: App, id: ObjectId, paths: Sequence[str]) -> Iterator[str]:
    from promptvc.cli.look.show import compare_to_parent
    from promptvc.cli.show.diff.stat import stat_lines

    lines = stat_lines(app.out, compare_to_parent(app.repo, id, paths))
    return (line if line.startswith(" ") else f"  {line}" for line in lines)


def _stat_value(repo: Repo, id: ObjectId, paths: Sequence[str]) -> dict[str, object]:
    from promptvc.cli.look.show import compare_to_parent
    from promptvc.cli.show.diff.json import diff_values

    values = diff_values(compare_to_parent(repo, id, paths), rows=False)
    return {"files": [value for value in values if value["type"] == "file"]}
