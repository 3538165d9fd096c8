"""Pushing to a remote: objects first, then its refs, by compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from promptvc.errors import Advice, InvalidName, NotFastForward, PushRejected, RefMoved, Usage
from promptvc.ids import ObjectId, RefName
from promptvc.storage.objects import Signature
from promptvc.storage.packs import PackedObject
from promptvc.storage.refs import Refs
from promptvc.storage.store import ObjectStore
from promptvc.transports.remote import PackStream, Remote, RemoteRefs, Update
from promptvc.versioning.deltas import Bases, shorter
from promptvc.versioning.forgotten import APPLIED, FORGOTTEN, Finder, load_forgotten, read_forgotten
from promptvc.versioning.history import History
from promptvc.versioning.sync.missing import objects_to_send
from promptvc.versioning.sync.refchange import Outcome, RefChange
from promptvc.versioning.sync.refspec import Refspec, local_name
from promptvc.versioning.sync.thin import thin_bases

Inspect = Callable[[Set[ObjectId], Set[ObjectId]], None]
"""Looks at what is to be sent: (what the remote has, what it is to have)."""


@dataclass(frozen=True, slots=True)
class Send:
    """A ref of the remote and what it shall become; without ``id``, it is deleted.

    ``force`` allows what is no fast-forward. With ``lease``, only if the remote's ref is still what it was at the
    last fetch; ``expected`` is that value where no remote-tracking ref says it. ``here`` is our ref that is sent.
    """

    there: RefName
    id: ObjectId | None
    force: bool = False
    lease: bool = False
    expected: ObjectId | None = None
    here: RefName | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.there.short


@dataclass(frozen=True, slots=True)
class Removal:
    """A branch or tag of the remote that is to be deleted, by its short name, or by its full one: ``refs/tags/v1``.

    Which of them is meant only the remote's listing says. ``lease`` is that of `Send`.
    """

    name: str
    lease: bool = False


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push did: all refs asked for, objects and bytes sent, and what the server said to people."""

    changes: tuple[RefChange, ...]
    objects: int = 0
    size: int = 0
    messages: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[RefChange, ...]:
        """The refs that the remote did not move."""
        return tuple(change for change in self.changes if change.outcome == "refused")


class ListUnknown(Exception):
    """The remote has a list of what was forgotten that is not here yet: fetch it, and push again."""


@dataclass(slots=True)
class _Push:
    """A push under way; ``seen`` is what the remote listed."""

    store: ObjectStore
    refs: Refs
    remote: Remote
    who: Signature
    specs: Sequence[Refspec]
    asked: Sequence[Send | Removal]
    history: History
    sends: Sequence[Send] = ()
    seen: Mapping[RefName, ObjectId] = field(default_factory=dict)
    outcomes: dict[RefName, Outcome] = field(default_factory=dict)
    objects: int = 0
    size: int = 0
    inspect: Inspect = lambda have, want: None


def push(
    store: ObjectStore,
    refs: Refs,
    remote: Remote,
    sends: Sequence[Send | Removal],
    who: Signature,
    *,
    refspecs: Sequence[Refspec] = (),
    atomic: bool = False,
    inspect: Inspect = lambda have, want: None,
) -> PushResult:
    """Make refs of the remote what we say, sending the objects it lacks.

    ``refspecs`` are those of fetching: they tell which of our refs follow the remote's; those are moved along. Raises
    `NotFastForward`, before anything is sent, when one of the updates would drop commits of the remote and is not
    forced, `PushRejected` when one is to be deleted that the remote has not, and `Usage` when it has a branch and a tag
    of that name, `PushRejected` also for what leads to something forgotten, and `ListUnknown`. ``inspect`` is called
    before anything is sent, and may raise. What the remote itself refuses is reported ref by ref in the result.
    ``who`` stands in the reflogs.
    """
    work = _Push(store, refs, remote, who, refspecs, sends, History(store), inspect=inspect)
    status = remote.send(
        lambda seen: _updates(work, seen),
        lambda have, want: _pack(work, have, want),
        atomic=atomic,
    )
    changes = tuple(_finish(work, send, status[send.there]) for send in work.sends)
    return PushResult(changes, work.objects, work.size, tuple(remote.messages))


def _updates(work: _Push, seen: RemoteRefs) -> dict[RefName, Update]:
    work.seen = seen.refs
    work.sends = [_found(work, asked) for asked in work.asked]
    _check_forgotten(work)
    for send in work.sends:
        work.outcomes[send.there] = _judge(work, send, seen.refs.get(send.there))
    return {send.there: (seen.refs.get(send.there), send.id) for send in work.sends}


