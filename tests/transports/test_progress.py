"""A server's text, taken apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from promptvc.transports.progress import Listener, Meter
from promptvc.transports.remote import Progress


def listen(*pieces: bytes) -> tuple[list[Progress], list[str]]:
    shown: list[Progress] = []
    listener = Listener(Meter(shown.append), shown.append)
    for piece in pieces:
        listener.feed(piece)
    listener.finish()
    return shown, listener.lines


def test_counts_become_numbers_wherever_the_text_is_cut() -> None:
    shown, lines = listen(
        b"Enumerating objects: 5, done.\nCounting obj",
        b"ects:  50% (2/4)\rCounting objects: 100% (4/4), done.\n",
    )
    assert shown == [
        Progress("enumerating objects", 5),
        Progress("counting objects", 2, 4),
        Progress("counting objects", 4, 4),
    ]
    assert lines == []


def test_other_lines_are_for_people() -> None:
    shown, lines = listen(b"\r\nTotal 3 (delta 0), reused 0\nno pushes on Fridays\n\nbye")
    assert lines == ["no pushes on Fridays", "bye"]
    assert [progress.text for progress in shown] == lines


def test_progress_is_thinned_but_the_first_and_last_of_a_phase_are_told() -> None:
    shown: list[Progress] = []
    meter = Meter(shown.append)
    for number in range(1, 10_001):
        meter.show(Progress("sending", number, 10_000))
    meter.show(Progress("receiving", 7, unit="bytes"))
    meter.show(Progress("receiving", 9, unit="bytes"))
    meter.flush()
    assert len(shown) < 50
    assert (shown[0].done, shown[-3].done) == (1, 10_000)
    assert [progress.done for progress in shown[-2:]] == [7, 9]


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_can_be_heard(pieces: list[bytes]) -> None:
    _, lines = listen(*pieces)
    assert all(line and "\n" not in line and "\r" not in line for line in lines)
