"""Where the words of what was forgotten still stand."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from promptvc.ids import ObjectId, RepoPath
from promptvc.session.forget.versions import FileVersions
from promptvc.session.forget.wanted import spellings
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.marker import MARKER_ID


class Quote(Struct, frozen=True):
    """A file in which a text of what was forgotten stands: its path, and the newest commit where it does."""

    path: RepoPath
    commit: ObjectId


def find_quotes(
    store: ObjectStore, versions: FileVersions, texts: frozenset[str], without: set[ObjectId]
) -> list[Quote]:
    """The files that quote one of the texts, once each; blobs that are forgotten are not looked at."""
    patterns = spellings(texts)
    if not patterns:
        return []
    return list(_found(store, versions, patterns, {*without, MARKER_ID}))


def _found(
    store: ObjectStore, versions: FileVersions, patterns: list[bytes], looked_at: set[ObjectId]
) -> Iterator[Quote]:
    for path, entries in sorted(versions.by_path.items()):
        quoted: ObjectId | None = None
        for entry, commit in entries.items():
            for id in versions.blobs(entry):
                if id in looked_at:
                    continue
                looked_at.add(id)
                if quoted is None and any(map(store.read_blob(id).__contains__, patterns)):
                    quoted = commit
        if quoted is not None:
            yield Quote(path, quoted)
