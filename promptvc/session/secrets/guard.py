"""Secrets in what is about to be stored: only what is new is looked at, in a thread beside the writing."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from promptvc.errors import SecretFound
from promptvc.ids import ObjectId, RepoPath
from promptvc.secrets.find import WINDOW, Hit, Stream, find
from promptvc.secrets.shapes import LONGEST
from promptvc.session.secrets.beside import Beside

if TYPE_CHECKING:
    from promptvc.secrets.finding import SecretFinding
    from promptvc.session.files.contents import Contents
    from promptvc.session.secrets.locate import Readable
    from promptvc.versioning.tree import FileEntry

MOST = 10_000
"""Findings a file: one of nothing but tokens needs no longer list, and is refused whatever its parents have."""
MESSAGE = RepoPath("(commit message)")
NAMES = RepoPath("(file names)")
_GOES_ON = rb"[\s\"',>|+]*(?:[A-Za-z0-9+/]{40}|[A-Z][A-Za-z-]{2,30}: )"
_KEY_BEGINS = b"PRIVATE KEY"


class Part(NamedTuple):
    """Bytes of a file, and whether a token may lead into them from the part before."""

    data: bytes
    goes_on: bool


class FileWatch:
    """Looks at what is new in one file.

    Chunks meet between two rows, where no token goes on but a private key of many lines: only there, and where a chunk
    ends inside a row, are two looked at together. ``wide`` is for chunks of which nobody says where they end.
    """

    def __init__(self, guard: Guard, path: RepoPath, *, wide: bool = False) -> None:
        self._guard, self.path, self._wide = guard, path, wide
        self.stream = Stream()
        self.hits: list[Hit] = []
        self.elsewhere: list[Hit] = []
        self._parts: list[Part] = []
        self._size = 0
        self._last: bytes | None = None  # what came before, where that was new
        self._known: ObjectId | None = None  # and where it was not

    def new(self, data: bytes, *, goes_on: bool = False) -> None:
        """Bytes that are new, behind those that came before."""
        if self._known is not None and (self._wide or re.match(_GOES_ON, data)):
            self._take(self._guard.read(self._known)[-LONGEST:])
            goes_on = True
        elif self._last is not None:
            goes_on = goes_on or self._wide or self._is_in_key()
        self._known, self._last = None, data
        self._take(data, goes_on=goes_on)

    def known(self, first: ObjectId, last: ObjectId) -> None:
        """Chunks that stay."""
        if self._last is not None and (self._wide or self._is_in_key()):
            self._take(self._guard.read(first)[:LONGEST], goes_on=True)
        self._known, self._last = last, None

    def order(self) -> list[str]:
        """See `Watch.order`: the digests of tokens that may be kept."""
        return sorted(self._guard.allowed)

    def take(self, found: object) -> None:
        """See `Watch.take`: what `Guard.told` gave there."""
        self.elsewhere += msgspec.convert(found, list[Hit])

    def meet(self, before: bytes, after: bytes) -> None:
        """See `Watch.meet`."""
        self._known = self._last = None
        self.new(before)
        if self._is_in_key():
            self.new(after)

    def drop(self) -> None:
        """Forget the file: nothing in it is new."""
        self._guard.forget(self.path)

    def flush(self) -> None:
        """Hand on what there is."""
        if self._parts:
            self._guard.submit(self, self._parts)
            self._parts, self._size = [], 0

    def look(self, parts: list[Part]) -> list[Hit]:
        """What these parts show; nothing more once there are as many as are told."""
        if len(self.hits) >= MOST:
            return []
        stream = self.stream
        return [hit for part in parts for hit in (stream.go_on if part.goes_on else stream.begin)(part.data)]

    def _is_in_key(self) -> bool:
        return self._last is not None and _KEY_BEGINS in self._last[-LONGEST:]

    def _take(self, data: bytes, *, goes_on: bool = False) -> None:
        self._parts.append(Part(data, goes_on))
        self._size += len(data)
        if self._size >= WINDOW:
            self.flush()


class Guard:
    """Watches what one operation stores; `finish` gives what was found. A block: its thread ends with it.

    ``allowed`` are the digests of tokens that may be kept; ``read`` gives the bytes of a blob. One that is not on sees
    nothing, and finds nothing. The looking is done in a thread ``beside``, or at once.
    """

    def __init__(
        self,
        read: Callable[[ObjectId], bytes],
        allowed: Collection[str] = (),
        *,
        is_on: bool = True,
        beside: bool = True,
    ) -> None:
        self.read, self.allowed, self.is_on = read, frozenset(allowed), is_on
        self._watches: dict[RepoPath, FileWatch] = {}
        self._beside: Beside[tuple[FileWatch, list[Part]]] = Beside(self._look, at_once=not beside)

    def __enter__(self) -> Guard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beside.__exit__(kind, error, trace)

    def watch(self, path: RepoPath) -> FileWatch | None:
        """Who looks at a file that is written; the one before, of the same path, counts no longer."""
        return self.always(path) if self.is_on else None

    def always(self, path: RepoPath, *, wide: bool = False) -> FileWatch:
        """`watch` of a guard that is on; ``wide`` as of `FileWatch`."""
        found = self._watches[path] = FileWatch(self, path, wide=wide)
        return found

    def watches(self, path: RepoPath) -> bool:
        """Whether a file was shown."""
        return path in self._watches

    def texts(self, message: str, paths: Iterable[RepoPath]) -> None:
        """Look at what a commit says beside its files."""
        for place, text in ((MESSAGE, message), (NAMES, "\n".join(paths))):
            if self.is_on:
                self.always(place).new(text.encode("utf-8", "surrogatepass"))

    def stored(
        self, path: RepoPath, contents: Contents, entry: FileEntry, bases: Iterable[FileEntry]
    ) -> None:
        """Look at a file that is in the store, but for what its earlier versions have."""
        if not self.is_on:
            return
        had = {chunk for base in bases for chunk in contents.chunks(base)}
        watch = self.always(path, wide=entry.is_rope)
        for chunk in contents.chunks(entry):
            if chunk in had:
                watch.known(chunk, chunk)
            else:
                watch.new(self.read(chunk))

    def forget(self, path: RepoPath) -> None:
        """Count what was found in a file no longer."""
        self._watches.pop(path, None)

    def submit(self, watch: FileWatch, parts: list[Part]) -> None:
        """Have the next bytes of a file looked at."""
        self._beside.put((watch, parts))

    def finish(self) -> dict[RepoPath, list[Hit]]:
        """What was found and is not allowed, by path; each token once a file."""
        for watch in self._watches.values():
            watch.flush()
        self._beside.finish()
        for watch in self._watches.values():
            self._keep(watch, [*watch.stream.end(), *watch.elsewhere])
        return {path: watch.hits for path, watch in self._watches.items() if watch.hits}

    def _look(self, item: tuple[FileWatch, list[Part]]) -> None:
        watch, parts = item
        self._keep(watch, watch.look(parts))

    def _keep(self, watch: FileWatch, hits: Iterable[Hit]) -> None:
        seen = {hit.digest for hit in watch.hits} | self.allowed
        for hit in hits:
            if hit.digest not in seen and len(watch.hits) < MOST:
                seen.add(hit.digest)
                watch.hits.append(hit)


def need_no_secrets(
    guard: Guard,
    file_of: Callable[[RepoPath], Readable | None],
    bases_of: Callable[[RepoPath], Iterable[Readable]] = lambda path: (),
) -> None:
    """Raise `SecretFound` for what was found, but for what an earlier version of the file has.

    ``file_of`` gives a file that was watched, None for what is none.
    """
    findings = findings_of(guard, file_of, bases_of)
    if findings:
        raise SecretFound(findings)


def findings_of(
    guard: Guard,
    file_of: Callable[[RepoPath], Readable | None],
    bases_of: Callable[[RepoPath], Iterable[Readable]] = lambda path: (),
    commit: str | None = None,
) -> list[SecretFinding]:
    """What was found, with the places: see `need_no_secrets`."""
    found = guard.finish()
    if not found:
        return []
    from promptvc.secrets.finding import SecretFinding  # few commits find any
    from promptvc.session.secrets.locate import locate

    findings: list[SecretFinding] = []
    for path, hits in found.items():
        had = {hit.digest for base in bases_of(path) for hit in find(base.read())}
        new = [hit for hit in hits if hit.digest not in had or len(hits) == MOST]
        file = file_of(path)
        if file is not None:
            findings += locate(file, new, commit) if new else []
        else:
            findings += [
                SecretFinding(kind=hit.kind, digest=hit.digest, path=path, commit=commit) for hit in new
            ]
    return findings