def _check_forgotten(work: _Push) -> None:
    """Raise `PushRejected` where a ref leads to what was forgotten, here or there, `ListUnknown` for a new list."""
    tip = work.seen.get(FORGOTTEN)
    if tip is not None and not work.store.contains(tip):
        raise ListUnknown
    if work.refs.read(FORGOTTEN) != work.refs.read(APPLIED):
        raise PushRejected("what was forgotten elsewhere may still be here", Advice("forget-here"))
    known = load_forgotten(work.store, work.refs)
    finder = Finder(work.store, known.joined(read_forgotten(work.store, tip)) if tip else known)
    for send in work.sends:
        if send.id is not None and finder.leads_there(send.id):
            raise PushRejected(f"{send.name} holds what was forgotten", Advice("forget-here"))


def _found(work: _Push, asked: Send | Removal) -> Send:
    """The ref that a removal means: like git, what the remote has under this name, if it has just one."""
    if isinstance(asked, Send):
        return asked
    patterns = ("{}",) if asked.name.startswith("refs/") else ("refs/{}", "refs/heads/{}", "refs/tags/{}")
    names = [RefName.parse(pattern.format(asked.name)) for pattern in patterns]
    found = [name for name in names if name in work.seen]
    if len(found) > 1:
        raise Usage(
            f"{work.remote.url} has more than one {asked.name!r}: {', '.join(found)}",
            "give the full name of the one to delete",
        )
    if not found:
        raise PushRejected(
            f"{work.remote.url} has no branch or tag {asked.name!r} to delete",
            Advice("prune"),
        )
    return Send(found[0], None, lease=asked.lease)


def _judge(work: _Push, send: Send, before: ObjectId | None) -> Outcome:
    """What an update is; raises `NotFastForward` for what may not be."""
    if before == send.id:
        return "same"
    if send.lease:
        _check_lease(work, send, before)
    if before is None:
        return "new"
    if send.id is None:
        return "deleted"
    if send.there.startswith("refs/tags/"):
        if not (send.force or send.lease):
            raise NotFastForward(
                f"tag {send.there.short} is at {work.remote.url} already", Advice("push-force")
            )
        return "forced"
    if work.store.contains(before) and work.history.is_ancestor(before, send.id):
        return "forward"
    if not (send.force or send.lease):
        raise NotFastForward(
            f"{send.there.short} has commits at {work.remote.url} that you do not have",
            Advice("pull-first"),
        )
    return "forced"


def _check_lease(work: _Push, send: Send, before: ObjectId | None) -> None:
    here = local_name(work.specs, send.there)
    expected = send.expected or (work.refs.read(here[0]) if here else None)
    if expected != before:
        raise NotFastForward(
            f"{send.there.short} was moved at {work.remote.url} since you last fetched",
            Advice("fetch-first"),
        )


def _pack(work: _Push, have: Set[ObjectId], want: Set[ObjectId]) -> PackStream:
    work.inspect(have, want)
    near = [work.seen[send.there] for send in work.sends if send.there in work.seen]
    ids = objects_to_send(work.store, want, have, near)
    work.objects = len(ids)
    return PackStream(len(ids), _stored(work, ids), _thin(work, ids))


def _thin(work: _Push, ids: Sequence[ObjectId]) -> Iterator[PackedObject]:
    yield from _stored(work, ids, thin_bases(work.store, ids))


def _stored(work: _Push, ids: Sequence[ObjectId], bases: Bases | None = None) -> Iterator[PackedObject]:
    for id in ids:
        delta = bases.get(id) if bases is not None else None
        found = work.store.stored(id)
        if delta is not None:
            found = shorter(work.store, found, delta)
        work.size += len(found.compressed)
        yield found


def _finish(work: _Push, send: Send, refusal: str | None) -> RefChange:
    """Let the ref that follows the remote's tell what it now is."""
    before = work.seen.get(send.there)
    found = local_name(work.specs, send.there)
    here = found[0] if found else None
    if refusal is not None:
        return RefChange(send.there, here, before, send.id, "refused", refusal)
    if here is not None:
        _track(work, here, send.id)
    return RefChange(send.there, here, before, send.id, work.outcomes[send.there])


def _track(work: _Push, here: RefName, id: ObjectId | None) -> None:
    before = work.refs.read(here)
    if before == id:
        return
    try:
        work.refs.move(here, before, id, work.who, "update by push")
    except (RefMoved, InvalidName):
        return  # the push is done; the next fetch will tell
