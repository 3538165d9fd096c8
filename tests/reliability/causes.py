"""Failures grouped by cause: messages without what differs from point to point."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.reliability.counts import Outcome

_VARYING = (
    (re.compile(r"^call \d+ of \d+: "), ""),
    (re.compile(r"/\S*/(?:w|projects?)/"), ""),
    (re.compile(r"b?'(\S*)'"), r"\1"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "ID"),
    (re.compile(r"(tmp_pack_)\w+"), r"\1X"),
    (re.compile(r" \[\S+:.*\]\Z"), ""),
    (re.compile(r"\d+"), "N"),
)


def by_cause(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """The failed outcomes by cause, the most frequent first."""
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        for part in outcome.message.split(" | ") if not outcome.ok else ():
            found.setdefault(cause(part), []).append(outcome)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def cause(message: str) -> str:
    """What kind of failure a message tells of."""
    text = message
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    if text.startswith("says that nothing was changed"):
        parts = [part.split(":")[0] for part in text.partition("but: ")[2].split("; ")]
        return f"says that nothing was changed, but: {', '.join(parts)}"
    if text.startswith("no hint: "):
        named = "a file is named" if ": " in text[9:] else "no file is named"
        return f"no hint: {text.rpartition(': ')[2]} ({named})"
    if text.startswith("traceback: OSError"):
        lock = " a lock is left" if ".lock" in text else ""
        return f"traceback: OSError{lock}"
    if text.startswith("after "):
        step = text[6:].partition(" (")[0]
        return f"after {step}: neither the state before nor the one after"
    return text[:160]


def print_outcomes(outcomes: Iterable[Outcome], seed: int) -> int:
    """Print the failures as they come, and then by cause; gives the exit code."""
    tried = []
    for outcome in outcomes:
        tried.append(outcome)
        if not outcome.ok:
            print(outcome, flush=True)
    for cause, failed in by_cause(tried).items():
        print(f"{len(failed):5}  {cause}\n         {failed[0].name}")
    count = sum(not outcome.ok for outcome in tried)
    print(f"{count} of {len(tried)} failed, seed {seed}")
    return 1 if count else 0
