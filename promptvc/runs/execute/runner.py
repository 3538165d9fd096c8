"""Runs: look up known answers, ask for missing ones, and write the rows in the order of the examples."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from promptvc.content.runs.request import Request
from promptvc.content.runs.run import (
    NOT_CALLED,
    OutputRow,
    RunRecord,
    Score,
    ScorerPin,
    Totals,
    encode_row,
    output_path,
    read_record,
    record_path,
    stale_row,
)
from promptvc.errors import CallsMissing, RunUnreadable
from promptvc.runs.calls.store import CallStore
from promptvc.runs.execute.kept import KeptRequests
from promptvc.runs.execute.prepared import Prepared
from promptvc.runs.execute.results import Plan, RunResult
from promptvc.runs.execute.secrets import AnswerGuard
from promptvc.runs.execute.workers import CallProgress, Calls
from promptvc.runs.execute.writing import store_run
from promptvc.runs.providers.pricing import priced
from promptvc.runs.sources import RunSource, load_run
from promptvc.session.files.contents import Contents
from promptvc.session.files.contents import Source as Bytes
from promptvc.session.files.worktree import Worktree
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.chunking import file_blocks

if TYPE_CHECKING:
    from promptvc.runs.execute.workers import CallProgress
    from promptvc.runs.providers.registry import Provider
    from promptvc.runs.scoring.scorers import Scorer

_T = TypeVar("_T")
_AT_ONCE = 500
"""Requests that are looked up together."""
_WINDOW = 4000
"""Rows of the present outputs to keep in memory, so that they are found if the order changed a little."""
JOBS = 8


@dataclass(kw_only=True)
class Runner:
    """Runs one prepared run. ``source`` has the present outputs; ``code_commit`` is that of the surrounding repository.

    ``guard`` withholds answers that hold a secret.
    """

    prepared: Prepared
    source: RunSource
    calls: CallStore
    contents: Contents
    store: ObjectStore
    scorers: Sequence[Scorer]
    code_commit: str | None = None
    now: Callable[[], float] = time.time
    guard: AnswerGuard = field(default_factory=AnswerGuard)

    # --- planning -----------------------------------------------------------------------------------------

    def plan(self) -> Plan:
        """What there is to do, without calling or writing anything."""
        self.calls.refresh()
        count = known = characters = answered = tokens = 0
        missing: set[str] = set()
        for request, row, _ in self._looked_up(self.prepared.requests()):
            count += 1
            if row is not None:
                known += 1
                if row.output_tokens is not None:
                    answered, tokens = answered + 1, tokens + row.output_tokens
            elif request.hash not in missing:
                missing.add(request.hash)
                characters += sum(len(str(message.get("content") or "")) for message in request.messages)
        expected = characters / 4 + len(missing) * (tokens / answered if answered else 0)
        return Plan(self.prepared.spec.name, count, known, len(missing), round(expected))

    # --- running ------------------------------------------------------------------------------------------

    def run(
        self,
        provider: Callable[[], Provider],
        worktree: Worktree,
        *,
        jobs: int = JOBS,
        limit: int | None = None,
        offline: bool = False,
        report: Callable[[CallProgress], None] = lambda progress: None,
        operation: Callable[[str], AbstractContextManager[None]] = lambda what: nullcontext(),
    ) -> RunResult:
        """Make the missing calls, at most ``limit``, and write the files if they change.

        Raises `CallsMissing` if ``offline`` and something is missing; then nothing is written. An interrupt leaves the
        files as they were, and keeps every answer received so far in the call store.
        """

        self.calls.refresh()
        started = self.now()
        self._reusable = self._same_scores()
        with TemporaryFile() as out, KeptRequests() as left:
            known, missing = self._look_over(out, left)
            progress, errors = (
                CallProgress(missing if limit is None else min(limit, missing)),
                dict[str, str](),
            )
            if missing and offline:
                raise CallsMissing(self.prepared.spec.name, missing, self.calls.damaged)
            if progress.total:
                with self.calls.exclusive():
                    errors = self._call(left, provider, jobs, report, progress)
                self.calls.refresh()
            if missing:
                self._go_on(out, left, errors)
            with operation(f"run {self.prepared.spec.name}"):
                changed, record = self._write(out, worktree, progress.done > 0, started)
        totals = record.totals
        return RunResult(
            name=self.prepared.spec.name,
            rows=totals["rows"],
            known=known,
            called=progress.done,
            failed=totals["errors"],
            stale=totals["stale"],
            retries=progress.retries,
            cost_usd=progress.cost_usd,
            changed=changed,
            record=record,
            first_error=next(iter(errors.values()), None),
            withheld=self.guard.rows,
            secrets=dict(self.guard.withheld),
        )

    def _call(
        self,
        left: Iterable[Request],
        provider: Callable[[], Provider],
        jobs: int,
        report: Callable[[CallProgress], None],
        progress: CallProgress,
    ) -> dict[str, str]:
        """Make the missing calls; returns the errors by request hash."""
        spec, calling = self.prepared.spec, self.prepared.calling
        self.calls.refresh()  # another process may have made some calls meanwhile
        calls = Calls(
            provider=provider(),
            calling=calling,
            spec=spec,
            keep=self.calls.add,
            jobs=jobs,
            report=report,
            redact=self.guard.redact,
            progress=progress,
        )
        try:
            return calls.make(islice(self._missing(left), progress.total))
        finally:
            calls.provider.close()

    def _look_over(self, out: IO[bytes], left: KeptRequests) -> tuple[int, int]:
        """Write the rows up to the first unknown one, and keep the requests from there on.

        Returns how many are known, and how many requests are not.
        """
        self._totals, self._written = Totals(), 0
        missing: set[bytes] = set()
        known = 0
        for request, row, is_present in self._looked_up(self.prepared.requests()):
            known += row is not None
            if row is None:
                missing.add(bytes.fromhex(request.hash))
            elif not missing:
                self._put(out, request, row, is_present)
            if missing:
                left.add(request)
        return known, len(missing)

    def _go_on(self, out: IO[bytes], left: Iterable[Request], errors: Mapping[str, str]) -> None:
        """Write the remaining rows, known or not."""
        for request, row, is_present in self._looked_up(left, self._written):
            self._put(out, request, row or _unanswered(request, errors.get(request.hash)), is_present)

    def _put(self, out: IO[bytes], request: Request, answer: OutputRow, is_present: bool) -> None:
        row = replace(answer, example_id=request.example_id, sample_index=request.sample_index)
        if not is_present:
            row = self.guard.checked(row)
        if not (self._reusable and is_present and answer.place == request.place):
            row = replace(row, scores=self._score(row, request))
        row = priced(row, self.prepared.spec)
        self._totals.add(row)
        self._written += 1
        out.write(encode_row(row))

    def _missing(self, left: Iterable[Request]) -> Iterator[Request]:
        """The unknown requests, equal ones once."""
        asked: set[bytes] = set()
        for request, row, _ in self._looked_up(left, self._written):
            id = bytes.fromhex(request.hash)
            if row is None and id not in asked:
                asked.add(id)
                yield request

    def _looked_up(
        self, requests: Iterable[Request], skip: int = 0
    ) -> Iterator[tuple[Request, OutputRow | None, bool]]:
        """Each request with its answer, None if it is not known, and whether the answer is in the present outputs.

        Starts after the first ``skip`` requests of the run.
        """
        present = _Present(islice(self._present_rows(), skip, None))
        for batch in _batches(requests, _AT_ONCE):
            here = {request.hash: present.take(request.hash) for request in batch}
            lacking = [hash for hash, row in here.items() if row is None]
            found = self.calls.find(lacking) if lacking else {}
            for request in batch:
                present_row = here[request.hash]
                yield request, present_row or found.get(request.hash), present_row is not None

    def _present_rows(self) -> Iterator[OutputRow]:
        record, path = self._present_record, output_path(self.prepared.spec.name)
        if record is None or path not in self.source.files or record.outputs != self.source.files[path].id:
            return  # none, or edited: known answers are in the call store
        try:
            yield from load_run(self.source, self.prepared.spec.name, self.contents, self.store).rows()
        except RunUnreadable:
            return  # not in a format that we can read; it is rewritten

    # --- scoring ------------------------------------------------------------------------------------------

    def _score(self, row: OutputRow, request: Request) -> dict[str, Score]:
        if row.error is not None:
            return {}
        scores = {scorer.name: scorer.score(row.output, request.row, row) for scorer in self.scorers}
        return {
            name: self.guard.redact(score) if isinstance(score, str) else score
            for name, score in scores.items()
        }

    def _same_scores(self) -> bool:
        """Whether scoring the present rows again would give the same scores: same examples, same scorers."""
        record = self._present_record
        return (
            record is not None
            and not record.recorded
            and record.examples is not None
            and record.examples == self.prepared.examples_pin
            and tuple(record.example_key or ()) == tuple(self.prepared.key or ())
            and record.scorers == self._pins()
        )

    def _pins(self) -> tuple[ScorerPin, ...]:
        return tuple(scorer.pin() for scorer in self.scorers)

    # --- writing ------------------------------------------------------------------------------------------

    def _write(
        self, out: IO[bytes], worktree: Worktree, made_calls: bool, started: float
    ) -> tuple[bool, RunRecord]:
        """Write rows and record to the working files; returns whether anything changed, and the record."""
        name = self.prepared.spec.name
        before = {path: self.source.files.get(path) for path in (output_path(name), record_path(name))}
        out.seek(0)
        after, record = store_run(
            self.store,
            self.contents,
            self._record(made_calls, started),
            Bytes(file_blocks(out.read)),
            like=before[output_path(name)],
            pinned=[self.source.file(self.prepared.spec.prompt), self.prepared.examples_file],
            settled=self._settled,
        )
        changed = [path for path in after if after[path] != before[path]]
        worktree.write(changed, after)
        return bool(changed), record

    def _settled(self, record: RunRecord) -> RunRecord:
        """The present record, if the new one differs only in times."""
        was = self._present_record
        return was if was is not None and was.without_times() == record.without_times() else record

    def _record(self, made_calls: bool, started: float) -> RunRecord:
        was = self._present_record
        times = (started, self.now()) if made_calls else (was.started, was.ended) if was else (None, None)
        return replace(
            self.prepared.record(),
            response_models=self._totals.response_models,
            scorers=self._pins(),
            code_commit=self.code_commit,
            started=times[0],
            ended=times[1],
            totals=self._totals.to_value(),
        )

    @cached_property
    def _present_record(self) -> RunRecord | None:
        path = record_path(self.prepared.spec.name)
        if path not in self.source.files:
            return None
        try:
            return read_record(self.source.file(path).read(), path)
        except RunUnreadable:
            return None


def _unanswered(request: Request, error: str | None) -> OutputRow:
    """The row of a request whose call failed with this error, or was not made."""
    if error is None:
        return stale_row(*request.place, NOT_CALLED, request.hash)
    return OutputRow(
        example_id=request.example_id,
        sample_index=request.sample_index,
        error=error,
        request_hash=request.hash,
    )


class _Present:
    """Takes rows from the present outputs by hash, reading ahead as needed within a limit."""

    def __init__(self, rows: Iterator[OutputRow]) -> None:
        self._rows = rows
        self._held: dict[str, OutputRow] = {}
        self._ahead = 0  # rows read minus rows asked for

    def take(self, hash: str) -> OutputRow | None:
        """The row that answers a request, if it is close to its position in order."""
        self._ahead -= 1
        while hash not in self._held and self._ahead < _WINDOW:
            row = next(self._rows, None)
            if row is None:
                break
            self._ahead += 1
            if row.is_answer and row.request_hash is not None:
                self._held.setdefault(row.request_hash, row)
                if len(self._held) > 2 * _WINDOW:
                    del self._held[next(iter(self._held))]
        return self._held.get(hash)


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
