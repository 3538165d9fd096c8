"""Switching to another branch or commit, and restoring working files."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from msgspec import Struct

from promptvc.errors import Advice, Refused, StoreExists, UnknownRevision, Usage
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.repo.branch.merges import WithMerges
from promptvc.session.workspace.detached import left_behind
from promptvc.storage.reflog import checkout_of
from promptvc.storage.refs import HEAD
from promptvc.versioning.tree import is_below


class Switched(Struct, frozen=True, kw_only=True):
    """The result of a switch.

    - ``branch``: the branch, None if HEAD is on none now; ``head``: its commit; ``created``: whether it is new;
    - ``files``: paths written or removed; ``untracked``: working files that stay but are no longer tracked;
    - ``left_behind``: commits of a detached HEAD that no ref reaches now, newest first.
    """

    branch: str | None
    head: ObjectId | None
    created: bool = False
    files: tuple[RepoPath, ...] = ()
    untracked: tuple[RepoPath, ...] = ()
    left_behind: tuple[ObjectId, ...] = ()


class Restored(Struct, frozen=True):
    """The paths that were restored, in order, those that were removed, and those that stay untracked."""

    files: tuple[RepoPath, ...]
    removed: tuple[RepoPath, ...] = ()
    untracked: tuple[RepoPath, ...] = ()

    @property
    def restored(self) -> tuple[RepoPath, ...]:
        """The paths that were restored and not removed."""
        return tuple(path for path in self.files if path not in self.removed)


def switch(
    parts: WithMerges, name: str, at: str | None, *, create: bool, detach: bool, force: bool
) -> Switched:
    """Switch to a branch, or look at a commit: see `Repo.switch`."""
    parts.merges.need_no_merge()
    before, detached = parts.refs.read(HEAD), parts.branch is None
    branch: RefName | None = None
    target: ObjectId | None
    if detach:
        if create or at is not None:
            raise Usage("a detached HEAD is on no branch", "create makes a branch, detach looks at a commit")
        target = parts.revisions.resolve(name)
        files = parts.workspace.switch(target, None, parts.who(), force=force)
    else:
        name = _previous(parts) if name == "-" else name
        ref = branch = RefName.branch(name)
        if not create and parts.refs.read(ref) is None and parts.refs.head() != ref:
            create, at = True, _remote_branch(parts, name)
        target, files = _to_branch(parts, ref, at, create=create, force=force)
    now = parts.refs.read(HEAD)
    return Switched(
        branch=branch.short if branch else None,
        head=target,
        created=create,
        files=tuple(files),
        untracked=tuple(parts.left_untracked(before, now)),
        left_behind=tuple(left_behind(parts.store, parts.refs, before) if detached and before else ()),
    )


def restore(parts: WithMerges, paths: Sequence[str], source: str | None, *, force: bool) -> Restored:
    """Restore files from a revision: see `Repo.restore`."""
    if source is None:
        _need_unmerged(parts, paths)
    before = parts.workspace.head_files()
    files = before if source is None else parts.snapshot(source).files
    written = parts.workspace.restore(paths, files, force=force, name=source or "HEAD")
    stay = parts.workspace.left_untracked(before, files)
    removed = tuple(path for path in written if path not in files)
    return Restored(tuple(written), removed, tuple(path for path in stay if is_below(path, *(paths or [""]))))


# --- branches ---------------------------------------------------------------------------------------------------


def _to_branch(
    parts: WithMerges, ref: RefName, at: str | None, *, create: bool, force: bool
) -> tuple[ObjectId | None, list[RepoPath]]:
    """Switch to a branch, created if asked; returns its commit and the paths written."""
    name, exists = ref.short, parts.refs.read(ref)
    if create and exists:
        raise StoreExists(f"a branch {name} exists already", Advice("branch-exists", branch=name))
    target = exists if not create else parts.revisions.resolve(at) if at else parts.refs.read(HEAD)
    with parts.oplog.operation(f"switch {'-c ' if create else ''}{name}"):
        written = parts.workspace.switch(target, ref, parts.who(), create=create, force=force)
        _follow(parts, name, at)
    return target, written


def _remote_branch(parts: WithMerges, name: str) -> str:
    """The one remote branch of this name; raises `UnknownRevision`."""
    found = [
        ref
        for remote in parts.config.sections("remote")
        if parts.refs.read(ref := RefName.remote(remote, name))
    ]
    if len(found) == 1:
        return found[0].short
    near = get_close_matches(name, [ref.short for ref in parts.refs.find("refs/heads/")], 2)
    error = UnknownRevision(name, near)
    error.message = f"no branch {name!r}"
    error.args = (error.message,)
    if not near:
        error.advice = Advice("no-branch", branch=name)
    raise error


def _follow(parts: WithMerges, name: str, start: str | None) -> None:
    """Set the upstream of a branch that was created from a remote's."""
    remote, _, branch = (start or "").partition("/")
    if branch and remote in parts.config.sections("remote"):
        parts.sharing.follow(name, remote, branch)


def _previous(parts: WithMerges) -> str:
    """The branch before the last switch, from HEAD's reflog."""
    for entry in parts.refs.log(HEAD):
        if moved := checkout_of(entry.reason):
            return moved[0]
    raise UnknownRevision("-")


# --- files ------------------------------------------------------------------------------------------------------


def _need_unmerged(parts: WithMerges, paths: Sequence[str]) -> None:
    """Raise `Refused` if the open merge wrote one of these files: its commit would lack the merged version."""
    merge = parts.merges.open_merge
    written = (
        next((path for path in merge.before if is_below(path, *(paths or [""]))), None) if merge else None
    )
    if merge and written:
        raise Refused(
            f"{written} has what the {merge.step} under way brought together",
            Advice("abort-or-source", step=merge.step),
        )
