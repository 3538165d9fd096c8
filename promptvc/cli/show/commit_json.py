"""Commits for programs: the shape that `log`, `show` and others print."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptvc.session.history.log import LogCommit


def commit_value(commit: LogCommit) -> dict[str, object]:
    """A commit for programs; the time is the author's, in seconds since 1970."""
    return {
        "id": commit.id,
        "parents": list(commit.parents),
        "author": {"name": commit.author.name, "email": commit.author.email},
        "time": commit.author.time,
        "message": commit.message,
    }
