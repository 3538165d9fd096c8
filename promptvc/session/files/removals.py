"""Files put in the place of others; large ones that were replaced are removed beside what follows."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Thread

from promptvc.storage.files import exchange

_LARGE = 8 << 20
"""Bytes from which on the system takes noticeably long to let a file go."""


class Removals:
    """Replaces files; at the end of its block all that were replaced are gone."""

    def __init__(self) -> None:
        self._threads: list[Thread] = []

    def __enter__(self) -> Removals:
        return self

    def __exit__(self, *error: object) -> None:
        for thread in self._threads:
            thread.join()

    def replace(self, new: Path, place: Path) -> None:
        """Put a file in the place of what lies there, so that a reader sees the one or the other."""
        if not _is_large(place) or not exchange(new, place):
            new.replace(place)
            return
        thread = Thread(target=_remove, args=[new])
        self._threads.append(thread)
        thread.start()


def _is_large(place: Path) -> bool:
    try:
        return place.lstat().st_size > _LARGE
    except OSError:
        return False


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
