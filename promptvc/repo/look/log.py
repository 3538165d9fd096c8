"""The log of a repository: selects commits by revisions, paths, times and text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

from promptvc.errors import Usage
from promptvc.ids import ObjectId
from promptvc.repo.parts import Parts
from promptvc.session.history.log import Log, LogFilter, walk_log
from promptvc.versioning.commit import peel
from promptvc.versioning.revision import Range, parse_time

When = str | float | datetime
"""A time: ``"yesterday"``, ``"3 days ago"``, ``"2026-11-01 14:30"``; seconds since 1970; or a datetime."""
_SHOWN = ("refs/heads/", "refs/tags/", "refs/remotes/")


def log(
    parts: Parts,
    path: str | Sequence[str] | None,
    revision: str | Sequence[str],
    limit: int | None,
    since: When | None,
    until: When | None,
    author: str | None,
    grep: str | None,
    every: bool,
) -> Log:
    """The selected commits: see `Repo.log`. Arguments are checked at once; commits are read on iteration."""
    wanted = LogFilter(
        _paths(path), _time(parts, since), _time(parts, until), _pattern(author), _pattern(grep)
    )
    if limit is not None and limit < 0:
        raise Usage(f"limit is a number of commits, not {limit}")
    ranges = list(_ranges(parts, [revision] if isinstance(revision, str) else revision))
    tips = _all_tips(parts) if every else set()
    return Log(lambda: islice(walk_log(parts.store, ranges, tips, wanted), limit))


def _ranges(parts: Parts, revisions: Sequence[str]) -> Iterator[Range]:
    for text in revisions:
        if text != "HEAD" or parts.refs.current() is not None:  # before the first commit there are no commits
            yield parts.revisions.range(text)


def _all_tips(parts: Parts) -> set[ObjectId]:
    return {peel(parts.store, id) for kind in _SHOWN for id in parts.refs.find(kind).values()}


def _paths(path: str | Sequence[str] | None) -> tuple[str, ...]:
    """``"prompts/" -> ("prompts",)``; ``"."`` stands for everything."""
    given = () if path is None else (path,) if isinstance(path, str) else path
    return tuple("" if each == "." else each.strip("/") for each in given)


def _time(parts: Parts, when: When | None) -> float | None:
    if when is None or isinstance(when, int | float):
        return when
    if isinstance(when, datetime):
        return when.timestamp()
    found = parse_time(when, parts.surroundings.now())
    if found is None:
        raise Usage(f"{when!r} is not a time", '"yesterday", "3 days ago" and "2026-11-01 14:30" are')
    return found


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise Usage(
            f"{text!r} is not a regular expression: {error}", r"\ goes before ( ) [ ] and ."
        ) from None
