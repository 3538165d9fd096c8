"""Remotes by name: their configuration, and fetch and push with the settings that git would use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from promptvc.errors import Advice, RemoteNotAStore, StoreExists, Usage
from promptvc.ids import ObjectId, RefName
from promptvc.secrets.redact import redact_url
from promptvc.session.sections import read_section, remove_sections, set_section
from promptvc.storage.git import GitConfig
from promptvc.storage.objects import Signature
from promptvc.storage.refs import Refs
from promptvc.storage.store import ObjectStore
from promptvc.transports.git.httpconfig import http_settings, size_of
from promptvc.transports.git.remote import GitRemote
from promptvc.transports.remote import Progress, Remote
from promptvc.transports.settings import MOST_PACK, MOST_REFS, TransportSettings
from promptvc.transports.urls import rewrite
from promptvc.versioning.commit import is_ours, read_commit
from promptvc.versioning.history import History
from promptvc.versioning.sync.fetch import HOLDS_FORGOTTEN, FetchResult, Tags, fetch
from promptvc.versioning.sync.push import Inspect, ListUnknown, PushResult, Removal, Send, push
from promptvc.versioning.sync.refspec import Refspec
from promptvc.versioning.upkeep.upkeep import collect

if TYPE_CHECKING:
    from promptvc.versioning.oplog.oplog import OperationLog

Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Access:
    """What of the user's world a transfer may use; see `TransportSettings`."""

    environment: Mapping[str, str] = field(repr=False)
    interactive: bool = False
    token: str | None = field(default=None, repr=False)


