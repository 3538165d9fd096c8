"""Undo: take operations back, newest first; all of it is checked before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from msgspec import Struct

from promptvc.errors import Advice, Negative, ObjectMissing, Refused, WorkWouldBeLost
from promptvc.html.render import render
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.session.files.obstructions import check_obstructions
from promptvc.session.files.worktree import Worktree
from promptvc.session.intent import Intents
from promptvc.session.merge.openmerge import not_written
from promptvc.session.sections import read_section, write_section
from promptvc.storage.git import GitConfig
from promptvc.storage.objects import Signature
from promptvc.storage.refs import Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.oplog.operation import Operation, Pair, compose, target_id, without_tracking
from promptvc.versioning.oplog.oplog import OperationLog
from promptvc.versioning.oplog.wayback import REDO, UNDO, choose, name_undo
from promptvc.versioning.tree import FileEntry

WriteState = Callable[[ObjectId | None], None]
"""Brings back the merge under way that a blob holds; None ends it."""


class UndoParts(Struct, frozen=True, kw_only=True):
    """What undoing works on; ``worktree()`` raises `Usage` where there are no working files."""

    log: OperationLog
    store: ObjectStore
    refs: Refs
    who: Callable[[], Signature]
    config: GitConfig
    worktree: Callable[[], Worktree]
    intents: Intents
    state: Callable[[], ObjectId | None]


class Undone(Struct, frozen=True, kw_only=True):
    """What an undo did: the operations taken back, newest first, and what changed, each before and after the undo.

    ``left`` are the remote-tracking refs that the operations moved: they stay, for they say what the remote has, and
    undo moves nothing there. Nothing changed where `is_empty`: the operation had been stopped before its first change,
    or somebody took it back already.
    """

    what: str
    operations: tuple[Operation, ...]
    refs: Mapping[RefName, Pair[ObjectId | None]]
    head: Pair[str] | None
    files: tuple[RepoPath, ...]
    config: Mapping[str, Pair[tuple[str, ...]]]
    state: Pair[ObjectId | None] | None
    left: tuple[RefName, ...] = ()

    @property
    def remote_unchanged(self) -> bool:
        """Whether remote-tracking refs were moved by what was taken back; they stay as they are."""
        return bool(self.left)

    @property
    def is_redo(self) -> bool:
        """Whether what was taken back was itself an undo."""
        return self.what.startswith(REDO)

    @property
    def is_empty(self) -> bool:
        """Whether nothing had to be changed."""
        return not (self.refs or self.head or self.files or self.config or self.state)

    def _repr_html_(self) -> str:
        return render("undone.html", done=self)


def undo(parts: UndoParts, write_state: WriteState, to: int | None = None, *, force: bool = False) -> Undone:
    """Go back to the state before the last operation, or to the one right after the operation ``to``.

    With ``to`` 0, to the one before the first that is remembered. Working files that no operation wrote stay as they
    are, and so do remote-tracking refs. Raises `Negative` where there is nothing to undo, as after a fetch, `Usage` for
    a number that is not known, `Refused` where a ref was moved by something else, `WorkWouldBeLost` for files changed
    since unless ``force`` is given (they are kept then by this operation), `ObjectMissing`; then nothing is changed.
    """
    known = parts.log.operations()
    while known and not known[-1].is_ended and _is_unmade(parts, known[-1]):
        parts.log.withdraw(known.pop().number)
    chosen, target = choose(known, parts.log.first(), to)
    done = compose(without_tracking(each) for each in chosen)
    left = _left_refs(chosen)
    if left and done.is_empty:
        raise _only_learned(known, chosen)
    what = name_undo(chosen, to)
    refs = {name: pair for name, pair in done.refs.items() if _ref_moves(parts, name, pair)}
    head = done.head if done.head and _head_moves(parts, done.head) else None
    files = _files(parts, done, known, chosen, force)
    config = _config(parts.config, done.config)
    wanted = {path: entry for path, entry in files.items() if entry is not None}
    _check_objects(parts.store, refs, head, files, done.state)
    if files:
        check_obstructions(parts.worktree().root, wanted, files.keys() - wanted.keys())
    intended = _intended(done, refs, head, config, target)
    block = parts.intents.block(what, **intended) if files else nullcontext()
    with parts.log.operation(what), block:
        with _stoppable(parts, write_state, done.state):
            if files:
                parts.worktree().write(sorted(files), wanted)
            _move(parts, refs, head, what)
            _configure(parts, config, what)
        parts.log.reached(target)
    moved = {name: (after, before) for name, (before, after) in refs.items()}
    return Undone(
        what=what,
        operations=tuple(reversed(chosen)),
        refs=moved,
        head=(head[1], head[0]) if head else None,
        files=tuple(sorted(files)),
        config={name: (after, before) for name, (before, after) in config.items()},
        state=(done.state[1], done.state[0]) if done.state else None,
        left=left,
    )


def settled(intent: Operation) -> Undone:
    """What to say of an operation that had been stopped, and was settled."""
    return Undone(
        what=f"{UNDO}{intent.what}",
        operations=(intent,),
        refs={},
        head=None,
        files=tuple(sorted(intent.files)),
        config={},
        state=None,
    )


def _intended(
    done: Operation,
    refs: Mapping[RefName, Pair[ObjectId | None]],
    head: Pair[str] | None,
    config: Mapping[str, Pair[tuple[str, ...]]],
    target: int,
) -> dict[str, Any]:
    """What an undo will do, for `Intents.block`: each thing from what it is now to what it was."""
    return {
        "refs": {name: (after, before) for name, (before, after) in refs.items()},
        "head": (head[1], head[0]) if head else None,
        "state": (done.state[1], done.state[0]) if done.state else None,
        "config": {name: (after, before) for name, (before, after) in config.items()},
        "to": target,
    }


# --- what to change, checked ----------------------------------------------------------------------------------


def _is_unmade(parts: UndoParts, operation: Operation) -> bool:
    """Whether an operation that was stopped had not changed anything yet."""
    return (
        all(parts.refs.read(name) == pair[0] for name, pair in operation.refs.items())
        and (operation.head is None or str(parts.refs.head()) == operation.head[0])
        and (operation.state is None or parts.state() == operation.state[0])
        and all(_setting(parts.config, name) == pair[0] for name, pair in operation.config.items())
        and (not operation.files or _lie_before(parts, operation))
    )


def _lie_before(parts: UndoParts, operation: Operation) -> bool:
    here = parts.worktree().at(operation.files)
    return all(here[path] == pair[0] for path, pair in operation.files.items())


def _left_refs(chosen: list[Operation]) -> tuple[RefName, ...]:
    """The remote-tracking refs that the operations moved, and that stay."""
    return tuple(
        sorted({name for each in chosen for name in each.refs.keys() - without_tracking(each).refs.keys()})
    )


def _only_learned(known: list[Operation], chosen: list[Operation]) -> Negative:
    """The error where nothing but remote-tracking refs was moved; the hint goes to what was done before."""
    what = chosen[-1].what if len(chosen) == 1 else "what was done since"
    earlier = [
        each for each in known if each.number < chosen[0].number and not without_tracking(each).is_empty
    ]
    hint = Advice("undo-list")
    if earlier:
        hint = Advice("undo-earlier", number=earlier[-1].number - 1, what=earlier[-1].what)
    return Negative(f"nothing to undo: {what} only learned what the remote has", hint)


def _ref_moves(parts: UndoParts, name: RefName, pair: Pair[ObjectId | None]) -> bool:
    """Whether a ref is to be moved back; raises `Refused` where it is neither here nor there."""
    found = parts.refs.read(name)
    if found not in pair:
        if name.startswith("refs/remotes/"):  # another remote has the name by now
            return False
        raise _moved(name.short, pair[1], found)
    return found != pair[0]


def _head_moves(parts: UndoParts, pair: Pair[str]) -> bool:
    found = str(parts.refs.head())
    if found not in pair:
        raise Refused(
            f"HEAD is not where the operation left it, but on {_short(found)}",
            Advice("switch-back", name=_short(pair[1])),
        )
    return found != pair[0]


def _moved(name: str, expected: ObjectId | None, found: ObjectId | None) -> Refused:
    now = f"is {found.short}" if found else "is gone"
    was = expected.short if expected else "gone"
    hint = Advice("moved-elsewhere")
    return Refused(f"{name} {now}, but the operation left it {'at ' if expected else ''}{was}", hint)


def _files(
    parts: UndoParts, done: Operation, known: list[Operation], chosen: list[Operation], force: bool
) -> dict[RepoPath, FileEntry | None]:
    """The files to write and remove; raises `WorkWouldBeLost` where one holds what no operation left there."""
    if not done.files:
        return {}
    here = parts.worktree().at(done.files)
    todo = {path: pair[0] for path, pair in done.files.items() if here[path] != pair[0]}
    lost = [path for path in todo if here[path] not in (None, *_left(path, known, chosen))]
    if lost and not force:
        shown = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        verb = "has" if len(lost) == 1 else "have"
        raise WorkWouldBeLost(
            f"{shown} {verb} changes made after the operation",
            Advice("overwrite"),
        )
    return todo


def _left(path: RepoPath, known: list[Operation], chosen: list[Operation]) -> list[FileEntry | None]:
    """What may lie at a path and can be had back: what these operations found and left, and the last one of all."""
    last = next((each.files[path][1] for each in reversed(known) if path in each.files), None)
    return [last, *(entry for each in chosen for entry in each.files.get(path, ()))]


def _config(
    config: GitConfig, changes: Mapping[str, Pair[tuple[str, ...]]]
) -> dict[str, Pair[tuple[str, ...]]]:
    """The settings to bring back: those that still are as the operation left them; others are the user's."""
    return {name: pair for name, pair in changes.items() if _setting(config, name) == pair[1]}


