"""Informing a server which commits we have, so that it sends no more than it must."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable

from promptvc.ids import ObjectId
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import find_commit
from promptvc.versioning.history import History

_DENSE = 32
"""So many ancestors are offered one by one; after them the gaps grow."""
_GROWTH = 1.1
_MOST_WALKED = 1024
"""Commits read at most, however long the history: beyond it the server sends more than it must, and nothing worse."""


class Negotiation:
    """Offers commits in the order given, then their ancestors, newest first, with growing gaps.

    Most servers answer only once, after all offers: the likeliest must come first, and the walk must end by itself.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._history = History(store)
        self._tips: deque[ObjectId] = deque()
        self._heap: list[tuple[int, ObjectId]] = []
        self._queued: set[ObjectId] = set()
        self._common: set[ObjectId] = set()
        self._walked, self._next_offer = 0, 1.0

    def offer(self, tips: Iterable[ObjectId]) -> None:
        """Add commits, or tags on them, to what will be offered; those that are not here are passed over."""
        self._tips.extend(dict.fromkeys(tips))

    def next(self) -> ObjectId | None:
        """The next commit to offer; None at the end."""
        while self._tips:
            tip = find_commit(self._store, self._tips.popleft())
            if tip is not None and tip not in self._queued:
                self._enqueue(tip)
                return tip
        while self._heap and self._walked < _MOST_WALKED:
            found = self._step()
            if found is not None:
                return found
        return None

    def ack(self, id: ObjectId) -> None:
        """The server has this commit; its ancestors need not be offered."""
        self._common.add(id)

    def _step(self) -> ObjectId | None:
        """Read one commit; give the first of its parents that is due for an offer."""
        _, id = heapq.heappop(self._heap)
        offer = None
        for parent in self._history.parents(id):
            if id in self._common:
                self._common.add(parent)
            if parent in self._queued or not self._store.contains(parent):
                continue  # what is missing here must not be offered: the server would leave it out
            self._enqueue(parent)
            self._walked += 1
            if parent not in self._common and offer is None and self._walked >= self._next_offer:
                self._next_offer = self._walked + 1 if self._walked < _DENSE else self._walked * _GROWTH
                offer = parent
        return offer

    def _enqueue(self, id: ObjectId) -> None:
        self._queued.add(id)
        heapq.heappush(self._heap, (-self._history.commit(id).committer.time, id))
