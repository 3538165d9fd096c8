"""Repo: a list of what it can do with a store; each part has its own file."""

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

    ``path`` is the store's folder, ``root`` the project's (None for a store without working files). For a remote store
    read through a clone, ``refreshed_at`` is when the clone was last updated (seconds since 1970) and ``refresh_error``
    why the last update failed. ``parts`` is internal.
    """

    refreshed_at: float | None = None
    refresh_error: PromptvcError | None = None

    def __init__(self, path: Path, root: Path | None, surroundings: Surroundings) -> None:
        self.path, self.root = path, root
        self.parts = WithMerges(path, root, surroundings)

    # --- opening and closing --------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, surroundings: Surroundings) -> Repo:
        """Open the project that holds path, or a store itself; raises `NotAStore` or `UnsupportedFormat`."""
        store, root = find_store(path)
        return cls(store, root, surroundings)

    @classmethod
    def init(cls, root: Path, surroundings: Surroundings, branch: str = "main") -> Repo:
        """Create a store in ``root/.promptvc`` and promptvc.toml beside it; raises `StoreExists`."""
        root = root.resolve()
        return cls(start_store(root, branch), root, surroundings)

    def close(self) -> None:
        """Close open files; a ``with`` block does the same at its end."""
        self.parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Repo {self.root or self.path} on {self.parts.refs.head().short}"

    # --- reading --------------------------------------------------------------------------------------------------

    @property
    def branch(self) -> str | None:
        """The current branch's name; None if HEAD is on none."""
        return self.parts.branch

    @property
    def project(self) -> Project:
        """The settings of promptvc.toml: in the working files, or at HEAD if there are none."""
        return self.parts.project

    @cached_property
    def branches(self) -> Branches:
        """The branches, by name: create, move, delete."""
        from promptvc.repo.branch.branches import Branches

        return Branches(self.parts)

    @cached_property
    def tags(self) -> Tags:
        """The tags, by name: create, delete."""
        from promptvc.repo.branch.tags import Tags

        return Tags(self.parts)

    @cached_property
    def remotes(self) -> Remotes:
        """The remotes, by name: add, remove, fetch, push, pull."""
        from promptvc.repo.share.remotes import Remotes

        return Remotes(self.parts)

    @cached_property
    def runs(self) -> ProjectRuns:
        """The declared runs: make, compare, import, reproduce."""
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
        """The commits reachable from a revision, newest first; for ``A..B``, those that A lacks.

        With ``path``, only those that changed this file, or something in this folder. ``since`` and ``until`` are
        commit times: text as in ``main@{yesterday}``, seconds since 1970, or a datetime. ``author`` (matched against
        ``Ada <ada@example.com>``) and ``grep`` (against the message) are regular expressions. ``all`` adds every
        branch, tag and remote-tracking branch. Empty before the first commit. Raises `UnknownRevision`, `AmbiguousId`,
        `Usage`.
        """
        from promptvc.repo.look.log import log

        return log(self.parts, path, revision, limit, since, until, author, grep, all)

    def show(self, revision: str = "HEAD", paths: Sequence[str] = ()) -> Comparison:
        """What a commit changed since its first parent, the first commit since nothing.

        With ``paths``, only for these and what is below them. Raises `UnknownRevision`, `AmbiguousId`.
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
        """The commit that last changed each line of a text or prompt, or each row of a table.

        ``key``, a value or a tuple of several, asks for each cell of the row with this key. ``start`` and ``stop`` are
        line or row numbers from 0, as in a slice. A row that only moved keeps its commit; renames are followed. Raises
        `PathMissing`, `RowMissing`, `NotATable` if a key is given for a text, `Usage` for a binary file,
        `UnknownRevision`.
        """
        from promptvc.repo.look.blame import blame

        return blame(self.parts, path, revision, key, start, stop)

    def read_commit(self, revision: str = "HEAD") -> LogCommit:
        """One commit, as in `log`; raises `UnknownRevision`, `AmbiguousId`."""
        from promptvc.session.history.log import LogCommit

        id = self.rev_parse(revision)
        return LogCommit(id, self.parts.history.commit(id))

    def merge_bases(self, one: str, other: str) -> list[ObjectId]:
        """The newest common ancestors of two revisions; several after a criss-cross merge.

        Raises `UnknownRevision`, `AmbiguousId`.
        """
        return self.parts.history.merge_bases(self.rev_parse(one), self.rev_parse(other))

    def status(self) -> Status:
        """What changed in the working files since the last commit; raises `Usage` for a store without any."""
        return self.parts.workspace.status()

    def diff(
        self, before: str | None = None, after: str | None = None, paths: Sequence[str] = ()
    ) -> Comparison:
        """What changed between two revisions; ``after`` None means the working files, ``before`` defaults to HEAD.

        Iterating gives each `FileDiff`. Raises `UnknownRevision`, `AmbiguousId`.
        """
        return self.parts.diff(before, after, paths)

    # --- changing -------------------------------------------------------------------------------------------------

    def commit(
        self,
        message: str = "",
        *,
        paths: Sequence[str] = (),
        code_commit: str | None = "auto",
        allow_empty: bool = False,
        allow_secrets: bool = False,
    ) -> Committed:
        """Commit the changed working files, with the author from git's configuration.

        The commit names the commit of the surrounding code repository; ``code_commit`` gives another, None names none.
        Concludes an open merge, whose message is the default. Raises `NothingToCommit`, `ConflictsRemain`,
        `AuthorUnknown`, `DuplicateKey`, `SecretFound` unless ``allow_secrets``, and what reading the files raises.
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
        """Switch to a branch, ``-`` for the previous one; ``create`` creates it first, at the revision ``at`` or here.

        A branch that only a remote has is created, with the remote's as its upstream. ``detach`` looks at the commit of
        any revision, on no branch. Uncommitted changes are kept if the file is the same on both branches; ``force``
        overwrites the others. Raises `WorkWouldBeLost`, `UnknownRevision`, `StoreExists`, `MergeOpen`; then nothing is
        changed.
        """
        from promptvc.repo.branch.switching import switch

        return switch(self.parts, branch, at, create=create, detach=detach, force=force)

    def restore(
        self, paths: str | Sequence[str], *, source: str | None = None, force: bool = False
    ) -> Restored:
        """Restore files and folders, ``.`` for all, from the revision ``source``, by default HEAD.

        Files below a folder that the revision lacks are removed. ``force`` overwrites uncommitted changes; files that
        an open merge wrote are restored only with ``source``. Raises `PathMissing`, `WorkWouldBeLost`, `Refused`.
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
        """A context in which writes to a branch become one commit; needs no working files.

        If the branch is checked out, unchanged working files follow. ``timeout`` is how many seconds to wait for other
        writers of the branch, 60 by default. Secrets are refused unless ``allow_secrets``.
        """
        from promptvc.repo.writing import transaction

        return transaction(self.parts, branch, message, timeout, allow_secrets)

    # --- merging ------------------------------------------------------------------------------------------------

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
        """Merge a revision into a branch, by default the current one: `Merges.merge`.

        Conflicts in the working files wait for `conflicts`, `resolve`, then `commit`, or `abort_merge`. Into another
        branch, or without working files, conflicts change nothing; use the returned value to resolve and conclude the
        merge. ``forward`` is ``never`` to make a merge commit even if a fast-forward is possible, ``only`` to allow
        only fast-forwards; ``unrelated`` allows revisions without a common commit. Raises `UnknownRevision`,
        `MergeOpen`, `WorkWouldBeLost`, `NotFastForward`, `RefMoved`, `Refused`.
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
        """Apply the changes of a commit to a branch; of a merge, its changes to its parent number ``mainline``.

        Conflicts are left open as in `merge`. Raises what `merge` raises, and `Usage` for a merge without
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
        """Undo the changes of a commit on a branch; otherwise as `cherry_pick`."""
        return self.parts.merges.revert(
            revision, into=into, message=message, mainline=mainline, dry_run=dry_run
        )

    @property
    def open_merge(self) -> OpenMerge | None:
        """The merge, cherry-pick or revert with conflicts to resolve, or ready to commit."""
        return self.parts.merges.open_merge

    @property
    def conflicts(self) -> list[MergeConflict]:
        """The remaining conflicts of the open merge; empty without one."""
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
        """Resolve conflicts of the open merge: those in these paths (default: all) with this key, field and line.

        ``take`` is a side's version, ``value`` any other; ``as_is`` keeps what the working file has. The key is that of
        the row, as text, as a value, or as in the conflict. Raises `NoMergeOpen`, `ConflictMissing` if none matches,
        `ConflictStale` if the file has changed there, `Usage` for a value that is not valid there.
        """
        return self.parts.merges.resolve(
            paths, take=take, value=value, as_is=as_is, key=key, field=field, line=line
        )

    def abort_merge(self) -> OpenMerge:
        """Abort the open merge: the files that it wrote are restored; returns the merge.

        Raises `NoMergeOpen`, and `WorkWouldBeLost` if the restore would overwrite changes.
        """
        return self.parts.merges.abort()

    # --- undoing ------------------------------------------------------------------------------------------------

    def undo(self, to: int | None = None, *, force: bool = False) -> Undone:
        """Undo the last operation, or return to the state right after the operation ``to``.

        This is an operation too: another undo redoes. Raises `Negative` if there is none, `Refused` if something else
        moved a ref since, `WorkWouldBeLost` for working files that changed since, unless ``force`` is given. An
        operation that was interrupted is undone, or completed if it was already decided.
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
        """Remove a file, the rows with a key, or a field of them from every commit of every branch and tag.

        Commits get new ids but keep authors and dates. Logs, caches and answers that hold the data are purged, and
        objects dropped at once: it cannot be undone. ``everywhere`` also removes it from other tables that quote it,
        outputs among them; ``key`` is a value, a tuple of values, or a function from a row to whether it matches.
        ``push`` also rewrites a remote's branches, by compare-and-swap. Without ``path``, data that was forgotten
        elsewhere is removed here. Raises `PathMissing`, `RowMissing`, `Usage`, `MergeOpen`, and what `Remotes.push`
        raises.
        """
        from promptvc.repo.share.forget import forget, wanted_of

        wanted = None if path is None else wanted_of(self.parts, path, key, field)
        there = (remote or self.parts.sharing.default(self.branch)) if push or remote else None
        return forget(self.parts, wanted, everywhere=everywhere, dry_run=dry_run, remote=there, report=report)

    def operations(self) -> list[Operation]:
        """The changes of refs and working files, newest first."""
        return self.parts.operations()

    def operation(self, what: str) -> AbstractContextManager[None]:
        """A block whose changes form one operation, named ``what``, which `undo` undoes together."""
        return self.parts.oplog.operation(what)

    # --- runs -------------------------------------------------------------------------------------------------

    def run(
        self,
        name: str,
        *,
        jobs: int | None = None,
        limit: int | None = None,
        offline: bool = False,
        allow_secrets: bool = False,
    ) -> RunResult:
        """Make the missing outputs of a declared run: `ProjectRuns.run`."""
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
        """Compare a run's outputs at two revisions, row by row: `ProjectRuns.compare`."""
        return self.runs.compare(before, after, run=run, score=score, slices=slices)

    def record_run(
        self,
        name: str,
        rows: Iterable[Mapping[str, Any]] | str | Path,
        **options: Unpack[RecordOptions],
    ) -> Recorded:
        """Import outputs that another tool made, as the run ``name``: `ProjectRuns.record`."""
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
        """A context that logs your own calls, and writes them as the outputs of a run: `ProjectRuns.log`."""
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
        """Check recorded outputs against the gates that promptvc.toml declares, all or those of the named checks.

        Checks the working files, or a revision. Makes no calls and runs no code of the project. Raises `Usage` if no
        check is declared, or none of a given name, `UnknownRevision`, `RunMissing`, `RunUnreadable`, `ConfigInvalid`.
        """
        from promptvc.repo.judge.judging import check

        return check(self.parts, names, revision)

    def reproduce(self, *names: str, revision: str | None = None) -> list[Reproduction]:
        """Rebuild every request of the runs that have outputs, or of the named ones, and check their rows against them.

        At a revision, from what the records pin; by default from the working files, so that rows that no longer follow
        from them are reported. Makes no calls. Raises `RunMissing`, `RunUnreadable`, `UnknownRevision`.
        """
        from promptvc.repo.judge.judging import reproduce_runs

        return reproduce_runs(self.parts, names, revision)

    # --- upkeep -----------------------------------------------------------------------------------------------

    def scan(self, revision: str | None = None, *, all: bool = False) -> list[SecretFinding]:
        """The secrets in the files of a revision, or in the working files; ``all``: in every commit, where it came in.

        Secrets that promptvc.toml allows are left out. Raises `UnknownRevision`.
        """
        from promptvc.repo.look.scan import scan

        return scan(self.parts, revision, all)

    def verify(self, *, progress: Callable[[int], None] | None = None) -> list[Problem]:
        """Check packs, refs, logs, the call journal, and every object that history needs; returns the problems.

        ``progress`` is called with how many objects were checked.
        """
        from promptvc.repo.upkeep import verify  # not needed for reading

        return verify(self.parts, progress or (lambda count: None))

    def gc(self, *, prune: Literal["old", "now"] = "old") -> Collected:
        """Join all packs into one, without objects that no branch, tag, reflog or operation leads to.

        Objects younger than two weeks stay unless ``prune`` is ``"now"``. Raises `RefDamaged`, `ObjectMissing`,
        `ObjectDamaged`, `StoreBusy`; then nothing is dropped.
        """
        from promptvc.repo.upkeep import collect_garbage

        return collect_garbage(self.parts, prune)

    def repairs(self) -> list[Repair]:
        """The possible repairs of what `verify` finds; ``do()`` of each carries it out."""
        from promptvc.repo.upkeep import repairs

        return repairs(self.parts)