def _setting(config: GitConfig, name: str) -> tuple[str, ...]:
    kind, sub, key = _split(name)
    return read_section(config, kind, sub).get(key, ())


def _split(name: str) -> tuple[str, str, str]:
    kind, _, rest = name.partition(".")
    sub, _, key = rest.rpartition(".")
    return kind, sub, key


def _check_objects(
    store: ObjectStore,
    refs: Mapping[RefName, Pair[ObjectId | None]],
    head: Pair[str] | None,
    files: Mapping[RepoPath, FileEntry | None],
    state: Pair[ObjectId | None] | None,
) -> None:
    wanted = [pair[0] for pair in refs.values()] + [entry.id for entry in files.values() if entry]
    wanted += [target_id(head[0])] if head else []
    wanted += [state[0]] if state else []
    for id in wanted:
        if id is not None and not store.contains(id):
            raise ObjectMissing(id)


# --- changing it ----------------------------------------------------------------------------------------------


@contextmanager
def _stoppable(
    parts: UndoParts, write_state: WriteState, state: Pair[ObjectId | None] | None
) -> Iterator[None]:
    """Bring a merge under way back, or end it, after the block; whoever stops in between finds it interrupted."""
    if state is None:
        yield
        return
    target, here = state
    between = not_written(parts.store, target or here)
    parts.log.state(here, between)
    write_state(between)
    yield
    parts.log.state(between, target)
    write_state(target)


