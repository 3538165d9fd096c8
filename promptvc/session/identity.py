"""Who commits: from git's configuration and the environment's variables, as git has it."""

from __future__ import annotations

import time

from msgspec import Struct

from promptvc.errors import AuthorUnknown, Usage
from promptvc.storage.git import GitConfig
from promptvc.storage.objects import Signature
from promptvc.versioning.revision import parse_time


class Identity(Struct, frozen=True):
    """What the environment says (GIT_AUTHOR_NAME, …_EMAIL, …_DATE); None where it says nothing."""

    name: str | None = None
    email: str | None = None
    date: str | None = None


def signature_of(identity: Identity, config: GitConfig, now: float, *, required: bool = True) -> Signature:
    """Name, address and time; raises `AuthorUnknown` when one of the first two is needed and unknown."""
    name = identity.name or config.get("user.name")
    email = identity.email or config.get("user.email")
    if required and not (name and email):
        raise AuthorUnknown
    when, offset = _when(identity.date, now)
    return Signature(name or "unknown", email or "unknown", when, offset)


def _when(date: str | None, now: float) -> tuple[int, int]:
    """(seconds, minutes east) of git's ``1700000000 +0100``, of an ISO date, or of now in local time."""
    if date is None:
        return int(now), time.localtime(now).tm_gmtoff // 60
    seconds, _, zone = date.strip().removeprefix("@").partition(" ")
    if seconds.isdigit():
        sign = -1 if zone.startswith("-") else 1
        digits = zone.lstrip("+-")
        return int(seconds), sign * (int(digits[:2]) * 60 + int(digits[2:4])) if digits.isdigit() and len(
            digits
        ) == 4 else 0

    found = parse_time(date, now)
    if found is None:
        raise Usage(
            f"{date!r} is not a date",
            "git's own form is 1700000000 +0100; 2026-11-01T12:00:00+01:00 works too",
        )
    return int(found), time.localtime(found).tm_gmtoff // 60
