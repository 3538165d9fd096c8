"""The commits whose content was looked at for secrets here, so that a push need not look again."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from promptvc.ids import ObjectId

_FILE = "scanned-1"
"""The number changes when more kinds of secrets are known: then all is looked at once more."""


class ScannedCommits:
    """Ids, a line each, that are only ever added; a line that is lost or torn costs a second look."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def add(self, ids: Iterable[ObjectId]) -> None:
        """Remember commits; where that cannot be written, they are looked at again."""
        lines = "".join(f"\n{id}" for id in ids)
        if lines:
            with suppress(OSError), self._path.open("a") as file:
                file.write(lines)

    def load(self) -> set[str]:
        """The commits that were looked at."""
        try:
            return set(self._path.read_text(errors="replace").split())
        except OSError:
            return set()
