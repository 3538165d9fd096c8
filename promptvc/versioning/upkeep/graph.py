"""The commit-graph, kept up: layers put upon it when many commits are missing from it, made anew by ``gc``, checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from promptvc.errors import PromptvcError
from promptvc.ids import ObjectId
from promptvc.storage.commitgraph.bloom import BITS, HASHES, MOST, UNKNOWN, make_filter
from promptvc.storage.commitgraph.graph import FOLDER, CommitGraph, load_graph
from promptvc.storage.commitgraph.layer import GraphDamaged, Layer
from promptvc.storage.commitgraph.writing import GraphEntry, drop_graph, write_chain
from promptvc.storage.objects import Kind
from promptvc.storage.refs import Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.changed import ChangedPaths
from promptvc.versioning.commit import find_commits

ENOUGH = 64
"""Commits that are missing from the graph from which it is written: fewer are opened in no time."""
SETTINGS = 1, HASHES, BITS
_COMMIT = re.compile(
    rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author [^\n]*\ncommitter [^\n]*> (\d{1,10}) [+-]\d{4}\n"
)
"""A commit as all programs understand it: its times are read alike, and fit 34 bits."""


class _Unfit(Exception):
    """A history that no graph is written for."""


def extend_graph(store: ObjectStore, refs: Refs, tips: Iterable[ObjectId]) -> int:
    """Put what the tips lead to and the graph lacks upon it, if that is enough; gives how many commits that were.

    The new layer takes in those below it that have less than twice its commits, so that each commit is written a few
    times in its life. Fails silently: there is a graph or none.
    """
    with suppress(PromptvcError, OSError, GraphDamaged, _Unfit):
        if _is_altered(store, refs):
            return 0
        graph = _usable(store)
        above = [tip for tip in tips if graph is None or graph.find(tip) is None]
        new = list(_missing(store, graph, find_commits(store, above)))
        if len(new) < ENOUGH:
            return 0
        kept, taken = _layers_below(graph, len(new))
        made = _Maker(store, graph)
        entries = {**{e.raw: e for layer in taken for e in made.known(layer)}, **made.new(new)}
        write_chain(store.folder, kept, entries.values())
        return len(new)
    return 0


def rewrite_graph(store: ObjectStore, refs: Refs, tips: Iterable[ObjectId]) -> None:
    """Make the graph anew, in one layer, with what the tips lead to and nothing else; of a few commits, none."""
    graph = _usable(store)
    try:
        new = [] if _is_altered(store, refs) else list(_missing(store, None, tips))
        if len(new) >= ENOUGH:
            entries = _Maker(store, graph).new(new)
            write_chain(store.folder, (), entries.values())
            return
    except (PromptvcError, OSError, GraphDamaged, _Unfit):
        pass  # without a graph all goes on; of unusual commits git has its own opinion
    drop_graph(store.folder)


def graph_problems(store: ObjectStore) -> Iterator[str]:
    """What is wrong with the graph: files that are damaged, commits that are gone or not as it says."""
    try:
        graph = load_graph(store.folder)
    except GraphDamaged as error:
        yield str(error)
        return
    if graph is None:
        return
    maker = _Maker(store, None)
    try:
        ids = [graph.id(number) for number in range(graph.count)]
        made = maker.new(_children_last(store, ids))
        said = {entry.raw: entry for layer in graph.layers for entry in _Maker(store, graph).known(layer)}
    except (PromptvcError, _Unfit, GraphDamaged, KeyError) as error:
        yield f"the commit-graph has a commit that is not as it says: {error}"
        return
    wrong = sum(not _agree(said[raw], entry) for raw, entry in made.items())
    if wrong:
        yield f"the commit-graph tells {wrong} commits wrongly"


def _agree(said: GraphEntry, made: GraphEntry) -> bool:
    """Whether the graph says what is so; where it leaves dates or a filter out, that is no error.

    Git makes filters where none are made here, of paths that are not ASCII.
    """
    return (
        (said.tree, said.parents, said.level, said.time) == (made.tree, made.parents, made.level, made.time)
        and said.corrected in (0, made.corrected)
        and (said.filter in (b"", UNKNOWN, made.filter) or made.filter == UNKNOWN)
    )


def _is_altered(store: ObjectStore, refs: Refs) -> bool:
    """Whether git sees other parents than commits have (shallow, replaced, grafted): then it uses no graph either."""
    grafts = store.folder / "info" / "grafts", store.folder.parent / "info" / "grafts"
    return bool(store.shallow() or refs.find("refs/replace/")) or any(path.exists() for path in grafts)


def _usable(store: ObjectStore) -> CommitGraph | None:
    """The graph that is there, if it is whole."""
    try:
        return load_graph(store.folder)
    except GraphDamaged:
        return None


def _is_own(layer: Layer) -> bool:
    return layer.settings == SETTINGS and layer.has_dates


def _layers_below(graph: CommitGraph | None, count: int) -> tuple[list[Layer], list[Layer]]:
    """The layers that stay, and those that the new one takes in: all, where one is not as they are written here."""
    kept = list(graph.layers) if graph is not None else []
    if not all(_is_own(layer) and layer.path.parent.name == FOLDER.rpartition("/")[2] for layer in kept):
        return [], kept
    taken = []
    while kept and kept[-1].count < 2 * count:
        taken.append(kept.pop())
        count += taken[-1].count
    return kept, taken


def _missing(store: ObjectStore, graph: CommitGraph | None, tips: Iterable[ObjectId]) -> Iterator[ObjectId]:
    """What tips lead to and the graph lacks, parents before children."""
    done: set[ObjectId] = set()

    def lacks(id: ObjectId) -> bool:
        return id not in done and (graph is None or graph.find(id) is None)

    todo = [tip for tip in dict.fromkeys(tips) if lacks(tip)]
    while todo:
        id = todo[-1]
        if id in done:
            todo.pop()
            continue
        above = [parent for parent in store.load_commit(id).parents if lacks(parent)]
        if above:
            todo += above
        else:
            done.add(id)
            todo.pop()
            yield id


def _children_last(store: ObjectStore, ids: Iterable[ObjectId]) -> Iterator[ObjectId]:
    return _missing(store, None, ids)


class _Maker:
    """Makes entries of commits, from a graph that is there where it has them."""

    def __init__(self, store: ObjectStore, graph: CommitGraph | None) -> None:
        self._store, self._graph = store, graph
        self._changed = ChangedPaths(store)
        self._made: dict[bytes, GraphEntry] = {}

    def new(self, ids: Iterable[ObjectId]) -> dict[bytes, GraphEntry]:
        """Entries by 20-byte id; parents come before their children, or are in the graph."""
        for id in ids:
            raw = id.raw
            self._made[raw] = self._old(raw) or self._entry(id, raw)
        return self._made

    def known(self, layer: Layer) -> Iterator[GraphEntry]:
        """The entries of a layer of the graph."""
        for place in range(layer.count):
            yield self._read(layer, place)

    def _old(self, raw: bytes) -> GraphEntry | None:
        """The entry that the graph has, if it says all."""
        found = self._graph.find(ObjectId.from_raw(raw)) if self._graph is not None else None
        if found is None or self._graph is None:
            return None
        layer, place = self._graph.place(found)
        entry = self._read(layer, place) if _is_own(layer) else None
        return entry if entry is not None and entry.filter else None

    def _read(self, layer: Layer, place: int) -> GraphEntry:
        assert self._graph is not None
        return GraphEntry(
            layer.id(place),
            layer.tree(place),
            tuple(self._graph.id(parent).raw for parent in layer.parents(place)),
            layer.level(place),
            layer.time(place),
            layer.corrected(place) if layer.has_dates else 0,
            layer.filter(place) if layer.settings == SETTINGS else b"",
        )

    def _entry(self, id: ObjectId, raw: bytes) -> GraphEntry:
        tree, parents, time = self._parse(id)
        above = [self._parent(parent) for parent in parents]
        before = above[0].tree if above else None
        return GraphEntry(
            raw,
            tree,
            parents,
            1 + max((parent.level for parent in above), default=0),
            time,
            max([time, *(parent.corrected + 1 for parent in above)]),
            make_filter(self._changed.between(before, tree, MOST)),
        )

    def _parent(self, raw: bytes) -> GraphEntry:
        found = self._made.get(raw) or self._old(raw)
        if found is None:
            raise _Unfit(f"{raw.hex()} is not told whole")
        return found

    def _parse(self, id: ObjectId) -> tuple[bytes, tuple[bytes, ...], int]:
        kind, data = self._store.read(id)
        match = _COMMIT.match(data) if kind is Kind.COMMIT else None
        if match is None:
            raise _Unfit(f"{id} is written in an unusual way")
        parents = tuple(bytes.fromhex(line[7:].decode()) for line in match[2].splitlines())
        return bytes.fromhex(match[1].decode()), parents, int(match[3])