class Sharing:
    """The remotes of a store. ``log()`` gives what records changes."""

    def __init__(
        self,
        path: Path,
        store: ObjectStore,
        refs: Refs,
        config: GitConfig,
        access: Access,
        log: Callable[[], OperationLog],
    ) -> None:
        self._path, self._store, self._refs = path, store, refs
        self._config, self._access, self._log = config, access, log

    # --- which there are ----------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The remotes' names."""
        return self._config.sections("remote")

    def url(self, name: str) -> str | None:
        """Where a remote is, as configured; None for one that is not."""
        return self._config.get(f"remote.{name}.url")

    def add(self, name: str, url: str) -> None:
        """Add a remote, whose branches will be tracked; raises `StoreExists`, `InvalidName`."""
        RefName.remote(name, "x")
        if name in self.names:
            raise StoreExists(f"a remote {name} exists already", Advice("remote-exists", name=name))
        self._config.replace_section("remote", name, {"url": (url,), "fetch": (str(Refspec.tracking(name)),)})

    def set_url(self, name: str, url: str) -> None:
        """Say where a remote is now."""
        self._known(name)
        self._config.set(f"remote.{name}.url", url)

    def remove(self, name: str, who: Signature) -> None:
        """Remove a remote, its remote-tracking refs, and what follows them."""
        self._known(name)
        with self._log().operation(f"remote remove {name}"):
            for ref, id in self._refs.find(f"refs/remotes/{name}/").items():
                self._refs.move(ref, id, None, who, "remote: removed")
            branches = [
                branch
                for branch in self._config.sections("branch")
                if self._config.get(f"branch.{branch}.remote") == name
            ]
            gone = [("remote", name), *(("branch", branch) for branch in branches)]
            remove_sections(self._config, self._log(), gone)

    def follow(self, branch: str, remote: str, there: str) -> None:
        """Let a branch follow a remote's branch."""
        own = read_section(self._config, "branch", branch)
        after = {**own, "remote": (remote,), "merge": (f"refs/heads/{there}",)}
        set_section(self._config, self._log(), "branch", branch, after)

    def forget_branch(self, branch: str) -> None:
        """Drop the settings of a branch that is gone."""
        set_section(self._config, self._log(), "branch", branch, {})

    def rename_branch(self, old: str, new: str) -> None:
        """Let the settings of a branch go with it to its new name."""
        set_section(self._config, self._log(), "branch", new, read_section(self._config, "branch", old))
        set_section(self._config, self._log(), "branch", old, {})

    def default(self, branch: str | None) -> str:
        """The remote to use when none is named: the branch's, else origin, else the only one; raises `Usage`."""
        own = self._config.get(f"branch.{branch}.remote") if branch else None
        if own:
            return own
        names = self.names
        if "origin" in names or len(names) == 1:
            return "origin" if "origin" in names else names[0]
        raise Usage("no remote is named" if names else "there is no remote", Advice("add-remote"))

    # --- transfers ----------------------------------------------------------------------------------------

    def fetch(
        self,
        name: str,
        who: Signature,
        report: Report | None = None,
        *,
        prune: bool = False,
        tags: Tags = "follow",
        update_head: bool = False,
        force: bool = False,
        specs: Sequence[Refspec] | None = None,
        timeout: float | None = None,
        with_forgotten: bool = False,
    ) -> FetchResult:
        """Bring the remote's branches, or what ``specs`` name; see `versioning.sync.fetch.fetch`.

        What was forgotten, and came all the same, is dropped at once, but ``with_forgotten``.

        ``timeout`` is how many seconds a connection may take, and the server be silent. Raises `RemoteNotAStore` for a
        repository that promptvc never wrote to.
        """
        remote = self.open(name, report, timeout)

        def accept(tip: ObjectId) -> None:
            self._accept(remote, tip)

        with self._log().operation(f"fetch {redact_url(name)}"):
            done = fetch(
                self._store,
                self._refs,
                remote,
                self._refspecs(name) if specs is None else specs,
                who,
                prune=prune,
                tags=tags,
                accept=accept,
                update_head=update_head,
                force=force,
                with_forgotten=with_forgotten,
            )
        if done.objects and any(change.reason == HOLDS_FORGOTTEN for change in done.changes):
            collect(self._store, self._refs, grace=0.0)
        return done

    def push(
        self,
        name: str,
        sends: Sequence[Send | Removal],
        who: Signature,
        report: Report | None = None,
        *,
        atomic: bool = False,
        inspect: Inspect = lambda have, want: None,
    ) -> PushResult:
        """Send refs to the remote; see `versioning.sync.push.push`."""

        def once() -> PushResult:
            return push(
                self._store,
                self._refs,
                self.open(name, report),
                sends,
                who,
                refspecs=self._refspecs(name),
                atomic=atomic,
                inspect=inspect,
            )

        with self._log().operation(f"push {redact_url(name)} {' '.join(send.name for send in sends)}"):
            try:
                return once()
            except ListUnknown:
                self.fetch(name, who, report, specs=(), tags="none")
                return once()

    def open(self, name: str, report: Report | None = None, timeout: float | None = None) -> Remote:
        """The remote of a name, or at a URL or path; ``timeout`` as of `fetch`."""
        url = self.url(name) or name
        if name not in self.names and not any(mark in name for mark in ("/", ":", "\\")):
            raise Usage(f"no remote {name!r}", Advice("unknown-remote"))
        place = self._rewritten(url)
        settings = self._settings(place)
        return GitRemote(place, settings if timeout is None else settings.within(timeout), report)

    def _accept(self, remote: Remote, tip: ObjectId) -> None:
        """Refuse a branch on which promptvc never wrote; commits that git made on top of ours are welcome."""
        commit = read_commit(self._store, tip)  # raises for a newer format
        if is_ours(commit):
            return
        history = History(self._store)  # a fresh one: what was missing before the fetch is there now
        if not any(is_ours(history.commit(id)) for id in history.ancestors([tip])):
            raise RemoteNotAStore(
                f"{redact_url(remote.url)} is a git repository, but not a promptvc store",
                Advice("push-elsewhere"),
            )

    def _refspecs(self, name: str) -> list[Refspec]:
        configured = [Refspec.parse(text) for text in self._config.get_all(f"remote.{name}.fetch")]
        return configured or ([Refspec.tracking(name)] if name in self.names else [])

    def _known(self, name: str) -> None:
        if name not in self.names:
            raise Usage(f"no remote {name!r}", Advice("list-remotes"))

    def _rewritten(self, url: str) -> str:
        rules = [
            (value, key.removeprefix("url.").removesuffix(".insteadof"))
            for key, value in self._config.items()
            if key.startswith("url.") and key.endswith(".insteadof")
        ]
        return rewrite(url, rules)

    def _settings(self, url: str) -> TransportSettings:
        get = self._config.get
        environment = self._access.environment
        http = http_settings(self._config.items(), url, environment)
        return TransportSettings(
            environment=environment,
            interactive=self._access.interactive,
            ssh_command=get("core.sshCommand"),
            ssh_variant=get("ssh.variant"),
            token=self._access.token,
            git_dir=self._path,
            http=http,
            most_refs=size_of(get("promptvc.maxRefs") or "") or MOST_REFS,
            most_pack=size_of(get("promptvc.maxPack") or "") or MOST_PACK,
        )
