"""Your own calls, logged as a run: each answer is kept at once, the files are written at the end.

with repo.log_run("support", provider="my-service", model="large-2", prompt="prompts/support.md") as log:
    for ticket in tickets:
        messages = prompt.render(**ticket)
        log.add(ticket["id"], messages=messages, output=ask(messages))
log.result.record.totals
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any

from promptvc.content.formats.base import Json
from promptvc.content.formats.words import plural
from promptvc.content.runs.request import Calling, example_ids, fingerprint
from promptvc.content.runs.run import (
    OutputRow,
    Pin,
    RunRecord,
    Score,
    Totals,
    encode_row,
    output_path,
)
from promptvc.content.runs.spec import need_run_name
from promptvc.errors import Usage
from promptvc.runs.execute.secrets import need_clean, need_no_password
from promptvc.runs.execute.writing import keep, store_run
from promptvc.runs.scoring.kinds import Unscored
from promptvc.runs.scoring.scorers import checked
from promptvc.runs.sources import WorkingSource, pin_of, pinned
from promptvc.secrets.redact import redactor
from promptvc.session.files.contents import source_of
from promptvc.session.transaction.pending import PendingFile
from promptvc.session.workspace.snapshot import table_of

if TYPE_CHECKING:
    from promptvc.content.table.view import Table
    from promptvc.runs.project import Runs

SOURCE = "logged"
"""The ``source`` of a record if some of its rows have no request."""


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """The settings that all calls of a log share. ``inputs`` maps the prompt's variables to fields of examples."""

    name: str
    calling: Calling
    prompt: str | None = None
    examples: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    slices: Sequence[str] = ()
    allow_secrets: bool = False


@dataclass(frozen=True, slots=True)
class Logged:
    """What was written: the record and the rows, in the order of the examples.

    ``unmatched`` are the ids of outputs without an example, ``missing`` those of examples without an output.
    """

    record: RunRecord
    rows: Sequence[OutputRow] = field(repr=False)
    unmatched: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class RunLog:
    """Logs calls as the outputs of a run. Made by `Repo.log_run`; thread-safe.

    At the end of the ``with`` block, outputs and record are written to the working files and replace what was there;
    undo restores it. If the block ends with an exception, the files stay as they were: calls logged with their messages
    are in the call store anyway, and `save` writes what there is at any time.
    """

    def __init__(self, runs: Runs, settings: LogSettings) -> None:
        need_run_name(settings.name)
        need_no_password(settings.calling.base_url)
        self._runs, self._settings, self._lock = runs, settings, Lock()
        self._rows: dict[tuple[str, int], OutputRow] = {}
        self._inputs = _Inputs.take(runs, settings)
        self._started = runs.now()
        self.result: Logged | None = None
        """What was written; None before that."""

    def add(
        self,
        example_id: str,
        *,
        output: str | None = None,
        messages: Sequence[Mapping[str, Json]] | None = None,
        sample_index: int = 0,
        finish_reason: str | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        latency_ms: float | None = None,
        cost_usd: float | None = None,
        error: str | None = None,
        response_model: str | None = None,
        tool_calls: Sequence[Json] | None = None,
        scores: Mapping[str, Score] | None = None,
    ) -> OutputRow:
        """Log one call; returns its row.

        With ``messages``, as they were sent, the request has a fingerprint: its answer is in the call store, and on
        disk, when this returns, so that a run with the same request does not pay again. Without them nothing says what
        was asked, and the whole run counts as recorded. Raises `Usage` for values that a row cannot have, and for a
        second call of the same sample.
        """
        calling = self._settings.calling
        row = OutputRow(
            example_id=_text("example_id", example_id),
            sample_index=sample_index,
            output=output,
            finish_reason=finish_reason,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            latency_ms=latency_ms,
            cost_usd=cost_usd,
            error=redactor(self._runs.environment)(error) if isinstance(error, str) else error,
            response_model=response_model,
            request_hash=None if messages is None else fingerprint(calling, messages, sample_index),
            tool_calls=None if tool_calls is None else list(tool_calls),
            scores={name: _score(name, score) for name, score in (scores or {}).items()},
        )
        _check(row)
        with self._lock:
            if row.place in self._rows:
                raise Usage(
                    f"{example_id} sample {sample_index} is logged already",
                    "sample_index distinguishes several outputs of one example",
                )
            self._rows[row.place] = row
        if row.is_answer:
            self._runs.calls.add(row)
        return row

    def save(self) -> Logged:
        """Write the files with what is logged so far; returns what was written.

        If an answer holds a secret and is in the call store, its row says so instead; raises `SecretFound` for an
        answer that is not there, and for other fields.
        """
        with self._lock:
            logged = list(self._rows.values())
        guard = self._runs.answer_guard(WorkingSource(self._runs.workspace), self._settings.allow_secrets)
        rows = [guard.checked(row) for row in logged]
        ids = self._inputs.example_ids()
        order = {id: number for number, id in enumerate(ids)}
        rows.sort(key=lambda row: (order.get(row.example_id, len(order)), row.sample_index))
        present = {row.example_id for row in rows}
        record = self._write(self._record(rows), rows)
        unmatched = dict.fromkeys(row.example_id for row in rows if row.example_id not in order)
        known = self._inputs.examples is not None
        self.result = Logged(
            record, rows, tuple(unmatched) if known else (), tuple(id for id in ids if id not in present)
        )
        return self.result

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.save()

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"RunLog {self._settings.name}: {plural(len(self), 'call')}"

    # --- writing ------------------------------------------------------------------------------------------

    def _record(self, rows: Sequence[OutputRow]) -> RunRecord:
        settings, calling, totals = self._settings, self._settings.calling, Totals()
        for row in rows:
            totals.add(row)
        recorded = any(row.request_hash is None for row in rows)
        return RunRecord(
            name=settings.name,
            recorded=recorded,
            source=SOURCE if recorded else None,
            prompt=self._inputs.prompt,
            examples=self._inputs.examples,
            example_key=self._inputs.table.key if self._inputs.table is not None else None,
            provider=calling.provider,
            base_url=calling.base_url,
            model=calling.model,
            response_models=totals.response_models,
            params=calling.params,
            tools=calling.tools,
            response_format=calling.response_format,
            samples=max((row.sample_index for row in rows), default=0) + 1,
            inputs=settings.inputs,
            slices=tuple(settings.slices),
            code_commit=self._runs.code_commit(),
            started=self._started,
            ended=self._runs.now(),
            totals=totals.to_value(),
        )

    def _write(self, record: RunRecord, rows: Sequence[OutputRow]) -> RunRecord:
        """Store both files, then put them in place, as one step for undo; returns the record."""
        runs, data = self._runs, b"".join(map(encode_row, rows))
        made = PendingFile.of_bytes(output_path(record.name), data)
        allowed = WorkingSource(runs.workspace).project.allowed_secrets
        need_clean(runs.store, [made], allowed, not self._settings.allow_secrets)
        target, record = store_run(runs.store, runs.contents, record, source_of(data))
        with runs.operation(f"log {self._settings.name}"):
            runs.workspace.worktree.write(list(target), target)
        return record


