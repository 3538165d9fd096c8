"""Changes that many rows share: shown a few times, then counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from promptvc.cli.show.chars import json_text, plural
from promptvc.content.tablediff.diff import MISSING, Cells, RowChange

FOLD_ABOVE, FOLD_SHOWN = 8, 3
"""If more than this share of rows have a change, it is shown in the first few of them and counted in the others."""
_AHEAD = 256
"""Rows to count at a time."""
_LONGEST = 32
"""Values up to this many characters are compared to find equal changes; added and removed fields count by name."""


class Folds:
    """Which cells of changed rows to show, row by row, and a summary of the others.

    How often a change is met is looked up as far ahead as it takes to decide, so that the first rows need not wait
    for the last ones.
    """

    def __init__(self, rows: Sequence[RowChange]) -> None:
        self._rows = rows
        self._counts: Counter[str] = Counter()
        self._counted = 0
        """Of how many rows ``_counts`` has the changes."""
        self._seen: Counter[str] = Counter()
        self._at = 0
        self._only: Counter[tuple[str, ...]] = Counter()
        self._also: Counter[str] = Counter()

    def cells(self, row: RowChange) -> Cells:
        """The cells of a row to show, empty if all of it is folded; to be asked for every row, in order."""
        if not self._rows:
            return row.cells
        changes = _changes(row)
        self._at += 1
        if self._at > self._counted:
            self._counted = self._at
            self._counts.update(changes.values())
        folded = {name: change for name, change in changes.items() if self._is_known(change)}
        self._seen.update(changes.values())
        if folded and len(folded) == len(row.cells):
            self._only[tuple(folded.values())] += 1
        else:
            self._also.update(folded.values())
        return {name: pair for name, pair in row.cells.items() if name not in folded}

    def lines(self) -> Iterator[str]:
        """The lines to show after the rows."""
        for changes, count in self._only.items():
            yield f"{plural(count, 'more row')}: only {', '.join(changes)}"
        for change, count in self._also.items():
            yield f"{plural(count, 'row')} above also: {change}"

    def _is_known(self, change: str) -> bool:
        return self._seen[change] >= FOLD_SHOWN and self._is_frequent(change)

    def _is_frequent(self, change: str) -> bool:
        while self._counts[change] <= FOLD_ABOVE and self._counted < len(self._rows):
            ahead = self._rows[self._counted : self._counted + _AHEAD]
            self._counts.update(change for row in ahead for change in _changes(row).values())
            self._counted += len(ahead)
        return self._counts[change] > FOLD_ABOVE


def _changes(row: RowChange) -> dict[str, str]:
    """The changes of a row by field, but for those too long to be equal by chance."""
    changes = {name: _change(name, *pair) for name, pair in row.cells.items()}
    return {name: change for name, change in changes.items() if change}


def _change(name: str, before: Any, after: Any) -> str:
    """``for_devs added``, ``model "a" → "b"``; empty for values too long to be equal by chance."""
    if before is MISSING:
        return f"{name} added"
    if after is MISSING:
        return f"{name} removed"
    if _is_long(before) or _is_long(after):
        return ""
    return f"{name} {json_text(before)} → {json_text(after)}"


def _is_long(value: Any) -> bool:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return isinstance(value, dict) or len(text) > _LONGEST
