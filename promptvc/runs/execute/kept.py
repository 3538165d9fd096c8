"""Requests and answers that are read more than once, kept in a temporary file."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO

from promptvc.content.runs.request import Request
from promptvc.content.runs.run import OutputRow

_AT_ONCE = 500
"""Requests that are written and read together; no more than these are in memory."""


class KeptRequests:
    """Requests in the order they were added, rendered and hashed once. A ``with`` block removes the file."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._starts: list[int] = []  # where each batch begins in the file
        self._last: list[Request] = []
        self._is_whole = False

    def add(self, request: Request) -> None:
        """Keep one more request."""
        self._last.append(request)
        if len(self._last) == _AT_ONCE:
            self._write()

    def __iter__(self) -> Iterator[Request]:
        for start in list(self._starts):
            yield from self._read(start)
        yield from list(self._last)

    def through(self, render: Callable[[], Iterable[Request]]) -> Iterator[Request]:
        """What ``render`` gives, kept along the way; read from here next time, if it was read to its end."""
        if self._is_whole:
            yield from self
            return
        self._starts, self._last = [], []
        for request in render():
            self.add(request)
            yield request
        self._is_whole = True

    def _write(self) -> None:
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115  # closed by __exit__
        self._starts.append(self._file.seek(0, 2))
        rows = [(r.example_id, r.sample_index, r.messages, r.hash, r.row) for r in self._last]
        pickle.dump(rows, self._file, pickle.HIGHEST_PROTOCOL)
        self._last = []

    def _read(self, start: int) -> Iterator[Request]:
        assert self._file is not None
        self._file.seek(start)
        return (Request(*row) for row in pickle.load(self._file))

    def __enter__(self) -> KeptRequests:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


class KeptAnswers(Mapping[str, OutputRow]):
    """Answers by request hash: the hashes are in memory, the rows in a file. A ``with`` block removes it."""

    def __init__(self) -> None:
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115  # closed by __exit__
        self._starts: dict[str, int] = {}

    def fill(self, rows: Iterable[OutputRow], wanted: Container[str]) -> None:
        """Keep the answers to wanted requests; of several to one, the first."""
        for row in rows:
            hash = row.request_hash
            if hash is not None and hash in wanted and hash not in self._starts:
                self._starts[hash] = self._file.tell()
                pickle.dump(row, self._file, pickle.HIGHEST_PROTOCOL)

    def __getitem__(self, hash: str) -> OutputRow:
        self._file.seek(self._starts[hash])
        row: OutputRow = pickle.load(self._file)
        return row

    def __contains__(self, hash: object) -> bool:
        return hash in self._starts

    def __iter__(self) -> Iterator[str]:
        return iter(self._starts)

    def __len__(self) -> int:
        return len(self._starts)

    def __enter__(self) -> KeptAnswers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
