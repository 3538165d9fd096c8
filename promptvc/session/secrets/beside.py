"""Work done in a thread beside the caller, in order; a single piece of it is done without one."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from queue import Queue
    from threading import Thread

_Item = TypeVar("_Item")
_WAITING = 4
"""Items that wait at most: memory stays small where they come faster than they are done."""


class Beside(Generic[_Item]):
    """Does ``work`` with each item, ``at_once`` without a thread. A block: at its end the thread has ended, whatever
    happened.
    """

    def __init__(self, work: Callable[[_Item], None], *, at_once: bool = False) -> None:
        self._work, self._held, self._at_once = work, list[_Item](), at_once
        self._queue: Queue[_Item | None]
        self._thread: Thread | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> Beside[_Item]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.clear()
        self._end()

    def put(self, item: _Item) -> None:
        """Have something done."""
        if self._at_once:
            self._work(item)
            return
        if self._thread is None and not self._held:
            self._held.append(item)
            return
        if self._thread is None:
            self._start()
            self._queue.put(self._held.pop())
        self._queue.put(item)

    def finish(self) -> None:
        """Wait until all is done; raises what the work raised."""
        self._end()
        while self._held:
            self._work(self._held.pop())
        if self._error is not None:
            raise self._error

    def _start(self) -> None:
        from queue import Queue  # a millisecond that small work need not pay
        from threading import Thread

        self._queue = Queue(_WAITING)
        self._thread = Thread(target=self._run, name="promptvc-beside", daemon=True)
        self._thread.start()

    def _end(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._work(item)
                except BaseException as error:  # noqa: BLE001  # raised where the work is waited for
                    self._error = error
