"""The totals of a diff: files by kind, rows by operation."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from promptvc.cli.show.chars import plural

_KINDS = {"prompt": "prompt", "table": "table", "run": "run", "text": "text file", "binary": "binary file"}


class Totals(Struct):
    """Counted up file by file, shown at the end."""

    kinds: Counter[str] = field(default_factory=Counter)
    added: int = 0
    removed: int = 0
    changed: int = 0

    def count(self, kind: str, added: int = 0, removed: int = 0, changed: int = 0) -> None:
        """Add a file, and its rows if it is a table."""
        self.kinds[kind] += 1
        self.added += added
        self.removed += removed
        self.changed += changed

    def words(self) -> str:
        """``2 files: 1 prompt, 1 table; 2 rows added, 1 removed, 2 changed``."""
        kinds = [plural(self.kinds[kind], name) for kind, name in _KINDS.items() if self.kinds[kind]]
        lead = f"{plural(self.kinds.total(), 'file')}: " if len(kinds) > 1 else ""
        rows = [(self.added, "added"), (self.removed, "removed"), (self.changed, "changed")]
        reported = [f"{count:,} {word}" for count, word in rows if count]
        if reported:
            first = next(count for count, _ in rows if count)
            reported[0] = reported[0].replace(" ", " row " if first == 1 else " rows ", 1)
        return lead + "; ".join(part for part in (", ".join(kinds), ", ".join(reported)) if part)
