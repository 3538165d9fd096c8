"""The file ``promptvc/trust`` of a store: what was made or approved here, and what is known to come from elsewhere.

It is local, never versioned and never sent. It counts only in the folder in which it was written: it names the
number and the change time of the file ``made-here`` beside it, which no copy and no archive can bring along.

    {"version": 2, "made": [number, time], "revoked": false, "crowded": false, "here": […], "elsewhere": […]}

Release 0.1.0 wrote ``yes`` or ``no``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from promptvc.storage.files import disk_errors, write_durably
from promptvc.storage.locks import flocked
from promptvc.storage.sealed import is_damaged, seal

VERSION = 2
_FILE, _ANCHOR, _LOCK = "trust", "made-here", "trust.lock"
_NOTE = (
    b"promptvc: the file trust beside this one counts as long as this file is the one that was made here.\n"
)
_YES = b"yes\n"
LAST_YES = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
"""Until when a plain ``yes`` of release 0.1.0 can have been written; a folder that comes later has later times."""

State = Literal["made", "revoked", "yes", "unknown"]


class TrustRecord(Struct, frozen=True, kw_only=True):
    """What is known of a store. ``began`` is when it was made here, in nanoseconds, or when the old ``yes`` was said.

    ``crowded`` says that more lay there at the start than was looked through.
    """

    state: State
    began: int = 0
    crowded: bool = False
    here: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()


class TrustFile:
    """The file in ``folder``, the local folder of a store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file, self._anchor = folder / _FILE, folder / _ANCHOR

    def begin(self, elsewhere: Iterable[str] = (), *, crowded: bool = False) -> None:
        """Say that the store is made here, now; these digests came from elsewhere."""
        with disk_errors(self._file):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._anchor.unlink(missing_ok=True)
            write_durably(self._anchor, _NOTE)
            record = TrustRecord(state="made", crowded=crowded, elsewhere=frozenset(elsewhere))
            self._save(record)

    def load(self) -> TrustRecord:
        """What is known; "unknown" where nothing is, or where it was written in another folder."""
        try:
            data = self._file.read_bytes()
        except OSError:
            return TrustRecord(state="unknown")
        if data in (_YES, b"no\n"):
            return self._old(data == _YES)
        try:
            return self._parsed(json.loads(data)) if _is_sound(data) else TrustRecord(state="unknown")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return TrustRecord(state="unknown")

    def change(self, change: Callable[[TrustRecord], TrustRecord]) -> None:
        """Replace what is known; nothing where no store was made here, or where nothing changes."""
        with flocked(self._folder / _LOCK):
            before = self.load()
            after = change(before)
            if after != before and before.state in ("made", "revoked"):
                self._save(after)

    def add(self, here: Iterable[str] = (), elsewhere: Iterable[str] = ()) -> None:
        """Add digests."""
        made, other = frozenset(here), frozenset(elsewhere)
        self.change(lambda known: replace(known, here=known.here | made, elsewhere=known.elsewhere | other))

    def _old(self, said: bool) -> TrustRecord:
        when = self._file.stat().st_ctime_ns
        if not said:
            return TrustRecord(state="revoked")
        return TrustRecord(state="yes", began=when) if when < LAST_YES else TrustRecord(state="unknown")

    def _parsed(self, value: dict[str, Any]) -> TrustRecord:
        info = self._anchor_mark()
        if value["version"] != VERSION or info is None or value["made"] != info:
            return TrustRecord(state="unknown")
        return TrustRecord(
            state="revoked" if value["revoked"] is not False else "made",
            began=info[1],
            crowded=value["crowded"] is not False,
            here=frozenset(value["here"]),
            elsewhere=frozenset(value["elsewhere"]),
        )

    def _save(self, record: TrustRecord) -> None:
        value = {
            "version": VERSION,
            "made": self._anchor_mark(),
            "revoked": record.state == "revoked",
            "crowded": record.crowded,
            "here": sorted(record.here),
            "elsewhere": sorted(record.elsewhere),
        }
        write_durably(self._file, seal(json.dumps(value).encode()) + b"\n")

    def _anchor_mark(self) -> list[int] | None:
        """The number and change time of a file: the system sets both, and no archive brings them along."""
        try:
            info = self._anchor.lstat()
        except OSError:
            return None
        return [info.st_ino, info.st_ctime_ns]


def _is_sound(data: bytes) -> bool:
    return b',"_check":"' in data[-40:] and not is_damaged(data)
