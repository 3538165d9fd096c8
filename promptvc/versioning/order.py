"""Walks over numbered commits by level: each commit after all that descend from it, and no further than is needed."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator

from promptvc.storage.commitgraph.ancestry import Ancestry

OURS, THEIRS, COMMON, BELOW = 1, 2, 3, 4
"""Marks of `painted`: who has a commit; both; that it is below another one that both have."""


def painted(commits: Ancestry, ours: int, theirs: int) -> Iterator[tuple[int, int]]:
    """(commit, marks) of all that only one side has, and of the first that both have; children before parents."""
    commits.measure((ours, theirs))
    marks = {ours: OURS}
    marks[theirs] = marks.get(theirs, 0) | THEIRS
    heap = [(-commits.level(number), number) for number in marks]
    heapq.heapify(heap)
    open = len(heap)
    """Commits in the heap that are not known to be below a common one."""
    while open:
        _, number = heapq.heappop(heap)
        found = marks[number]
        open -= not found & BELOW
        yield number, found
        if found & COMMON == COMMON:
            found |= BELOW
        for parent in commits.parents(number):
            before = marks.get(parent)
            after = marks[parent] = found | (before or 0)
            if before is None:
                heapq.heappush(heap, (-commits.level(parent), parent))
                open += not after & BELOW
            else:
                open -= not before & BELOW and bool(after & BELOW)


def ordered(commits: Ancestry, tips: Collection[int], hidden: Collection[int]) -> Iterator[int]:
    """Commits from the tips down without what is hidden: children before parents, newer first where there is a choice.

    Of equally new ones the lower id comes first.
    """
    if not tips:
        return
    commits.measure((*tips, *hidden))
    count = _Children(commits, tips, hidden)
    count.down_to(min(map(commits.level, tips)))
    ready = [_by_age(commits, tip) for tip in set(tips) if count.is_ready(tip)]
    heapq.heapify(ready)
    while ready:
        number = heapq.heappop(ready)[2]
        yield number
        if not ready and count.waits_only_for(number):  # a line: nothing else is left to be looked at
            while len(parents := commits.parents(number)) == 1:
                number = parents[0]
                yield number
            count.restart(number)
        for parent in commits.parents(number):
            count.down_to(commits.level(parent))
            if count.take(parent):
                heapq.heappush(ready, _by_age(commits, parent))


def _by_age(commits: Ancestry, number: int) -> tuple[int, str, int]:
    return -commits.time(number), commits.id(number), number


class _Children:
    """How many children that are shown wait above a commit; counted from the tips down, level by level."""

    def __init__(self, commits: Ancestry, tips: Collection[int], hidden: Collection[int]) -> None:
        self._commits, self._hidden = commits, set(hidden)
        self._count: dict[int, int] = {}
        self._seen = {*tips, *hidden}
        self._heap = [(-commits.level(number), number) for number in self._seen]
        heapq.heapify(self._heap)

    def down_to(self, level: int) -> None:
        """Go on until the children of every commit of this level are counted, and what is hidden is known."""
        commits, heap, count = self._commits, self._heap, self._count
        while heap and -heap[0][0] > level:
            number = heapq.heappop(heap)[1]
            is_hidden = number in self._hidden
            for parent in commits.parents(number):
                if is_hidden:
                    self._hidden.add(parent)
                else:
                    count[parent] = count.get(parent, 0) + 1
                if parent not in self._seen:
                    self._seen.add(parent)
                    heapq.heappush(heap, (-commits.level(parent), parent))

    def is_ready(self, number: int) -> bool:
        """Whether no shown child waits above a commit that is itself shown."""
        return number not in self._hidden and not self._count.get(number)

    def take(self, number: int) -> bool:
        """One of its children was shown: whether it is ready now."""
        self._count[number] -= 1
        return self.is_ready(number)

    def waits_only_for(self, number: int) -> bool:
        """Whether a commit is all that is left, with what it descends from."""
        return len(self._heap) == 1 and self._heap[0][1] == number

    def restart(self, number: int) -> None:
        """Go on from a commit further down the line."""
        self._heap = [(-self._commits.level(number), number)]
