"""Bytes to and from a git server: over the pipes of a program, or a socket."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from promptvc.errors import TransferFailed
from promptvc.transports.git.intake import Pace

_CHUNK = 256 * 1024
_SAID_LIMIT = 64 * 1024
GRACE = 5.0
"""Seconds a program may take to end by itself; hooks that run after a push are already done by then."""
GRACE_FAILED = 1.0
"""The same after a failure: long enough for an error message."""


class Wire:
    """A two-way connection that reads whenever it waits, so that neither side can block the other.

    Raises `TimeoutError` if nothing moves for ``patience`` seconds (None: no limit), and the usual `OSError` if the
    other side is gone.
    """

    def __init__(
        self,
        source: int,
        sink: int,
        *,
        patience: float | None,
        connection: socket.socket | None = None,
        program: subprocess.Popen[bytes] | None = None,
        grouped: bool = False,
    ) -> None:
        self._source, self._sink = source, sink
        # A program that may ask the user for a password may take forever before its first output.
        self._patience, self._patience_later = (
            (patience, patience) if grouped or connection else (None, patience)
        )
        self._connection, self._program, self._grouped = connection, program, grouped
        self.pace = Pace(patience) if patience is not None else None
        self._errors = program.stderr.fileno() if program and program.stderr else None
        self._pending = bytearray()
        self._said = bytearray()
        self._ended = self._closed = False
        os.set_blocking(sink, False)
        os.set_blocking(source, False)

    @property
    def said(self) -> str:
        """The program's standard error (the last 64 KiB)."""
        return self._said.decode("utf-8", "replace")

    @property
    def exit_code(self) -> int | None:
        """The program's exit code; None for a socket, or while it runs."""
        return self._program.returncode if self._program else None

    def read(self, size: int) -> bytes:
        """Exactly size bytes; fewer only at the end."""
        while len(self._pending) < size and not self._ended:
            self._turn(None)
        with memoryview(self._pending) as view:
            data = bytes(view[:size])
        del self._pending[:size]
        return data

    def readable(self) -> bool:
        """Whether `read` would return at once, even at the end."""
        if not self._pending and not self._ended:
            poll = select.poll()
            poll.register(self._source, select.POLLIN)
            return bool(poll.poll(0))
        return True

    def write(self, data: bytes) -> int:
        """Send all of data."""
        rest = memoryview(data)
        if self.pace:
            self.pace.reset()
        while rest:
            rest = rest[self._turn(rest) :]
        return len(data)

    def close(self, grace: float = GRACE) -> None:
        """Close the connection, and end the program if it has not ended by itself after ``grace`` seconds."""
        if self._closed:
            return
        self._closed = True
        if self._connection:
            self._connection.close()
        if self._program:
            self._end_program(self._program, grace)

    def _turn(self, outgoing: memoryview | None) -> int:
        """Wait until something moves, read and write what is possible; returns the number of bytes sent."""
        poll = select.poll()
        if not self._ended:
            poll.register(self._source, select.POLLIN)
        if self._errors is not None:
            poll.register(self._errors, select.POLLIN)
        if outgoing is not None:
            # A socket is both source and sink, and register() replaces the previous registration.
            both = self._sink == self._source and not self._ended
            poll.register(self._sink, select.POLLOUT | (select.POLLIN if both else 0))
        began = time.monotonic()
        ready = dict(poll.poll(None if self._patience is None else self._patience * 1000))
        if not ready:
            raise TimeoutError(f"no answer for {self._patience:g} seconds")
        if self.pace and self._patience is not None:
            self.pace.passed(time.monotonic() - began, 0)
            self.pace.need_time()
        if self._errors in ready:
            self._take_errors()
        if ready.get(self._source, 0) & ~select.POLLOUT and not self._ended:
            self._take()
        if outgoing is None or not ready.get(self._sink, 0) & ~select.POLLIN:
            return 0
        with suppress(BlockingIOError):
            sent = os.write(self._sink, outgoing[:_CHUNK])
            self._moved(sent)
            return sent
        return 0

    def _moved(self, size: int) -> None:
        if self.pace:
            self.pace.passed(0.0, size)

    def _take(self) -> None:
        with suppress(BlockingIOError):
            data = os.read(self._source, _CHUNK)
            self._pending += data
            self._ended = not data
            self._moved(len(data))
            self._patience = self._patience_later

    def _take_errors(self) -> None:
        if self._errors is None:
            return
        data = os.read(self._errors, _CHUNK)
        if not data:
            self._errors = None
        self._said += data
        del self._said[:-_SAID_LIMIT]

    def _end_program(self, program: subprocess.Popen[bytes], grace: float) -> None:
        for pipe in (program.stdin, program.stdout):
            if pipe:
                pipe.close()
        if not self._wait(program, grace):
            self._signal(program, signal.SIGTERM)
            if not self._wait(program, GRACE_FAILED):
                self._signal(program, signal.SIGKILL)
                program.wait()
        if program.stderr:
            program.stderr.close()

    def _wait(self, program: subprocess.Popen[bytes], seconds: float) -> bool:
        """Wait for the program to end, not for its standard error to close: a shared ssh connection keeps it open."""
        deadline = time.monotonic() + seconds
        while True:
            over = program.poll() is not None
            while self._errors is not None and _is_readable(self._errors, 0 if over else 20):
                self._take_errors()
            if over:
                return True
            if time.monotonic() > deadline:
                return False
            if self._errors is None:
                time.sleep(0.01)

    def _signal(self, program: subprocess.Popen[bytes], number: signal.Signals) -> None:
        if program.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, number) if self._grouped else program.send_signal(number)


def start_program(
    argv: Sequence[str], environment: Mapping[str, str], *, patience: float | None, own_group: bool
) -> Wire:
    """Start a program that speaks git on its standard input and output.

    In its own process group it can be ended with all its children, but cannot ask on the terminal.
    """
    try:
        program = subprocess.Popen(
            argv,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            process_group=0 if own_group else None,
        )
    except OSError as error:
        raise TransferFailed(
            f"{argv[0]} cannot be started: {os.strerror(error.errno or 0)}", f"is {argv[0]} installed?"
        ) from error
    assert program.stdin is not None
    assert program.stdout is not None
    return Wire(
        program.stdout.fileno(), program.stdin.fileno(), patience=patience, program=program, grouped=own_group
    )


def open_socket(host: str, port: int, *, connect_patience: float, patience: float | None) -> Wire:
    """Connect to a server over TCP."""
    connection = socket.create_connection((host, port), timeout=connect_patience)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Wire(connection.fileno(), connection.fileno(), patience=patience, connection=connection)


def _is_readable(handle: int, milliseconds: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(milliseconds))
