"""Working files and branches together: status, commit, switch, restore, fast-forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from promptvc.errors import Advice, NotFastForward, NothingToCommit, PathMissing, Usage, WorkWouldBeLost
from promptvc.html.render import render
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.session.exclusive import exclusively
from promptvc.session.files.contents import Contents
from promptvc.session.files.project import PROJECT_FILE, Project, read_project
from promptvc.session.files.scan import unportable
from promptvc.session.files.views import FileView, StoredFile
from promptvc.session.files.worktree import Worktree, work_would_be_lost
from promptvc.storage.objects import Signature
from promptvc.storage.reflog import checkout_reason
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import CODE_TRAILER, with_trailer, write_commit
from promptvc.versioning.diff import FileChange, diff_files
from promptvc.versioning.history import History
from promptvc.versioning.tree import FileEntry, Files, is_below, write_tree

if TYPE_CHECKING:
    from promptvc.session.files.keys import KeyWarning
    from promptvc.session.intent import Intents
    from promptvc.session.secrets.guard import Guard


class Status(Struct, frozen=True, kw_only=True):
    """How the working files stand: on which branch (None: detached), at which commit, and what changed since.

    ``files`` are the working files. ``ahead`` and ``behind`` count commits against the upstream; None without one.
    """

    branch: str | None
    head: ObjectId | None
    changes: tuple[FileChange, ...]
    files: Files
    upstream: RefName | None = None
    ahead: int | None = None
    behind: int | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing changed."""
        return not self.changes

    def _repr_html_(self) -> str:
        return render("status.html", status=self)


class Committed(Struct, frozen=True, kw_only=True):
    """A commit just made: its id, the branch it is on (None: detached), its parent, what it has, things to look at."""

    id: ObjectId
    branch: str | None
    parent: ObjectId | None
    message: str
    changes: tuple[FileChange, ...]
    files: Files
    key_warnings: tuple[KeyWarning, ...] = ()
    name_warnings: tuple[tuple[RepoPath, str], ...] = ()

    def _repr_html_(self) -> str:
        return render("committed.html", done=self)


