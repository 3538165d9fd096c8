"""History: walking commits, who descends from whom, where two lines met. Clocks decide nothing but order."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator

from promptvc.ids import ObjectId
from promptvc.storage.objects import Commit
from promptvc.storage.store import ObjectStore


class History:
    """Commits of a store.

    Every walk raises `ObjectMissing` for a commit that should be here and is not: history never ends in silence. Only
    where git's file ``shallow`` names a commit does it count as having no parents.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store, self._shallow = store, store.shallow()

    def commit(self, id: ObjectId) -> Commit:
        """A commit's value; raises `ObjectMissing`."""
        return self._store.load_commit(id)

    def parents(self, id: ObjectId) -> tuple[ObjectId, ...]:
        """The parents of a commit; none where a shallow clone leaves them out."""
        return () if id in self._shallow else self.commit(id).parents

    def ancestors(self, tips: Iterable[ObjectId]) -> Iterator[ObjectId]:
        """The tips and all they descend from, nearest first, each once."""
        seen = set(tips)
        todo = deque(seen)
        while todo:
            id = todo.popleft()
            yield id
            new = [parent for parent in self.parents(id) if parent not in seen]
            seen.update(new)
            todo.extend(new)

    def is_ancestor(self, old: ObjectId, new: ObjectId) -> bool:
        """Whether new is old or descends from it: whether old can be fast-forwarded to new."""
        return any(id == old for id in self.ancestors([new]))

    def ahead_behind(self, ours: ObjectId, theirs: ObjectId) -> tuple[int, int]:
        """How many commits only ours has, and how many only theirs."""
        if ours == theirs:
            return 0, 0
        mine, other = set(self.ancestors([ours])), set(self.ancestors([theirs]))
        return len(mine - other), len(other - mine)

    def merge_bases(self, a: ObjectId, b: ObjectId) -> list[ObjectId]:
        """The common ancestors that no other common ancestor descends from; several after a criss-cross."""
        common = set(self.ancestors([a])) & set(self.ancestors([b]))
        above = {parent for id in common for parent in self.parents(id)}
        return sorted(common - above)

    def in_order(self, tips: Iterable[ObjectId], without: Iterable[ObjectId] = ()) -> Iterator[ObjectId]:
        """Commits from the tips down, children before parents, newer first where there is a choice."""
        hidden = set(self.ancestors(without))
        shown = {id for id in self.ancestors(tips) if id not in hidden}
        children = Counter(parent for id in shown for parent in self.parents(id) if parent in shown)
        ready = [(self._age(id), id) for id in shown if not children[id]]
        heapq.heapify(ready)
        while ready:
            _, id = heapq.heappop(ready)
            yield id
            for parent in self.parents(id):
                if parent in shown:
                    children[parent] -= 1
                    if not children[parent]:
                        heapq.heappush(ready, (self._age(parent), parent))

    def touching(self, ids: Iterable[ObjectId], look: Callable[[ObjectId], object]) -> Iterator[ObjectId]:
        """Of these commits the ones where ``look(commit)`` differs from what it gives for every parent."""
        for id in ids:
            parents = self.parents(id)
            here = look(id)
            before = [look(parent) for parent in parents] or [None]
            if all(here != other for other in before):
                yield id

    def _age(self, id: ObjectId) -> int:
        return -self.commit(id).committer.time
