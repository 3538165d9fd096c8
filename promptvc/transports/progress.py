"""A server's messages while it works, as numbers or as lines for people."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from promptvc.patterns import compiled
from promptvc.transports.remote import Progress

Report = Callable[[Progress], None]

_COUNT = compiled(r"(?:remote: )?([A-Z][A-Za-z ]*):\s+(?:\d{1,3}% \((\d{1,18})/(\d{1,18})\)|(\d{1,18}))(.*)")
_CHATTER = compiled(r"Total \d+ \(delta ")
_EVERY = 0.1
_KEPT_LINES = 200
_LONGEST_LINE = 1000
"""Most bytes of a line to show."""


class Meter:
    """Reports progress at most a few times a second; always the first and last of each phase."""

    def __init__(self, report: Report | None) -> None:
        self._report = report
        self._phase, self._next = "", 0.0
        self._held: Progress | None = None

    def show(self, progress: Progress) -> None:
        """Report this, or hold it until more time has passed."""
        if self._report is None:
            return
        now = time.monotonic()
        if progress.phase != self._phase:
            self.flush()
            self._phase, self._next = progress.phase, 0.0
        if now < self._next and progress.done != progress.total:
            self._held = progress
            return
        self._held, self._next = None, now + _EVERY
        self._report(progress)

    def flush(self) -> None:
        """Report what was held back."""
        if self._report is not None and self._held is not None:
            self._report(self._held)
        self._held = None


class Listener:
    """Parses a server's side-band text: counts go to the meter, other lines are kept and shown."""

    def __init__(self, meter: Meter, report: Report | None) -> None:
        self._meter, self._report = meter, report
        self._rest = b""
        self.lines: list[str] = []

    def feed(self, data: bytes) -> None:
        """Add some bytes; lines may be split anywhere, and end in CR or LF."""
        *lines, self._rest = re.split(rb"[\r\n]", self._rest + data)
        self._rest = self._rest[:_LONGEST_LINE]
        for line in lines:
            self._take(line[:_LONGEST_LINE].decode("utf-8", "replace").strip())

    def finish(self) -> None:
        """The text is complete."""
        if self._rest.strip():
            self.feed(b"\n")
        self._meter.flush()

    def _take(self, line: str) -> None:
        match = _COUNT.fullmatch(line)
        if match:
            phase, done, total, only = match.group(1, 2, 3, 4)
            self._meter.show(Progress(phase.lower(), int(done or only), int(total) if total else None))
        elif line and not _CHATTER.match(line) and len(self.lines) < _KEPT_LINES:
            self.lines.append(line)
            if self._report is not None:
                self._report(Progress("remote", text=line))
