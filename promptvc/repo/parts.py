"""The parts of an open repository, created on demand. Internal: they change with any release."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from promptvc.errors import Advice, UnsupportedFormat, Usage
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.repo.place import ARROW_CACHE_BYTES, FORGETTING, INTENT, LOCAL, MERGING, Surroundings
from promptvc.session.files.contents import Contents
from promptvc.session.files.origins import Origins
from promptvc.session.files.views import FileView, StoredFile
from promptvc.session.files.worktree import Worktree
from promptvc.session.identity import signature_of
from promptvc.session.workspace.snapshot import Snapshot
from promptvc.session.workspace.workspace import Workspace
from promptvc.storage.cache import Cache
from promptvc.storage.git import GitConfig
from promptvc.storage.objects import Signature
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import FORMAT, read_commit
from promptvc.versioning.diff import FileChange
from promptvc.versioning.history import History
from promptvc.versioning.revision import Revisions
from promptvc.versioning.tree import FileEntry, Files, is_below

if TYPE_CHECKING:
    from promptvc.content.arrow.tables import ArrowCache
    from promptvc.runs.project import Runs
    from promptvc.session.files.project import Project
    from promptvc.session.forget.purge import Traces
    from promptvc.session.intent import Direction, Intents
    from promptvc.session.merge.openmerge import MergeState, OpenMerge
    from promptvc.session.merge.runs import RunsMerger
    from promptvc.session.secrets.scanned import ScannedCommits
    from promptvc.session.sharing import Sharing
    from promptvc.session.workspace.comparison import Comparison
    from promptvc.versioning.oplog.operation import Operation
    from promptvc.versioning.oplog.oplog import OperationLog


class Parts:
    """The parts of an open store: ``path`` is its folder, ``root`` the project's, None without working files."""

    def __init__(self, path: Path, root: Path | None, surroundings: Surroundings) -> None:
        self.path, self.root, self.surroundings = path, root, surroundings
        self.store = ObjectStore(path / "objects")
        self.store.tidy = self._tidy
        self.refs = Refs(path, lambda: self.oplog, self.store.keeping)
        self._check_format()

    @cached_property
    def oplog(self) -> OperationLog:
        """The log of changes to refs and working files; ``oplog.operation(what)`` groups several changes."""
        from promptvc.versioning.oplog.oplog import OperationLog  # needed only for changes

        return OperationLog(self.refs, self.store, self.who, self.surroundings.now)

    @cached_property
    def cache(self) -> Cache:
        """Local values that can be recomputed."""
        return Cache(self.path / LOCAL)

    @cached_property
    def contents(self) -> Contents:
        """Reads files from the store and writes them to it."""
        made = Contents(self.store, self.cache)
        made.origins = Origins(self.path / LOCAL, self.root, self.store, self.refs, made.identify)
        return made

    @property
    def origins(self) -> Origins:
        """Which of the project's code was written here."""
        assert self.contents.origins is not None
        return self.contents.origins

    @property
    def history(self) -> History:
        """Walks over commits; what they read is kept by the store, until a fetch moves a shallow history."""
        return History(self.store)

    @cached_property
    def config(self) -> GitConfig:
        """Git's configuration, the store's own last."""
        return GitConfig([*self.surroundings.config_files, self.path / "config"])

    @cached_property
    def revisions(self) -> Revisions:
        """Resolves revisions."""
        return Revisions(self.store, self.refs, self.surroundings.now, self.upstream)

    @property
    def workspace(self) -> Workspace:
        """Working files and branches together; interrupted operations are settled first.

        Raises `Usage` for a store without working files, `Interrupted`.
        """
        if (self.path / LOCAL / INTENT).exists():  # saves most commands the imports
            self.intents.ensure_settled()
        return self._workspace

    @cached_property
    def _workspace(self) -> Workspace:
        return Workspace(
            self.worktree,
            self.store,
            self.refs,
            self.contents,
            self.upstream,
            lambda: self.intents,
            lambda what: self.oplog.operation(what),
        )

    @cached_property
    def worktree(self) -> Worktree:
        """The working files; raises `Usage` for a store without any."""
        if self.root is None:
            raise Usage(f"{self.path} has no working files", Advice("no-working-files"))
        return Worktree(
            self.root, self.store, self.contents, self.cache, lambda: self.oplog, lambda: self.intents
        )

    @cached_property
    def intents(self) -> Intents:
        """Intended changes to working files, recorded before they are made."""
        from promptvc.session.intent import Intents

        return Intents(
            self.path / LOCAL,
            self._settle,
            lambda: (self.oplog.doing, self.oplog.lowest),
            self.surroundings.notice,
        )

    @cached_property
    def merge_state(self) -> MergeState:
        """Stores a merge with conflicts to resolve."""
        from promptvc.session.merge.openmerge import MergeState

        return MergeState(
            self.path / LOCAL / MERGING,
            self.store,
            lambda before, after: self.oplog.state(before, after),
            self._is_committed,
        )

    def _is_committed(self, merge: OpenMerge) -> bool:
        """Whether an open merge was already committed, and only its state file remains."""
        head = self.refs.read(HEAD)
        if head is None or head == merge.head:
            return False
        if merge.step == "merge":
            return self.history.is_ancestor(merge.other, head)
        commit = self.history.commit(head)
        return (
            commit.parents[:1] == (merge.head,) and commit.subject == merge.message.strip().split("\n", 1)[0]
        )

    def _settle(self, intent: Operation, direction: Direction, force: bool) -> str:
        from promptvc.session.recovery import (  # only for interrupted operations
            TAKEN_BACK,
            RecoveryParts,
            settle,
        )

        root = self.root or self.path  # without working files, no intent touches anything there
        parts = RecoveryParts(
            worktree=Worktree(
                root, self.store, self.contents, self.cache, lambda: self.oplog, lambda: self.intents
            ),
            refs=self.refs,
            log=self.oplog,
            config=self.config,
            who=self.who,
            state=self.merge_state.id,
            write_state=self.merge_state.put,
        )
        word = settle(parts, intent, direction, force)
        if (self.path / LOCAL / FORGETTING).exists():
            if self.root is not None:
                parts.worktree.make_durable(intent.files)
            self._settle_forgetting(finished=word != TAKEN_BACK)
        return word

    def _settle_forgetting(self, *, finished: bool) -> None:
        from promptvc.session.forget.purge import Marker, purge

        if finished:
            purge(self.traces())
        else:
            Marker(self.path / LOCAL).drop()

    def traces(self) -> Traces:
        """The places where traces of forgotten data may be."""
        from promptvc.session.forget.purge import Traces

        return Traces(
            store=self.store,
            refs=self.refs,
            log=self.oplog,
            local=self.path / LOCAL,
            who=self.who(),
            now=self.surroundings.now(),
        )

    @cached_property
    def sharing(self) -> Sharing:
        """Remotes by name: fetch and push."""
        from promptvc.session.sharing import Access, Sharing

        world = self.surroundings
        access = Access(world.environment, world.interactive, world.token)
        return Sharing(self.path, self.store, self.refs, self.config, access, lambda: self.oplog)

    @cached_property
    def scanned(self) -> ScannedCommits:
        """The commits that were scanned for secrets."""
        from promptvc.session.secrets.scanned import ScannedCommits

        return ScannedCommits(self.path / LOCAL)

    @cached_property
    def arrow_cache(self) -> ArrowCache:
        """Arrow files of tables that were read."""
        from promptvc.content.arrow.tables import ArrowCache

        return ArrowCache(self.path / LOCAL / "arrow", ARROW_CACHE_BYTES)

    @cached_property
    def runs(self) -> Runs:
        """The runs of the project: find, plan, run; raises `Usage` for a store without working files."""
        from promptvc.runs.project import Runs

        world = self.surroundings
        return Runs(
            store=self.store,
            refs=self.refs,
            contents=self.contents,
            workspace=self.workspace,
            folder=self.path / LOCAL,
            config=self.config,
            environment=world.environment,
            code_commit=self.code_commit,
            now=world.now,
            operation=lambda what: self.oplog.operation(what),
            notice=world.notice,
            confirm=world.confirm,
        )

    def _output_merger(self) -> RunsMerger:
        from promptvc.runs.merge import OutputMerger
        from promptvc.runs.project import builtin_scorers

        scorers = self.runs.usable_scorers if self.root is not None else builtin_scorers
        return OutputMerger(self.contents, self.store, scorers)

    def code_commit(self) -> str | None:
        """The commit of the surrounding code repository; None without one."""
        from promptvc.session.code import code_commit

        return code_commit(self.root) if self.root is not None else None

    # --- facts ----------------------------------------------------------------------------------------------

    @property
    def branch(self) -> str | None:
        """The current branch's name; None if HEAD is on none."""
        head = self.refs.head()
        return head.short if isinstance(head, RefName) else None

    @property
    def project(self) -> Project:
        """The settings of promptvc.toml: in the working files, or at HEAD if there are none."""
        return self.snapshot().project if self.root is None else self.workspace.worktree.project()

    @property
    def allowed_secrets(self) -> frozenset[str]:
        """The digests that promptvc.toml allows; empty for a store without working files and commits."""
        if self.root is None and self.refs.current() is None:
            return frozenset()
        return self.project.allowed_secrets

    def author(self) -> Signature:
        """The author of commits; raises `AuthorUnknown`."""
        return signature_of(self.surroundings.author, self.config, self.surroundings.now())

    def committer(self) -> Signature:
        """The committer, who is the author unless the environment says otherwise."""
        return signature_of(self.surroundings.committer, self.config, self.surroundings.now())

    def who(self) -> Signature:
        """The name in reflogs: the committer, or a placeholder."""
        return signature_of(self.surroundings.committer, self.config, self.surroundings.now(), required=False)

    def upstream(self, branch: RefName) -> RefName | None:
        """The remote-tracking ref that is a branch's upstream."""
        own = self.path / "config"
        if b"[branch" not in own.read_bytes():  # avoids parsing it, which costs 40 ms
            return None
        name = branch.short
        remote, merge = self.config.get(f"branch.{name}.remote"), self.config.get(f"branch.{name}.merge")
        if not remote or not merge:
            return None
        return RefName.remote(remote, RefName(merge).short)

    def snapshot(self, revision: str = "HEAD") -> Snapshot:
        """Everything at a commit, read only; raises `UnknownRevision`, `AmbiguousId`."""
        return self.snapshot_of(self.revisions.resolve(revision))

    def snapshot_of(self, id: ObjectId) -> Snapshot:
        """`snapshot` of a known commit."""
        commit = read_commit(self.store, id)
        files = self.contents.files_below(commit.tree)
        working = self.worktree.known if self.root is not None else lambda path: None
        return Snapshot(id, commit, files, self.contents, lambda: self.arrow_cache, working)

    def stored(self, path: RepoPath, entry: FileEntry) -> FileView:
        """A file in the store, for comparison."""
        return StoredFile(self.contents, path, entry)

    def diff(
        self, before: str | None = None, after: str | None = None, paths: Sequence[str] = ()
    ) -> Comparison:
        """What changed between two revisions; ``after`` None means the working files, ``before`` defaults to HEAD.

        Iterating gives each `FileDiff`.
        """
        from promptvc.session.workspace.comparison import Comparison

        old = self.workspace.head_files() if before is None else self.snapshot(before).files
        new = (
            self.workspace.worktree.files(self.workspace.head_files())
            if after is None
            else self.snapshot(after).files
        )
        after_view = self.workspace.view if after is None else self.stored
        project = self.workspace.worktree.project() if after is None else self.snapshot(after).project
        return Comparison.between(_below(old, paths), _below(new, paths), self.stored, after_view, project)

    def changes_of(self, id: ObjectId, paths: Sequence[str] = ()) -> Comparison:
        """What a commit changed since its first parent; the first commit since nothing."""
        from promptvc.session.workspace.comparison import Comparison

        parents, after = self.history.parents(id), self.snapshot_of(id)
        before = self.snapshot_of(parents[0]).files if parents else {}
        return Comparison.between(
            _below(before, paths), _below(after.files, paths), self.stored, self.stored, after.project
        )

    def comparison_of(self, changes: Sequence[FileChange]) -> Comparison:
        """The changed working files that `status` found, for comparison."""
        from promptvc.session.workspace.comparison import Comparison

        return Comparison(changes, self.stored, self.workspace.view, self.workspace.worktree.project())

    def comparison_stored(self, changes: Sequence[FileChange], id: ObjectId) -> Comparison:
        """The changes that a commit made, for comparison."""
        from promptvc.session.workspace.comparison import Comparison

        return Comparison(changes, self.stored, self.stored, self.snapshot_of(id).project)

    def left_untracked(self, before: ObjectId | None, after: ObjectId | Files | None) -> list[RepoPath]:
        """The working files that stayed, untracked, on the way from a commit to another, or to the files of a merge."""
        if self.root is None or before is None or after is None:
            return []
        files = self.snapshot_of(after).files if isinstance(after, ObjectId) else after
        return self.workspace.left_untracked(self.snapshot_of(before).files, files)

    def close(self) -> None:
        """Close open files."""
        self.store.close()
        if (runs := self.__dict__.get("runs")) is not None:
            runs.close()

    def _tidy(self, store: ObjectStore) -> None:
        from promptvc.versioning.upkeep.upkeep import tidy  # only now and then

        tidy(store, self.refs)

    def _check_format(self) -> None:
        text = (self.path / "config").read_text(errors="replace")
        found = next(
            (line.partition("=")[2].strip() for line in text.splitlines() if "storeformat" in line.lower()),
            "",
        )
        if found and (not found.isdigit() or int(found) > FORMAT):
            raise UnsupportedFormat(f"the store {self.path}", found, FORMAT)


def _below(files: Files, paths: Sequence[str]) -> Files:
    return {path: entry for path, entry in files.items() if is_below(path, *paths)} if paths else files
