"""Fetching from a remote: objects first, checked; refs last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from promptvc.errors import InvalidName, RefMoved, RemoteNotAStore, TransferFailed
from promptvc.ids import ObjectId, RefName
from promptvc.storage.objects import Signature
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.transports.remote import Remote, RemoteRefs
from promptvc.versioning.forgotten import FORGOTTEN, Finder, join_forgotten, load_forgotten
from promptvc.versioning.history import History
from promptvc.versioning.sync.missing import check_received, unreached
from promptvc.versioning.sync.negotiation import Negotiation
from promptvc.versioning.sync.refchange import Outcome, RefChange
from promptvc.versioning.sync.refspec import Refspec, local_name, remote_name

HOLDS_FORGOTTEN = "it holds what was forgotten"
"""Why a ref is not taken that leads to something on the list."""
Tags = Literal["follow", "all", "none"]


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a fetch brought: changed refs only, objects and bytes received, and what the server said to people."""

    remote: RemoteRefs
    changes: tuple[RefChange, ...]
    objects: int = 0
    size: int = 0
    messages: tuple[str, ...] = ()


@dataclass(slots=True)
class _Fetch:
    """A fetch under way: with whom, what is wished, the refs as they were before, what has come."""

    store: ObjectStore
    refs: Refs
    remote: Remote
    who: Signature
    specs: Sequence[Refspec]
    tags: Tags
    known: dict[RefName, ObjectId]
    update_head: bool = False
    force: bool = False
    with_forgotten: bool = False
    finder: Finder | None = None
    received: list[ObjectId] = field(default_factory=list)
    size: int = 0
    messages: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A ref of the remote that shall become a ref here."""

    there: RefName
    here: RefName
    id: ObjectId
    force: bool


def fetch(
    store: ObjectStore,
    refs: Refs,
    remote: Remote,
    refspecs: Sequence[Refspec],
    who: Signature,
    *,
    prune: bool = False,
    tags: Tags = "follow",
    accept: Callable[[ObjectId], None] = lambda tip: None,
    update_head: bool = False,
    force: bool = False,
    with_forgotten: bool = False,
) -> FetchResult:
    """Bring the refs that the refspecs name, with their history.

    ``accept(tip)`` raises `RemoteNotAStore` for a branch that is not ours to take; such a branch is refused, and the
    whole fetch when there is no other. No ref moves before everything below it was found whole. Tags on commits that we
    then have follow; a tag that the remote moved is reported as refused: it is replaced only by a refspec with ``+``,
    or by ``force``, which replaces whatever is no fast-forward. With ``prune``, refs whose counterpart is gone are
    deleted. ``who`` stands in the reflogs. The current branch is left alone, since working files may lie beside it,
    unless ``update_head`` says that there are none. The remote's list of what was forgotten is taken over, and what
    leads to something on it is refused, but ``with_forgotten``.
    """
    with store.writing():  # what is here already, and what comes, stays until refs lead to it
        return _fetch(
            _Fetch(
                store, refs, remote, who, refspecs, tags, _all_refs(refs), update_head, force, with_forgotten
            ),
            prune,
            accept,
        )


def _fetch(work: _Fetch, prune: bool, accept: Callable[[ObjectId], None]) -> FetchResult:
    listing = _transfer(work, lambda seen: _first_wants(work, seen))
    wishes = _wishes(work, listing)
    work.finder = _learn_forgotten(work, listing)
    check_received(work.store, [wish.id for wish in wishes], work.known.values(), work.received)
    refused = _unaccepted(work, wishes, accept)
    changes = list(_prune(work, listing)) if prune else []
    history = History(work.store)
    changes += [_take(work, history, wish, refused.get(wish.id)) for wish in wishes]
    changes += [_take(work, history, wish, None) for wish in _follow_tags(work, listing)]
    if not work.force:
        changes += [_take(work, history, wish, None) for wish in _moved_tags(work, listing)]
    reported = tuple(change for change in changes if change.outcome != "same")
    return FetchResult(listing, reported, len(work.received), work.size, tuple(work.messages))


def _learn_forgotten(work: _Fetch, listing: RemoteRefs) -> Finder:
    """Take over the remote's list; gives what finds that something leads to what is on it."""
    tip = listing.refs.get(FORGOTTEN)
    if tip is not None:
        return Finder(work.store, join_forgotten(work.store, work.refs, tip, work.who))
    return Finder(work.store, load_forgotten(work.store, work.refs))


