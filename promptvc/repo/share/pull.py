"""Pull: fetch, then integrate the upstream into the current branch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from promptvc.errors import Advice, Refused, Usage
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.repo.branch.merges import WithMerges
from promptvc.secrets.redact import redact_url
from promptvc.session.merge.result import Merged
from promptvc.session.merge.working import own_hint
from promptvc.storage.refs import HEAD

if TYPE_CHECKING:
    from promptvc.versioning.sync.fetch import FetchResult

Outcome = Literal["up-to-date", "fast-forward", "merged", "conflicts"]


class PullResult(Struct, frozen=True, kw_only=True):
    """The result of a pull.

    - ``outcome``: ``up-to-date``, ``fast-forward``, ``merged`` or ``conflicts``;
    - ``fetched``: the result of the fetch; ``upstream``: the ref that was integrated into the branch;
    - ``before`` and ``after``: the branch's commits before and after (None: none yet);
    - ``files``: paths written or removed by a fast-forward; ``untracked``: files that stay but are no longer tracked;
    - ``merged``: the merge, if both sides had new commits.
    """

    outcome: Outcome
    fetched: FetchResult
    branch: str
    upstream: str
    before: ObjectId | None
    after: ObjectId | None
    files: tuple[RepoPath, ...] = ()
    untracked: tuple[RepoPath, ...] = ()
    merged: Merged | None = None

    @property
    def clean(self) -> bool:
        """Whether there are no conflicts."""
        return self.outcome != "conflicts"


def pull(
    parts: WithMerges,
    name: str | None,
    ff_only: bool,
    reported: Callable[[str, FetchResult], None],
    fetch: Callable[[str], FetchResult],
) -> PullResult:
    """Fetch from a remote, and integrate the upstream into the current branch: see `Remotes.pull`."""
    branch = parts.branch
    if branch is None:
        raise Refused("HEAD is on no branch", Advice("switch-to-one"))
    remote = name or parts.sharing.default(branch)
    parts.merges.need_no_merge()
    with parts.oplog.operation(f"pull {redact_url(remote)}"):
        fetched = fetch(remote)
        reported(remote, fetched)
        upstream = parts.upstream(RefName.branch(branch)) or RefName.remote(remote, branch)
        return _integrate(parts, fetched, branch, remote, upstream, ff_only)


def _integrate(
    parts: WithMerges, fetched: FetchResult, branch: str, remote: str, upstream: RefName, ff_only: bool
) -> PullResult:
    target, head = parts.refs.read(upstream), parts.refs.read(HEAD)
    if target is None:
        raise Usage(
            f"{remote} has no branch {upstream.short.partition('/')[2]}",
            Advice("push-branch", remote=remote, branch=branch),
        )
    found = PullResult(
        outcome="up-to-date",
        fetched=fetched,
        branch=branch,
        upstream=upstream.short,
        before=head,
        after=head,
    )
    if head is not None and parts.history.is_ancestor(target, head):
        return found
    if head is None or parts.history.is_ancestor(head, target):
        with own_hint():
            written = parts.workspace.fast_forward(target, parts.who(), f"pull {remote}: fast-forward")
        untracked = tuple(parts.left_untracked(head, target))
        return replace(found, outcome="fast-forward", after=target, files=tuple(written), untracked=untracked)
    merged = parts.merges.merge(upstream, forward="only" if ff_only else "auto")
    return replace(
        found,
        outcome="merged" if merged.clean else "conflicts",
        after=merged.commit or head,
        merged=merged,
    )
