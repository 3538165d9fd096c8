"""Crash points: every operation stopped, torn or failed at every call that changes the disk.

python -m tests.reliability.crash_points "switch" kill-before 24     # one of them
python -m tests.reliability.crash_points --amount 500 --seed 3       # a sample
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Iterator, Sequence

from tests.reliability.causes import print_outcomes
from tests.reliability.client import Harness, harness
from tests.reliability.counts import Outcome, seed_from_environment
from tests.reliability.operations import OPERATIONS
from tests.reliability.shim import MODES, points_of

Point = tuple[str, str, int]
"""(operation, mode, number of the call)"""


def crash_points(seed: int, amount: int | None = None) -> Iterator[Outcome]:
    """Try a drawn sample of points, spread evenly over operations and modes; all of them without an amount."""
    with harness() as server:
        share = None if amount is None else -(-amount // len(OPERATIONS))
        for name in OPERATIONS:
            yield from points_of_operation(server, name, seed, share)


def points_of_operation(server: Harness, name: str, seed: int, amount: int | None) -> Iterator[Outcome]:
    """Try points of one operation: drawn ones, or all."""
    kinds = server.kinds(name)
    by_mode = {mode: points_of(mode, kinds) for mode in MODES}
    points = [(name, mode, n) for mode, numbers in by_mode.items() for n in numbers]
    yield from try_points(server, points if amount is None else _drawn(by_mode, name, seed, amount))


def try_points(server: Harness, points: Iterable[Point]) -> Iterator[Outcome]:
    """Try these points."""
    for name, mode, number in points:
        message = server.point(name, mode, number)
        yield Outcome(f"crash points: {mode}", f"{name} {mode} {number}", not message, message)


def _drawn(by_mode: dict[str, list[int]], name: str, seed: int, amount: int) -> list[Point]:
    draw = random.Random(f"{seed} {name}")
    left = {mode: draw.sample(numbers, len(numbers)) for mode, numbers in by_mode.items() if numbers}
    drawn: list[Point] = []
    while left and len(drawn) < amount:
        for mode in draw.sample(sorted(left), len(left)):
            drawn.append((name, mode, left[mode].pop()))
            if not left[mode]:
                del left[mode]
    return drawn[:amount]


def main(words: Sequence[str] | None = None) -> int:
    """Try what the command line names, and print each outcome that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operation", nargs="?", choices=[*OPERATIONS, None])
    parser.add_argument("mode", nargs="?", choices=[*MODES, None])
    parser.add_argument("number", nargs="?", type=int)
    parser.add_argument("--seed", type=int, default=seed_from_environment())
    parser.add_argument("--amount", type=int, help="how many; all of them where it is not given")
    given = parser.parse_args(words)
    return print_outcomes(_asked(given), given.seed)


def _asked(given: argparse.Namespace) -> Iterator[Outcome]:
    if given.operation is None:
        yield from crash_points(given.seed, given.amount)
        return
    with harness() as server:
        if given.number is not None:
            yield from try_points(server, [(given.operation, given.mode, given.number)])
        else:
            tried = points_of_operation(server, given.operation, given.seed, given.amount)
            yield from (outcome for outcome in tried if given.mode in (None, outcome.kind.rpartition(" ")[2]))


if __name__ == "__main__":
    raise SystemExit(main())
