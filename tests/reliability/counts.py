"""What every part of the harness gives: outcomes, and how they are counted."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SEED_NAME = "PROMPTVC_TEST_SEED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault tried: of which kind, where, and whether all that is promised held; the message says what did not."""

    kind: str
    name: str
    ok: bool
    message: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}: {'ok' if self.ok else self.message}"


@dataclass(slots=True)
class Count:
    """How many faults of a kind were tried, and how many of them failed."""

    tried: int = 0
    failed: int = 0


def seed_from_environment(run: str | None = None) -> int:
    """The seed that PROMPTVC_TEST_SEED names, else a new one: one for all processes of a run that has a name."""
    given = os.environ.get(SEED_NAME)
    if given:
        return int(given)
    return (zlib.crc32(run.encode()) if run else random.SystemRandom().getrandbits(32)) % 1_000_000


def counted(outcomes: Iterable[Outcome]) -> dict[str, Count]:
    """The counts by kind, in the order in which the kinds came."""
    counts: dict[str, Count] = {}
    for outcome in outcomes:
        count = counts.setdefault(outcome.kind, Count())
        count.tried += 1
        count.failed += not outcome.ok
    return counts


def failures(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Those that failed."""
    return (outcome for outcome in outcomes if not outcome.ok)


def check(outcomes: Iterable[Outcome], seed: int) -> int:
    """Raise an AssertionError that names the failures and the seed; gives how many were tried."""
    tried = list(outcomes)
    bad = list(failures(tried))
    shown = "\n".join(str(outcome) for outcome in bad[:20]) + ("\n…" if len(bad) > 20 else "")
    assert not bad, f"{len(bad)} of {len(tried)} failed, {SEED_NAME}={seed}\n{shown}"
    return len(tried)
