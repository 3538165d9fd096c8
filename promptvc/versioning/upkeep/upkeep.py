"""Upkeep of a store: fold its packs, collect what nothing reaches, sweep what dead processes left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from promptvc.errors import PromptvcError
from promptvc.ids import ObjectId
from promptvc.storage.commitgraph.graph import FOLDER
from promptvc.storage.commitgraph.writing import drop_graph
from promptvc.storage.locks import PATIENCE, flocked
from promptvc.storage.packing import PackWriter
from promptvc.storage.packs import PackReader
from promptvc.storage.refs import Refs
from promptvc.storage.scratch import scratch_folder, sweep
from promptvc.storage.store import LOCAL, MANY_PACKS, ObjectStore
from promptvc.versioning.commit import find_commits
from promptvc.versioning.deltas import Bases
from promptvc.versioning.upkeep.deltas import DEEPEST, plan, write
from promptvc.versioning.upkeep.graph import extend_graph, rewrite_graph
from promptvc.versioning.upkeep.reach import logged_values, pass_over, reach, ref_values, reflog_values, stop

GRACE = 14 * 86400.0
"""Seconds for which what nothing reaches is kept: somebody may still want it back."""
LEFT_OVER = 3600.0
"""Age in seconds from which a half-made pack counts as left over."""
_LOOSE = 38
"""Digits of the name of a loose object's file."""
_INDEXES = ("pack/multi-pack-index*",)
_HALF_MADE = ("tmp_pack_*", "tmp_idx_*", "tmp_rev_*", "*.tmp")


class Collected(Struct, frozen=True):
    """What `collect` did: objects kept and dropped, packs and bytes before and after."""

    kept: int
    dropped: int
    packs_before: int
    bytes_before: int
    bytes_after: int


def fold(store: ObjectStore, *, least: int = MANY_PACKS) -> int:
    """Join the small packs once there are many, copying compressed bytes; gives how many were joined.

    Packs are joined from the smallest on while each is less than twice what the smaller ones hold together, so
    that an object is copied a few times in its life however long the history grows. A pack with ``.keep`` stays.
    Where another process does so already, or the disk is full, nothing is done: what was written before is there.
    """
    try:
        if sum(_foldable(store, pack) for pack in store.packs()) < least:
            return 0
        with _maintenance(store, 0.0):
            chosen = _small_packs(store, least)
            if len(chosen) > 1:
                made = _join(store, chosen, lambda raw: True)
                _remove_all(chosen, made)
            return len(chosen)
    except (PromptvcError, OSError):
        return 0


def tidy(store: ObjectStore, refs: Refs) -> None:
    """After many writes: `fold`, and the commit-graph where many commits are missing from it."""
    if fold(store):
        with suppress(PromptvcError, OSError), _maintenance(store, 0.0):
            extend_graph(store, refs, ref_values(refs))


def collect(store: ObjectStore, refs: Refs, *, grace: float = GRACE, now: float | None = None) -> Collected:
    """Put everything reachable into one pack and drop the rest, except what is younger than ``grace`` seconds.

    What an open writer may use is never dropped: only the last step, which looks once more at what refs lead to and
    then removes the old packs, keeps writers waiting. Raises `RefDamaged`, `ObjectMissing`, `ObjectDamaged` where it
    cannot be decided what is reachable, `StoreBusy`; then nothing is dropped.
    """
    with _maintenance(store, PATIENCE):
        _sweep(store, refs.folder, time.time() if now is None else now)
        packs = [pack for pack in store.packs() if _foldable(store, pack)]
        before = sum(_size(pack) for pack in packs)
        seen: set[ObjectId] = set()
        keep = set(_reached(store, refs, seen))
        oldest = (time.time() if now is None else now) - grace
        young = [pack for pack in packs if pack.path.stat().st_mtime > oldest]
        keep |= {id.raw for id in reach(store, _not_blobs(young), seen, pass_over)}
        total = {raw for pack in packs for raw in pack.ids()}
        kept = (total & keep) | {raw for pack in young for raw in pack.ids()}
        tips = [id for id in ref_values(refs) if store.contains(id)]
        made = [
            _join(store, packs, kept.__contains__, plan(store, find_commits(store, tips), kept.__contains__))
        ]
        with store.lease.alone():
            late = (total - kept).intersection(_reached(store, refs, seen))
            if late:
                made.append(_join(store, packs, late.__contains__))
            if total - kept - late:
                drop_graph(store.folder)  # before what it names is gone
            _remove_all(packs, *made)
        rewrite_graph(store, refs, find_commits(store, ref_values(refs)))
        after = sum(_size(pack) for pack in store.packs() if _foldable(store, pack))
    return Collected(len(kept | late), len(total - kept - late), len(packs), before, after)


