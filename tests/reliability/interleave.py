"""Forced schedules: operations in threads that stop at named points, where a drawn choice says who goes on.

Only one of the threads runs at any time. Who waits for a lock hands over too, and its patience is counted in the times
that it was asked again, so that nothing depends on the clock.
"""

from __future__ import annotations

import functools
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from promptvc.runs.calls.store import CallStore
from promptvc.session.files.worktree import Worktree
from promptvc.session.intent import Intents
from promptvc.storage import locks
from promptvc.storage.ingest import PackReceiver
from promptvc.storage.lease import Lease
from promptvc.storage.packing import PackWriter
from promptvc.storage.refs import Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.upkeep import upkeep

POINTS: tuple[tuple[Any, str], ...] = (
    (ObjectStore, "begin"),
    (PackWriter, "finish"),
    (PackReceiver, "finish"),
    (Refs, "move"),
    (Refs, "set_head"),
    (upkeep, "_join"),
    (upkeep, "_remove_all"),
    (Lease, "alone"),
    (CallStore, "refresh"),
    (CallStore, "exclusive"),
    (Worktree, "files"),
    (Worktree, "_put_all"),
    (Intents, "add"),
    (Intents, "exclusive"),
)
"""The calls before which, and at whose end, a thread may be stopped."""
ASKED_AGAIN = 0.01
"""Seconds that pass for a waiting thread each time it is asked again in vain."""
ROUNDS = 4
"""So often all threads may find that they must wait, one after another, before that is a deadlock."""


@dataclass
class Worker:
    """An operation in a thread: whether it waits for a lock, for how long, and what came of it.

    ``in_vain`` counts how often it asked again since any of them went on.
    """

    name: str
    act: Callable[[], object]
    thread: threading.Thread = field(init=False)
    clock: float = 0.0
    waits: bool = False
    in_vain: int = 0
    is_done: bool = False
    result: object = None
    error: BaseException | None = None


class Schedule:
    """Runs operations by turns that are drawn with a seed; afterwards ``steps`` says who stopped where."""

    def __init__(self, acts: Mapping[str, Callable[[], object]], seed: str) -> None:
        self.workers = [Worker(name, act) for name, act in acts.items()]
        self.steps: list[str] = []
        self.is_deadlocked = False
        self._draw = random.Random(seed)
        self._change = self._draw.choice((0.15, 0.4, 0.8))
        self._turn = threading.Condition()
        self._running: Worker | None = None
        self._by_thread: dict[int, Worker] = {}

    def run(self) -> None:
        """Let all of them run to their ends."""
        with _stopping_at_points(self):
            for worker in self.workers:
                worker.thread = threading.Thread(target=self._work, args=[worker], daemon=True)
                worker.thread.start()
            with self._turn:
                self._running = self._draw.choice(self.workers)
                self._turn.notify_all()
            for worker in self.workers:
                worker.thread.join()

    def stop(self, point: str) -> None:
        """Is called at a point: perhaps another one goes on from here."""
        worker = self._by_thread.get(threading.get_ident())
        if worker is None:
            return  # a helper thread of one of them, or the main one
        worker.waits = False
        self._progress()
        self.steps.append(f"{worker.name}:{point}")
        if not _holds_a_lock_of_python() and self._draw.random() < self._change:
            self._hand_over(worker)

    def wait(self, seconds: float) -> None:
        """Is called instead of sleeping for a lock: another one goes on, if there is any."""
        worker = self._by_thread.get(threading.get_ident())
        if worker is None:
            time.sleep(seconds)
            return
        worker.waits = True
        worker.in_vain += 1
        worker.clock += ASKED_AGAIN
        left = [each for each in self.workers if not each.is_done]
        if all(each.in_vain >= ROUNDS for each in left):
            self.is_deadlocked = True
            worker.clock += 5.0
        self.steps.append(f"{worker.name}:waits")
        self._hand_over(worker)

    def monotonic(self) -> float:
        """The clock of the thread that asks."""
        worker = self._by_thread.get(threading.get_ident())
        return time.monotonic() if worker is None else worker.clock

    @property
    def story(self) -> str:
        """Who stopped where, in short."""
        return " ".join(self.steps[-60:])

    def _work(self, worker: Worker) -> None:
        self._by_thread[threading.get_ident()] = worker
        with self._turn:
            self._turn.wait_for(lambda: self._running is worker)
        try:
            worker.result = worker.act()
        except BaseException as error:
            worker.error = error
        worker.is_done = True
        self._progress()
        self._hand_over(worker)

    def _progress(self) -> None:
        for worker in self.workers:
            worker.in_vain = 0

    def _hand_over(self, worker: Worker) -> None:
        left = [each for each in self.workers if not each.is_done]
        others = [each for each in left if each is not worker]
        with self._turn:
            if others:
                free = [each for each in others if not each.waits]
                # Who waits is asked again less often than others go on, but often enough not to be forgotten.
                chosen = free if free and self._draw.random() < 0.8 else others
                self._running = self._draw.choice(chosen)
            self._turn.notify_all()
            if not worker.is_done:
                self._turn.wait_for(lambda: self._running is worker or not others)


def _holds_a_lock_of_python() -> bool:
    """Whether a `functools.cached_property` is being worked out, whose lock all instances share before Python 3.12."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if frame.f_code.co_name == "__get__" and frame.f_code.co_filename == functools.__file__:
            return True
    return False


@contextmanager
def _stopping_at_points(schedule: Schedule) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(patch.object(locks, "time", _Time(schedule)))
        for owner, name in POINTS:
            stack.enter_context(
                patch.object(owner, name, _stopping(getattr(owner, name), name.strip("_"), schedule))
            )
        yield


class _Time:
    """The module ``time`` as those see it who wait for locks."""

    def __init__(self, schedule: Schedule) -> None:
        self.sleep, self.monotonic, self.time = schedule.wait, schedule.monotonic, time.time


def _stopping(call: Callable[..., Any], name: str, schedule: Schedule) -> Callable[..., Any]:
    def stopping(*args: Any, **kwargs: Any) -> Any:
        schedule.stop(name)
        done = call(*args, **kwargs)
        schedule.stop(f"{name}.")
        return done

    return stopping
