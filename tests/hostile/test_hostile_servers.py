"""Servers that never come to an end, or hardly begin."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import promptvc
from promptvc.errors import TransferFailed
from promptvc.ids import ObjectId
from promptvc.transports.git.intake import Intake, Pace
from promptvc.transports.git.remote import GitRemote
from promptvc.transports.settings import TransportSettings
from tests.confined import confined
from tests.hostile.stores import HostileStore
from tests.servers import git_environment

ID = b"1" * 40
ADVERTISED = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n"
RESULT = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\n\r\n"


class Never:
    """A negotiator that has nothing to offer."""

    def next(self) -> ObjectId | None:
        return None

    def ack(self, id: ObjectId) -> None:
        pass


def line(data: bytes) -> bytes:
    return b"%04x" % (len(data) + 4) + data


def repeated(data: bytes) -> Iterator[bytes]:
    block = data * max(1, 60_000 // len(data))
    while True:
        yield block


def refs() -> Iterator[bytes]:
    yield line(b"version 2\n") + line(b"ls-refs\n") + line(b"fetch\n") + b"0000"
    number = 0
    while True:
        yield b"".join(line(ID + b" refs/heads/b%09d\n" % (number + each)) for each in range(1000))
        number += 1000


def listed() -> bytes:
    return (
        line(b"version 2\n")
        + line(b"ls-refs\n")
        + line(b"fetch\n")
        + b"0000"
        + line(ID + b" HEAD symref-target:refs/heads/main\n")
        + line(ID + b" refs/heads/main\n")
        + b"0000"
    )


def packs() -> Iterator[bytes]:
    yield listed() + line(b"packfile\n")
    yield from repeated(line(b"\x01" + b"x" * 60_000))


def chatter() -> Iterator[bytes]:
    yield listed() + line(b"packfile\n")
    yield from repeated(line(b"\x02" + b"remote says so\n"))


def one_long_line() -> Iterator[bytes]:
    yield listed() + line(b"packfile\n")
    yield from repeated(line(b"\x02" + b"x" * 60_000))


def alive() -> Iterator[bytes]:
    yield listed() + line(b"packfile\n")
    yield from repeated(line(b"\x01"))


def drip() -> Iterator[bytes]:
    yield listed() + line(b"packfile\n")
    for letter in itertools.cycle(line(b"\x01")):
        time.sleep(0.2)
        yield bytes([letter])


def drip_listing() -> Iterator[bytes]:
    for letter in line(b"version 2\n" + b"x" * 1000):
        time.sleep(0.1)
        yield bytes([letter])


def silence() -> Iterator[bytes]:
    time.sleep(60)
    yield b""


@contextlib.contextmanager
def serving(answer: Callable[[], Iterator[bytes]]) -> Iterator[int]:
    """A server that answers every connection so, whatever it is asked."""

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.recv(4096)
            for data in answer():
                connection.sendall(data)

    with listening(talk) as port:
        yield port


@contextlib.contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port at which every connection is talked to in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # else the thread would accept on what next has this number
        acceptor.join()
        listener.close()


def fetching(url: str, settings: TransportSettings, written: list[int]) -> Callable[[], None]:
    def fetch() -> None:
        remote = GitRemote(url, settings)
        wanted = [ObjectId(ID.decode())]
        remote.fetch(lambda seen: wanted, Never(), lambda data: written.append(len(data)))

    return fetch


@pytest.fixture
def settings(tmp_path: Path) -> TransportSettings:
    return TransportSettings(
        git_environment(tmp_path / "home"),
        patience=2,
        connect_patience=2,
        most_refs=50_000,
        most_pack=4 << 20,
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refs, "50,000 refs"),
        (packs, "4,194,304 bytes"),
        (chatter, "too much"),
        (one_long_line, "too much"),
        (alive, "too much"),
    ],
)
def test_a_server_without_end_is_left(
    settings: TransportSettings, answer: Callable[[], Iterator[bytes]], words: str
) -> None:
    with serving(answer) as port, pytest.raises(TransferFailed, match=words):
        confined(fetching(f"git://127.0.0.1:{port}/x", settings, []), seconds=60)


@pytest.mark.parametrize("answer", [silence, drip_listing, drip])
def test_a_server_that_hardly_says_anything_is_given_up_in_time(
    settings: TransportSettings, answer: Callable[[], Iterator[bytes]]
) -> None:
    began = time.monotonic()
    with serving(answer) as port, pytest.raises(TransferFailed, match="did not answer in time"):
        fetching(f"git://127.0.0.1:{port}/x", settings, [])()
    assert time.monotonic() - began < 20


def http(
    head: bytes, body: Callable[[], Iterator[bytes]], every: float = 0.0
) -> Callable[[], Iterator[bytes]]:
    def answer() -> Iterator[bytes]:
        yield head + b"\r\n"
        for data in body():
            time.sleep(every)
            yield data

    return answer


def http_listing() -> Iterator[bytes]:
    yield line(b"# service=git-upload-pack\n") + b"0000"
    yield from repeated(line(ID + b" refs/heads/x\n"))


def slow_head() -> Iterator[bytes]:
    for letter in ADVERTISED + b"X-Long: " + b"a" * 1000:
        time.sleep(0.1)
        yield bytes([letter])


def slow_body() -> Iterator[bytes]:
    for letter in line(b"# service=git-upload-pack\n" + b"x" * 1000):
        time.sleep(0.1)
        yield bytes([letter])


def slow_chunk() -> Iterator[bytes]:
    while True:
        time.sleep(0.1)
        yield b"0"


@pytest.mark.parametrize(
    "answer",
    [
        slow_head,
        http(ADVERTISED, slow_body),
        http(ADVERTISED + b"Transfer-Encoding: chunked\r\n", slow_chunk),
        http(ADVERTISED + b"Content-Length: 100000\r\n", slow_body),
    ],
    ids=["headers", "body", "the size of a chunk", "a body of known length"],
)
def test_an_http_server_that_drips_is_given_up_in_time(
    settings: TransportSettings, answer: Callable[[], Iterator[bytes]]
) -> None:
    began = time.monotonic()
    with serving(answer) as port, pytest.raises(TransferFailed, match="did not answer in time"):
        fetching(f"http://127.0.0.1:{port}/x", settings, [])()
    assert time.monotonic() - began < 20


def test_an_http_listing_without_end_is_left(settings: TransportSettings) -> None:
    with serving(http(ADVERTISED, http_listing)) as port, pytest.raises(TransferFailed, match="refs"):
        confined(fetching(f"http://127.0.0.1:{port}/x", settings, []), seconds=60)


def test_the_time_limit_of_open_is_that_of_a_dripping_server(tmp_path: Path) -> None:
    began = time.monotonic()
    with serving(drip_listing) as port, pytest.raises(TransferFailed, match="in time"):
        promptvc.open(f"git://127.0.0.1:{port}/x", timeout=1)
    assert time.monotonic() - began < 20


def test_what_moves_counts_from_ten_bytes_a_second_on() -> None:
    pace = Pace(2)
    for _ in range(100):  # ten seconds, a hundred bytes in each
        pace.passed(0.1, 10)
        pace.need_time()
    for _ in range(19):
        pace.passed(0.1, 0)
    pace.need_time()
    with pytest.raises(TimeoutError):
        for _ in range(5):
            pace.passed(0.1, 1)
            pace.need_time()
    pace.reset()
    pace.slacken()
    pace.passed(19, 0)
    pace.need_time()


def test_more_refs_and_larger_packs_are_settings(tmp_path: Path) -> None:
    store = HostileStore(tmp_path / "project")
    config = store.open().parts.config
    config.set("promptvc.maxRefs", "1m")
    config.set("promptvc.maxPack", "2g")
    found = store.open().parts.sharing._settings("https://example.com/x")
    assert (found.most_refs, found.most_pack) == (1 << 20, 2 << 30)
    intake = Intake("here", found)
    for _ in range(2 << 20):
        intake.read(4, 4)
    intake.listed()
    intake.pack(2 << 30)
    with pytest.raises(TransferFailed, match="2,147,483,648 bytes") as caught:
        intake.pack(1)
    assert "promptvc.maxPack" in str(caught.value.hint)


def test_a_server_cannot_send_us_elsewhere_for_a_pack(settings: TransportSettings) -> None:
    """`packfile-uris` is an answer to a question that is never asked."""
    asked: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(65536):
                asked.append(data.split(b"\r\n")[0])
                if data.startswith(b"GET /x/info"):
                    body = (
                        line(b"# service=git-upload-pack\n")
                        + b"0000"
                        + listed().partition(b"0000")[0]
                        + b"0000"
                    )
                    head = ADVERTISED
                elif b"command=ls-refs" in data:
                    body, head = line(ID + b" refs/heads/main\n") + b"0000", RESULT[:-2]
                else:
                    body = line(b"packfile-uris\n") + line(ID + b" sha1 http://127.0.0.1:9/secret\n")
                    body, head = body + line(b"packfile\n"), RESULT[:-2]
                connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    with listening(talk) as port, pytest.raises(TransferFailed):
        fetching(f"http://127.0.0.1:{port}/x", settings, [])()
    assert not any(b"secret" in each for each in asked)
