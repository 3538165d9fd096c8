"""``promptvc switch``: go to another branch, or look at a commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app

if TYPE_CHECKING:
    from promptvc.ids import ObjectId, RepoPath
    from promptvc.repo import Repo


@click.command("switch")
@click.argument("name", required=False)
@click.argument("start", required=False)
@click.option("-c", "--create", is_flag=True, help="Make the branch NAME, at START or here.")
@click.option("--detach", is_flag=True, help="Look at the commit NAME without being on a branch.")
@click.option("-f", "--force", is_flag=True, help="Overwrite changes that are not committed.")
@json_option
@pass_app
def command(app: App, name: str | None, start: str | None, create: bool, detach: bool, force: bool) -> None:
    """Switch to the branch NAME; - is the one before.

    Changes that are not committed come along where the branches agree; where they do not, nothing is touched.
    A branch that only a remote has is made, following it.
    """
    from promptvc.ids import RefName

    repo = app.repo
    if name is None:
        raise click.UsageError("which branch? promptvc branch lists them")
    repo.parts.need_no_merge()
    if detach:
        _detach(app, repo, name, force)
        return
    name = _previous(repo) if name == "-" else name
    if not create and repo.parts.refs.read(RefName.branch(name)) is None and not _is_unborn(repo, name):
        create, start = True, _remote_branch(repo, name)
    _switch(app, repo, name, create, start, force)


def _switch(app: App, repo: Repo, name: str, create: bool, start: str | None, force: bool) -> None:
    from promptvc.errors import StoreExists
    from promptvc.ids import RefName
    from promptvc.storage.refs import HEAD

    ref = RefName.branch(name)
    exists = repo.parts.refs.read(ref)
    if create and exists:
        raise StoreExists(f"a branch {name} exists already", f"promptvc switch {name}")
    target = (
        exists if not create else repo.parts.revisions.resolve(start) if start else repo.parts.refs.read(HEAD)
    )
    before, detached = repo.parts.refs.read(HEAD), repo.branch is None
    with repo.parts.oplog.operation(f"switch {'-c ' if create else ''}{name}"):
        written = repo.parts.workspace.switch(target, ref, repo.parts.who(), create=create, force=force)
        _follow(repo, name, start)
    left = _left(repo, before, detached=detached)
    app.out.value({"branch": name, "head": target, "created": create, "files": len(written)} | left.value)
    made = "new branch " if create else ""
    app.out.text(
        f"On {made}{app.out.style(name, bold=True)}"
        + (f", {_files(len(written))} written" if written else "")
    )
    _tell_left(app, left)


def _detach(app: App, repo: Repo, name: str, force: bool) -> None:
    from promptvc.storage.refs import HEAD

    target = repo.parts.revisions.resolve(name)
    before, detached = repo.parts.refs.read(HEAD), repo.branch is None
    written = repo.parts.workspace.switch(target, None, repo.parts.who(), force=force)
    left = _left(repo, before, detached=detached)
    app.out.value({"branch": None, "head": target, "created": False, "files": len(written)} | left.value)
    subject = repo.parts.history.commit(target).subject
    app.out.text(f"Looking at {app.out.style(target.short, fg='yellow')} {subject}, on no branch")
    app.out.note("hint: promptvc switch -c NAME keeps what you commit here")
    _tell_left(app, left)


@dataclass(frozen=True, slots=True)
class _Left:
    """What a switch left: working files that are no longer tracked, and commits that no ref leads to, newest first."""

    files: list[RepoPath]
    commits: list[ObjectId]

    @property
    def value(self) -> dict[str, object]:
        """For programs."""
        return {"untracked": self.files, "left_behind": self.commits}


def _left(repo: Repo, before: ObjectId | None, *, detached: bool) -> _Left:
    """What stayed on the way from a commit, at which HEAD was detached or not, to where it is now."""
    from promptvc.cli.show.untracked import left_untracked
    from promptvc.session.workspace.detached import left_behind
    from promptvc.storage.refs import HEAD

    commits = left_behind(repo.parts.store, repo.parts.refs, before) if detached and before else []
    return _Left(left_untracked(repo, before, repo.parts.refs.read(HEAD)), commits)


def _tell_left(app: App, left: _Left) -> None:
    """``leaving 2 commits behind: 3f9c2e1 Calmer tone``, and the command that keeps them."""
    from promptvc.cli.show.untracked import untracked_lines

    for line in untracked_lines(left.files):
        app.out.text(line)
    if left.commits:
        tip, count = left.commits[0], len(left.commits)
        subject = app.repo.parts.history.commit(tip).subject
        app.out.warn(f"leaving {count} commit{'s' * (count != 1)} behind: {tip.short} {subject}")
        app.out.note(f"hint: promptvc branch NAME {tip.short} keeps {'it' if count == 1 else 'them'}")


def _is_unborn(repo: Repo, name: str) -> bool:
    from promptvc.ids import RefName

    return repo.parts.refs.head() == RefName.branch(name)


def _remote_branch(repo: Repo, name: str) -> str:
    """The one remote branch of this name; raises `UnknownRevision`."""
    from promptvc.errors import UnknownRevision
    from promptvc.ids import RefName

    found = [
        ref
        for remote in repo.parts.config.sections("remote")
        if repo.parts.refs.read(ref := RefName.remote(remote, name))
    ]
    if len(found) == 1:
        return found[0].short
    from difflib import get_close_matches

    near = get_close_matches(name, [ref.short for ref in repo.parts.refs.find("refs/heads/")], 2)
    error = UnknownRevision(name, near)
    error.message = f"no branch {name!r}"
    error.hint = error.hint if near else f"promptvc switch -c {name} makes it; --detach looks at a commit"
    raise error


def _follow(repo: Repo, name: str, start: str | None) -> None:
    """A branch made from a remote's follows it."""
    remote, _, branch = (start or "").partition("/")
    if branch and remote in repo.parts.config.sections("remote"):
        repo.parts.sharing.follow(name, remote, branch)


def _previous(repo: Repo) -> str:
    """The branch before the last switch, from HEAD's reflog."""
    from promptvc.errors import UnknownRevision
    from promptvc.storage.refs import HEAD

    for entry in repo.parts.refs.log(HEAD):
        if entry.reason.startswith("checkout: moving from "):
            return entry.reason.removeprefix("checkout: moving from ").partition(" to ")[0]
    raise UnknownRevision("-")


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"
