"""Operations beside each other, in whatever order they come to take turns, lose nothing and record nothing wrong."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from promptvc.errors import StoreBusy
from promptvc.storage.locks import flocked
from tests.reliability.counts import check
from tests.reliability.interleave import Schedule
from tests.reliability.interleavings import PAIRS, interleavings

EACH = 5
"""Schedules drawn for each pair."""


def test_drawn_schedules_lose_nothing(seed: int) -> None:
    assert check(interleavings(seed, EACH * len(PAIRS)), seed) >= 60


@pytest.mark.long
def test_thousands_of_schedules_lose_nothing(seed: int) -> None:
    assert check(interleavings(seed, 2000), seed) == 2000


def test_the_schedule_of_a_seed_is_always_the_same(tmp_path: Path) -> None:
    def steps() -> list[str]:
        def stops(name: str) -> None:
            for number in range(20):
                schedule.stop(f"{number}")

        schedule = Schedule({name: partial(stops, name) for name in "ab"}, "7")
        schedule.run()
        return schedule.steps

    assert steps() == steps()
    assert len({step.split(":")[0] for step in steps()[:30]}) == 2


def test_two_that_wait_for_each_other_are_found_out(tmp_path: Path) -> None:
    def both(first: str, second: str) -> None:
        with flocked(tmp_path / first):
            for _ in range(8):
                schedule.stop("has one")
            with flocked(tmp_path / second):
                pass

    schedule = Schedule({"a": lambda: both("x", "y"), "b": lambda: both("y", "x")}, "1")
    schedule.run()
    assert schedule.is_deadlocked
    assert any(isinstance(worker.error, StoreBusy) for worker in schedule.workers)


def test_who_waits_gets_the_lock_when_it_is_let_go(tmp_path: Path) -> None:
    inside: list[str] = []

    def take(name: str) -> None:
        with flocked(tmp_path / "x"):
            inside.append(name)
            for _ in range(8):
                schedule.stop("inside")
            inside.append(name)

    schedule = Schedule({name: partial(take, name) for name in "abc"}, "1")
    schedule.run()
    assert not schedule.is_deadlocked
    assert [worker.error for worker in schedule.workers] == [None] * 3
    assert inside[::2] == inside[1::2]
