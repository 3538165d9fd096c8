"""Revisions: the texts that name a commit, ``main~2``, ``v1^2``, ``main@{yesterday}``, ``3f9c2e1``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from promptvc.errors import Advice, AmbiguousId, InvalidName, ObjectMissing, UnknownRevision
from promptvc.ids import ObjectId, RefName
from promptvc.patterns import compiled
from promptvc.storage.objects import Kind
from promptvc.storage.refs import HEAD, LogEntry, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import peel
from promptvc.versioning.history import History

LONGEST = 4096
"""Characters of a revision; each may cost a step through history."""
_SUFFIX = compiled(r"\^\{commit\}|\^(\d*)|~(\d*)|@\{([^{}]*)\}")
_HEX = compiled(r"[0-9a-f]{4,40}\Z")
_COUNT = compiled(r"[0-9]{1,18}\Z")
_AGO = compiled(r"(\d+|an?) (second|minute|hour|day|week|month|year)s? ago\Z")
_DAYS = {
    "second": 1 / 86400,
    "minute": 1 / 1440,
    "hour": 1 / 24,
    "day": 1,
    "week": 7,
    "month": 30,
    "year": 365,
}


class Range(Struct, frozen=True):
    """``A..B`` (or ``A...B``: what either has and the other lacks); a plain revision has no start."""

    start: ObjectId | None
    end: ObjectId
    symmetric: bool = False

    def __str__(self) -> str:
        dots = "..." if self.symmetric else ".."
        return f"{self.start}{dots}{self.end}" if self.start else self.end


class Revisions:
    """Resolves revisions against a store's refs, reflogs and objects.

    ``now`` is the clock for ``@{yesterday}``; ``upstream(branch)`` gives the ref that ``@{upstream}`` means.
    """

    def __init__(
        self,
        store: ObjectStore,
        refs: Refs,
        now: Callable[[], float],
        upstream: Callable[[RefName], RefName | None],
    ) -> None:
        self._store, self._refs = store, refs
        self._now, self._upstream = now, upstream

    def resolve(self, text: str) -> ObjectId:
        """The commit that text means; raises `UnknownRevision` or `AmbiguousId`.

        What lies beyond a reflog is not known: the error says how far it goes back.

        ``base`` then any of ``~N`` (N times the first parent), ``^N`` (the Nth parent), ``@{N}`` and ``@{time}``
        (the reflog), ``@{upstream}``. ``base`` is ``HEAD`` or ``@``, a ref, or the beginning of an id.
        """
        base, suffixes = _split(text)
        id = self._start(text, base, suffixes)
        for name, value in suffixes:
            id = self._step(text, id, name, value)
        return id

    def range(self, text: str) -> Range:
        """What text says of commits: ``A..B``, ``A...B``, where HEAD may be left out, or a revision.

        Raises `UnknownRevision` or `AmbiguousId`, of a range for the side that is none.
        """
        for dots in ("...", ".."):
            left, found, right = text.partition(dots)
            if found and (left or right):
                return Range(self.resolve(left or "HEAD"), self.resolve(right or "HEAD"), dots == "...")
        return Range(None, self.resolve(text))

    def resolve_ref(self, text: str) -> RefName | None:
        """The ref that a short name means, in git's order: tags before branches before remote-tracking ones."""
        if text in ("HEAD", "@"):
            return HEAD
        for pattern in (
            "{}",
            "refs/{}",
            "refs/tags/{}",
            "refs/heads/{}",
            "refs/remotes/{}",
            "refs/remotes/{}/HEAD",
        ):
            name = _possible(pattern.format(text))
            if name is not None and self._refs.read(name) is not None:
                return name
        return None

    def _start(self, text: str, base: str, suffixes: list[tuple[str, str]]) -> ObjectId:
        if suffixes and suffixes[0][0] == "@":
            return self._at(text, base, suffixes.pop(0)[1])
        ref = self.resolve_ref(base or "HEAD")
        id = self._value(ref) if ref is not None else self._by_digits(base)
        if id is None and isinstance(text, ObjectId):  # what a ref named: it is known, and gone
            raise ObjectMissing(text)
        if id is None:
            raise UnknownRevision(text, self._near(base))
        return peel(self._store, id)

    def _value(self, ref: RefName) -> ObjectId | None:
        return self._refs.current() if ref == HEAD else self._refs.read(ref)

    def _by_digits(self, digits: str) -> ObjectId | None:
        """The commit whose id begins so; other objects do not make a short id ambiguous."""
        if not _HEX.match(digits):
            return None
        ids = self._store.ids_with_prefix(digits)
        commits = (
            ids if len(ids) < 2 else [id for id in ids if self._store.read(id)[0] in (Kind.COMMIT, Kind.TAG)]
        )
        if len(commits) > 1:
            raise AmbiguousId(digits, commits)
        return commits[0] if commits else None

    def _step(self, text: str, id: ObjectId, name: str, value: str) -> ObjectId:
        if name == "@":
            raise UnknownRevision(text)
        number = _number(value or "1")
        if number is None:
            raise UnknownRevision(text)
        if name == "~":
            for _ in range(number):
                id = self._parent(text, id, 1)
            return id
        return self._parent(text, id, number) if number else id

    def _parent(self, text: str, id: ObjectId, number: int) -> ObjectId:
        try:
            parents = History(self._store).parents(id)
        except ObjectMissing:
            parents = ()
        if number > len(parents):
            raise UnknownRevision(text)
        return parents[number - 1]

    def _at(self, text: str, base: str, value: str) -> ObjectId:
        """``base@{value}``: an upstream, the Nth earlier value of a ref, or its value at a time."""
        ref = self.resolve_ref(base or "HEAD")
        if ref is None:
            raise UnknownRevision(text, self._near(base))
        if value in ("u", "upstream", "push"):
            return self._upstream_of(text, ref)
        number = _number(value)
        found = self._then(text, ref, value) if number is None else self._earlier(text, ref, number)
        return peel(self._store, found)

    def _earlier(self, text: str, ref: RefName, number: int) -> ObjectId:
        """The value of a ref so many moves ago; beyond its log there is none."""
        log = self._refs.log(ref)
        values = [entry.after for entry in log] + ([log[-1].before] if log else [])
        found = values[number] if number < len(values) else None
        found = self._refs.read(ref) if number == 0 else found
        if found is None:
            raise _beyond(text, ref, log, in_numbers=True)
        return found

    def _then(self, text: str, ref: RefName, value: str) -> ObjectId:
        """The value of a ref at a time; before its log begins nobody knows what it was."""
        when, log = parse_time(value, self._now()), self._refs.log(ref)
        if when is None:
            raise UnknownRevision(text)
        found = next((entry for entry in log if entry.who.time <= when), None)
        if found is None or found.after is None:
            raise _beyond(text, ref, log, in_numbers=False)
        return found.after

    def _upstream_of(self, text: str, ref: RefName) -> ObjectId:
        branch = self._refs.head() if ref == HEAD else ref
        upstream = self._upstream(branch) if isinstance(branch, RefName) else None
        id = self._refs.read(upstream) if upstream else None
        if id is None:
            raise UnknownRevision(text)
        return id

    def _near(self, text: str) -> list[str]:
        names = [name.short for name in self._refs.find() if not name.endswith("/HEAD")]
        from difflib import get_close_matches  # only those who made a mistake wait for it

        return get_close_matches(text, names, 2)


