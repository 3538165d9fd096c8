"""Working files that stay but are no longer tracked, reported once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptvc.ids import RepoPath

SHOWN = 12
"""Most files to name; more are counted."""


def untracked_lines(paths: Sequence[RepoPath]) -> list[str]:
    """``no longer tracked, your copies stay: notes/a.md``; empty if there are none."""
    if not paths:
        return []
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return [f"no longer tracked, your copies stay: {', '.join(paths[:SHOWN])}{more}"]
