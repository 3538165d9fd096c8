"""Repo: what there is to do with a store, as a list; each part of it has its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

from promptvc.content.formats.missing import MISSING
from promptvc.errors import PromptvcError
from promptvc.ids import ObjectId
from promptvc.repo.branch.merges import WithMerges
from promptvc.repo.judge.runs import ProjectRuns
from promptvc.repo.place import Surroundings, find_store, start_store
from promptvc.session.workspace.snapshot import Snapshot
from promptvc.session.workspace.workspace import Committed, Status

if TYPE_CHECKING:
    from promptvc.content.values.conflict import MergeConflict
    from promptvc.repo.branch.branches import Branches
    from promptvc.repo.branch.switching import Restored, Switched
    from promptvc.repo.branch.tags import Tags
    from promptvc.repo.look.log import When
    from promptvc.repo.share.forget import ForgetResult
    from promptvc.repo.share.remotes import Remotes
    from promptvc.runs.check.results import CheckResult
    from promptvc.runs.compare.compare import RunComparison
    from promptvc.runs.execute.results import RunResult
    from promptvc.runs.record.logbook import RunLog
    from promptvc.runs.record.record import Recorded, RecordOptions
    from promptvc.runs.reproduce.reproduce import Reproduction
    from promptvc.secrets.finding import SecretFinding
    from promptvc.session.files.project import Project
    from promptvc.session.history.blamed import Blamed
    from promptvc.session.history.log import Log, LogCommit
    from promptvc.session.history.undo import Undone
    from promptvc.session.merge.openmerge import OpenMerge
    from promptvc.session.merge.request import Forward
    from promptvc.session.merge.resolve import Resolved, Take
    from promptvc.session.merge.result import Merged
    from promptvc.session.transaction.transaction import Transaction
    from promptvc.session.workspace.comparison import Comparison
    from promptvc.transports.remote import Progress
    from promptvc.versioning.oplog.operation import Operation
    from promptvc.versioning.upkeep.repair import Repair
    from promptvc.versioning.upkeep.upkeep import Collected
    from promptvc.versioning.upkeep.verify import Problem


class Repo:
    """A store, and the working files around it if it has any.

    ``path`` is the store's folder, ``root`` the project's (None for a store without working files). Of a remote store,
    read through a clone: ``refreshed_at`` is when that was last brought up to date (seconds since 1970),
    ``refresh_error`` why it could not be just now. ``parts`` is internal.
    """

    refreshed_at: float | None = None
    refresh_error: PromptvcError | None = None

    def __init__(self, path: Path, root: Path | None, surroundings: Surroundings) -> None:
        self.path, self.root = path, root
        self.parts = WithMerges(path, root, surroundings)

    # --- opened and closed ----------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, surroundings: Surroundings) -> Repo:
        """Open the project that holds path, or a store itself; raises `NotAStore` or `UnsupportedFormat`."""
        store, root = find_store(path)
        return cls(store, root, surroundings)

    @classmethod
    def init(cls, root: Path, surroundings: Surroundings, branch: str = "main") -> Repo:
        """Start a store in ``root/.promptvc`` and promptvc.toml beside it; raises `StoreExists`."""
        root = root.resolve()
        return cls(start_store(root, branch), root, surroundings)

    def close(self) -> None:
        """Forget open files; a ``with`` block ends so too."""
        self.parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Repo {self.root or self.path} on {self.parts.refs.head().short}"

    # --- what there is ----------------------------------------------------------------------------------------

    @property
    def branch(self) -> str | None:
        """The current branch's name; None when HEAD is on none."""
        return self.parts.branch

    @property
    def project(self) -> Project:
        """The settings of promptvc.toml: among the working files, or at HEAD where there are none."""
        return self.parts.project

    @cached_property
    def branches(self) -> Branches:
        """The branches, by name: made, moved, deleted."""
        from promptvc.repo.branch.branches import Branches

        return Branches(self.parts)

    @cached_property
    def tags(self) -> Tags:
        """The tags, by name: made, deleted."""
        from promptvc.repo.branch.tags import Tags

        return Tags(self.parts)

    @cached_property
    def remotes(self) -> Remotes:
        """The remotes, by name: added, removed, fetched from, pushed to, pulled from."""
        from promptvc.repo.share.remotes import Remotes

        return Remotes(self.parts)

    @cached_property
    def runs(self) -> ProjectRuns:
        """The declared runs: made, compared, taken in, reproduced."""
        return ProjectRuns(self.parts)

    def snapshot(self, revision: str = "HEAD") -> Snapshot:
        """Everything at a commit, read only; raises `UnknownRevision`, `AmbiguousId`."""
        return self.parts.snapshot(revision)

    def rev_parse(self, revision: str = "HEAD") -> ObjectId:
        """The id of the commit that a revision names; raises `UnknownRevision`, `AmbiguousId`."""
        return self.parts.revisions.resolve(revision)

    def log(
        self,
        path: str | Sequence[str] | None = None,
        *,
        revision: str | Sequence[str] = "HEAD",
        limit: int | None = None,
        since: When | None = None,
        until: When | None = None,
        author: str | None = None,
        grep: str | None = None,
        all: bool = False,
    ) -> Log:
        """The commits that lead to a revision, newest first; of ``A..B``, those that A lacks.

        With ``path``, only those that changed this file, or something in this folder. ``since`` and ``until`` are times
        of committing: text as in ``main@{yesterday}``, seconds since 1970, or a datetime. ``author`` (of
        ``Ada <ada@example.com>``) and ``grep`` (of the message) are regular expressions. ``all`` adds every branch, tag
        and remote-tracking branch. None before the first commit. Raises `UnknownRevision`, `AmbiguousId`, `Usage`.
        """
        from promptvc.repo.look.log import log

        return log(self.parts, path, revision, limit, since, until, author, grep, all)

    def show(self, revision: str = "HEAD", paths: Sequence[str] = ()) -> Comparison:
        """What a commit changed against its first parent, the first commit against nothing.

        Of ``paths`` and what is below them only, where any is given. Raises `UnknownRevision`, `AmbiguousId`.
        """
        return self.parts.changes_of(self.rev_parse(revision), paths)

    def blame(
        self,
        path: str,
        *,
        revision: str = "HEAD",
        key: Any = None,
        start: int | None = None,
        stop: int | None = None,
    ) -> list[Blamed]:
        """The commit that changed each line of a text or prompt last, or each row of a table.

        ``key``, a value or a tuple of several, asks for each cell of the row with this key. ``start`` and ``stop`` are
        line or row numbers from 0, as in a slice. A row that only moved keeps its commit; renames are followed. Raises
        `PathMissing`, `RowMissing`, `NotATable` for a key of a text, `Usage` for a binary file, `UnknownRevision`.
        """
        from promptvc.repo.look.blame import blame

        return blame(self.parts, path, revision, key, start, stop)

    def read_commit(self, revision: str = "HEAD") -> LogCommit:
        """One commit, as `log` gives it; raises `UnknownRevision`, `AmbiguousId`."""
        from promptvc.session.history.log import LogCommit

        id = self.rev_parse(revision)
        return LogCommit(id, self.parts.history.commit(id))

    def merge_bases(self, one: str, other: str) -> list[ObjectId]:
        """Where two revisions parted: their newest common ancestors, several after a criss-cross.

        Raises `UnknownRevision`, `AmbiguousId`.
        """
        return self.parts.history.merge_bases(self.rev_parse(one), self.rev_parse(other))

    def status(self) -> Status:
        """How the working files stand; raises `Usage` for a store without."""
        return self.parts.workspace.status()

    def diff(
        self, before: str | None = None, after: str | None = None, paths: Sequence[str] = ()
    ) -> Comparison:
        """What changed between two revisions; ``after`` None stands for the working files, ``before`` for HEAD.

        Iterating gives one `FileDiff` a file. Raises `UnknownRevision`, `AmbiguousId`.
        """
        return self.parts.diff(before, after, paths)

    # --- changed ------------------------------------------------------------------------------------------------

    def commit(
        self,
        message: str = "",
        *,
        paths: Sequence[str] = (),
        code_commit: str | None = "auto",
        allow_empty: bool = False,
        allow_secrets: bool = False,
    ) -> Committed:
        """Commit what changed among the working files, as the author that git knows.

        The commit names the one that the code repository around the project is at; ``code_commit`` gives another, None
        names none. Concludes a merge under way, whose message stands where none is given. Raises `NothingToCommit`,
        `ConflictsRemain`, `AuthorUnknown`, `DuplicateKey`, `SecretFound` unless ``allow_secrets``, and what reading the
        files raises.
        """
        from promptvc.repo.writing import commit

        code = self.parts.code_commit() if code_commit == "auto" else code_commit
        return commit(self.parts, message, paths, code, allow_empty, allow_secrets)

    def switch(
        self,
        branch: str,
        *,
        create: bool = False,
        at: str | None = None,
        detach: bool = False,
        force: bool = False,
    ) -> Switched:
        """Go to a branch, ``-`` to the one before; with ``create`` it is made first, at the revision ``at`` or here.

        A branch that only a remote has is made, following it. ``detach`` looks at the commit of any revision, on no
        branch. Changes that are not committed come along where the branches agree; ``force`` overwrites the others.
        Raises `WorkWouldBeLost`, `UnknownRevision`, `StoreExists`, `MergeOpen`; then nothing is changed.
        """
        from promptvc.repo.branch.switching import switch

        return switch(self.parts, branch, at, create=create, detach=detach, force=force)

    def restore(
        self, paths: str | Sequence[str], *, source: str | None = None, force: bool = False
    ) -> Restored:
        """Put files and folders, ``.`` for all, back as they are at the revision ``source``, or HEAD.

        What the revision lacks below a folder is removed. ``force`` overwrites changes that are not committed; what a
        merge under way wrote is put back only with ``source``. Raises `PathMissing`, `WorkWouldBeLost`, `Refused`.
        """
        from promptvc.repo.branch.switching import restore

        return restore(self.parts, [paths] if isinstance(paths, str) else paths, source, force=force)

    def transaction(
        self,
        branch: str = "main",
        message: str = "",
        *,
        timeout: float | None = None,
        allow_secrets: bool = False,
    ) -> Transaction:
        """A context in which writes to a branch become one commit; no working files are needed.

        Where the branch is checked out, working files that nobody changed follow. ``timeout`` is how many seconds it
        waits for other writers of the branch, 60 unless given. Secrets are refused unless ``allow_secrets``.
        """
        from promptvc.repo.writing import transaction

        return transaction(self.parts, branch, message, timeout, allow_secrets)

    # --- merged -------------------------------------------------------------------------------------------------

    def merge(
        self,
        revision: str,
        *,
        into: str | None = None,
        message: str | None = None,
        forward: Forward = "auto",
        dry_run: bool = False,
        unrelated: bool = False,
    ) -> Merged:
        """Merge a revision into a branch, the current one where none is named: `Merges.merge`.

        What conflicts among the working files waits: `conflicts`, `resolve`, then `commit`, or `abort_merge`. Into
        another branch, or without working files, it changes nothing, and the value that this gives resolves and
        concludes it. ``forward`` is ``never`` for a commit where the branch could just move on, ``only`` for no other;
        ``unrelated`` allows what has no commit in common. Raises `UnknownRevision`, `MergeOpen`, `WorkWouldBeLost`,
        `NotFastForward`, `RefMoved`, `Refused`.
        """
        return self.parts.merges.merge(
            revision, into=into, message=message, forward=forward, dry_run=dry_run, unrelated=unrelated
        )

    def cherry_pick(
        self,
        revision: str,
        *,
        into: str | None = None,
        message: str | None = None,
        mainline: int | None = None,
        dry_run: bool = False,
    ) -> Merged:
        """Do what a commit did once more, on top of a branch; of a merge, what it did to its parent ``mainline``.

        What conflicts waits as that of `merge` does. Raises what `merge` raises, and `Usage` for a merge without
        ``mainline``.
        """
        return self.parts.merges.cherry_pick(
            revision, into=into, message=message, mainline=mainline, dry_run=dry_run
        )

    def revert(
        self,
        revision: str,
        *,
        into: str | None = None,
        message: str | None = None,
        mainline: int | None = None,
        dry_run: bool = False,
    ) -> Merged:
        """Take back what a commit did, on top of a branch; otherwise as `cherry_pick`."""
        return self.parts.merges.revert(
            revision, into=into, message=message, mainline=mainline, dry_run=dry_run
        )

    @property
    def open_merge(self) -> OpenMerge | None:
        """The merge, cherry-pick or revert that waits for its conflicts to be resolved, or to be committed."""
        return self.parts.merges.open_merge

    @property
    def conflicts(self) -> list[MergeConflict]:
        """What is left to resolve of the merge under way; nothing where there is none."""
        return self.parts.merges.conflicts

    def resolve(
        self,
        paths: str | Sequence[str] = (),
        *,
        take: Take | None = None,
        value: Any = MISSING,
        as_is: bool = False,
        key: Any = None,
        field: str | None = None,
        line: int | None = None,
    ) -> Resolved:
        """Resolve conflicts of the merge under way: those in these paths (all) that have this key, field and line.

        ``take`` is a side's version, ``value`` any other; ``as_is`` keeps what the working file has. The key is that of
        the row, as text, as a value, or as the conflict has it. Raises `NoMergeOpen`, `ConflictMissing` where none is
        meant, `ConflictStale` where the file has something else there, `Usage` for what cannot stand there.
        """
        return self.parts.merges.resolve(
            paths, take=take, value=value, as_is=as_is, key=key, field=field, line=line
        )

    def abort_merge(self) -> OpenMerge:
        """Give up the merge under way: the files that it wrote are as they were before; gives what was given up.

        Raises `NoMergeOpen`, and `WorkWouldBeLost` where something is in the way.
        """
        return self.parts.merges.abort()

    # --- taken back ---------------------------------------------------------------------------------------------

    def undo(self, to: int | None = None, *, force: bool = False) -> Undone:
        """Take the last operation back, or go to how things stood right after the operation ``to``.

        That is an operation too: another undo redoes. Raises `Negative` where there is none, `Refused` where a ref was
        moved since by something else, `WorkWouldBeLost` for working files that were changed since, unless ``force`` is
        given. An operation that was stopped in the middle is taken back, or finished where it was decided.
        """
        return self.parts.undo(to, force=force)

    def forget(
        self,
        path: str | None = None,
        *,
        key: Any = None,
        field: str | None = None,
        everywhere: bool = False,
        push: bool = False,
        remote: str | None = None,
        dry_run: bool = False,
        report: Callable[[Progress], None] | None = None,
    ) -> ForgetResult:
        """Take a file, the rows with a key, or a field of them out of every commit of every branch and tag.

        Commits get new ids, who and when stay. Logs, caches and answers that hold it are purged, and objects dropped at
        once: it cannot be undone. ``everywhere`` takes it out of other tables too that quote it, outputs among them;
        ``key`` is a value, or a tuple of them, or a function that takes a row and says whether it is meant. ``push``
        rewrites a remote's branches too, by compare-and-swap. Without ``path``, what was forgotten elsewhere is taken
        out here. Raises `PathMissing`, `RowMissing`, `Usage`, `MergeOpen`, and what `Remotes.push` raises.
        """
        from promptvc.repo.share.forget import forget, wanted_of

        wanted = None if path is None else wanted_of(self.parts, path, key, field)
        there = (remote or self.parts.sharing.default(self.branch)) if push or remote else None
        return forget(self.parts, wanted, everywhere=everywhere, dry_run=dry_run, remote=there, report=report)

    def operations(self) -> list[Operation]:
        """What was done to refs and working files, newest first."""
        return self.parts.operations()

    def operation(self, what: str) -> AbstractContextManager[None]:
        """A block whose changes are one operation, called ``what``, for `undo` to take back together."""
        return self.parts.oplog.operation(what)

    # --- runs ---------------------------------------------------------------------------------------------------

    def run(
        self,
        name: str,
        *,
        jobs: int | None = None,
        limit: int | None = None,
        offline: bool = False,
        allow_secrets: bool = False,
    ) -> RunResult:
        """Make the outputs of a declared run that are missing: `ProjectRuns.run`."""
        return self.runs.run(name, jobs=jobs, limit=limit, offline=offline, allow_secrets=allow_secrets)

    def compare(
        self,
        before: str = "HEAD",
        after: str | None = None,
        *,
        run: str | None = None,
        score: str | None = None,
        slices: Sequence[str] | None = None,
    ) -> RunComparison:
        """A run's outputs at two revisions, row by row: `ProjectRuns.compare`."""
        return self.runs.compare(before, after, run=run, score=score, slices=slices)

    def record_run(
        self,
        name: str,
        rows: Iterable[Mapping[str, Any]] | str | Path,
        **options: Unpack[RecordOptions],
    ) -> Recorded:
        """Take in outputs that another tool made, as the run ``name``: `ProjectRuns.record`."""
        return self.runs.record(name, rows, **options)

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
        allow_secrets: bool = False,
    ) -> RunLog:
        """A context that takes in one's own calls, and writes them as the outputs of a run: `ProjectRuns.log`."""
        return self.runs.log(
            name,
            provider=provider,
            model=model,
            prompt=prompt,
            examples=examples,
            params=params,
            tools=tools,
            response_format=response_format,
            base_url=base_url,
            inputs=inputs,
            slices=slices,
            allow_secrets=allow_secrets,
        )

    def check(self, *names: str, revision: str | None = None) -> list[CheckResult]:
        """Check recorded outputs against the gates that promptvc.toml declares, all or those of the checks named.

        Of the working files, or of a revision. Nothing is called, and no code of the project runs. Raises `Usage` where
        no check is declared, or none of a name, `UnknownRevision`, `RunMissing`, `RunUnreadable`, `ConfigInvalid`.
        """
        from promptvc.repo.judge.judging import check

        return check(self.parts, names, revision)

    def reproduce(self, *names: str, revision: str | None = None) -> list[Reproduction]:
        """Rebuild every request of the runs that have outputs, or of those named, and check their rows against them.

        At a revision, from what the records pin; without one, from the working files, so that rows are named that no
        longer follow from them. Nothing is called. Raises `RunMissing`, `RunUnreadable`, `UnknownRevision`.
        """
        from promptvc.repo.judge.judging import reproduce_runs

        return reproduce_runs(self.parts, names, revision)

    # --- kept ---------------------------------------------------------------------------------------------------

    def scan(self, revision: str | None = None, *, all: bool = False) -> list[SecretFinding]:
        """The secrets in the files of a revision, or in the working files; ``all``: in every commit, where it came in.

        Those that promptvc.toml allows are left out. Raises `UnknownRevision`.
        """
        from promptvc.repo.look.scan import scan

        return scan(self.parts, revision, all)

    def verify(self, *, progress: Callable[[int], None] | None = None) -> list[Problem]:
        """Check packs, refs, logs, the call journal, and every object that history needs; gives what is wrong.

        ``progress`` is called with how many objects were checked.
        """
        from promptvc.repo.upkeep import verify  # these are not for those who look

        return verify(self.parts, progress or (lambda count: None))

    def gc(self, *, prune: Literal["old", "now"] = "old") -> Collected:
        """Join all packs into one, without what no branch, tag, reflog or operation leads to.

        What is younger than two weeks stays unless ``prune`` is ``"now"``. Raises `RefDamaged`, `ObjectMissing`,
        `ObjectDamaged`, `StoreBusy`; then nothing is dropped.
        """
        from promptvc.repo.upkeep import collect_garbage

        return collect_garbage(self.parts, prune)

    def repairs(self) -> list[Repair]:
        """What can be put right of what `verify` finds; each is done by its ``do()``."""
        from promptvc.repo.upkeep import repairs

        return repairs(self.parts)