@dataclass(frozen=True)
class _Inputs:
    """The files that a log is pinned to, as they were when it began, stored."""

    prompt: Pin | None
    examples: Pin | None
    table: Table | None

    @classmethod
    def take(cls, runs: Runs, settings: LogSettings) -> _Inputs:
        """Raises `PathMissing`, `NotATable`."""
        source = WorkingSource(runs.workspace)
        paths = (settings.prompt, settings.examples)
        files = [None if path is None else source.file(path) for path in paths]
        runs.need_clean(files, source, settings.allow_secrets)
        with runs.store.begin() as writer:
            keep(runs.store, runs.contents, writer, files)
            writer.finish()
        prompt, examples = (None if file is None else pin_of(file) for file in files)
        if examples is None:
            return cls(prompt, None, None)

        stored = pinned(runs.store, runs.contents, examples)
        assert stored is not None
        return cls(prompt, examples, table_of(stored, source.project))

    def example_ids(self) -> list[str]:
        """The ids of the examples, in order."""
        return [] if self.table is None else [id for id, _ in example_ids(self.table, self.table.key)]


# --- what a row may hold --------------------------------------------------------------------------------------


def _check(row: OutputRow) -> None:
    if row.output is None and not row.tool_calls and row.error is None:
        raise Usage(
            f"{row.example_id}: neither output nor tool_calls, and no error",
            'error says why there is no output; an empty one is output=""',
        )
    for name in ("output", "finish_reason", "error", "response_model"):
        value = getattr(row, name)
        if value is not None:
            _text(name, value)
    if type(row.sample_index) is not int or row.sample_index < 0:
        raise Usage(f"sample_index={row.sample_index!r} must be a whole number from 0")
    for name in ("input_tokens", "output_tokens"):
        count = getattr(row, name)
        if count is not None and (type(count) is not int or count < 0):
            raise Usage(f"{name}={count!r} must be a whole number from 0")
    for name in ("latency_ms", "cost_usd"):
        number = getattr(row, name)
        if number is not None and not _is_number(number):
            raise Usage(f"{name}={number!r} must be a number from 0")


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    )


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Usage(f"{name}={value!r} must be text")
    return value


def _score(name: str, value: object) -> Score:
    try:
        return checked(value)
    except Unscored as reason:
        raise Usage(f"score {name}: {reason}") from None
