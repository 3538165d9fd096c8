"""Local, derived, disposable: msgpack values with a checksum each. A damaged one reads as absent."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import msgpack
from xxhash import xxh3_128_digest

from promptvc.storage.files import write_atomically

VERSION = 2
_MARK = b"pvcache2"


class Cache:
    """Named values in a folder. Writing never fails the caller: a full or read-only disk means no cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, name: str) -> Any:
        """The value last saved under this name, or None. Only trust its shape after checking it."""
        try:
            data = (self.folder / name).read_bytes()
            if data[:8] != _MARK or xxh3_128_digest(data[24:]) != data[8:24]:
                return None
            version, value = msgpack.unpackb(memoryview(data)[24:], strict_map_key=False)
        except (OSError, ValueError, TypeError, msgpack.UnpackException):
            return None
        return value if version == VERSION else None

    def save(self, name: str, value: Any) -> None:
        """Save a value of msgpack's types."""
        path = self.folder / name
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            data = msgpack.packb([VERSION, value])
            write_atomically(path, b"".join((_MARK, xxh3_128_digest(data), data)))

    def prune(self, group: str, keep: int, limit: int) -> None:
        """Of the values in a sub-folder keep the newest, at most ``keep`` of them and ``limit`` bytes."""
        with contextlib.suppress(OSError):
            entries = [(entry.stat(), entry.path) for entry in os.scandir(self.folder / group)]
            if len(entries) <= keep and sum(stat.st_size for stat, _ in entries) <= limit:
                return
            total = 0
            for place, (stat, path) in enumerate(
                sorted(entries, key=lambda e: e[0].st_mtime_ns, reverse=True)
            ):
                total += stat.st_size
                if place >= keep or total > limit:
                    Path(path).unlink()
