"""The log: commits as values, newest first, those that changed a path, and those that an author or a time picks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import islice

from msgspec import Struct

from promptvc.html.render import render
from promptvc.ids import ObjectId
from promptvc.storage.objects import Commit, Signature
from promptvc.storage.store import ObjectStore
from promptvc.versioning.history import History
from promptvc.versioning.revision import Range

_SHOWN = 20
"""Commits that a notebook shows of a log."""


class LogCommit(Struct, frozen=True):
    """A commit in the log: its id, and the `Commit` itself."""

    id: ObjectId
    commit: Commit

    @property
    def parents(self) -> tuple[ObjectId, ...]:
        """The ids of the commits it was made on; several for a merge, none for the first."""
        return self.commit.parents

    @property
    def author(self) -> Signature:
        """Who wrote it, and when."""
        return self.commit.author

    @property
    def committer(self) -> Signature:
        """Who committed it, and when; another than the author after a cherry-pick."""
        return self.commit.committer

    @property
    def date(self) -> datetime:
        """When the author wrote it, in the author's time zone."""
        zone = timezone(timedelta(minutes=self.author.offset))
        return datetime.fromtimestamp(self.author.time, zone)

    @property
    def message(self) -> str:
        """The whole message."""
        return self.commit.message

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.commit.subject

    def __repr__(self) -> str:
        return f"LogCommit {self.id.short} {self.date:%Y-%m-%d} {self.author.name}: {self.subject}"


class Log:
    """Commits, newest first: each ``for`` over it walks anew, and reads no further than it is asked to."""

    def __init__(self, walk: Callable[[], Iterator[LogCommit]]) -> None:
        self._walk = walk

    def __iter__(self) -> Iterator[LogCommit]:
        return self._walk()

    def _repr_html_(self) -> str:
        commits = list(islice(self, _SHOWN + 1))
        return render("log.html", commits=commits[:_SHOWN], more=len(commits) > _SHOWN)


class LogFilter(Struct, frozen=True):
    """Which commits are shown: those that changed one of the paths, committed in a time, with these words.

    ``since`` and ``until`` are seconds since 1970; ``author`` is looked for in ``Ada <ada@example.com>``.
    """

    paths: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    author: re.Pattern[str] | None = None
    grep: re.Pattern[str] | None = None

    def takes(self, commit: Commit) -> bool:
        """Whether time and words are those that are asked for; paths are not looked at."""
        who, time = commit.author, commit.committer.time
        return (
            (self.since is None or time >= self.since)
            and (self.until is None or time <= self.until)
            and (self.author is None or self.author.search(f"{who.name} <{who.email}>") is not None)
            and (self.grep is None or self.grep.search(commit.message) is not None)
        )


def walk_log(
    store: ObjectStore, ranges: Iterable[Range], tips: Iterable[ObjectId], wanted: LogFilter
) -> Iterator[LogCommit]:
    """The commits of the ranges and those that lead to the tips, children before parents; each once."""
    history, ranges = History(store), list(ranges)
    ends = {*tips, *(item.end for item in ranges)}
    ends |= {item.start for item in ranges if item.symmetric and item.start}
    hidden = _hidden(history, ranges)
    if wanted.paths:
        look = _looker(store, history, wanted.paths)
        order = history.touching(ends, hidden, wanted.paths, look)
    else:
        order = history.in_order(ends, hidden)
    for id in order:
        commit = history.commit(id)
        if wanted.takes(commit):
            yield LogCommit(id, commit)


def nearest_shown(
    order: Iterable[LogCommit], shown: Iterable[LogCommit]
) -> Mapping[ObjectId, Sequence[ObjectId]]:
    """For each commit, the shown ones that are first met going down from it: its parents in a graph."""
    wanted, found = {each.id for each in shown}, dict[ObjectId, list[ObjectId]]()
    for commit in reversed(list(order)):
        met: dict[ObjectId, None] = {}
        for parent in commit.parents:
            met.update(dict.fromkeys([parent] if parent in wanted else found.get(parent, [])))
        found[commit.id] = list(met)
    return found


def _hidden(history: History, ranges: Iterable[Range]) -> list[ObjectId]:
    hidden: list[ObjectId] = []
    for item in ranges:
        if item.start is not None:
            hidden += history.merge_bases(item.start, item.end) if item.symmetric else [item.start]
    return hidden


def _looker(store: ObjectStore, history: History, paths: Sequence[str]) -> Callable[[ObjectId], object]:
    """What stands at these paths in a commit; each pair of tree and path is looked up once."""
    known: dict[tuple[ObjectId, str], ObjectId | None] = {}

    def find(tree: ObjectId, path: str) -> ObjectId | None:
        name, _, rest = path.partition("/")
        if (tree, path) not in known:
            entry = next((e for e in store.load_tree(tree) if e.name == name), None)
            below = entry.id if entry is not None and (not rest or entry.is_folder) else None
            known[tree, path] = find(below, rest) if below is not None and rest else below
        return known[tree, path]

    def look(id: ObjectId) -> object:
        tree = history.tree(id)
        found = tuple(find(tree, path) if path else tree for path in paths)
        return found if any(found) else None

    return look
