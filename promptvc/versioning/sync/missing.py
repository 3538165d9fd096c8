"""What one side lacks: the commits and objects to send, and whether what was received is whole."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator

from promptvc.errors import Advice, ObjectDamaged, ObjectMissing, TransferFailed
from promptvc.ids import ObjectId, has_hidden, is_reserved
from promptvc.storage.objects import SUBMODULE, Kind, TreeEntry
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import find_commits, follow_tags
from promptvc.versioning.history import History
from promptvc.versioning.ropes.marker import MARKER_NAME

_LONGEST_NAME = 255
"""Bytes of a file name, as file systems have them."""
_DEEPEST = 410
"""Trees in trees that are followed: as many folders as are read, and the levels of a rope."""


def new_commits(history: History, tips: Iterable[ObjectId], known: Iterable[ObjectId]) -> list[ObjectId]:
    """The commits that the tips descend from and the known ones do not, newest first.

    Both sides are walked by date until only known ones are left, so the cost follows the difference. Where clocks are
    wrong, some commits may be given that the known ones do descend from; never is one left out.
    """
    heap: list[tuple[int, ObjectId]] = []
    seen: set[ObjectId] = set()
    hidden = set(known)
    shown: dict[ObjectId, None] = {}
    open_count = 0  # commits in the heap that are not known

    def enqueue(id: ObjectId) -> int:
        if id in seen:
            return 0
        seen.add(id)
        heapq.heappush(heap, (-history.commit(id).committer.time, id))
        return id not in hidden

    open_count += sum([enqueue(id) for id in [*hidden, *tips]])
    while open_count:
        _, id = heapq.heappop(heap)
        if id not in hidden:
            shown[id] = None
            open_count -= 1
            open_count += sum([enqueue(parent) for parent in history.parents(id)])
            continue
        for parent in history.parents(id):
            if parent in hidden:
                enqueue(parent)
            elif parent in shown:  # taken for new too early: a clock was wrong; walk it again as known
                hidden.add(parent)
                seen.discard(parent)
                enqueue(parent)
            else:
                open_count -= parent in seen
                hidden.add(parent)
                enqueue(parent)
    return [id for id in shown if id not in hidden]


def objects_to_send(
    store: ObjectStore, wanted: Iterable[ObjectId], there: Iterable[ObjectId], near: Iterable[ObjectId] = ()
) -> list[ObjectId]:
    """The objects that the wanted ones need and a remote lacks that has those which are ``there``.

    ``near`` are commits which the remote has and whose content is likely to be much the same; a rewritten history is
    compared with them.
    """
    found: dict[ObjectId, None] = {}
    history = History(store)
    have = set(there)
    tips = []
    for id in wanted:
        tags, target, kind = follow_tags(store, id)
        found.update(dict.fromkeys(tag for tag in tags if tag not in have))
        if kind is Kind.COMMIT:
            tips.append(target)
        else:
            found.update(_new_content(store, target, (), found) if kind is Kind.TREE else {target: None})
    commits = new_commits(history, tips, find_commits(store, have))
    found.update(dict.fromkeys(commits))
    nearby = [history.commit(id).tree for id in find_commits(store, near)]
    fresh = set(commits)
    for id in reversed(commits):
        commit = history.commit(id)
        parents = [parent for parent in commit.parents if store.contains(parent)]
        before = [history.commit(parent).tree for parent in parents]
        if not fresh.issuperset(parents) or not parents:
            before += nearby
        found.update(_new_content(store, commit.tree, before, found))
    return list(found)


def unreached(store: ObjectStore, targets: Iterable[ObjectId], known: Iterable[ObjectId]) -> set[ObjectId]:
    """Those of the targets that the known commits do not lead to."""
    ours = set(known)
    rest = {id for id in targets if id not in ours}
    if not rest:
        return set()
    new = set(new_commits(History(store), find_commits(store, rest), find_commits(store, ours)))
    return {id for id in rest if not new.isdisjoint(find_commits(store, [id]))}


def check_received(
    store: ObjectStore, tips: Iterable[ObjectId], known: Iterable[ObjectId], received: Collection[ObjectId]
) -> None:
    """Raise `TransferFailed` unless everything that the tips need is in the store, and safe to check out.

    ``known`` are commits whose history is whole; ``received`` are objects known to be there.
    """
    ours = set(known)
    new = [id for id in dict.fromkeys(tips) if id not in ours]
    try:
        if new:
            _check_whole(store, new, ours, frozenset(received))
    except (ObjectMissing, ObjectDamaged) as error:
        raise TransferFailed(
            f"the received history is incomplete: {error}", "nothing was changed; try again"
        ) from error


def _check_whole(
    store: ObjectStore, tips: Iterable[ObjectId], known: Iterable[ObjectId], received: frozenset[ObjectId]
) -> None:
    history = History(store)
    targets = [follow_tags(store, id) for id in tips]
    heads = [target for _, target, kind in targets if kind is Kind.COMMIT]
    commits = new_commits(history, heads, find_commits(store, known))
    checked: dict[ObjectId, None] = {}
    for id in reversed(commits):
        commit = history.commit(id)
        before = [
            history.commit(parent).tree for parent in commit.parents
        ]  # raises where a parent is missing
        content = _new_content(store, commit.tree, before, checked, inspect=_refuse_unsafe_names)
        for part in content:
            if part not in received and not store.contains(part):
                raise ObjectMissing(part)
        checked.update(content)


def _new_content(
    store: ObjectStore,
    tree: ObjectId,
    before: Iterable[ObjectId],
    seen: Collection[ObjectId],
    inspect: Callable[[TreeEntry], None] = lambda entry: None,
) -> dict[ObjectId, None]:
    """The trees and blobs that a tree has and the ones before do not.

    Both sides go down level by level, all changed trees of a level at once: thus a moved file, and a chunk of a rope
    that another one pushed aside, is found again though its name is another. Equal subtrees are never loaded.
    """
    olds = set(before)
    if tree in olds or tree in seen:
        return {}
    fresh: dict[ObjectId, None] = {tree: None}
    had: set[ObjectId] = set(olds)
    news = [tree]
    depth = 0
    while news:
        depth += 1
        if depth > _DEEPEST:
            raise ObjectDamaged(f"tree {tree} is more than {_DEEPEST} folders deep", Advice("fsck"))
        old_entries = list(_entries(store, olds))
        had.update(entry.id for entry in old_entries)
        new_entries = list(_entries(store, [id for id in news if id not in had]))
        for entry in new_entries:
            inspect(entry)
        changed = {e.id: e for e in new_entries if e.id not in had and e.id not in seen and e.id not in fresh}
        fresh.update(dict.fromkeys(changed))
        news = [entry.id for entry in changed.values() if entry.is_folder]
        kept, names = {entry.id for entry in new_entries}, {entry.name for entry in changed.values()}
        olds = {e.id for e in old_entries if e.is_folder and (e.id not in kept or e.name in names)}
    return {id: None for id in fresh if id not in had}


def _entries(store: ObjectStore, trees: Iterable[ObjectId]) -> Iterator[TreeEntry]:
    for tree in trees:
        yield from (entry for entry in store.load_tree(tree) if entry.mode != SUBMODULE)


def _refuse_unsafe_names(entry: TreeEntry) -> None:
    """Refuse names that would lead out of the folder where files are checked out, or into a store (as git's fsck).

    So too those with characters that no commit takes: they would only block the next one.
    """
    name = entry.name
    astray = name in ("", ".", "..") or "/" in name or (is_reserved(name) and name != MARKER_NAME)
    if astray or has_hidden(name):
        raise TransferFailed(
            f"the received history holds a file named {entry.name!r}",
            "it may be an attack; nothing was changed",
        )
    size = len(entry.name.encode("utf-8", "surrogateescape"))
    if size > _LONGEST_NAME or any("\udc80" <= letter <= "\udcff" for letter in entry.name):
        raise TransferFailed(
            f"the received history holds a file name that is {'too long' if size > _LONGEST_NAME else 'not UTF-8'}:"
            f" {entry.name[:40]!a}",
            "no working file can have it; nothing was changed",
        )
