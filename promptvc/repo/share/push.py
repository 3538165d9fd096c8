"""Push: which refs to send, and setting upstreams afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from promptvc.errors import Advice, Usage
from promptvc.ids import RefName
from promptvc.repo.parts import Parts
from promptvc.secrets.redact import redact_url
from promptvc.storage.refs import HEAD
from promptvc.versioning.sync.push import Inspect, PushResult, Removal, Send

if TYPE_CHECKING:
    from promptvc.transports.remote import Progress


def push(
    parts: Parts,
    remote: str,
    names: Sequence[str],
    *,
    set_upstream: bool,
    force: bool,
    lease: bool,
    tags: bool,
    every: bool,
    delete: bool,
    allow_secrets: bool,
    report: Callable[[Progress], None] | None,
) -> PushResult:
    """Send the named refs: see `Remotes.push`."""
    sends = _deletions(names) if delete else _sends(parts, names, every, force, lease)
    if tags:
        sends += [Send(ref, id, force) for ref, id in parts.refs.find("refs/tags/").items()]
    words = " ".join(send.name for send in sends)
    with parts.oplog.operation(f"push {redact_url(remote)} {words}"):
        inspect = _inspect(parts) if not (allow_secrets or delete) else (lambda have, want: None)
        result = parts.sharing.push(remote, sends, parts.who(), report, inspect=inspect)
        if set_upstream:
            _follow(parts, remote, sends, result)
    return result


def _inspect(parts: Parts) -> Inspect:
    """Refuses secrets, in commits that were not made here: those made here were checked when committed."""
    from promptvc.session.secrets.commits import SecretScan, outgoing

    scan = SecretScan(parts.store, parts.contents, parts.allowed_secrets)
    return outgoing(parts.store, scan, parts.scanned)


def _sends(
    parts: Parts, branches: Sequence[str], every: bool, force: bool, lease: bool
) -> list[Send | Removal]:
    names = list(branches)
    if every:
        names += parts.refs.find("refs/heads/")
    if not names:
        if parts.branch is None:
            raise Usage("HEAD is on no branch", Advice("name-branch"))
        names = [_pair(parts, parts.branch)]
    made: list[Send | Removal] = []
    for name in names:
        here, colon, there = name.partition(":")
        if colon and not there:
            raise Usage(f"{name!r} names no branch there", "HERE:THERE renames, :THERE deletes")
        made.append(_send(parts, here, there, force, lease) if here else Removal(there, lease))
    return made


def _send(parts: Parts, here: str, there: str, force: bool, lease: bool) -> Send:
    """The ref ``here`` to send, under the name ``there`` or its own."""
    ref = parts.revisions.resolve_ref(here)
    tag = ref is not None and ref.startswith("refs/tags/")
    id = parts.refs.read(ref) if ref is not None and tag else parts.revisions.resolve(here)
    target = there or (parts.branch or here if here == "HEAD" else here)
    full = RefName.tag(target) if tag else RefName.branch(target)
    if target.startswith("refs/"):
        full = RefName.parse(target)
    head = parts.refs.head() if ref == HEAD else ref
    return Send(full, id, force, lease, here=head if isinstance(head, RefName) else None)


def _pair(parts: Parts, branch: str) -> str:
    """A branch and its upstream's name; as full names, because a tag may have the same name."""
    merge = parts.config.get(f"branch.{branch}.merge") or f"refs/heads/{branch}"
    return f"refs/heads/{branch}:{merge}"


def _deletions(names: Sequence[str]) -> list[Send | Removal]:
    if not names:
        raise Usage("no branch is named that is to be deleted", Advice("push-delete"))
    if any(":" in name for name in names):
        raise Usage("what is to be deleted is given by plain names", Advice("push-delete"))
    return [Removal(name) for name in names]


def _follow(parts: Parts, remote: str, sends: Sequence[Send | Removal], result: PushResult) -> None:
    """Set the upstream of each branch that was sent."""
    sent = {send.there: send.here for send in sends if isinstance(send, Send)}
    for change in result.changes:
        here = sent.get(change.there)
        if change.outcome != "refused" and here and here.startswith("refs/heads/"):
            parts.sharing.follow(here.short, remote, change.there.short)
