"""Purging: everything of a store that may hold what was forgotten, or leads to it, is dropped at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

from msgspec import Struct

from promptvc.ids import ObjectId
from promptvc.storage.files import disk_errors, sync_folder, write_durably
from promptvc.storage.objects import Signature
from promptvc.storage.reflog import mapped_lines
from promptvc.storage.refs import PRIVATE, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.oplog.oplog import OperationLog
from promptvc.versioning.upkeep.upkeep import collect, prune_loose

INCOMING = f"{PRIVATE}incoming/"
"""Refs below which a remote's branches are brought, to be written again."""
MARKER = "forgetting"
"""The file that says so: see `Marker`."""
_DERIVED = ("chunks", "keys", "arrow", "tmp", "calls/index.*")
"""What is made again where it is wanted."""


class Marker:
    """The file ``forgetting``: that refs moved, and traces are still to be purged; which commit became which."""

    def __init__(self, local: Path) -> None:
        self.path = local / MARKER

    def write(self, commits: Mapping[ObjectId, ObjectId]) -> None:
        """Say so."""
        with disk_errors(self.path):
            write_durably(self.path, json.dumps(dict(commits)).encode())

    def read(self) -> dict[str, str]:
        """Which commit became which; none where it cannot be read."""
        try:
            found = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def drop(self) -> None:
        """Nothing is left to be purged."""
        with suppress(FileNotFoundError):
            self.path.unlink()
            sync_folder(self.path.parent)


class Traces(Struct, frozen=True, kw_only=True):
    """Where traces of what was forgotten may be: ``local`` is the store's folder for what is not versioned."""

    store: ObjectStore
    refs: Refs
    log: OperationLog
    local: Path
    who: Signature
    now: float


def purge(traces: Traces) -> None:
    """Drop what logs and caches remember, and every object that nothing leads to. Done twice, it is done once."""
    marker, refs = Marker(traces.local), traces.refs
    became = marker.read()
    for name in refs.logs():
        refs.write_log(name, mapped_lines(refs.log_file(name), became))
    traces.log.clear()
    _drop_derived(traces.local)
    collect(traces.store, refs, grace=0.0, now=traces.now)
    prune_loose(traces.store, refs)
    _make_durable(traces)
    marker.drop()


def _make_durable(traces: Traces) -> None:
    """A file that was removed may be back after a power failure, unless its folder was synced."""
    objects = traces.store.folder
    below = [objects / "info", objects / "info" / "commit-graphs", traces.store.pack_folder, traces.local]
    below += objects.glob("[0-9a-f][0-9a-f]")
    for top in (traces.refs.folder / "refs", traces.refs.folder / "logs", traces.local / "calls"):
        below += [top, *(path for path in top.rglob("*") if path.is_dir())]
    for folder in (*below, objects, traces.refs.folder):
        if folder.is_dir():
            sync_folder(folder)


def drop_incoming(refs: Refs, who: Signature) -> None:
    """Delete the refs of a remote that were brought to be written again."""
    for name, id in refs.find(INCOMING).items():
        refs.move(name, id, None, who, "forgotten")


def _drop_derived(folder: Path) -> None:
    for path in (found for pattern in _DERIVED for found in folder.glob(pattern)):
        if path.is_dir():
            rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
