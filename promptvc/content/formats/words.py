"""Words for counts."""

from __future__ import annotations


def plural(count: int, name: str) -> str:
    """``1, "row" -> "1 row"``; ``1200, "row" -> "1,200 rows"``."""
    return f"{count:,} {name}{'' if count == 1 else 's'}"
