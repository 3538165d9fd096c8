"""History: walking commits, who descends from whom, where two lines met. Clocks decide nothing but order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from promptvc.ids import ObjectId
from promptvc.storage.commitgraph.ancestry import Ancestry
from promptvc.storage.objects import Commit
from promptvc.storage.store import ObjectStore
from promptvc.versioning.order import BELOW, COMMON, OURS, THEIRS, ordered, painted


class History:
    """Commits of a store.

    Every walk raises `ObjectMissing` for a commit that should be here and is not: history never ends in silence. Only
    where git's file ``shallow`` names a commit does it count as having no parents. Where the store has a commit-graph,
    walks go by that, and the commits below one that is here are taken to be here; `verify` looks.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store, self._commits = store, store.ancestry()

    def commit(self, id: ObjectId) -> Commit:
        """A commit's value; raises `ObjectMissing`."""
        return self._store.load_commit(id)

    def parents(self, id: ObjectId) -> tuple[ObjectId, ...]:
        """The parents of a commit; none where a shallow clone leaves them out."""
        commits = self._commits
        return tuple(map(commits.id, commits.parents(commits.number(id))))

    def tree(self, id: ObjectId) -> ObjectId:
        """The tree of a commit, whose other values need not be read for it."""
        return self._commits.tree(self._commits.number(id))

    def ancestors(self, tips: Iterable[ObjectId]) -> Iterator[ObjectId]:
        """The tips and all they descend from, nearest first, each once."""
        commits = self._commits
        seen = set(map(commits.number, tips))
        todo = deque(seen)
        while todo:
            number = todo.popleft()
            yield commits.id(number)
            new = [parent for parent in commits.parents(number) if parent not in seen]
            seen.update(new)
            todo.extend(new)

    def is_ancestor(self, old: ObjectId, new: ObjectId) -> bool:
        """Whether new is old or descends from it: whether old can be fast-forwarded to new."""
        commits = self._commits
        wanted, tip = commits.number(old), commits.number(new)
        lowest = commits.level(wanted) if commits.is_in_graph(wanted) else None
        todo, seen = deque([tip]), {tip}
        while todo:
            number = todo.popleft()
            if number == wanted:
                return True
            if commits.is_in_graph(number) and (lowest is None or commits.level(number) <= lowest):
                continue  # nothing below it is new enough
            below = [parent for parent in commits.parents(number) if parent not in seen]
            seen.update(below)
            todo.extend(below)
        return False

    def ahead_behind(self, ours: ObjectId, theirs: ObjectId) -> tuple[int, int]:
        """How many commits only ours has, and how many only theirs."""
        if ours == theirs:
            return 0, 0
        found = [marks for _, marks in self._painted(ours, theirs)]
        return found.count(OURS), found.count(THEIRS)

    def merge_bases(self, a: ObjectId, b: ObjectId) -> list[ObjectId]:
        """The common ancestors that no other common ancestor descends from; several after a criss-cross."""
        return sorted(id for id, marks in self._painted(a, b) if marks == COMMON)

    def _painted(self, ours: ObjectId, theirs: ObjectId) -> Iterator[tuple[ObjectId, int]]:
        commits = self._commits
        for number, marks in painted(commits, commits.number(ours), commits.number(theirs)):
            if not marks & BELOW:
                yield commits.id(number), marks

    def in_order(self, tips: Iterable[ObjectId], without: Iterable[ObjectId] = ()) -> Iterator[ObjectId]:
        """Commits from the tips down, children before parents, newer first where there is a choice."""
        return map(self._commits.id, self._in_order(tips, without))

    def touching(
        self,
        tips: Iterable[ObjectId],
        without: Iterable[ObjectId],
        paths: Sequence[str],
        look: Callable[[ObjectId], object],
    ) -> Iterator[ObjectId]:
        """Those of `in_order` where ``look(commit)`` differs from what it gives for every parent.

        ``look`` tells what stands at these paths. Commits are not looked at of which the graph says that they changed
        none of them.
        """
        commits = self._commits
        order = self._in_order(tips, without)
        if commits.graph is not None:
            order = filter(_question(commits, paths), order)
        for id in map(commits.id, order):
            here = look(id)
            before = [look(parent) for parent in self.parents(id)] or [None]
            if all(here != other for other in before):
                yield id

    def _in_order(self, tips: Iterable[ObjectId], without: Iterable[ObjectId]) -> Iterator[int]:
        number = self._commits.number
        return ordered(self._commits, {*map(number, tips)}, {*map(number, without)})


def _question(commits: Ancestry, paths: Sequence[str]) -> Callable[[int], bool]:
    """Whether a commit may have changed one of the paths."""
    assert commits.graph is not None
    count, ask = commits.graph.count, commits.graph.question(paths)
    return lambda number: number >= count or ask(number)