def _possible(text: str) -> RefName | None:
    """The full name of a ref, where a ref can have this name, and a file system hold it."""
    try:
        os.fsencode(text)
        name = RefName.parse(text)
    except (InvalidName, UnicodeEncodeError):
        return None
    return name if name.startswith("refs/") else None


def _number(text: str) -> int | None:
    """A count of commits; None for what is none, or larger than any history."""
    return int(text) if _COUNT.match(text) else None


def _beyond(text: str, ref: RefName, log: Sequence[LogEntry], *, in_numbers: bool) -> UnknownRevision:
    """The error for what a ref's log does not tell; the hint names the oldest that it does."""
    error, name = UnknownRevision(text), ref.short
    if not log:
        error.message = f"{text}: there is no log of {name}"
        error.advice = Advice("log-commits")
    elif in_numbers:
        last = len(log) - (log[-1].before is None)
        error.message = f"{text}: the log of {name} has {len(log)} entr{'y' if len(log) == 1 else 'ies'}"
        error.hint = f"the oldest is {name}@{{{last}}}"
    else:
        oldest = datetime.fromtimestamp(min(entry.who.time for entry in log))
        error.message = f"{text}: the log of {name} begins at {oldest}"
        error.hint = f"the oldest is {name}@{{{oldest}}}"
    error.args = (error.message,)
    return error


def _split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """``main~2^ -> ("main", [("~", "2"), ("^", "")])``."""
    if len(text) > LONGEST:
        raise UnknownRevision(text)
    first = next((m.start() for m in _SUFFIX.finditer(text)), len(text))
    suffixes, at = [], first
    while at < len(text):
        match = _SUFFIX.match(text, at)
        if match is None:
            raise UnknownRevision(text)
        at = match.end()
        parent, back, log = match.groups()
        if log is not None:
            suffixes.append(("@", log))
        elif back is not None:
            suffixes.append(("~", back))
        elif parent is not None:
            suffixes.append(("^", parent))
    return text[:first], suffixes


def parse_time(text: str, now: float) -> float | None:
    """Seconds since 1970 for ``now``, ``yesterday``, ``3 days ago``, ``2026-11-01`` or ``2026-11-01 14:30``.

    Dates without a zone are in local time; None when the text is none of these.
    """
    words = text.strip().lower().replace(".", " ").replace("_", " ")
    if words == "now":
        return now
    if words == "yesterday":
        return now - 86400
    match = _AGO.match(words)
    if match:
        number = 1 if match[1].startswith("a") else _number(match[1])
        return now - number * _DAYS[match[2]] * 86400 if number is not None else None
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError):
        return None