class Workspace:
    """Moves between working files and commits. ``upstream(branch)`` gives a branch's remote-tracking ref.

    ``operation(what)`` is the context in which changes are one operation, to be undone together.
    """

    def __init__(
        self,
        worktree: Worktree,
        store: ObjectStore,
        refs: Refs,
        contents: Contents,
        upstream: Callable[[RefName], RefName | None],
        intents: Callable[[], Intents],
        operation: Callable[[str], AbstractContextManager[None]] = lambda what: nullcontext(),
    ) -> None:
        self.worktree = worktree
        self._store, self._refs, self._contents = store, refs, contents
        self._upstream, self._operation, self._intents = upstream, operation, intents

    @property
    def intents(self) -> Intents:
        """What is about to be done to working files."""
        return self._intents()

    # --- looking ------------------------------------------------------------------------------------------

    def head_files(self) -> Files:
        """The files of the current commit; none before the first."""
        return self._files_of(self._refs.current())

    def status(self) -> Status:
        """What changed since the current commit, and how the branch stands to its upstream."""
        target, head = self._refs.head(), self._refs.current()
        base = self._files_of(head)
        files = self.worktree.files(base)
        changes = tuple(diff_files(base, files))
        upstream = self._upstream(target) if isinstance(target, RefName) else None
        theirs = self._refs.read(upstream) if upstream else None
        ahead = behind = None
        if head and theirs:
            ahead, behind = History(self._store).ahead_behind(head, theirs)
        return Status(
            branch=self.branch,
            head=head,
            changes=changes,
            files=files,
            upstream=upstream,
            ahead=ahead,
            behind=behind,
        )

    @property
    def branch(self) -> str | None:
        """The current branch's name; None when HEAD is detached."""
        target = self._refs.head()
        return target.short if isinstance(target, RefName) else None

    # --- writing ------------------------------------------------------------------------------------------

    @exclusively
    def commit(
        self,
        message: str,
        author: Signature,
        committer: Signature,
        *,
        paths: Sequence[str] = (),
        code_commit: str | None = None,
        allow_empty: bool = False,
        others: tuple[ObjectId, ...] = (),
        allow_secrets: bool = False,
    ) -> Committed:
        """Commit what changed, or what changed of these paths. ``others`` are the further parents of a merge.

        Raises `NothingToCommit`, `DuplicateKey`, `RefMoved`, `SecretFound` unless ``allow_secrets``, and what reading
        the files raises; then nothing changed.
        """
        from promptvc.session.secrets.guard import Guard  # only those who write look for secrets

        head = self._refs.current()
        base = self._files_of(head)
        only = list(paths) or None
        allowed = self.worktree.project().allowed_secrets
        guard = Guard(self._store.read_blob, allowed, is_on=not allow_secrets)
        with self._store.begin() as writer, guard:
            files = self.worktree.files(base, writer, only, guard.watch)
            changes = tuple(diff_files(base, files))
            if not changes and not allow_empty:
                raise NothingToCommit(*_nothing(base, only))
            self._need_no_secrets(guard, message, changes, [base, *map(self._files_of, others)])
            warnings = self._check(files, changes)
            text = with_trailer(message, CODE_TRAILER, code_commit) if code_commit else message
            tree = write_tree(writer, files)
            self._contents.remember_files(tree, files)
            before = ((head,) if head else ()) + others
            id = write_commit(writer, tree, before, text, author, committer)
            writer.finish()
            subject = message.strip().split("\n", 1)[0]
            how = " (merge)" if others else "" if head else " (initial)"
            reason = f"commit{how}: {subject}"
            with self._operation(f'commit "{subject}"'):
                self._refs.move(self.current_ref(), head, id, committer, reason)
        added = [change.path for change in changes if change.status in ("added", "renamed")]
        names = [item for item in unportable(list(files)) if item[0] in added]
        return Committed(
            id=id,
            branch=self.branch,
            parent=head,
            message=message,
            changes=changes,
            files=files,
            key_warnings=tuple(warnings),
            name_warnings=tuple(names),
        )

    @exclusively
    def switch(
        self,
        target: ObjectId | None,
        ref: RefName | None,
        who: Signature,
        *,
        create: bool = False,
        force: bool = False,
    ) -> list[RepoPath]:
        """Go to a branch (``ref``), made at target if it is to be created, or detach HEAD at target.

        Raises `WorkWouldBeLost`. Gives the paths that were written or removed.
        """
        where = ref or target
        if where is None:
            raise Usage("nothing to switch to")
        if ref is not None and not create:
            target = self._refs.read(ref)  # a transaction may have moved it since the caller looked
        base = self._files_of(self._refs.current())
        reason = checkout_reason(self.branch or "detached", where.short if ref else where)
        name = f"switch {'-c ' if create else ''}{where.short}"
        with self._operation(name):
            files = self._files_of(target)
            planned = self.worktree.plan(base, files, force=force) if target is not None else {}
            made = {ref: (None, target)} if create and ref and target else {}
            changes = {path: (now, files.get(path)) for path, now in planned.items()}
            head = (str(self._refs.head()), str(where))
            with self.intents.block(files=changes, refs=made, head=head):
                if create and ref and target:  # before any file is written: its name may not be possible
                    self._refs.move(ref, None, target, who, f"branch: Created from {target.short}")
                written = self.worktree.write(planned, files) if planned else []
                self._refs.set_head(where, who, reason)
        return written

    @exclusively
    def restore(
        self, paths: Sequence[str], source: Files, *, force: bool = False, name: str = "the source"
    ) -> list[RepoPath]:
        """Put these files back as they are in source, all of them when no path is given.

        What source, called ``name``, lacks below a folder that it has is removed. Gives the paths of both. Raises
        `PathMissing` for a path that is not in source, `WorkWouldBeLost` for one whose changes are not committed.
        """
        _need_paths(paths, source, name)
        if list(paths) == [PROJECT_FILE] and force:
            with self._operation(
                f"restore {PROJECT_FILE}"
            ):  # it may be broken, and must not be read for this
                return self.worktree.write([PROJECT_FILE], source)
        base = self.head_files()
        chosen = list(paths) or [""]
        current = self.worktree.files(base)

        target: dict[RepoPath, FileEntry] = {
            path: entry for path, entry in source.items() if is_below(path, *chosen)
        }
        # A new file that source lacks is left alone: it is nobody's to remove.
        # So is one that source only does not track.
        stay = self.worktree.untracked.between(base, source)
        wanted = [
            p
            for p in sorted({*target, *base} - {*stay})
            if is_below(p, *chosen) and current.get(p) != target.get(p)
        ]
        lost = [path for path in wanted if path in current and current[path] != base.get(path)]
        if lost and not force:
            raise work_would_be_lost(lost)
        shown = list(paths) if 0 < len(paths) < 4 else [f"{len(wanted)} files"]
        with self._operation(f"restore {' '.join(path or '.' for path in shown)}"):
            return self.worktree.write(wanted, target)

    @exclusively
    def fast_forward(self, new: ObjectId, who: Signature, reason: str) -> list[RepoPath]:
        """Move the current branch, and the working files with it, to a commit that descends from it.

        Raises `NotFastForward`, `WorkWouldBeLost`, `RefMoved`.
        """
        head = self._refs.current()
        if head is not None and not History(self._store).is_ancestor(head, new):
            raise NotFastForward(
                f"{self.branch or 'HEAD'} and {new.short} have diverged",
                Advice("diverged"),
            )
        ref = self.current_ref()
        with self._operation(reason), self.intents.block(refs={ref: (head, new)}):
            written = self.worktree.put(self._files_of(head), self._files_of(new))
            self._refs.move(ref, head, new, who, reason)
        return written

    @contextmanager
    def bring_along(
        self, ref: RefName, before: Files, old: ObjectId | None, after: Files, new: ObjectId
    ) -> Iterator[None]:
        """A block in which the current branch is moved; at its end working files follow that nobody changed.

        From the move on it is decided: where the files cannot follow at once, the next command brings them along.
        """
        with self.intents.exclusive():
            current, stay = self.worktree.files(before), self.worktree.untracked.between(before, after)
            paths = sorted({*before, *after} - {*stay})
            changed = [path for path in paths if before.get(path) != after.get(path)]
            todo = [path for path in changed if current.get(path) == before.get(path)]
            files = {path: (before.get(path), after.get(path)) for path in todo}
            with self.intents.block(files=files, refs={ref: (old, new)}, onward=True):
                yield
                with suppress(
                    WorkWouldBeLost
                ):  # the commit is made; what is in the way stays, as status shows
                    self.worktree.write(todo, after)

    def left_untracked(self, before: Files, after: Files) -> list[RepoPath]:
        """The working files that stay though ``after`` lacks them: it no longer tracks them."""
        found = self.worktree.untracked.between(before, after)
        return [path for path, entry in self.worktree.at(found).items() if entry is not None]

    # --- details ------------------------------------------------------------------------------------------

    def view(self, path: RepoPath, entry: FileEntry) -> FileView:
        """A working file, to be compared."""
        return self.worktree.view(path, entry)

    def _files_of(self, commit: ObjectId | None) -> Files:
        return self._contents.files_of(commit)

    def current_ref(self) -> RefName:
        """The ref that a new commit moves: that of the current branch, or HEAD where it is on none."""
        target = self._refs.head()
        return target if isinstance(target, RefName) else HEAD

    def _check(self, files: Files, changes: Sequence[FileChange]) -> list[KeyWarning]:
        """Look for keys that rows share, in the tables whose key is declared and that changed, or may have.

        A new promptvc.toml may declare keys for any table.
        """
        project = self._project(files)
        found: list[KeyWarning] = []
        for path, settings in project.keyed(files, [change.path for change in changes]):
            from promptvc.session.files.keys import check_keys  # reads rows, which most commands do not

            found += check_keys(self._any_view(path, files[path]), settings, self._contents.indexes)
        return found

    def _need_no_secrets(
        self, guard: Guard, message: str, changes: Sequence[FileChange], bases: Sequence[Files]
    ) -> None:
        """Raise `SecretFound` for what no parent has; files that were not read now are looked at in the store."""
        from promptvc.session.secrets.guard import need_no_secrets

        had = {entry.id for base in bases for entry in base.values()}
        entries = {change.path: change.after for change in changes if change.after is not None}
        guard.texts(message, [path for path in entries if not any(path in base for base in bases)])
        for path, entry in entries.items():
            if entry.id in had:
                guard.forget(path)  # moved, or brought by another parent
            elif not guard.watches(path):
                guard.stored(path, self._contents, entry, [base[path] for base in bases if path in base])
        need_no_secrets(
            guard,
            lambda path: self._any_view(path, entries[path]) if path in entries else None,
            lambda path: [StoredFile(self._contents, path, base[path]) for base in bases if path in base],
        )

    def _any_view(self, path: RepoPath, entry: FileEntry) -> FileView:
        """A file that is to be committed: in the store already, or else among the working files."""
        if self._store.contains(entry.id):
            return StoredFile(self._contents, path, entry)
        return self.worktree.view(path, entry)

    def _project(self, files: Files) -> Project:
        """The settings in these files, whether they are in the store yet or not."""
        entry = files.get(PROJECT_FILE)
        if entry is None:
            return Project()
        if not self._store.contains(entry.id):
            return self.worktree.project()
        return read_project(StoredFile(self._contents, PROJECT_FILE, entry).read())


def _need_paths(paths: Sequence[str], source: Files, name: str) -> None:
    """Raise `PathMissing` for a path at which, and below which, there is no file."""
    for path in paths:
        if path not in ("", ".") and not any(is_below(file, path) for file in source):
            raise PathMissing(f"{path} is not in {name}", Advice("path-log", path=path))


def _nothing(base: Files, only: Sequence[str] | None) -> tuple[str, str | Advice]:
    if only:
        return f"nothing changed in {', '.join(only)}", Advice("status")
    if base:
        return "nothing to commit, the working files are as in HEAD", Advice("log")
    return (
        "nothing to commit: no tracked file here",
        "put prompts into prompts/ and example sets into examples/",
    )
