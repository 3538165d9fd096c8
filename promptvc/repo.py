"""Repo: opens a store, wires its parts, and hands them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from promptvc.errors import NotAStore, StoreExists, UnsupportedFormat, Usage, WorkWouldBeLost
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.session.contents import Contents
from promptvc.session.identity import Identity, signature_of
from promptvc.session.project import PROJECT_FILE, TEMPLATE
from promptvc.session.snapshot import Snapshot
from promptvc.session.views import FileView, StoredFile
from promptvc.session.workspace import Committed, Status, Workspace
from promptvc.session.worktree import Worktree
from promptvc.storage.cache import Cache
from promptvc.storage.files import disk_errors
from promptvc.storage.git import GitConfig
from promptvc.storage.objects import Signature
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import FORMAT, read_commit
from promptvc.versioning.diff import FileChange
from promptvc.versioning.history import History
from promptvc.versioning.revision import Revisions
from promptvc.versioning.tree import FileEntry, Files, is_below, load_files

if TYPE_CHECKING:
    from promptvc.content.arrow import ArrowCache
    from promptvc.runs.compare import RunComparison
    from promptvc.runs.logbook import RunLog
    from promptvc.runs.record import Recorded, RecordOptions
    from promptvc.runs.runner import RunResult
    from promptvc.runs.running import Runs
    from promptvc.session.comparison import Comparison
    from promptvc.session.merging import Doing, Forward, Merged, Merging
    from promptvc.session.openmerge import MergeState, OpenMerge, Step
    from promptvc.session.resolving import Resolving
    from promptvc.session.runmerge import RunsMerger
    from promptvc.session.sharing import Sharing
    from promptvc.session.transaction import Transaction
    from promptvc.session.undo import Undone
    from promptvc.versioning.operation import Operation
    from promptvc.versioning.oplog import OperationLog
    from promptvc.versioning.upkeep import Problem

STORE = ".promptvc"
LOCAL = "promptvc"
"""The folder inside the store for what is local: caches, logs."""
MERGING = "merging"
"""The file in it for the merge under way."""
ARROW_CACHE_BYTES = 4 << 30


@dataclass(frozen=True)
class Surroundings:
    """What the world around says, read once by the caller: configuration, identity, clock, environment.

    ``config_files`` are git's own, weakest first; ``environment`` is given to programs that are started.
    """

    config_files: tuple[Path, ...] = ()
    author: Identity = field(default_factory=Identity)
    committer: Identity = field(default_factory=Identity)
    now: Callable[[], float] = time.time
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    interactive: bool = False
    token: str | None = field(default=None, repr=False)
    cache_folder: Callable[[], Path] | None = None


class Repo:
    """A store, and the working files around it if it has any.

    ``path`` is the store's folder, ``root`` the project's (None for a store without working files).
    """

    def __init__(self, path: Path, root: Path | None, surroundings: Surroundings) -> None:
        self.path, self.root, self.surroundings = path, root, surroundings
        self.store = ObjectStore(path / "objects")
        self.refs = Refs(path, lambda: self.oplog)
        self._check_format()

    # --- making one ---------------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, surroundings: Surroundings) -> Repo:
        """Open the project that holds path, or a store itself; raises `NotAStore` or `UnsupportedFormat`."""
        place = path.resolve()
        if _is_store(place):
            return cls(place, place.parent if place.name == STORE else None, surroundings)
        for folder in (place, *place.parents):
            if _is_store(folder / STORE):
                return cls(folder / STORE, folder, surroundings)
        raise NotAStore(path)

    @classmethod
    def init(cls, root: Path, surroundings: Surroundings, branch: str = "main") -> Repo:
        """Start a store in ``root/.promptvc`` and promptvc.toml beside it; raises `StoreExists`."""
        root = root.resolve()
        if _is_store(root / STORE):
            raise StoreExists(
                f"{root / STORE}: there is a store already", "promptvc status shows how it stands"
            )
        with disk_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            make_store(root / STORE, branch)
            project = root / PROJECT_FILE
            if not project.exists():
                project.write_text(TEMPLATE)
        return cls(root / STORE, root, surroundings)

    # --- the parts ----------------------------------------------------------------------------------------

    @cached_property
    def oplog(self) -> OperationLog:
        """What changes of refs and working files replaced; ``oplog.operation(what)`` makes several of them one."""
        from promptvc.versioning.oplog import OperationLog  # only those who change something need it

        return OperationLog(self.refs, self.store, self.who, self.surroundings.now)

    @cached_property
    def cache(self) -> Cache:
        """Local values that can be derived again."""
        return Cache(self.path / LOCAL)

    @cached_property
    def contents(self) -> Contents:
        """Files to and from the store."""
        return Contents(self.store, self.cache)

    @property
    def history(self) -> History:
        """Walks over commits; a fresh one each time, since it remembers what was missing."""
        return History(self.store)

    @cached_property
    def config(self) -> GitConfig:
        """Git's configuration, the store's own last."""
        return GitConfig([*self.surroundings.config_files, self.path / "config"])

    @cached_property
    def revisions(self) -> Revisions:
        """Resolves the texts that name commits."""
        return Revisions(self.store, self.refs, self.surroundings.now, self.upstream)

    @cached_property
    def workspace(self) -> Workspace:
        """Working files and branches together; raises `Usage` for a store without working files."""
        if self.root is None:
            raise Usage(f"{self.path} has no working files", "promptvc clone makes a copy that has")
        worktree = Worktree(self.root, self.store, self.contents, self.cache, lambda: self.oplog)
        return Workspace(
            worktree,
            self.store,
            self.refs,
            self.contents,
            self.upstream,
            lambda what: self.oplog.operation(what),
        )

    @cached_property
    def merge_state(self) -> MergeState:
        """Where a merge is kept that waits for its conflicts to be resolved."""
        from promptvc.session.openmerge import MergeState

        return MergeState(
            self.path / LOCAL / MERGING,
            self.store,
            lambda before, after: self.oplog.state(before, after),
            self._is_committed,
        )

    @property
    def open_merge(self) -> OpenMerge | None:
        """The merge, cherry-pick or revert that waits for its conflicts to be resolved, or to be committed."""
        if not (self.path / LOCAL / MERGING).exists():  # spares most commands the imports
            return None
        return self.merge_state.load()

    def need_no_merge(self) -> None:
        """Raise `MergeOpen` while a merge, cherry-pick or revert is under way."""
        merge = self.open_merge
        if merge is not None:
            from promptvc.errors import MergeOpen

            left = self.resolving.conflicts() if merge.is_written else merge.conflicts
            raise MergeOpen(merge.step, len(left))

    @cached_property
    def merging(self) -> Merging:
        """Merge, cherry-pick and revert with the working files."""
        from promptvc.session.merging import Merging
        from promptvc.session.treemerge import TreeMerger

        merger = TreeMerger(self.store, self.contents, self._output_merger)
        operation = self.oplog.operation
        return Merging(self.workspace, self.store, self.refs, merger, self.merge_state, operation)

    @cached_property
    def resolving(self) -> Resolving:
        """Resolves the conflicts of the merge under way."""
        from promptvc.session.resolving import Resolving

        return Resolving(
            self.workspace.worktree, self.store, self.contents, self.merge_state, self.oplog.operation
        )

    @cached_property
    def sharing(self) -> Sharing:
        """Remotes: fetch, push, and what they are called."""
        from promptvc.session.sharing import Access, Sharing

        world = self.surroundings
        access = Access(world.environment, world.interactive, world.token)
        return Sharing(self.path, self.store, self.refs, self.config, access, lambda: self.oplog)

    @cached_property
    def runs(self) -> Runs:
        """The runs of the project: planned, done and looked after; raises `Usage` for a store without working files."""
        from promptvc.runs.running import Runs

        world = self.surroundings
        return Runs(
            self.store,
            self.refs,
            self.contents,
            self.workspace,
            self.path / LOCAL,
            self.config,
            world.environment,
            self._code_commit,
            world.now,
            lambda what: self.oplog.operation(what),
        )

    @cached_property
    def arrow_cache(self) -> ArrowCache:
        """Arrow files of tables that were read."""
        from promptvc.content.arrow import ArrowCache

        return ArrowCache(self.path / LOCAL / "arrow", ARROW_CACHE_BYTES)

    # --- reading ------------------------------------------------------------------------------------------

    def snapshot(self, revision: str = "HEAD") -> Snapshot:
        """Everything at a commit, read only; raises `UnknownRevision`, `AmbiguousId`."""
        return self.snapshot_of(self.revisions.resolve(revision))

    def snapshot_of(self, id: ObjectId) -> Snapshot:
        """`snapshot` of a commit that is already known."""
        commit = read_commit(self.store, id)
        return Snapshot(
            id, commit, load_files(self.store, commit.tree), self.contents, lambda: self.arrow_cache
        )

    def diff(
        self, before: str | None = None, after: str | None = None, paths: Sequence[str] = ()
    ) -> Comparison:
        """What changed between two revisions; ``after`` None stands for the working files, ``before`` for HEAD.

        Iterating gives one `FileDiff` a file.
        """
        from promptvc.session.comparison import Comparison

        old = self.workspace.head_files() if before is None else self.snapshot(before).files
        new = (
            self.workspace.worktree.files(self.workspace.head_files())
            if after is None
            else self.snapshot(after).files
        )
        after_view = self.workspace.view if after is None else self.stored
        project = self.workspace.worktree.project() if after is None else self.snapshot(after).project
        return Comparison.between(_below(old, paths), _below(new, paths), self.stored, after_view, project)

    def compare(
        self,
        before: str = "HEAD",
        after: str | None = None,
        *,
        run: str | None = None,
        score: str | None = None,
        slices: Sequence[str] | None = None,
    ) -> RunComparison:
        """A run's outputs at two revisions, row by row; ``after`` None stands for the working files.

        Without ``run``, the only one that both have. Raises `RunMissing`, `RunUnreadable`, `Usage`, `UnknownRevision`.
        """
        from promptvc.runs.compare import compare_runs
        from promptvc.runs.compare_sources import only_run
        from promptvc.runs.sources import CommitSource, WorkingSource, load_run

        old = CommitSource(self.snapshot(before), before)
        new = WorkingSource(self.workspace) if after is None else CommitSource(self.snapshot(after), after)
        name = run or only_run(old, new)
        sides = [load_run(side, name, self.contents, self.store) for side in (old, new)]
        return compare_runs(*sides, score=score, slices=slices)

    def comparison_of(self, changes: Sequence[FileChange]) -> Comparison:
        """The working files that `status` found changed, to be looked at."""
        from promptvc.session.comparison import Comparison

        return Comparison(changes, self.stored, self.workspace.view, self.workspace.worktree.project())

    def comparison_stored(self, changes: Sequence[FileChange], id: ObjectId) -> Comparison:
        """Changes that a commit made, to be looked at."""
        from promptvc.session.comparison import Comparison

        return Comparison(changes, self.stored, self.stored, self.snapshot_of(id).project)

    def stored(self, path: RepoPath, entry: FileEntry) -> FileView:
        """A file in the store, to be compared."""
        return StoredFile(self.contents, path, entry)

    def status(self) -> Status:
        """How the working files stand."""
        return self.workspace.status()

    def verify(self) -> list[Problem]:
        """Check every object that history needs; an empty list when all is well."""
        from promptvc.versioning.upkeep import verify  # with fold below, not for those who look

        return verify(self.store, self.refs)

    # --- writing ------------------------------------------------------------------------------------------

    def commit(
        self,
        message: str = "",
        *,
        paths: Sequence[str] = (),
        code_commit: str | None = None,
        allow_empty: bool = False,
    ) -> Committed:
        """Commit what changed among the working files, as the author that git knows.

        Concludes a merge under way, whose message stands where none is given. Raises `NothingToCommit`,
        `ConflictsRemain`, `AuthorUnknown`, `DuplicateKey` and what reading the files raises.
        """
        author, committer = self.author(), self.committer()
        merge = self.open_merge
        if merge is not None:
            done = self.merging.conclude(message, author, committer, paths=paths, code_commit=code_commit)
        else:
            done = self.workspace.commit(
                message, author, committer, paths=paths, code_commit=code_commit, allow_empty=allow_empty
            )
        from promptvc.versioning.upkeep import fold

        fold(self.store)
        return done

    def merge(
        self,
        revision: str,
        *,
        into: str | None = None,
        message: str | None = None,
        forward: Forward = "auto",
        dry_run: bool = False,
    ) -> Merged:
        """Merge a revision into a branch, the current one where none is named; no working files are needed.

        Gives the commit, or the conflicts as values: then nothing is changed. Working files of the current branch
        follow where nobody changed them. Raises `UnknownRevision`, `NotFastForward`, `RefMoved`, `Refused`.
        """
        from promptvc.session.branchmerge import BranchMerge
        from promptvc.session.treemerge import TreeMerger

        branch = into or self.branch
        if branch is None:
            raise Usage("HEAD is on no branch", 'repo.merge("feature", into="main")')
        ref, doing = RefName.branch(branch), self.doing("merge", revision, message, into=branch)
        merger = BranchMerge(
            self.store, self.refs, TreeMerger(self.store, self.contents, self._output_merger)
        )
        with self.oplog.operation(doing.title):
            done = merger.merge(
                ref, self.revisions.resolve(revision), doing, forward=forward, dry_run=dry_run
            )
            if done.commit != done.before and done.before and not dry_run:
                self._written(ref, self.snapshot_of(done.before).files, done.files)
        return done

    def doing(
        self, step: Step, revision: str, message: str | None = None, *, into: str | None = None
    ) -> Doing:
        """A merge, cherry-pick or revert of a revision, as the author that git knows."""
        from promptvc.session.merging import Doing, message_of

        id = self.revisions.resolve(revision)
        name = self.revisions.resolve_ref(revision)
        other = name.short if name and name != "HEAD" else id.short
        if message is None:
            message = f"Merge {other}" if step == "merge" else message_of(self.store, step, id)
        keep = self.history.commit(id).author if step == "cherry-pick" else None
        labels = (into or self.branch or "HEAD", other)
        return Doing(step, labels, message, self.author, self.committer, keep)

    def transaction(self, branch: str = "main", message: str = "") -> Transaction:
        """A context in which writes to a branch become one commit; no working files are needed or touched."""
        from promptvc.session.transaction import Transaction

        ref = RefName.branch(branch)
        return Transaction(
            self.store,
            self.refs,
            self.contents,
            ref,
            message,
            self.author,
            self.committer,
            self._written,
            lambda what: self.oplog.operation(what),
        )

    def record_run(
        self,
        name: str,
        rows: Iterable[Mapping[str, Any]] | str | Path,
        **options: Unpack[RecordOptions],
    ) -> Recorded:
        """Take in outputs that another tool made, a file or rows, as the run ``name`` among the working files.

        ``repo.record_run("gpt", "results.csv", example_key="question", output="answer", score="is_correct")``;
        `RecordOptions` has all options. Raises what `promptvc.runs.record.record_run` raises.
        """
        from promptvc.runs.record import record_run

        return record_run(self.runs, name, rows, options)

    def run(
        self, name: str, *, jobs: int | None = None, limit: int | None = None, offline: bool = False
    ) -> RunResult:
        """Make the outputs of a declared run that are missing; known answers are not asked for again.

        Raises `RunMissing`, `NotTrusted`, `CallsMissing` where ``offline``, and what `Runner.run` raises.
        """
        return self.runs.run(name, jobs=jobs, limit=limit, offline=offline)[0]

    def log_run(
        self,
        name: str,
        *,
        provider: str,
        model: str,
        prompt: str | None = None,
        examples: str | None = None,
        params: Mapping[str, Any] | None = None,
        tools: Any = None,
        response_format: Any = None,
        base_url: str | None = None,
        inputs: Mapping[str, str] | None = None,
        slices: Sequence[str] = (),
    ) -> RunLog:
        """A context that takes in one's own calls, and writes them as the outputs of a run at its end.

        What is given says how all of them are asked; prompt and examples, tracked files, are pinned as they are now.
        Raises `PathMissing`, `NotATable`, `Usage`.
        """
        from promptvc.content.request import Calling
        from promptvc.runs.logbook import LogSettings, RunLog

        calling = Calling(provider, model, dict(params or {}), tools, response_format, base_url)
        return RunLog(self.runs, LogSettings(name, calling, prompt, examples, inputs or {}, slices))

    def operations(self) -> list[Operation]:
        """What was done to refs and working files, newest first."""
        return self.oplog.operations()[::-1]

    def undo(self, to: int | None = None, *, force: bool = False) -> Undone:
        """Take the last operation back, or go to how things stood right after the operation ``to``.

        That is an operation too: another undo redoes. Raises `Negative` where there is none, `Refused` where a ref was
        moved since by something else, `WorkWouldBeLost` for working files that were changed since, unless ``force`` is
        given.
        """
        from promptvc.session.undo import UndoParts, undo

        parts = UndoParts(
            self.oplog, self.store, self.refs, self.who, self.config, lambda: self.workspace.worktree
        )
        return undo(parts, self.merge_state.put, to, force=force)

    @property
    def branch(self) -> str | None:
        """The current branch's name; None when HEAD is on none."""
        head = self.refs.head()
        return head.short if isinstance(head, RefName) else None

    def author(self) -> Signature:
        """Who writes; raises `AuthorUnknown`."""
        return signature_of(self.surroundings.author, self.config, self.surroundings.now())

    def committer(self) -> Signature:
        """Who commits, which is the author unless the environment says otherwise."""
        return signature_of(self.surroundings.committer, self.config, self.surroundings.now())

    def who(self) -> Signature:
        """Whom reflogs name: the committer, or nobody in particular."""
        return signature_of(self.surroundings.committer, self.config, self.surroundings.now(), required=False)

    def upstream(self, branch: RefName) -> RefName | None:
        """The remote-tracking ref that a branch follows."""
        own = self.path / "config"
        if b"[branch" not in own.read_bytes():  # spares reading it with care, which costs 40 ms
            return None
        name = branch.short
        remote, merge = self.config.get(f"branch.{name}.remote"), self.config.get(f"branch.{name}.merge")
        if not remote or not merge:
            return None
        return RefName.remote(remote, RefName(merge).short)

    def close(self) -> None:
        """Forget open files."""
        self.store.close()

    def __repr__(self) -> str:
        head = self.refs.head()
        return f"Repo {self.root or self.path} on {head.short}"

    def _written(self, branch: RefName, before: Files, after: Files) -> None:
        """A transaction moved a branch: where it is the current one, working files nobody changed follow."""
        if self.root is not None and self.refs.head() == branch:
            with suppress(WorkWouldBeLost):  # the commit is made; what is in the way stays, and status tells
                self.workspace.follow(before, after)

    def _output_merger(self) -> RunsMerger:
        from promptvc.runs.merge import OutputMerger
        from promptvc.runs.running import builtin_scorers

        scorers = self.runs.usable_scorers if self.root is not None else builtin_scorers
        return OutputMerger(self.contents, self.store, scorers)

    def _code_commit(self) -> str | None:
        from promptvc.session.code import code_commit

        return code_commit(self.root) if self.root is not None else None

    def _is_committed(self, merge: OpenMerge) -> bool:
        """Whether a merge under way was concluded, and only the word of it is missing."""
        head = self.refs.read(HEAD)
        if head is None or head == merge.head:
            return False
        if merge.step == "merge":
            return self.history.is_ancestor(merge.other, head)
        commit = self.history.commit(head)
        return (
            commit.parents[:1] == (merge.head,) and commit.subject == merge.message.strip().split("\n", 1)[0]
        )

    def _check_format(self) -> None:
        text = (self.path / "config").read_text(errors="replace")
        found = next(
            (line.partition("=")[2].strip() for line in text.splitlines() if "storeformat" in line.lower()),
            "",
        )
        if found and (not found.isdigit() or int(found) > FORMAT):
            raise UnsupportedFormat(f"the store {self.path}", found, FORMAT)


def make_store(path: Path, branch: str = "main") -> None:
    """Make an empty store: a bare git repository whose configuration names our format."""
    head = RefName.branch(branch)
    for folder in ("objects/pack", "objects/info", "refs/heads", "refs/tags", LOCAL):
        (path / folder).mkdir(parents=True, exist_ok=True)
    # logallrefupdates: git keeps no reflogs in a bare repository unless told to.
    (path / "config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\tlogallrefupdates = true\n"
        f"[promptvc]\n\tstoreformat = {FORMAT}\n"
    )
    (path / "description").write_text("A promptvc store: prompts, example sets and model outputs.\n")
    (path / "HEAD").write_text(f"ref: {head}\n")


def _is_store(path: Path) -> bool:
    """Whether a folder is a store: a git repository whose configuration has our section."""
    try:
        return (path / "HEAD").exists() and b"[promptvc]" in (path / "config").read_bytes()
    except OSError:
        return False


def _below(files: Files, paths: Sequence[str]) -> Files:
    return {path: entry for path, entry in files.items() if is_below(path, paths)} if paths else files
