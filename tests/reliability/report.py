"""How many faults of each kind were tried, and how many failed: a table for docs/reliability.md.

    python -m tests.reliability.report [--seed N] [--long] [--only PART]... [--write docs/reliability.md]

A part is a function ``(seed, amount) -> Iterator[Outcome]``; an amount of None means all there are. A part whose
module is not there is left out.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.reliability.causes import by_cause
from tests.reliability.counts import Count, Outcome, counted, seed_from_environment
from tests.reliability.shim import why_not

BEGIN, END = "<!-- counts -->", "<!-- /counts -->"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the harness: its function, and how many faults it tries in the short and in the long form."""

    title: str
    place: str
    amount: int | None
    long: int | None
    needs_shim: bool = False

    def load(self) -> Callable[[int, int | None], Iterator[Outcome]] | None:
        """The function, None where its module is not there."""
        module, _, name = self.place.partition(":")
        if importlib.util.find_spec(f"tests.reliability.{module}") is None or (self.needs_shim and why_not()):
            return None
        found: Callable[[int, int | None], Iterator[Outcome]]
        found = getattr(importlib.import_module(f"tests.reliability.{module}"), name)
        return found


PARTS = (
    Part("crash points", "crash_points:crash_points", 450, None, needs_shim=True),
    Part("power cuts", "power_loss:power_cuts", 200, None, needs_shim=True),
    Part("corruption", "corruption:corruptions", 100, None, needs_shim=True),
    Part("interleavings", "interleavings:interleavings", 100, 2000),
    Part("network cuts", "network:network_cuts", 108, 3000),
    Part("fuzzing", "test_fuzz:fuzz", 2000, 100000),
    Part("model", "test_model:model", 30, 600),
    Part("attacks", "attacks:attacks", None, None),
)


def main(words: Sequence[str] | None = None) -> int:
    """Run the parts, and print or write the table; exit code 1 if something failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=seed_from_environment())
    parser.add_argument("--long", action="store_true", help="every fault instead of a sample")
    parser.add_argument("--only", action="append", choices=[part.title for part in PARTS])
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help=f"replace what stands between {BEGIN} and {END}"
    )
    given = parser.parse_args(words)
    outcomes = list(_tried(given))
    text = table(counted(outcomes), given.seed, datetime.now(UTC), long=given.long)
    if given.write:
        given.write.write_text(replaced(given.write.read_text(), text))
    print(text)
    for cause, failed in by_cause(outcomes).items():
        print(f"{len(failed):5}  {cause}\n         {failed[0].kind}: {failed[0].name}", file=sys.stderr)
    return 1 if any(not outcome.ok for outcome in outcomes) else 0


def _tried(given: argparse.Namespace) -> Iterator[Outcome]:
    for part in PARTS:
        function = part.load() if given.only is None or part.title in given.only else None
        if function is not None:
            print(f"{part.title} …", file=sys.stderr, flush=True)
            yield from function(given.seed, part.long if given.long else part.amount)


def table(counts: dict[str, Count], seed: int, when: datetime, *, long: bool) -> str:
    """The counts as Markdown, a line a kind, and all of them."""
    form = "every fault" if long else "a drawn sample"
    rows = [f"| {kind} | {count.tried:,} | {count.failed:,} |" for kind, count in counts.items()]
    total = _total(counts.values())
    return "\n".join(
        [
            f"Seed {seed}, {when:%Y-%m-%d}, {form}.",
            "",
            "| faults | tried | failed |",
            "|---|---:|---:|",
            *rows,
            f"| all | {total.tried:,} | {total.failed:,} |",
        ]
    )


def replaced(document: str, text: str) -> str:
    """A document with other counts; all else stays. Raises `ValueError` where it has no place for them."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"there is no {BEGIN} … {END} in it")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def _total(counts: Iterable[Count]) -> Count:
    total = Count()
    for count in counts:
        total.tried += count.tried
        total.failed += count.failed
    return total


if __name__ == "__main__":
    raise SystemExit(main())