def prune_loose(store: ObjectStore, refs: Refs) -> int:
    """Drop the loose objects that nothing leads to, and git's own index over packs; gives how many.

    Git makes its index again; without what was dropped, it would not use the old one. The commit-graph has nothing that
    no ref leads to, once `collect` made it.
    """
    loose = [path for path in store.folder.glob("[0-9a-f][0-9a-f]/*") if len(path.name) == _LOOSE]
    keep = set(_reached(store, refs, set())) if loose else set()
    gone = [path for path in loose if bytes.fromhex(path.parent.name + path.name) not in keep]
    for path in gone:
        path.unlink(missing_ok=True)
    for stale in (path for pattern in _INDEXES for path in store.folder.glob(pattern)):
        stale.unlink(missing_ok=True)
    return len(gone)


def _not_blobs(packs: Iterable[PackReader]) -> Iterator[ObjectId]:
    """What leads on to other objects: what is young is no use without them."""
    for pack in packs:
        yield from (ObjectId.from_raw(raw) for raw, offset in pack.entries() if not pack.is_blob(offset))


def _reached(store: ObjectStore, refs: Refs, seen: set[ObjectId]) -> Iterator[bytes]:
    """The 20-byte ids of what must be kept and was not seen before."""
    for tips, failed in (
        (ref_values(refs), stop),
        (reflog_values(refs), pass_over),
        (logged_values(refs), pass_over),
    ):
        yield from (id.raw for id in reach(store, tips, seen, failed))


def _small_packs(store: ObjectStore, least: int) -> list[PackReader]:
    packs = sorted((pack for pack in store.packs() if _foldable(store, pack)), key=lambda pack: pack.count)
    total = 0
    chosen: list[PackReader] = []
    for pack in packs:
        if chosen and pack.count > 2 * total and len(packs) - len(chosen) < least // 2:
            break
        chosen.append(pack)
        total += pack.count
    return chosen


def _join(
    store: ObjectStore, packs: list[PackReader], wanted: Callable[[bytes], bool], bases: Bases | None = None
) -> Path | None:
    """Copy the wanted objects of these packs to a new one and make it visible; gives its index."""
    with PackWriter(store.pack_folder, lambda raw: False) as writer:
        ids = dict.fromkeys(raw for pack in packs for raw, _ in pack.entries() if wanted(raw))
        write(store, writer, map(ObjectId.from_raw, ids), bases or Bases(DEEPEST))
        return writer.finish()


def _remove_all(packs: Iterable[PackReader], *made: Path | None) -> None:
    new = {index.with_suffix(".pack") for index in made if index is not None}
    for pack in packs:
        if pack.path not in new:
            _remove(pack.path)


def _remove(pack: Path) -> None:
    # The index first: without it the pack is not seen, while an index without its pack would be an error.
    with suppress(OSError):
        pack.with_suffix(".idx").unlink(missing_ok=True)
        for suffix in (".pack", ".rev", ".bitmap"):
            with suppress(OSError):
                pack.with_suffix(suffix).unlink()


@contextmanager
def _maintenance(store: ObjectStore, patience: float) -> Iterator[None]:
    """Let one process at a time join packs; raises `StoreBusy`."""
    lock = store.folder.parent / LOCAL / "maintenance"
    with flocked(lock, patience=patience, busy="another process is joining the packs of the store"):
        yield


def _sweep(store: ObjectStore, folder: Path, now: float) -> None:
    """Remove half-made files that nobody works on any more."""
    sweep(scratch_folder(folder))
    places = [*(store.pack_folder.glob(pattern) for pattern in _HALF_MADE), (folder / LOCAL).glob(".*.tmp")]
    places.append((store.folder / FOLDER).glob(".*.tmp"))
    for path in (path for found in places for path in found):
        _remove_old(path, now)
    for pack in store.pack_folder.glob("pack-*.pack"):
        if not pack.with_suffix(".idx").exists() and not pack.with_suffix(".keep").exists():
            _remove_old(pack, now)


def _remove_old(path: Path, now: float) -> None:
    with suppress(OSError):
        if now - path.lstat().st_mtime > LEFT_OVER:
            path.unlink()


def _foldable(store: ObjectStore, pack: PackReader) -> bool:
    return pack.path.parent == store.pack_folder and not pack.path.with_suffix(".keep").exists()


def _size(pack: PackReader) -> int:
    return pack.path.stat().st_size
