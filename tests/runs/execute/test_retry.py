"""When a request is made again, with a clock of the tests' own."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Event, Thread

import pytest

from promptvc.runs.execute.retry import FIRST_WAIT, LONGEST_WAIT, PATIENCE, Gate, Stopped, call_with_retry
from promptvc.runs.providers.answer import Answer, CallFailed

BUSY = CallFailed("busy", retry=True)


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Calls:
    """A provider that fails as told, and then answers."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.count = 0

    def __call__(self) -> Answer:
        self.count += 1
        if self._failures:
            raise self._failures.pop(0)
        return Answer(output="yes")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ask(call: Calls, clock: Clock, **options: object) -> Answer:
    options.setdefault("gate", Gate(clock))
    return call_with_retry(call, stop=Event(), sleep=clock.sleep, **options)  # type: ignore[arg-type]


def test_an_answer_is_given_at_once(clock: Clock) -> None:
    assert ask(Calls(), clock).output == "yes"
    assert clock.slept == []


def test_what_may_work_later_is_asked_again(clock: Clock) -> None:
    call, told = Calls(BUSY, BUSY), []
    assert ask(call, clock, on_retry=lambda *what: told.append(what)).output == "yes"
    assert call.count == 3
    assert [(failure.message, made) for failure, made, _ in told] == [("busy", 1), ("busy", 2)]
    assert [seconds for *_, seconds in told] == clock.slept


def test_what_will_not_work_is_asked_once(clock: Clock) -> None:
    call = Calls(CallFailed("no such model"))
    with pytest.raises(CallFailed, match="no such model"):
        ask(call, clock)
    assert (call.count, clock.slept) == (1, [])


def test_a_mistake_of_the_code_is_not_taken_for_a_failed_call(clock: Clock) -> None:
    call = Calls(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        ask(call, clock)
    assert call.count == 1


def test_the_last_failure_is_raised_after_the_last_attempt(clock: Clock) -> None:
    call = Calls(*(CallFailed(f"busy {n}", retry=True) for n in range(9)))
    with pytest.raises(CallFailed, match="busy 3"):
        ask(call, clock, attempts=4)
    assert (call.count, len(clock.slept)) == (4, 3)


def test_waits_are_drawn_below_a_doubling_bound() -> None:
    drawn = []
    for _ in range(200):
        clock = Clock()
        with pytest.raises(CallFailed):
            ask(Calls(*[BUSY] * 12), clock, attempts=12)
        drawn.append(clock.slept)
    for n, waits in enumerate(zip(*drawn, strict=True)):
        bound = min(LONGEST_WAIT, FIRST_WAIT * 2**n)
        assert 0 <= min(waits) <= bound / 4
        assert bound * 3 / 4 <= max(waits) <= bound


@pytest.mark.parametrize("after", [0.5, 90, PATIENCE])
def test_at_least_as_long_as_the_provider_asks(clock: Clock, after: float) -> None:
    assert ask(Calls(CallFailed("slow down", retry=True, after=after)), clock).output == "yes"
    assert clock.now >= after


def test_nobody_waits_for_hours(clock: Clock) -> None:
    gate = Gate(clock)
    with pytest.raises(CallFailed):
        ask(Calls(CallFailed("tomorrow", retry=True, after=PATIENCE + 1)), clock, gate=gate)
    assert clock.slept == []
    assert gate.left == 0


# --- stopping ---------------------------------------------------------------------------------------------


def test_nothing_is_called_once_stopped() -> None:
    stop, call = Event(), Calls()
    stop.set()
    with pytest.raises(Stopped):
        call_with_retry(call, stop=stop)
    assert call.count == 0


def test_stopping_ends_a_wait_at_once() -> None:
    stop, waiting, call = Event(), Event(), Calls(CallFailed("wait", retry=True, after=500))
    raised: list[Exception] = []

    def work() -> None:
        try:
            call_with_retry(call, stop=stop, on_retry=lambda *_: waiting.set())
        except Stopped as error:
            raised.append(error)

    thread = Thread(target=work)
    thread.start()
    assert waiting.wait(30)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert len(raised) == 1
    assert call.count == 1


def test_a_call_that_fails_because_of_the_stop_is_no_failure() -> None:
    stop = Event()

    def call() -> Answer:
        stop.set()
        raise CallFailed("interrupted", retry=True)

    with pytest.raises(Stopped):
        call_with_retry(call, stop=stop)


# --- the gate ---------------------------------------------------------------------------------------------


def paused(clock: Clock, pauses: Iterable[float]) -> Gate:
    gate = Gate(clock)
    for seconds in pauses:
        gate.pause(seconds)
    return gate


def test_an_open_gate_costs_nothing(clock: Clock) -> None:
    Gate(clock).wait(Event(), clock.sleep)
    assert clock.slept == []


def test_the_longest_pause_counts(clock: Clock) -> None:
    gate = paused(clock, [5, 20, 1])
    assert gate.left == 20
    gate.wait(Event(), clock.sleep)
    assert clock.now == 20
    assert gate.left == 0


def test_a_pause_that_grows_meanwhile_is_waited_for_as_well(clock: Clock) -> None:
    gate = paused(clock, [5])

    def sleep(seconds: float) -> None:
        if not clock.slept:
            gate.pause(12)  # another worker was told to
        clock.sleep(seconds)

    gate.wait(Event(), sleep)
    assert clock.slept == [5, 7]


def test_when_one_is_told_to_wait_the_others_wait_too(clock: Clock) -> None:
    gate, first, second = Gate(clock), Calls(CallFailed("slow down", retry=True, after=30)), Calls()
    began: list[float] = []

    def sleep_of_the_first(seconds: float) -> None:
        # Meanwhile the other worker comes to its next request.
        call_with_retry(
            lambda: (began.append(clock.now), second())[1], stop=Event(), sleep=clock.sleep, gate=gate
        )
        clock.now = max(clock.now, seconds)

    call_with_retry(first, stop=Event(), sleep=sleep_of_the_first, gate=gate)
    assert began == [30]
    assert first.count == 2


def test_a_failure_without_a_time_pauses_nobody(clock: Clock) -> None:
    gate = Gate(clock)
    seen: list[float] = []

    def sleep(seconds: float) -> None:
        seen.append(gate.left)
        clock.sleep(seconds)

    call_with_retry(Calls(BUSY), stop=Event(), sleep=sleep, gate=gate)
    assert seen == [0]


def test_a_stop_opens_no_gate(clock: Clock) -> None:
    stop = Event()

    def sleep(seconds: float) -> None:
        clock.slept.append(seconds)
        stop.set()

    with pytest.raises(Stopped):
        paused(clock, [5]).wait(stop, sleep)
    assert clock.slept == [5]
