"""A TCP proxy on this machine that breaks what goes through it, at a byte that is given."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Direction = Literal["up", "down"]
FaultKind = Literal["cut", "reset", "half", "drop", "stall"]
KINDS: tuple[FaultKind, ...] = ("cut", "reset", "half", "drop", "stall")
_QUIET = 0.05
"""Seconds of silence after which an answer that is swallowed counts as given."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens once ``after`` bytes went in a direction (``up``: to the server) and another one comes.

    - ``cut``: both connections end; ``reset``: the same, by a reset;
    - ``half``: nothing more goes in this direction, and its receiver sees the end; the other direction goes on;
    - ``drop``: what comes in this direction is swallowed; when no more comes both connections end;
    - ``stall``: nothing goes in either direction any more, and nothing ends.

    Connections made afterwards end at once, or with ``heals`` work.
    """

    kind: FaultKind
    direction: Direction
    after: int
    heals: bool = False


class Proxy:
    """Passes on what comes to ``port`` to a server's port. ``passed`` counts bytes by direction, over all connections.

    ``parts`` are the pieces in the order in which they came, as (direction, size).
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.plan(None)
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def plan(self, fault: Fault | None) -> None:
        """Count from zero, and let this happen next."""
        with self._lock:
            self.fault, self.struck = fault, False
            self.passed: dict[Direction, int] = {"up": 0, "down": 0}
            self.parts: list[tuple[Direction, int]] = []

    def settle(self) -> None:
        """Wait until every connection is over."""
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def close(self) -> None:
        """Take no more connections, and wait for those that there are."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.settle()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            if self.struck and self.fault is not None and not self.fault.heals:
                return
            with (
                socket.create_connection(("127.0.0.1", self._target)) as server,
                contextlib.suppress(OSError),
            ):
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    end.settimeout(30)
                self._pump(client, server)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        ways: dict[socket.socket, tuple[Direction, socket.socket]] = {
            client: ("up", server),
            server: ("down", client),
        }
        open = set(ways)
        muted: Direction | None = None
        while open:
            quiet = (
                _QUIET if muted is not None and self.fault is not None and self.fault.kind == "drop" else None
            )
            ready = _readable(list(open), quiet)
            if not ready:
                return
            for source in ready:
                direction, receiver = ways[source]
                data = source.recv(65536)
                if direction != muted:
                    fault = self._pass(direction, data, receiver)
                    if fault is not None and not self._strike(fault, client, server, receiver):
                        return
                    muted = direction if fault is not None else muted
                if not data:
                    open.discard(source)
                    if direction == muted:
                        continue
                    if muted is not None and open:  # what the other says goes nowhere
                        return
                    with contextlib.suppress(OSError):
                        receiver.shutdown(socket.SHUT_WR)

    def _pass(self, direction: Direction, data: bytes, receiver: socket.socket) -> Fault | None:
        """Send data on, up to where the fault is; gives the fault when it was met."""
        with self._lock:
            fault = self.fault if not self.struck else None
            hit = fault is not None and fault.direction == direction
            allowed = fault.after - self.passed[direction] if fault is not None and hit else len(data)
            met = len(data) > allowed
            sent = data[:allowed] if met else data
            self.struck = self.struck or met
            if sent:
                self.passed[direction] += len(sent)
                self.parts.append((direction, len(sent)))
        if sent:
            receiver.sendall(sent)
        return fault if met else None

    def _strike(
        self, fault: Fault, client: socket.socket, server: socket.socket, receiver: socket.socket
    ) -> bool:
        """Do what the fault is; gives whether something still goes on."""
        if fault.kind == "reset":
            for end in (client, server):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault.kind == "half":
            receiver.shutdown(socket.SHUT_WR)
            return True
        elif fault.kind == "stall":
            client.settimeout(None)
            while client.recv(65536):  # until the client has had enough
                pass
        return fault.kind == "drop"


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """A proxy in front of a server's port."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()


def _readable(sockets: list[socket.socket], seconds: float | None) -> list[socket.socket]:
    """Those with something to read; unlike select(2), with any number of files open in the process."""
    with selectors.DefaultSelector() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        return [each for key, _ in selector.select(seconds) if isinstance(each := key.fileobj, socket.socket)]
