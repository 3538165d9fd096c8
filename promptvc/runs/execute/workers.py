"""Calls in parallel: each answer is in the journal before it counts, however the process ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread

from promptvc.content.runs.request import Calling, Request
from promptvc.content.runs.run import OutputRow
from promptvc.content.runs.spec import RunSpec
from promptvc.runs.execute.retry import Gate, call_with_retry
from promptvc.runs.providers.pricing import priced
from promptvc.runs.providers.registry import Answer, CallFailed, Provider

_LEFT_TO_END = 10.0
"""Seconds for which calls may finish after an interrupt: their answers are paid for."""


@dataclass
class CallProgress:
    """The progress of a run's calls; passed to ``report`` after each call."""

    total: int = 0
    done: int = 0
    failed: int = 0
    retries: int = 0
    cost_usd: float = 0.0


@dataclass(kw_only=True)
class Calls:
    """Makes calls with ``jobs`` threads. ``keep`` stores an answer durably; ``report`` is called after each call.

    Errors are written to rows: ``redact`` removes secrets from them.
    """

    provider: Provider
    calling: Calling
    spec: RunSpec
    keep: Callable[[OutputRow], None]
    jobs: int
    report: Callable[[CallProgress], None]
    redact: Callable[[str], str] = str
    progress: CallProgress = field(default_factory=CallProgress)
    errors: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock, self._stop, self._gate = Lock(), Event(), Gate()
        self._broken: BaseException | None = None

    def make(self, requests: Iterable[Request]) -> dict[str, str]:
        """Make all of these calls; returns the errors by request hash. Raises fatal errors and interrupts."""
        queue: Queue[Request | None] = Queue(maxsize=2 * self.jobs)
        threads = [Thread(target=self._work, args=[queue], daemon=True) for _ in range(self.jobs)]
        for thread in threads:
            thread.start()
        try:
            for request in requests:
                self._put(queue, request)
            for _ in threads:
                self._put(queue, None)
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.1)  # so that an interrupt gets through
        except BaseException:
            self._stop.set()
            self._await(threads)
            raise
        if self._broken is not None:
            raise self._broken
        return self.errors

    def _put(self, queue: Queue[Request | None], item: Request | None) -> None:
        while not self._stop.is_set():
            try:
                return queue.put(item, timeout=0.1)
            except Full:
                continue

    def _await(self, threads: Iterable[Thread]) -> None:
        until = time.monotonic() + _LEFT_TO_END
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self, queue: Queue[Request | None]) -> None:
        while not self._stop.is_set():
            try:
                request = queue.get(timeout=0.1)
            except Empty:
                continue
            if request is None:
                return
            try:
                self._call(request)
            except BaseException as error:  # noqa: BLE001  # a full disk or a bug of ours stops everything
                self._broken = error
                self._stop.set()

    def _call(self, request: Request) -> None:
        started = time.perf_counter()

        def attempt() -> Answer:
            nonlocal started
            started = time.perf_counter()
            return self.provider.call(self.calling, request)

        try:
            answer = call_with_retry(attempt, on_retry=self._retried, stop=self._stop, gate=self._gate)
        except CallFailed as error:
            self._failed(request, error)
            return
        latency = round((time.perf_counter() - started) * 1000, 1)
        row = row_of(request, answer, latency)
        self.keep(row)
        with self._lock:
            self.progress.done += 1
            self.progress.cost_usd += priced(row, self.spec).cost_usd or 0.0
            self.report(self.progress)

    def _failed(self, request: Request, error: CallFailed) -> None:
        with self._lock:
            if self._stop.is_set():
                return  # cancelled, not failed
            self.errors[request.hash] = self.redact(error.message) or "the call failed"
            self.progress.done += 1
            self.progress.failed += 1
            self.report(self.progress)

    def _retried(self, *_: object) -> None:
        with self._lock:
            self.progress.retries += 1
            self.report(self.progress)


def row_of(request: Request, answer: Answer, latency_ms: float | None) -> OutputRow:
    """An answer as an output row, with the cost that the provider gives."""
    return OutputRow(
        example_id=request.example_id,
        sample_index=request.sample_index,
        output=answer.output,
        finish_reason=answer.finish_reason,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        latency_ms=latency_ms,
        cost_usd=answer.cost_usd,
        error=None,
        response_model=answer.response_model,
        request_hash=request.hash,
        tool_calls=answer.tool_calls,
    )
