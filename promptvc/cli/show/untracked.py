"""Working files that stay although they are no longer tracked, told once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptvc.ids import ObjectId, RepoPath
    from promptvc.repo import Repo
    from promptvc.versioning.tree import Files

SHOWN = 12
"""Files named one by one; more are counted."""


def left_untracked(repo: Repo, before: ObjectId | None, after: ObjectId | Files | None) -> list[RepoPath]:
    """The working files that stayed on the way from a commit to another, or to files that a merge made."""
    from promptvc.ids import ObjectId

    if repo.root is None or before is None or after is None:
        return []
    files = repo.parts.snapshot_of(after).files if isinstance(after, ObjectId) else after
    return repo.parts.workspace.left_untracked(repo.parts.snapshot_of(before).files, files)


def untracked_lines(paths: Sequence[RepoPath]) -> list[str]:
    """``no longer tracked, your copies stay: notes/a.md``; nothing for no path."""
    if not paths:
        return []
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return [f"no longer tracked, your copies stay: {', '.join(paths[:SHOWN])}{more}"]
