"""What an object leads to: the edges along which histories are walked."""

from __future__ import annotations

from promptvc.errors import ObjectDamaged
from promptvc.ids import ObjectId
from promptvc.storage.objects import SUBMODULE, Kind, parse_commit, parse_tag, parse_tree
from promptvc.storage.store import ObjectStore


def links(
    store: ObjectStore, id: ObjectId, shallow: frozenset[ObjectId] = frozenset()
) -> list[tuple[ObjectId, bool]]:
    """The objects that one leads to, and whether each is a blob; a commit of ``shallow`` has no parents.

    Raises `ObjectMissing`, and `ObjectDamaged` also for a tree with two entries of one name.
    """
    kind, data = store.read(id)
    if kind is Kind.COMMIT:
        commit = parse_commit(data)
        parents = () if id in shallow else commit.parents
        return [(commit.tree, False), *((parent, False) for parent in parents)]
    if kind is Kind.TREE:
        entries = parse_tree(data)
        if len({entry.name for entry in entries}) < len(entries):
            raise ObjectDamaged(f"tree {id} has two entries of one name", "git fsck shows more")
        return [(entry.id, not entry.is_folder) for entry in entries if entry.mode != SUBMODULE]
    return [(parse_tag(data).target, False)] if kind is Kind.TAG else []
