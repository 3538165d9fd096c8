"""Repairs of a store: what can be put right of what verification finds, each to be asked for and then done."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha1
from pathlib import Path

from msgspec import Struct

from promptvc.errors import ObjectDamaged, ObjectMissing, RefDamaged, TransferFailed
from promptvc.ids import ObjectId, RefName
from promptvc.storage.files import sync_folder, write_durably
from promptvc.storage.ingest import index_pack
from promptvc.storage.packing import index_bytes
from promptvc.storage.reflog import checkout_of, sound_lines
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import follow_tags
from promptvc.versioning.history import History
from promptvc.versioning.oplog.journal import Journal
from promptvc.versioning.upkeep.verify import Problem, readable


class Repair(Struct, frozen=True):
    """One thing to do: what it is about, what would be done in words, and the doing."""

    name: str
    words: str
    do: Callable[[], None]


def repairs(store: ObjectStore, refs: Refs, problems: list[Problem]) -> list[Repair]:
    """What can be put right, in the order in which it must be done; problems for which nothing is known have none."""
    names = {problem.name for problem in problems}
    found = list(_index_repairs(store))
    if "packed-refs" in names:
        found.append(_rewrite_packed(refs))
    good = readable(refs)
    for name in sorted(names - {HEAD}):
        if name.startswith("refs/"):
            repair = _restore(store, refs, RefName(name), good)
            found += [repair] if repair is not None else []
    if HEAD in names and not _is_mended(refs, found):
        found += _restore_head(store, refs, good)
    for name in refs.logs():
        if f"logs/{name}" in names:
            found.append(Repair(f"logs/{name}", "drop the lines that cannot be read", _dropping(refs, name)))
    if "operations" in names:
        found.append(
            Repair("operations", "drop the lines that cannot be read", Journal(refs.folder).drop_damaged)
        )
    return found


def _dropping(refs: Refs, name: RefName) -> Callable[[], None]:
    return lambda: refs.write_log(name, sound_lines(refs.log_file(name)))


# --- refs ---------------------------------------------------------------------------------------------------------


def _restore(store: ObjectStore, refs: Refs, name: RefName, good: dict[RefName, ObjectId]) -> Repair | None:
    """Put a ref back to the last value that is whole: of its reflog, else of a remote-tracking branch of its name."""
    for id, source in _candidates(refs, name, good):
        if _is_whole(store, id):
            words = f"restore {name.short} to {id.short} ({source})"
            return Repair(name, words, partial(refs.force, name, id))
    if name.startswith("refs/remotes/") and (refs.folder / name).is_file():
        return Repair(
            name, f"remove {name.short}; the next fetch brings it", lambda: (refs.folder / name).unlink()
        )
    return None


def _candidates(refs: Refs, name: RefName, good: dict[RefName, ObjectId]) -> Iterator[tuple[ObjectId, str]]:
    for entry in refs.log(name):
        for id in (entry.after, entry.before):
            if id is not None:
                yield id, "its reflog"
    for other, id in good.items():
        parts = other.split("/", 3)
        if parts[:2] == ["refs", "remotes"] and name == f"refs/heads/{parts[-1]}":
            yield id, f"as {other.short} has it"


def _is_whole(store: ObjectStore, id: ObjectId) -> bool:
    """Whether a commit is here with its history."""
    try:
        _, id, _ = follow_tags(store, id)
        return all(store.contains(store.load_commit(each).tree) for each in History(store).ancestors([id]))
    except (ObjectMissing, ObjectDamaged):
        return False


def _is_mended(refs: Refs, found: list[Repair]) -> bool:
    """Whether HEAD is right as soon as the branch that it names is restored."""
    try:
        return refs.head() in {repair.name for repair in found}
    except RefDamaged:
        return False


def _restore_head(store: ObjectStore, refs: Refs, good: dict[RefName, ObjectId]) -> list[Repair]:
    """Put HEAD on the branch that it was on last; where it still names that one, which is gone, make it anew."""
    log, named = refs.log(HEAD), _named(refs)
    value = log[0].after if log else None
    branches = [name for name in good if name.startswith("refs/heads/")]
    moves = filter(None, (checkout_of(entry.reason) for entry in log))
    last = next((RefName(f"refs/heads/{after}") for _, after in moves), None)
    at = [] if last is not None else [name for name in branches if good[name] == value]
    if named not in branches and named == (last or named) and named is not None and not at:
        words = f"make {named.short} anew at {value.short if value else ''} (the reflog of HEAD)"
        known = value is not None and _is_whole(store, value)
        return [Repair(HEAD, words, partial(refs.force, named, value))] if value and known else []
    chosen = next(
        (name for name in [last, *at, *branches[:1]] if name in branches), RefName("refs/heads/main")
    )
    return [Repair(HEAD, f"put HEAD on {chosen.short}", partial(refs.force, HEAD, f"ref: {chosen}"))]


def _named(refs: Refs) -> RefName | None:
    """The branch that HEAD names, whether it is there or not."""
    try:
        found = refs.head()
    except RefDamaged:
        return None
    return found if isinstance(found, RefName) else None


def _rewrite_packed(refs: Refs) -> Repair:
    values = refs.packed.readable()[0]
    words = f"keep the {len(values)} refs of packed-refs that can be read"
    return Repair("packed-refs", words, lambda: refs.packed.rewrite(values))


# --- packs --------------------------------------------------------------------------------------------------------


def _index_repairs(store: ObjectStore) -> Iterator[Repair]:
    """Indexes made anew from the packs beside them, where those are whole."""
    good = {pack.path for pack in store.packs()}
    for pack in sorted(store.pack_folder.glob("pack-*.pack")):
        if pack not in good or not _is_index_of(pack):
            index = pack.with_suffix(".idx")
            yield Repair(index.name, f"make {index.name} anew from its pack", _indexing(store, pack))


def _is_index_of(pack: Path) -> bool:
    """Whether the index beside a pack ends in its own checksum, and before that in the pack's."""
    data = pack.with_suffix(".idx").read_bytes()
    with pack.open("rb") as file:
        file.seek(max(0, pack.stat().st_size - 20))
        end = file.read()
    return data[-40:-20] == end and sha1(data[:-20], usedforsecurity=False).digest() == data[-20:]


def _indexing(store: ObjectStore, pack: Path) -> Callable[[], None]:
    def make() -> None:
        with pack.open("rb") as file:
            try:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    entries, checksum = index_pack(data)
            except (ValueError, TransferFailed) as error:
                raise ObjectDamaged(f"{pack} is damaged too", "restore it from another clone") from error
        write_durably(pack.with_suffix(".idx"), index_bytes(entries, checksum))
        sync_folder(pack.parent)
        store.close()

    return make