def _all_refs(refs: Refs) -> dict[RefName, ObjectId]:
    known = refs.find()
    here = refs.read(HEAD)
    return {**known, HEAD: here} if here is not None else known


def _transfer(work: _Fetch, wants: Callable[[RemoteRefs], list[ObjectId]]) -> RemoteRefs:
    """Receive what is wanted in one pack, which is in the store afterwards, though no ref leads to it yet."""
    negotiation = Negotiation(work.store)

    def choose(seen: RemoteRefs) -> list[ObjectId]:
        chosen = wants(seen)
        negotiation.offer(_likely_common(work, seen))
        return chosen

    with work.store.receive() as receiver:
        listing = work.remote.fetch(choose, negotiation, receiver.write)
        work.received += receiver.finish()
        work.size += receiver.size
    work.messages += work.remote.messages
    return listing


def _likely_common(work: _Fetch, seen: RemoteRefs) -> Iterator[ObjectId]:
    """What the remote most likely has: changed branches as we last saw them, its other refs, then all of ours.

    The order matters, for a server may listen to 256 offers only.
    """
    ours = set(work.known.values())
    for wish in _wishes(work, seen):
        if wish.id not in ours and wish.here in work.known:
            yield work.known[wish.here]
    for beginning in ("refs/heads/", "refs/"):
        yield from (id for name, id in seen.refs.items() if name.startswith(beginning) and id in ours)
    for beginning in ("refs/remotes/", "HEAD", "refs/heads/", "refs/"):
        yield from (id for name, id in work.known.items() if name.startswith(beginning))


def _first_wants(work: _Fetch, seen: RemoteRefs) -> list[ObjectId]:
    """The wished tips that we lack, and tags on commits that we have."""
    for spec in work.specs:
        if "*" not in spec.there and not spec.excludes and spec.there not in seen.refs:
            raise TransferFailed(
                f"{work.remote.url} has no {RefName(spec.there).short}", "look for the name there"
            )
    ours = set(work.known.values())
    wanted = [wish.id for wish in _wishes(work, seen) if wish.id not in ours and not _is_whole(work, wish.id)]
    wanted += [wish.id for wish in _tag_wishes(work, seen) if not work.store.contains(wish.id)]
    forgotten = seen.refs.get(FORGOTTEN)
    if forgotten is not None and not work.store.contains(forgotten):
        wanted.append(forgotten)
    return list(dict.fromkeys(wanted))


def _is_whole(work: _Fetch, id: ObjectId) -> bool:
    """Whether all of an object's history is here; a fetch that broke off may have left the object alone."""
    if not work.store.contains(id):
        return False
    try:
        check_received(work.store, [id], work.known.values(), ())
    except TransferFailed:
        return False
    return True


def _wishes(work: _Fetch, seen: RemoteRefs) -> list[_Wish]:
    """The refs that refspecs name, and with ``tags="all"`` every tag."""
    specs = list(work.specs)
    if work.tags == "all":
        specs.append(Refspec("refs/tags/*", "refs/tags/*"))
    found = [(name, id, local_name(specs, name)) for name, id in seen.refs.items()]
    moved = _moved_tags(work, seen) if work.force else []
    return moved + [
        _Wish(name, here[0], id, here[1] or work.force) for name, id, here in found if here is not None
    ]


def _moved_tags(work: _Fetch, seen: RemoteRefs) -> list[_Wish]:
    """Tags that are here for something else; those that a refspec names are wished anyway."""
    if work.tags != "follow":
        return []
    return [
        _Wish(name, name, id, work.force)
        for name, id in seen.refs.items()
        if name.startswith("refs/tags/")
        and work.known.get(name, id) != id
        and local_name(work.specs, name) is None
    ]


