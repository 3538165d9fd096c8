"""Settling an operation on working files that was stopped: finished where it was decided, else taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from promptvc.errors import Interrupted
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.session.files.obstructions import check_obstructions
from promptvc.session.files.worktree import Worktree
from promptvc.session.intent import Direction
from promptvc.session.sections import read_section, write_section
from promptvc.storage.git import GitConfig
from promptvc.storage.objects import Signature
from promptvc.storage.refs import Refs
from promptvc.versioning.oplog.operation import Operation, Pair, target_id
from promptvc.versioning.oplog.oplog import OperationLog
from promptvc.versioning.tree import FileEntry

FINISHED, TAKEN_BACK = "finished", "taken back"


class RecoveryParts(Struct, frozen=True, kw_only=True):
    """What settling works on; ``state`` is the blob of the merge under way, ``write_state`` brings one back."""

    worktree: Worktree
    refs: Refs
    log: OperationLog
    config: GitConfig
    who: Callable[[], Signature]
    state: Callable[[], ObjectId | None]
    write_state: Callable[[ObjectId | None], None]


def settle(parts: RecoveryParts, intent: Operation, direction: Direction, force: bool) -> str:
    """Make everything as it was before, or as it is to be after; gives which of the two, or that nothing was left.

    See `intent.Settle`. Raises `LogDamaged` where neither the intent nor the operation log can be read.
    """
    if intent.number < 0:  # it cannot be read: the operation log knows the same of what was done last
        known = parts.log.operations()
        if not known or known[-1].is_ended:
            return ""
        intent = known[-1]
    here = parts.worktree.at(intent.files)
    forward = direction == "forward" or (direction == "auto" and _is_decided(parts, intent, here))
    wanted = {path: pair[forward] for path, pair in intent.files.items()}
    todo = {path: entry for path, entry in wanted.items() if here[path] != entry}
    strange = sorted(path for path in todo if here[path] not in intent.files[path])
    edited = [path for path in strange if not parts.worktree.is_torn(path, intent.files[path][1])]
    if edited and not force:
        raise Interrupted(intent.what, edited)
    target = {path: entry for path, entry in todo.items() if entry is not None}
    for path in target:
        _remove_empty(parts.worktree.root / path)
    check_obstructions(parts.worktree.root, target, todo.keys() - target.keys())
    parts.worktree.put_back([path for path in todo if path not in strange], target)
    if strange:  # what is in them now is kept; an undo of this brings back nothing else
        with parts.log.operation(f"{FINISHED if forward else TAKEN_BACK}: {intent.what}"):
            parts.worktree.put_back(strange, target, record=True)
    if forward:
        _finish(parts, intent)
        return FINISHED
    _take_back(parts, intent)
    _withdraw(parts.log, intent)
    return TAKEN_BACK


def _remove_empty(place: Path) -> None:
    """Remove folders without a file in them, which may have been made for a file, from where a file was."""
    if place.is_dir() and not place.is_symlink() and all(each.is_dir() for each in place.rglob("*")):
        for folder in sorted(place.rglob("*"), reverse=True):
            folder.rmdir()
        place.rmdir()


def _is_decided(parts: RecoveryParts, intent: Operation, here: Mapping[RepoPath, FileEntry | None]) -> bool:
    """Whether a ref, HEAD or the merge under way is as it is to be; without any of them, whether all files are."""
    marks = [parts.refs.read(name) == pair[1] for name, pair in intent.refs.items() if pair[0] != pair[1]]
    if intent.head is not None and intent.head[0] != intent.head[1]:
        marks.append(str(parts.refs.head()) == intent.head[1])
    if intent.state is not None and intent.state[0] != intent.state[1]:
        marks.append(parts.state() == intent.state[1])
    return any(marks) if marks else all(here[path] == pair[1] for path, pair in intent.files.items())


def _finish(parts: RecoveryParts, intent: Operation) -> None:
    what = intent.what
    for name, (before, after) in _in_order(intent.refs):
        if parts.refs.read(name) == before != after:
            parts.refs.move(name, before, after, parts.who(), what)
    if intent.head is not None and str(parts.refs.head()) == intent.head[0]:
        _set_head(parts, intent.head[1], what)
    for setting, values in intent.config.items():
        _configure(parts.config, setting, *values)
    if intent.state is not None and parts.state() != intent.state[1]:
        parts.write_state(intent.state[1])
    if intent.to is not None:
        parts.log.reached(intent.to)


def _take_back(parts: RecoveryParts, intent: Operation) -> None:
    if intent.head is not None and str(parts.refs.head()) == intent.head[1] != intent.head[0]:
        _set_head(parts, intent.head[0], intent.what)
    for name, (before, after) in intent.refs.items():
        if parts.refs.read(name) == after != before:
            parts.refs.move(name, after, before, parts.who(), intent.what)
    for setting, values in intent.config.items():
        _configure(parts.config, setting, *values[::-1])
    if intent.state is not None and parts.state() != intent.state[0]:
        parts.write_state(intent.state[0])


def _withdraw(log: OperationLog, intent: Operation) -> None:
    """Let the operation of the intent, where it was written down, count as never done; none from before it does."""
    for each in reversed(log.readable()):
        same = not each.files or not intent.files.keys().isdisjoint(each.files)
        if each.number >= intent.number and each.what == intent.what and same:
            log.withdraw(each.number)
            return


def _in_order(refs: Mapping[RefName, Pair[ObjectId | None]]) -> list[tuple[RefName, Pair[ObjectId | None]]]:
    """Refs that go first, for the name of another may need the room."""
    return sorted(refs.items(), key=lambda item: item[1][1] is not None)


def _set_head(parts: RecoveryParts, text: str, what: str) -> None:
    commit = target_id(text)
    parts.refs.set_head(RefName(text) if commit is None else commit, parts.who(), what)


def _configure(config: GitConfig, name: str, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    kind, _, rest = name.partition(".")
    sub, _, key = rest.rpartition(".")
    settings = read_section(config, kind, sub)
    if settings.get(key, ()) == before:
        write_section(config, kind, sub, {**settings, key: after})
