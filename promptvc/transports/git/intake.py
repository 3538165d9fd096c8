"""Limits on what a server sends: how much, and how slowly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

from promptvc.errors import TransferFailed
from promptvc.transports.settings import TransportSettings

LEAST_A_SECOND = 10
"""Bytes per second that a server must send or accept, on average over its time limit, to count as alive."""
PUSH_SLACK = 10
"""How many times longer a server with running hooks may send only keep-alives, after it was asked to move refs."""
REF_BYTES, MOST_CHATTER, MOST_MESSAGES = 256, 16 << 20, 100_000
"""Bytes of a listing for each ref; bytes of everything else that a server says, and in how many pieces."""


class Pace:
    """How long a server was waited for; what it sends or accepts meanwhile counts from `LEAST_A_SECOND` on."""

    def __init__(self, patience: float) -> None:
        self.most = self._patience = patience
        self.waited = 0.0
        self._moved = 0

    def slacken(self) -> None:
        """Wait longer for a server that only sends keep-alives."""
        self.most = PUSH_SLACK * self._patience

    def reset(self) -> None:
        """Start over for the next request."""
        self.waited, self._moved = 0.0, 0

    def passed(self, seconds: float, size: int) -> None:
        """Record the seconds waited and the bytes moved."""
        self.waited += seconds
        self._moved += size
        if self._moved >= LEAST_A_SECOND * self._patience:
            self.reset()

    def need_time(self, more: float = 0.0) -> None:
        """Raise `TimeoutError` if the time is up."""
        if self.waited + more > self.most:
            raise TimeoutError(f"no answer for {self._patience:g} seconds")


class Watch:
    """Calls ``abort`` from a thread if one call waits longer than its pace allows, whatever arrives meanwhile."""

    def __init__(self, pace: Pace, abort: Callable[[], None]) -> None:
        self.pace, self.fired = pace, False
        self._abort = abort
        self._since: float | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Watch:
        self._since = time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        since, self._since = self._since, None
        self.pace.passed(time.monotonic() - since if since is not None else 0.0, 0)

    def following(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on chunks to send: each chunk that is taken shows that the server is alive."""
        for chunk in chunks:
            self.pace.reset()
            self._since = time.monotonic()
            yield chunk

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(min(1.0, self.pace.most / 10)):
            since = self._since
            if since is not None and self.pace.waited + time.monotonic() - since > self.pace.most:
                self.fired = True
                self._abort()
                return


class Intake:
    """Counts what one operation receives; raises `TransferFailed` above its limits.

    Until `listed` the server lists its refs: at most two lines each, for an annotated tag. Then comes a pack.
    """

    def __init__(self, where: str, settings: TransportSettings) -> None:
        self._where, self._settings = where, settings
        self._bytes = self._lines = self._pack = self._said = self._messages = 0
        self._listing = True

    def listed(self) -> None:
        """The listing is complete."""
        self._listing = False
        self._bytes = 0

    def read(self, asked: int, got: int) -> None:
        """Count bytes that were requested, and those that came; a request for four is the length of a line."""
        self._bytes += got
        self._lines += asked == 4
        refs = self._settings.most_refs
        if self._listing and (self._lines > 2 * refs + 1000 or self._bytes > REF_BYTES * refs + MOST_CHATTER):
            raise TransferFailed(
                f"{self._where}: the server lists more than {refs:,} refs",
                "if that is right, git config promptvc.maxRefs in the store allows more",
            )
        if not self._listing and self._bytes > self._settings.most_pack * 1.1 + 2 * MOST_CHATTER:
            raise self._too_much("the server does not come to an end")

    def pack(self, size: int) -> None:
        """Count bytes of a pack."""
        self._pack += size
        self._messages += not size  # a keep-alive
        self._need_few_messages()
        if self._pack > self._settings.most_pack:
            raise self._too_much(f"the server sends more than {self._settings.most_pack:,} bytes")

    def said(self, size: int) -> None:
        """Count bytes of messages for people."""
        self._said += size
        self._messages += 1
        self._need_few_messages()

    def _need_few_messages(self) -> None:
        if self._said > MOST_CHATTER or self._messages > MOST_MESSAGES:
            raise TransferFailed(f"{self._where}: the server says too much", "ask whoever keeps it")

    def _too_much(self, what: str) -> TransferFailed:
        return TransferFailed(
            f"{self._where}: {what}", "if that is right, git config promptvc.maxPack in the store allows more"
        )
