"""Where in a file a secret is: its row and field, or its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from promptvc.content.formats.base import Json, Malformed, RowFormat
from promptvc.ids import RepoPath
from promptvc.secrets.find import Hit, find, hide_tokens
from promptvc.secrets.finding import SecretFinding
from promptvc.versioning.ropes.chunkrun import ChunkRun


class Readable(Protocol):
    """A file in which something is looked for."""

    @property
    def path(self) -> RepoPath:
        """Where it is."""

    @property
    def format(self) -> RowFormat | None:
        """How its rows are read; None when it has none."""

    def read(self) -> bytes:
        """Its bytes."""

    def chunk_runs(self) -> Sequence[ChunkRun]:
        """Its chunk runs of whole rows."""


def locate(file: Readable, hits: Sequence[Hit], commit: str | None = None) -> list[SecretFinding]:
    """Each hit with the first row, or line, that holds it, in the order of the file."""
    left = {hit.digest: hit for hit in hits}
    found = [*_in_rows(file, file.format, left, commit)] if file.format is not None else []
    if left:  # no table, or one whose bytes are no rows there: a header, a key over many lines
        found += _in_lines(file, left, commit)
    return found


def _in_rows(
    file: Readable, format: RowFormat, left: dict[str, Hit], commit: str | None
) -> Iterator[SecretFinding]:
    number = 0
    for place, chunk_run in enumerate(file.chunk_runs()):
        data = chunk_run.load()
        if not _seen(data, left):
            number += chunk_run.rows if chunk_run.rows is not None else format.count(data, place == 0)
            continue
        for body in format.bodies(data, place == 0):
            number += 1
            for digest in _seen(body, left):
                row = format.parse(body)
                field = None if isinstance(row, Malformed) else field_of(row, digest)
                yield _finding(file, left.pop(digest), commit, row=number, field=field)
        if not left:
            return


def _in_lines(file: Readable, left: dict[str, Hit], commit: str | None) -> Iterator[SecretFinding]:
    data, line, counted = file.read(), 1, 0
    for hit in find(data):
        if hit.digest in left:
            line, counted = line + data.count(b"\n", counted, hit.start), hit.start
            yield _finding(file, left.pop(hit.digest), commit, line=line)
    for hit in left.values():
        yield _finding(file, hit, commit)


def _seen(data: bytes, left: dict[str, Hit]) -> list[str]:
    """Those that these bytes hold, by digest."""
    return [digest for digest in dict.fromkeys(hit.digest for hit in find(data)) if digest in left]


def _finding(
    file: Readable,
    hit: Hit,
    commit: str | None,
    *,
    row: int | None = None,
    field: str | None = None,
    line: int | None = None,
) -> SecretFinding:
    return SecretFinding(
        kind=hit.kind,
        digest=hit.digest,
        path=hide_tokens(file.path),
        row=row,
        field=hide_tokens(field) if field is not None else None,
        line=line,
        commit=commit,
    )


def field_of(value: Json, digest: str) -> str | None:
    """The field that holds a token: ``messages[1].content``; of one that stands in a name, what it belongs to."""
    return next((path for path, text in _texts(value, "") if _holds(text, digest)), None)


def _holds(text: str, digest: str) -> bool:
    return any(hit.digest == digest for hit in find(text.encode("utf-8", "surrogatepass")))


def _texts(value: Json, path: str) -> Iterator[tuple[str, str]]:
    """Every text in a value with its path; names count as text of what they belong to."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            below = f"{path}.{name}" if path else name
            yield below, name
            yield from _texts(item, below)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{path}[{number}]")
