"""The remotes of a repository: add, fetch from, push to, pull from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from promptvc.errors import Advice, Usage
from promptvc.repo.branch.merges import WithMerges
from promptvc.repo.share.pull import PullResult, pull
from promptvc.repo.share.push import push
from promptvc.secrets.redact import redact_url
from promptvc.transports.urls import parse_url

if TYPE_CHECKING:
    from promptvc.transports.remote import Progress
    from promptvc.versioning.sync.fetch import FetchResult
    from promptvc.versioning.sync.push import PushResult


class NamedRemote(Struct, frozen=True):
    """A remote: its name, and its address without passwords."""

    name: str
    url: str


class Remotes:
    """The remotes, by name: ``len``, ``in``, ``remotes["origin"]``; iterating gives each `NamedRemote`."""

    def __init__(self, parts: WithMerges) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[NamedRemote]:
        return iter([self._remote(name) for name in self._parts.sharing.names])

    def __len__(self) -> int:
        return len(self._parts.sharing.names)

    def __contains__(self, name: object) -> bool:
        return name in self._parts.sharing.names

    def __getitem__(self, name: str) -> NamedRemote:
        """A remote; raises `Usage` if there is none of this name."""
        if name not in self:
            raise Usage(f"no remote {name!r}", Advice("list-remotes"))
        return self._remote(name)

    def __repr__(self) -> str:
        return f"Remotes {', '.join(f'{remote.name} {remote.url}' for remote in self)}".rstrip()

    @property
    def default(self) -> NamedRemote:
        """The default remote: the branch's, else origin, else the only one; raises `Usage`."""
        return self._remote(self._name(None))

    # --- configuration ------------------------------------------------------------------------------------------

    def add(self, name: str, url: str) -> NamedRemote:
        """Add a remote and track its branches; raises `StoreExists`, `InvalidName`, `Usage`."""
        parse_url(url)
        self._parts.sharing.add(name, url)
        return self._remote(name)

    def set_url(self, name: str, url: str) -> NamedRemote:
        """Change the address of a remote; raises `Usage`."""
        self._parts.sharing.set_url(name, url)
        return self._remote(name)

    def remove(self, name: str) -> None:
        """Remove a remote, its remote-tracking branches, and the upstream settings that name it; raises `Usage`."""
        self._parts.sharing.remove(name, self._parts.who())

    # --- transfers ----------------------------------------------------------------------------------------------

    def fetch(
        self,
        name: str | None = None,
        *,
        prune: bool = False,
        tags: bool = False,
        force: bool = False,
        timeout: float | None = None,
        report: Callable[[Progress], None] | None = None,
    ) -> FetchResult:
        """Fetch from a remote, by default the default one; working files are not changed.

        Tags on fetched commits are fetched too; ``tags`` fetches all. ``prune`` deletes remote-tracking branches that
        the remote no longer has, ``force`` replaces tags that differ here: otherwise they are reported as refused.
        ``name`` may be an address. ``timeout`` is how many seconds a connection may take, and the server be silent.
        Raises `Usage`, `RemoteNotAStore`, `TransferFailed`, `AuthFailed`.
        """
        parts = self._parts
        return parts.sharing.fetch(
            self._name(name),
            parts.who(),
            report,
            prune=prune,
            tags="all" if tags else "follow",
            force=force,
            timeout=timeout,
        )

    def push(
        self,
        name: str | None = None,
        branches: str | Sequence[str] = (),
        *,
        set_upstream: bool = False,
        force: bool = False,
        force_with_lease: bool = False,
        tags: bool = False,
        all: bool = False,
        delete: bool = False,
        allow_secrets: bool = False,
        report: Callable[[Progress], None] | None = None,
    ) -> PushResult:
        """Send branches and tags to a remote: those named, or the current branch.

        ``HERE:THERE`` sends a branch under another name, ``:THERE`` deletes it there. ``set_upstream`` makes the
        remote's branches the upstreams. A push that would drop commits there is refused, unless ``force`` is given, or
        ``force_with_lease`` and nobody moved the ref since the fetch. ``tags`` also sends every tag, ``all`` every
        branch; ``delete`` deletes the named refs at the remote. Refs that the remote did not accept are in
        `PushResult.refused`. Commits that were not made here are scanned for secrets first, unless ``allow_secrets``.
        Raises `Usage`, `UnknownRevision`, `NotFastForward`, `SecretFound`, `TransferFailed`, `AuthFailed`.
        """
        names = [branches] if isinstance(branches, str) else list(branches)
        return push(
            self._parts,
            self._name(name),
            names,
            set_upstream=set_upstream,
            force=force,
            lease=force_with_lease,
            tags=tags,
            every=all,
            delete=delete,
            allow_secrets=allow_secrets,
            report=report,
        )

    def pull(
        self,
        name: str | None = None,
        *,
        ff_only: bool = False,
        report: Callable[[Progress], None] | None = None,
        fetched: Callable[[str, FetchResult], None] | None = None,
    ) -> PullResult:
        """Fetch, then integrate the upstream of the current branch, and update the working files.

        Fast-forwards if possible; merges if both sides have new commits, or refuses with ``ff_only``. ``fetched`` is
        called with the remote and the result of the fetch, before anything is merged. Raises `Refused` if HEAD is on no
        branch, `MergeOpen`, `Usage` if the remote lacks the branch, `NotFastForward`, `WorkWouldBeLost`, and what
        `fetch` raises.
        """
        reported = fetched or (lambda name, result: None)
        return pull(self._parts, name, ff_only, reported, lambda remote: self.fetch(remote, report=report))

    # --- details ------------------------------------------------------------------------------------------------

    def _name(self, name: str | None) -> str:
        return name or self._parts.sharing.default(self._parts.branch)

    def _remote(self, name: str) -> NamedRemote:
        """A remote; a branch may have an address as its remote, which is then its name."""
        url = self._parts.sharing.url(name) or ("" if name in self else name)
        return NamedRemote(name, redact_url(url))
