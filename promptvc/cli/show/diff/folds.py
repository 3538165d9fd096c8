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
_LONGEST = 32
"""Values up to this many characters are compared to find equal changes; added and removed fields count by name."""


class Folds:
    """Which cells of changed rows to show, row by row, and a summary of the others."""

    def __init__(self, rows: Sequence[RowChange]) -> None:
        counts = Counter(_change(name, *pair) for row in rows for name, pair in row.cells.items())
        self._shown = {change: 0 for change, count in counts.items() if change and count > FOLD_ABOVE}
        self._only: Counter[tuple[str, ...]] = Counter()
        self._also: Counter[str] = Counter()

    def cells(self, row: RowChange) -> Cells:
        """The cells of a changed row to show; empty if all of it is folded."""
        changes = {name: _change(name, *pair) for name, pair in row.cells.items()} if self._shown else {}
        folded = {name: change for name, change in changes.items() if self._is_known(change)}
        for change in changes.values():
            if change in self._shown:
                self._shown[change] += 1
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
        return self._shown.get(change, 0) >= FOLD_SHOWN


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
