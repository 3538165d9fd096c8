"""Power loss: the disk is left as it may be when the power is cut at a drawn moment of each operation.

python -m tests.reliability.power_loss "commit" "3 commit 7"        # one of them, by its seed
python -m tests.reliability.power_loss --amount 500 --seed 3        # a sample
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from tests.reliability.causes import print_outcomes
from tests.reliability.client import Harness, harness
from tests.reliability.counts import Outcome, seed_from_environment
from tests.reliability.operations import OPERATIONS

CUT = tuple(name for name, operation in OPERATIONS.items() if not operation.fresh)
"""The operations during which the power is cut: those that find a store."""


MANY = 8000
"""How often where no amount is given: there is no end of ways in which a disk may lose things."""


def power_cuts(seed: int, amount: int | None = None) -> Iterator[Outcome]:
    """Cut the power so many times, spread evenly over the operations."""
    with harness() as server:
        for name in CUT:
            yield from cuts_of_operation(server, name, seed, -(-(amount or MANY) // len(CUT)))


def cuts_of_operation(server: Harness, name: str, seed: int, amount: int) -> Iterator[Outcome]:
    """Cut the power at drawn moments of one operation."""
    for number in range(amount):
        yield cut(server, name, f"{seed} {name} {number}")


def cut(server: Harness, name: str, seed: str) -> Outcome:
    """Cut the power once; the seed says when, and what is lost."""
    message = server.cut(name, seed)
    return Outcome("power cuts", f'"{name}" "{seed}"', not message, message)


def main(words: Sequence[str] | None = None) -> int:
    """Try what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operation", nargs="?", choices=[*CUT, None])
    parser.add_argument("one", nargs="?", metavar="SEED")
    parser.add_argument("--seed", type=int, default=seed_from_environment())
    parser.add_argument("--amount", type=int, default=400)
    given = parser.parse_args(words)
    return print_outcomes(_asked(given), given.seed)


def _asked(given: argparse.Namespace) -> Iterator[Outcome]:
    if given.operation is None:
        yield from power_cuts(given.seed, given.amount)
        return
    with harness() as server:
        if given.one is not None:
            yield cut(server, given.operation, given.one)
        else:
            yield from cuts_of_operation(server, given.operation, given.seed, given.amount)


if __name__ == "__main__":
    raise SystemExit(main())
