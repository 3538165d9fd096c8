"""When to ask again: exponential backoff with full jitter, Retry-After, and an immediate end when stopped.

Why full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock

from promptvc.runs.providers.answer import Answer, CallFailed

ATTEMPTS = 6
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds: the n-th wait is drawn from 0 to FIRST_WAIT * 2^(n-1), at most LONGEST_WAIT."""
PATIENCE = 600.0
"""Seconds: if a provider asks for a longer wait, the call is not retried."""

Sleep = Callable[[float], object]
OnRetry = Callable[[CallFailed, int, float], None]


class Stopped(CallFailed):
    """The stop event was set: the call was not made, or is not retried."""

    def __init__(self) -> None:
        super().__init__("stopped")


class Gate:
    """A pause that all workers share: if the provider asks one of them to wait, all wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._until = float("-inf")

    def pause(self, seconds: float) -> None:
        """Close the gate for so many seconds from now; a longer pause already under way stays."""
        with self._lock:
            self._until = max(self._until, self._clock() + seconds)

    @property
    def left(self) -> float:
        """The seconds until it opens; 0 if it is open."""
        with self._lock:
            return max(0.0, self._until - self._clock())

    def wait(self, stop: Event, sleep: Sleep) -> None:
        """Wait until it is open, including pauses added meanwhile; raises `Stopped`."""
        while not stop.is_set():
            left = self.left
            if not left:
                return
            sleep(left)
        raise Stopped


def call_with_retry(
    call: Callable[[], Answer],
    *,
    stop: Event,
    attempts: int = ATTEMPTS,
    sleep: Sleep | None = None,
    on_retry: OnRetry | None = None,
    gate: Gate | None = None,
) -> Answer:
    """Call until there is an answer, ``attempts`` times at most; raises the last `CallFailed`.

    Only failures with ``retry`` are retried, after at least ``after`` seconds. Before each wait,
    ``on_retry(failure, attempts made, seconds)`` is called. ``sleep`` is ``stop.wait`` by default, so that setting
    ``stop`` ends a wait at once; it then raises `Stopped`.
    """
    import tenacity  # 20 ms that a run with nothing to call does not need

    rest, way = sleep or stop.wait, gate or Gate()
    draw = tenacity.wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT)

    def attempt() -> Answer:
        way.wait(stop, rest)
        try:
            return call()
        except CallFailed as failure:
            if stop.is_set():
                raise Stopped from failure
            if is_worth_it(failure) and failure.after:
                way.pause(failure.after)
            raise

    def seconds(state: tenacity.RetryCallState) -> float:
        return max(draw(state), _failure(state).after or 0.0)

    def tell(state: tenacity.RetryCallState) -> None:
        if on_retry is not None:
            on_retry(_failure(state), state.attempt_number, state.upcoming_sleep)

    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts),
        wait=seconds,
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, CallFailed) and is_worth_it(error)),
        before_sleep=tell,
        sleep=lambda seconds: (rest(seconds), None)[1],
        reraise=True,
    )
    return retrying(attempt)


def is_worth_it(failure: CallFailed) -> bool:
    """Whether to ask again after this failure."""
    return failure.retry and (failure.after or 0.0) <= PATIENCE


def _failure(state: object) -> CallFailed:
    outcome = getattr(state, "outcome", None)
    error = outcome.exception() if outcome is not None else None
    assert isinstance(error, CallFailed)  # nothing else is retried
    return error
