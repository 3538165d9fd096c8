"""The commits of a store as numbers, with parents, level and time: from the commit-graph, or from the commits."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from promptvc.errors import ObjectDamaged
from promptvc.ids import ObjectId
from promptvc.storage.commitgraph.graph import CommitGraph
from promptvc.storage.commitgraph.layer import GraphDamaged
from promptvc.storage.objects import CommitLinks


class Ancestry:
    """Numbers below ``graph.count`` are those of the graph; commits that it lacks get the next ones.

    A commit's *level* is one more than the highest level of its parents: no commit descends from one of its own
    level or a higher one. What asks for a level calls `measure` first.
    """

    def __init__(
        self,
        graph: CommitGraph | None,
        shallow: frozenset[ObjectId],
        load: Callable[[ObjectId], CommitLinks],
        contains: Callable[[ObjectId], bool],
    ) -> None:
        self.graph = graph
        self._count = graph.count if graph is not None else 0
        self._shallow, self._load, self._contains = shallow, load, contains
        self._numbers: dict[ObjectId, int] = {}
        self._ids: list[ObjectId] = []
        self._parents: dict[int, tuple[int, ...]] = {}
        self._links: dict[int, CommitLinks] = {}
        self._levels: dict[int, int] = {}

    def number(self, id: ObjectId) -> int:
        """The number of a commit, which the graph may have though it is gone from the store: then it is not used."""
        found = self._numbers.get(id)
        if found is None:
            found = self._number(id, self._contains)
        return found

    def _number(self, id: ObjectId, contains: Callable[[ObjectId], bool]) -> int:
        found = self.graph.find(id) if self.graph is not None else None
        if found is None or not contains(id):
            found = self._count + len(self._ids)
            self._ids.append(id)
        self._numbers[id] = found
        return found

    def is_in_graph(self, number: int) -> bool:
        """Whether the graph has the commit; then it has all it descends from."""
        return number < self._count

    def id(self, number: int) -> ObjectId:
        """The name of a commit."""
        if number >= self._count:
            return self._ids[number - self._count]
        assert self.graph is not None
        return self.graph.id(number)

    def parents(self, number: int) -> tuple[int, ...]:
        """The parents of a commit; raises `ObjectMissing` for one that is neither in the graph nor in the store."""
        if number >= self._count:
            known = self._parents.get(number)
            return self._open(number) if known is None else known
        assert self.graph is not None
        try:
            found = self.graph.parents(number)
        except GraphDamaged as error:
            raise _wrong_graph() from error
        if found and max(found) >= self._count:
            raise _wrong_graph()
        return found

    def _open(self, number: int) -> tuple[int, ...]:
        id = self._ids[number - self._count]
        links = self._links[number] = self._load(id)
        names = () if id in self._shallow else links.parents
        found = self._parents[number] = tuple([self.number_of_parent(name) for name in names])
        return found

    def number_of_parent(self, id: ObjectId) -> int:
        """`number`, of a commit that another one needs."""
        found = self._numbers.get(id)
        return self._number(id, lambda id: True) if found is None else found

    def tree(self, number: int) -> ObjectId:
        """The tree of a commit."""
        if number >= self._count:
            if number not in self._links:
                self._open(number)
            return self._links[number].tree
        assert self.graph is not None
        return self.graph.tree(number)

    def time(self, number: int) -> int:
        """When it was committed."""
        if number >= self._count:
            if number not in self._links:
                self._open(number)
            return self._links[number].time
        assert self.graph is not None
        return self.graph.time(number)

    def level(self, number: int) -> int:
        """The level of a commit that was measured, or that one descends from."""
        if number >= self._count:
            return self._levels[number]
        assert self.graph is not None
        return self.graph.level(number)

    def measure(self, tips: Iterable[int]) -> None:
        """Give levels to the tips and all they descend from, as far as the graph has none."""
        levels, count = self._levels, self._count
        todo = [tip for tip in tips if tip >= count and tip not in levels]
        while todo:
            number = todo[-1]
            parents = self.parents(number)
            new = [parent for parent in parents if parent >= count and parent not in levels]
            if new:
                todo += new
            else:
                levels[number] = 1 + max(map(self.level, parents), default=0)
                todo.pop()


def _wrong_graph() -> ObjectDamaged:
    return ObjectDamaged(
        "the commit-graph names parents that are not there", "remove objects/info/commit-graph*"
    )
