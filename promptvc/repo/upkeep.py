"""Verifying a repository, and repairing it."""

from __future__ import annotations

from collections.abc import Callable
from shutil import rmtree
from typing import Literal

from promptvc.content.keys.index import KEYS
from promptvc.content.table.lookup import keys_are_right
from promptvc.errors import Refused
from promptvc.repo.parts import Parts
from promptvc.repo.place import CALLS, FORGETTING, LOCAL
from promptvc.runs.calls.journal import damaged_lines, drop_damaged
from promptvc.storage.commitgraph.writing import drop_graph
from promptvc.versioning.upkeep import repair
from promptvc.versioning.upkeep import verify as objects
from promptvc.versioning.upkeep.repair import Repair
from promptvc.versioning.upkeep.upkeep import GRACE, Collected, collect
from promptvc.versioning.upkeep.verify import GRAPH, Problem


def verify(parts: Parts, progress: Callable[[int], None] = lambda count: None) -> list[Problem]:
    """Check packs, refs, logs, the call journal, and every object that history needs; returns the problems."""
    calls = damaged_lines(parts.path / LOCAL / CALLS)
    lost = [Problem(f"calls/{path.name}", f"{path}: line {n} is damaged") for path, n in calls]
    try:
        parts.merge_state.load()
    except Refused as error:
        lost.append(Problem("merging", error.message))
    forgetting = (parts.path / LOCAL / FORGETTING).exists()
    found = objects.verify(parts.store, parts.refs, forgetting=forgetting, progress=progress)
    return [*found, *lost, *(() if found else _key_problems(parts))]


def _key_problems(parts: Parts) -> list[Problem]:
    """What is kept of keys beside the store, and does not fit the tables of the current branch."""
    head = parts.refs.current()
    if head is None or not (parts.path / LOCAL / KEYS).is_dir():
        return []
    snapshot = parts.snapshot_of(head)
    found = []
    for path in snapshot.tables:
        file, declared = snapshot.file(path), snapshot.project.table(path).key
        format = file.format
        if format is not None and not keys_are_right(
            file.indexes, file.path, format, file.chunk_runs(), declared
        ):
            found.append(Problem(KEYS, f"what is kept of the keys of {path} is not what its rows say"))
    return found


def collect_garbage(parts: Parts, prune: Literal["old", "now"]) -> Collected:
    """Join all packs and drop unneeded objects: see `Repo.gc`."""
    parts.oplog.trim()
    grace = GRACE if prune == "old" else 0.0
    return collect(parts.store, parts.refs, grace=grace, now=parts.surroundings.now())


def repairs(parts: Parts) -> list[Repair]:
    """The possible repairs of what `verify` finds."""
    problems = verify(parts)
    found = repair.repairs(parts.store, parts.refs, problems)
    folder = parts.path / LOCAL / CALLS
    if any(damaged_lines(folder)):
        words = "drop the damaged lines of the call journal, and keep their neighbours"
        found.append(Repair("calls", words, lambda: drop_damaged(folder)))
    if any(problem.name == KEYS for problem in problems):
        words = "drop what is kept of keys, which is worked out again"
        found.append(Repair(KEYS, words, lambda: _drop_keys(parts)))
    if any(problem.name == GRAPH for problem in problems):
        words = "drop the commit-graph, which gc makes again"
        found.append(Repair(GRAPH, words, lambda: drop_graph(parts.store.folder)))
    return found


def _drop_keys(parts: Parts) -> None:
    rmtree(parts.path / LOCAL / KEYS, ignore_errors=True)
    parts.contents.indexes.clear()