def _tag_wishes(work: _Fetch, seen: RemoteRefs) -> list[_Wish]:
    """New tags on commits that are here; of an annotated one the tag itself may be missing yet."""
    if work.tags != "follow":
        return []
    return [
        _Wish(name, name, id, force=False)
        for name, id in seen.refs.items()
        if name.startswith("refs/tags/")
        and name not in work.known
        and work.store.contains(seen.peeled.get(name, id))
    ]


def _follow_tags(work: _Fetch, listing: RemoteRefs) -> list[_Wish]:
    """Tags on commits that our refs now lead to; annotated ones that are missing come in a second, small transfer."""
    wishes = _tag_wishes(work, listing)
    if not wishes:
        return []
    work.known = _all_refs(work.refs)
    targets = {wish.there: listing.peeled.get(wish.there, wish.id) for wish in wishes}
    astray = unreached(work.store, targets.values(), work.known.values())
    wishes = [wish for wish in wishes if targets[wish.there] not in astray]
    lacking = [wish.id for wish in wishes if not work.store.contains(wish.id)]
    if lacking:
        _transfer(work, lambda seen: [id for id in lacking if id in seen.refs.values()])
    return [wish for wish in wishes if work.store.contains(wish.id)]


def _unaccepted(
    work: _Fetch, wishes: Iterable[_Wish], accept: Callable[[ObjectId], None]
) -> dict[ObjectId, str]:
    """Why branches are not ours to take, by their ids; raises the first error when no branch is."""
    tips = dict.fromkeys(wish.id for wish in wishes if wish.there.startswith("refs/heads/"))
    known = set(work.known.values())
    errors: dict[ObjectId, RemoteNotAStore] = {}
    for tip in tips:
        try:
            if tip not in known:
                accept(tip)
        except RemoteNotAStore as error:
            errors[tip] = error
    if errors and len(errors) == len(tips):
        raise next(iter(errors.values()))
    return {tip: error.message for tip, error in errors.items()}


def _take(work: _Fetch, history: History, wish: _Wish, refusal: str | None) -> RefChange:
    """Move one ref of ours to what the remote has, where that is allowed."""
    before = work.refs.read(wish.here)
    if refusal is None and not work.with_forgotten and work.finder and work.finder.leads_there(wish.id):
        refusal = HOLDS_FORGOTTEN
    outcome, reason = _judge(work, history, wish, before) if refusal is None else ("refused", refusal)
    if outcome in ("new", "forward", "forced"):
        try:
            _move(work, wish, before, outcome)
        except InvalidName as error:
            outcome, reason = "refused", f"{error.message}; a fetch that prunes may clear the way"
    return RefChange(wish.there, wish.here, before, wish.id, outcome, reason)


def _judge(work: _Fetch, history: History, wish: _Wish, before: ObjectId | None) -> tuple[Outcome, str]:
    if before == wish.id:
        return "same", ""
    if wish.here == work.refs.head() and not work.update_head:
        return "refused", "it is the current branch"
    if before is None:
        return "new", ""
    if wish.here.startswith("refs/tags/"):
        return ("forced", "") if wish.force else ("refused", "the tag is here already, for something else")
    if history.is_ancestor(before, wish.id):
        return "forward", ""
    return ("forced", "") if wish.force else ("refused", "not a fast-forward")


def _move(work: _Fetch, wish: _Wish, before: ObjectId | None, outcome: Outcome) -> None:
    """The instant at which what was fetched becomes visible."""
    words = {"new": "storing head", "forward": "fast-forward", "forced": "forced-update"}[outcome]
    try:
        work.refs.move(wish.here, before, wish.id, work.who, f"fetch {work.remote.url}: {words}")
    except RefMoved:
        if work.refs.read(wish.here) != wish.id:  # else another fetch brought the same a moment ago
            raise


def _prune(work: _Fetch, listing: RemoteRefs) -> Iterator[RefChange]:
    """Delete refs of ours that follow a ref which the remote no longer has."""
    for here, id in work.known.items():
        there = None if here.endswith("/HEAD") else remote_name(work.specs, here)
        if there is not None and there not in listing.refs:
            try:
                work.refs.move(here, id, None, work.who, f"fetch {work.remote.url}: prune")
            except RefMoved:
                if work.refs.read(here) is not None:  # else another fetch dropped it a moment ago
                    raise
            yield RefChange(there, here, id, None, "deleted")
