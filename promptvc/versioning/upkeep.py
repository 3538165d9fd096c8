"""Upkeep of a store: verify it, fold its packs, collect what nothing reaches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from promptvc.errors import ObjectDamaged, ObjectMissing, PromptvcError
from promptvc.ids import ObjectId
from promptvc.storage.objects import SUBMODULE, Kind, parse_commit, parse_tag, parse_tree
from promptvc.storage.packing import PackWriter
from promptvc.storage.packs import PackReader
from promptvc.storage.refs import HEAD, PRIVATE, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.journal import Journal
from promptvc.versioning.operation import read_operations

FOLD_FROM = 24
"""Packs beside which the next write folds the small ones."""
GRACE = 14 * 86400.0
"""Seconds for which what nothing reaches is kept: another process may be about to refer to it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a store, and the object or ref it is wrong with."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Collected:
    """What `collect` did: objects kept and dropped, packs and bytes before and after."""

    kept: int
    dropped: int
    packs_before: int
    bytes_before: int
    bytes_after: int


def verify(
    store: ObjectStore, refs: Refs, *, progress: Callable[[int], None] = lambda _: None
) -> list[Problem]:
    """Read every object that any ref reaches and hash it; gives what is missing, damaged, or badly named."""
    problems: list[Problem] = []
    seen: set[ObjectId] = set()
    found = _reach(store, roots(refs), seen, lambda id, error: problems.append(Problem(id, error.message)))
    for count, id in enumerate(chain(found, _logged(store, refs, seen, problems)), 1):
        progress(count)
        try:
            store.verify_object(id)
        except PromptvcError as error:
            problems.append(Problem(id, error.message))
    for name, id in {**refs.find(), **refs.find(PRIVATE)}.items():
        if not store.contains(id):
            problems.append(Problem(name, f"names {id}, which is missing"))
    return list(dict.fromkeys(problems))


def reachable(store: ObjectStore, tips: Iterable[ObjectId]) -> Iterator[ObjectId]:
    """Every object that the tips lead to, each once; raises `ObjectMissing`."""
    return _reach(store, tips, set(), _stop)


def _stop(id: ObjectId, error: PromptvcError) -> None:
    raise error


def roots(refs: Refs) -> set[ObjectId]:
    """What must be kept: the values of all refs, and those their reflogs remember."""
    names = [HEAD, *refs.find(), *refs.find(PRIVATE)]
    found = {id for name in names if (id := refs.read(name)) is not None}
    logged = {id for name in names for entry in refs.log(name) for id in (entry.before, entry.after) if id}
    return found | logged


def logged_ids(refs: Refs) -> set[ObjectId]:
    """What the operation log names: refs' values, files, merges, before and after each operation."""
    return {id for each in read_operations(Journal(refs.folder).lines()) for id in each.ids}


def _logged(
    store: ObjectStore, refs: Refs, seen: set[ObjectId], problems: list[Problem]
) -> Iterator[ObjectId]:
    """What only the operation log leads to. Git may have dropped some of it, which is no harm to the history."""

    def failed(id: ObjectId, error: PromptvcError) -> None:
        if not isinstance(error, ObjectMissing):
            problems.append(Problem(id, error.message))

    return _reach(store, logged_ids(refs), seen, failed)


def _reach(
    store: ObjectStore,
    tips: Iterable[ObjectId],
    seen: set[ObjectId],
    failed: Callable[[ObjectId, PromptvcError], None],
) -> Iterator[ObjectId]:
    """What tips lead to and was not seen before, which is marked as seen."""
    todo = [tip for tip in set(tips) if tip not in seen]
    seen.update(todo)
    while todo:
        id = todo.pop()
        try:
            new = _links(store, id)
        except (ObjectMissing, ObjectDamaged) as error:
            failed(id, error)
            continue
        yield id
        # Blobs lead nowhere and are most of a store: they are given without being read.
        for child, leaf in new:
            if child not in seen:
                seen.add(child)
                if not leaf:
                    todo.append(child)
                elif store.contains(child):
                    yield child
                else:
                    failed(child, ObjectMissing(child))


