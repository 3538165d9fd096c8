"""Small stores for tests of sharing: a bare repository with our object store and refs on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.storage.objects import Commit, Kind, Signature, TagObject, encode_commit, encode_tag
from promptvc.storage.refs import Refs
from promptvc.storage.store import ObjectStore
from promptvc.transports.git.remote import GitRemote
from promptvc.transports.settings import TransportSettings
from promptvc.versioning.commit import write_commit
from promptvc.versioning.sync.fetch import FetchResult, fetch
from promptvc.versioning.sync.push import PushResult, Send, push
from promptvc.versioning.sync.refspec import Refspec
from promptvc.versioning.tree import FileEntry, write_tree
from tests.servers import Environment, git

MAIN = RefName("refs/heads/main")
ORIGIN_MAIN = RefName("refs/remotes/origin/main")
ORIGIN = (Refspec.tracking("origin"),)
EPOCH = 1_700_000_000


@dataclass
class Clone:
    """A store of one writer, and the remote it shares with."""

    folder: Path
    environment: Environment
    url: str
    settings: TransportSettings
    clock: int = 0
    store: ObjectStore = field(init=False)
    refs: Refs = field(init=False)

    def __post_init__(self) -> None:
        if not self.folder.exists():
            git(self.environment, "init", "--quiet", "--bare", self.folder)
        self.store = ObjectStore(self.folder / "objects")
        self.refs = Refs(self.folder)

    @property
    def remote(self) -> GitRemote:
        return GitRemote(self.url, self.settings)

    @property
    def who(self) -> Signature:
        self.clock += 1
        return Signature("Test", "test@example.com", EPOCH + self.clock)

    def commit(
        self,
        files: Mapping[str, bytes],
        branch: RefName | None = MAIN,
        parents: tuple[ObjectId, ...] | None = None,
    ) -> ObjectId:
        """A commit of exactly these files on a branch."""
        before = self.refs.read(branch) if branch else None
        if parents is None:
            parents = (before,) if before else ()
        with self.store.begin() as writer:
            entries = {RepoPath(path): FileEntry(writer.add(Kind.BLOB, data)) for path, data in files.items()}
            who = self.who
            made = write_commit(
                writer, write_tree(writer, entries), parents, f"commit {self.clock}", who, who
            )
            writer.finish()
        if branch:
            self.refs.move(branch, before, made, self.who, "commit")
        return made

    def foreign_commit(self, branch: RefName) -> ObjectId:
        """A commit that promptvc did not write."""
        with self.store.begin() as writer:
            made = writer.add(
                Kind.COMMIT, encode_commit(Commit(write_tree(writer, {}), (), self.who, self.who, "web page"))
            )
            writer.finish()
        self.refs.move(branch, None, made, self.who, "commit")
        return made

    def tag(self, name: str, target: ObjectId, message: str | None = None) -> ObjectId:
        """A tag: annotated where there is a message."""
        id = target
        if message is not None:
            with self.store.begin() as writer:
                id = writer.add(Kind.TAG, encode_tag(TagObject(target, Kind.COMMIT, name, self.who, message)))
                writer.finish()
        self.refs.move(RefName.tag(name), None, id, self.who, "tag")
        return id

    def push(self, *names: RefName, **options: object) -> PushResult:
        """Push these refs as they are here (main where none is named)."""
        flags = {key: options.pop(key) for key in ("force", "lease") if key in options}
        sends = [Send(name, self.refs.read(name), **flags) for name in names or (MAIN,)]  # type: ignore[arg-type]
        return push(self.store, self.refs, self.remote, sends, self.who, refspecs=ORIGIN, **options)  # type: ignore[arg-type]

    def fetch(self, **options: object) -> FetchResult:
        """Fetch all branches."""
        return fetch(self.store, self.refs, self.remote, ORIGIN, self.who, **options)  # type: ignore[arg-type]

    def verify(self) -> None:
        """Real git finds nothing wrong here."""
        git(self.environment, "--git-dir", self.folder, "fsck", "--strict", "--full")
