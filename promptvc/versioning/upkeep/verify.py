"""Verification of a store: everything that history needs is there, and is what its name says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from msgspec import Struct

from promptvc.errors import ObjectDamaged, ObjectMissing, PromptvcError, RefDamaged
from promptvc.ids import ObjectId, RefName
from promptvc.storage.packs import PackReader
from promptvc.storage.reflog import damaged_lines
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.forgotten import Finder, load_forgotten
from promptvc.versioning.oplog.journal import Journal
from promptvc.versioning.upkeep.graph import graph_problems
from promptvc.versioning.upkeep.reach import logged_values, reach, reflog_values

GRAPH = "commit-graph"
"""The name of a problem with the commit-graph."""


class Problem(Struct, frozen=True):
    """Something wrong with a store, and the object, ref or file it is wrong with."""

    name: str
    message: str


def verify(
    store: ObjectStore,
    refs: Refs,
    *,
    forgetting: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Problem]:
    """Check packs and indexes, refs and logs, and read every object that they lead to; gives what is wrong.

    What was forgotten and is here is a problem, unless it is being taken out (``forgetting``).
    """
    problems = [
        *_pack_problems(store),
        *ref_problems(store, refs),
        *_log_problems(refs),
        *(() if forgetting else _returned(store, refs)),
    ]
    seen: set[ObjectId] = set()

    known = {problem.message for problem in problems}

    def note(id: ObjectId, error: PromptvcError) -> None:
        if error.message not in known:  # a damaged index is said once, not for each object that may be in it
            problems.append(Problem(id, error.message))

    def note_damage(id: ObjectId, error: PromptvcError) -> None:
        if not isinstance(error, ObjectMissing):
            note(id, error)

    found = chain(
        reach(store, readable(refs).values(), seen, note),
        reach(store, reflog_values(refs), seen, note_damage),
        reach(store, logged_values(refs), seen, note_damage),
    )
    for count, id in enumerate(found, 1):
        progress(count)
        try:
            store.verify_object(id)
        except PromptvcError as error:
            note(id, error)
    if not problems:  # else the damage is elsewhere, and said
        problems += [Problem(GRAPH, message) for message in graph_problems(store)]
    return list(dict.fromkeys(problems))


def readable(refs: Refs) -> dict[RefName, ObjectId]:
    """Every ref that can be read, HEAD and our own among them."""
    found = dict(refs.packed.readable()[0])
    for name in [HEAD, *refs.loose()]:
        try:
            id = refs.read(name)
        except RefDamaged:
            continue
        if id is not None:
            found[name] = id
    return found


def ref_problems(store: ObjectStore, refs: Refs) -> list[Problem]:
    """What is wrong with refs: those that cannot be read, that name nothing that is here, or that are lost."""
    problems = []
    for number in refs.packed.readable()[1]:
        problems.append(Problem("packed-refs", f"{refs.packed.path}: line {number} cannot be read"))
    for name in [HEAD, *refs.loose()]:
        try:
            refs.current() if name == HEAD else refs.read(name)
        except RefDamaged as error:
            if error.file != refs.packed.path:
                problems.append(Problem(name, error.message))
    found = readable(refs)
    problems += [
        Problem(name, f"names {id}, which is missing")
        for name, id in found.items()
        if not _is_here(store, id)
    ]
    broken = {problem.name for problem in problems}
    for name in refs.logs():
        log = refs.log(name)
        if name != HEAD and name not in found and name not in broken and log and log[0].after is not None:
            last = log[0].after.short
            problems.append(
                Problem(name, f"{refs.folder / name}: {name} is gone, but its reflog last had {last}")
            )
    return problems


def _returned(store: ObjectStore, refs: Refs) -> Iterator[Problem]:
    """What was forgotten and came back, by a program that does not know the list."""
    try:
        finder = Finder(store, load_forgotten(store, refs))
        leading = [name for name, id in readable(refs).items() if finder.ids and finder.leads_there(id)]
    except PromptvcError:
        return  # what is missing or damaged is a problem of its own
    for name in leading:
        yield Problem(name, "leads to what was forgotten")
    if finder.ids and not leading:
        yield Problem(
            "forgotten", f"{len(finder.ids)} objects that were forgotten are here, though no ref leads there"
        )


def _is_here(store: ObjectStore, id: ObjectId) -> bool:
    try:
        return store.contains(id)
    except ObjectDamaged:
        return True  # it may be: the damage is a problem of its own


def _pack_problems(store: ObjectStore) -> Iterator[Problem]:
    for error in store.damaged():
        yield Problem(error.message.split(" ", 1)[0].rsplit("/", 1)[-1], error.message)
    for pack in store.packs():
        message = _wrong_with(pack)
        if message:
            yield Problem(pack.path.name, message)


def _wrong_with(pack: PackReader) -> str | None:
    try:
        pack.check()
    except ObjectDamaged as error:
        return error.message
    except FileNotFoundError:
        return f"{pack.path} is missing, but its index is there"
    return None


def _log_problems(refs: Refs) -> Iterator[Problem]:
    for name in refs.logs():
        for number in damaged_lines(refs.log_file(name)):
            yield Problem(f"logs/{name}", f"{refs.log_file(name)}: line {number} cannot be read")
    journal = Journal(refs.folder)
    for number in journal.damaged():
        yield Problem("operations", f"{journal.path}: line {number} cannot be read")
