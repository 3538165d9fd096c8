"""Corruption: every kind of file of a store is damaged, and all that is read from it must be right, or refused by name.

python -m tests.reliability.corruption resting HEAD flip 0.5       # one of them
python -m tests.reliability.corruption --amount 200 --seed 3       # a sample
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence

from tests.reliability.causes import print_outcomes
from tests.reliability.checkup import MERGING, RESTING
from tests.reliability.client import Harness, harness
from tests.reliability.counts import Outcome, seed_from_environment
from tests.reliability.damage import HOWS, Damage, drawn_damage, every_damage

PROJECTS = {RESTING: 0.8, MERGING: 0.2}
"""The projects that are damaged, and how much of a sample each gets."""


def corruptions(seed: int, amount: int | None = None) -> Iterator[Outcome]:
    """Try a drawn sample of damages, spread evenly over kinds of files; all of them without an amount."""
    with harness() as server:
        for project, share in PROJECTS.items():
            yield from damages_of(server, project, seed, None if amount is None else round(amount * share))


def damages_of(server: Harness, project: str, seed: int, amount: int | None) -> Iterator[Outcome]:
    """Try damages of one project."""
    paths = server.files(project)
    drawn = (
        every_damage(project, paths, seed) if amount is None else drawn_damage(project, paths, seed, amount)
    )
    yield from try_damages(server, drawn)


def try_damages(server: Harness, damages: Iterable[Damage]) -> Iterator[Outcome]:
    """Try these damages."""
    for damage in damages:
        message = server.damage(damage)
        name = f"{damage.project} {damage.path} {damage.how} {damage.place}"
        yield Outcome(f"corruption: {damage.kind}", name, not message, message)


def main(words: Sequence[str] | None = None) -> int:
    """Try what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", nargs="?", choices=[*PROJECTS, None])
    parser.add_argument("path", nargs="?")
    parser.add_argument("how", nargs="?", choices=[*HOWS, None])
    parser.add_argument("place", nargs="?", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=seed_from_environment())
    parser.add_argument("--amount", type=int)
    given = parser.parse_args(words)
    return print_outcomes(_asked(given), given.seed)


def _asked(given: argparse.Namespace) -> Iterator[Outcome]:
    if given.path is None:
        yield from corruptions(given.seed, given.amount)
        return
    with harness() as server:
        path = _resolved(server, given.project, given.path)
        yield from try_damages(server, [Damage(given.project, path, given.how, given.place)])


def _resolved(server: Harness, project: str, path: str) -> str:
    """A path, or the first that has it at its beginning: ids and times in names differ from run to run."""
    return next((found for found in server.files(project) if found.startswith(path)), path)


if __name__ == "__main__":
    raise SystemExit(main())