def _links(store: ObjectStore, id: ObjectId) -> list[tuple[ObjectId, bool]]:
    """The objects that one leads to, and whether each is a blob."""
    kind, data = store.read(id)
    if kind is Kind.COMMIT:
        commit = parse_commit(data)
        return [(commit.tree, False), *((parent, False) for parent in commit.parents)]
    if kind is Kind.TREE:
        names = [entry.name for entry in parse_tree(data)]
        if len(set(names)) < len(names):
            raise ObjectDamaged(f"tree {id} has two entries of one name", "git fsck tells more")
        return [(entry.id, not entry.is_folder) for entry in parse_tree(data) if entry.mode != SUBMODULE]
    return [(parse_tag(data).target, False)] if kind is Kind.TAG else []


def fold(store: ObjectStore, *, least: int = FOLD_FROM) -> int:
    """Join the small packs once there are many, copying compressed bytes; gives how many were joined.

    Packs are joined from the smallest on while each is less than twice what the smaller ones hold together, so
    that an object is copied a few times in its life however long the history grows. A pack with ``.keep`` stays.
    """
    packs = sorted((p for p in store.packs() if _foldable(store, p)), key=lambda p: p.count)
    if len(packs) < least:
        return 0
    total = 0
    chosen: list[PackReader] = []
    for pack in packs:
        if chosen and pack.count > 2 * total and len(packs) - len(chosen) < least // 2:
            break
        chosen.append(pack)
        total += pack.count
    if len(chosen) > 1:
        _join(store, chosen, lambda raw: True)
    return len(chosen)


def collect(store: ObjectStore, refs: Refs, *, grace: float = GRACE, now: float | None = None) -> Collected:
    """Put everything reachable into one pack and drop the rest, except what is younger than ``grace`` seconds."""
    packs = [pack for pack in store.packs() if _foldable(store, pack)]
    before = sum(_size(pack) for pack in packs)
    seen: set[ObjectId] = set()
    keep = {id.raw for id in _reach(store, roots(refs), seen, _stop)}
    keep |= {id.raw for id in _logged(store, refs, seen, [])}
    oldest = (time.time() if now is None else now) - grace
    young = {pack.path for pack in packs if pack.path.stat().st_mtime > oldest}
    total = {raw for pack in packs for raw in pack.ids()}
    kept = {raw for raw in total if raw in keep} | {raw for p in packs if p.path in young for raw in p.ids()}
    _join(store, packs, kept.__contains__)
    after = sum(_size(pack) for pack in store.packs() if _foldable(store, pack))
    return Collected(len(kept), len(total - kept), len(packs), before, after)


def _join(store: ObjectStore, packs: list[PackReader], wanted: Callable[[bytes], bool]) -> None:
    """Copy the wanted objects of these packs to a new one, make it visible, then remove the packs."""
    with PackWriter(store.pack_folder, lambda raw: False) as writer:
        for pack in packs:
            for raw, _ in pack.entries():
                if wanted(raw):
                    writer.copy(store.stored(ObjectId.from_raw(raw)))
        made = writer.finish()
    for pack in packs:
        if made is None or pack.path != made.with_suffix(".pack"):
            _remove(pack.path)


def _remove(pack: Path) -> None:
    # The index first: without it the pack is not seen, while an index without its pack would be an error.
    for suffix in (".idx", ".pack", ".rev", ".bitmap"):
        with suppress(OSError):
            pack.with_suffix(suffix).unlink()


def _foldable(store: ObjectStore, pack: PackReader) -> bool:
    return pack.path.parent == store.pack_folder and not pack.path.with_suffix(".keep").exists()


def _size(pack: PackReader) -> int:
    return pack.path.stat().st_size
