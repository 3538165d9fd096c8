"""What is reachable: the roots of a store, and every object that they lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from promptvc.errors import ObjectDamaged, ObjectMissing, PromptvcError
from promptvc.ids import ObjectId
from promptvc.storage.refs import PRIVATE, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.links import links
from promptvc.versioning.oplog.journal import Journal
from promptvc.versioning.oplog.operation import read_operations

Failed = Callable[[ObjectId, PromptvcError], None]


def ref_values(refs: Refs) -> set[ObjectId]:
    """The values of all refs, HEAD and our own among them; raises `RefDamaged` where one cannot be read."""
    named = {*refs.find().values(), *refs.find(PRIVATE).values()}
    head = refs.current()
    return named | {head} if head is not None else named


def reflog_values(refs: Refs) -> set[ObjectId]:
    """What reflogs remember, those of refs that are gone too."""
    entries = (entry for name in refs.logs() for entry in refs.log(name))
    return {id for entry in entries for id in (entry.before, entry.after) if id is not None}


def logged_values(refs: Refs) -> set[ObjectId]:
    """What the operation log names: refs' values, files, merges, before and after each operation."""
    return {id for each in read_operations(Journal(refs.folder).lines()) for id in each.ids}


def reach(
    store: ObjectStore, tips: Iterable[ObjectId], seen: set[ObjectId], failed: Failed
) -> Iterator[ObjectId]:
    """What tips lead to and was not seen before, each once; it is then marked as seen.

    ``failed(id, error)`` is called with what is missing or damaged, and may raise.
    """
    todo = [tip for tip in set(tips) if tip not in seen]
    seen.update(todo)
    shallow = store.shallow()
    while todo:
        id = todo.pop()
        try:
            new = links(store, id, shallow)
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
                elif _is_there(store, child, failed):
                    yield child


def stop(id: ObjectId, error: PromptvcError) -> None:
    """A ``failed`` that raises."""
    raise error


def pass_over(id: ObjectId, error: PromptvcError) -> None:
    """A ``failed`` for what only a log remembers: git may have dropped some of it, which is no harm to the history."""
    if not isinstance(error, ObjectMissing):
        raise error


def _is_there(store: ObjectStore, id: ObjectId, failed: Failed) -> bool:
    try:
        if store.contains(id):
            return True
        failed(id, ObjectMissing(id))
    except ObjectDamaged as error:
        failed(id, error)
    return False