def _move(
    parts: UndoParts, refs: Mapping[RefName, Pair[ObjectId | None]], head: Pair[str] | None, what: str
) -> None:
    """Move refs back, then HEAD; refs that were not there go last, unless their name is in the way of another."""
    made = [name for name, pair in refs.items() if pair[0] is not None]
    gone = [name for name in refs if name not in made]
    early = [name for name in gone if any(_in_the_way(name, other) for other in made)]
    for name in (*early, *made):
        parts.refs.move(name, refs[name][1], refs[name][0], parts.who(), what)
    if head is not None:
        commit = target_id(head[0])
        parts.refs.set_head(RefName(head[0]) if commit is None else commit, parts.who(), what)
    for name in gone:
        if name not in early:
            parts.refs.move(name, refs[name][1], None, parts.who(), what)


def _in_the_way(one: str, other: str) -> bool:
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _configure(parts: UndoParts, changes: Mapping[str, Pair[tuple[str, ...]]], what: str) -> None:
    parts.log.config({name: (after, before) for name, (before, after) in changes.items()}, what)
    sections = dict.fromkeys(_split(name)[:2] for name in changes)
    for kind, sub in sections:
        settings = read_section(parts.config, kind, sub)
        for name, (before, _) in changes.items():
            if _split(name)[:2] == (kind, sub):
                settings[_split(name)[2]] = before
        write_section(parts.config, kind, sub, settings)


def _short(head: str) -> str:
    commit = target_id(head)
    return RefName(head).short if commit is None else commit.short
