"""``promptvc switch``: go to another branch, or look at a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app

if TYPE_CHECKING:
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
    repo.need_no_merge()
    if detach:
        _detach(app, repo, name, force)
        return
    name = _previous(repo) if name == "-" else name
    if not create and repo.refs.read(RefName.branch(name)) is None and not _is_unborn(repo, name):
        create, start = True, _remote_branch(repo, name)
    _switch(app, repo, name, create, start, force)


def _switch(app: App, repo: Repo, name: str, create: bool, start: str | None, force: bool) -> None:
    from promptvc.errors import StoreExists
    from promptvc.ids import RefName
    from promptvc.storage.refs import HEAD

    ref = RefName.branch(name)
    exists = repo.refs.read(ref)
    if create and exists:
        raise StoreExists(f"a branch {name} exists already", f"promptvc switch {name}")
    target = exists if not create else repo.revisions.resolve(start) if start else repo.refs.read(HEAD)
    with repo.oplog.operation(f"switch {'-c ' if create else ''}{name}"):
        written = repo.workspace.switch(target, ref, repo.who(), create=create, force=force)
        _follow(repo, name, start)
    app.out.value({"branch": name, "head": target, "created": create, "files": len(written)})
    made = "new branch " if create else ""
    app.out.text(
        f"On {made}{app.out.style(name, bold=True)}"
        + (f", {_files(len(written))} written" if written else "")
    )


def _detach(app: App, repo: Repo, name: str, force: bool) -> None:
    target = repo.revisions.resolve(name)
    written = repo.workspace.switch(target, None, repo.who(), force=force)
    app.out.value({"branch": None, "head": target, "created": False, "files": len(written)})
    subject = repo.history.commit(target).subject
    app.out.text(f"Looking at {app.out.style(target.short, fg='yellow')} {subject}, on no branch")
    app.out.note("hint: promptvc switch -c NAME keeps what you commit here")


def _is_unborn(repo: Repo, name: str) -> bool:
    from promptvc.ids import RefName

    return repo.refs.head() == RefName.branch(name)


def _remote_branch(repo: Repo, name: str) -> str:
    """The one remote branch of this name; raises `UnknownRevision`."""
    from promptvc.errors import UnknownRevision
    from promptvc.ids import RefName

    found = [
        ref
        for remote in repo.config.sections("remote")
        if repo.refs.read(ref := RefName.remote(remote, name))
    ]
    if len(found) == 1:
        return found[0].short
    from difflib import get_close_matches

    near = get_close_matches(name, [ref.short for ref in repo.refs.find("refs/heads/")], 2)
    error = UnknownRevision(name, near)
    error.message = f"no branch {name!r}"
    error.hint = error.hint if near else f"promptvc switch -c {name} makes it; --detach looks at a commit"
    raise error


def _follow(repo: Repo, name: str, start: str | None) -> None:
    """A branch made from a remote's follows it."""
    remote, _, branch = (start or "").partition("/")
    if branch and remote in repo.config.sections("remote"):
        repo.sharing.follow(name, remote, branch)


def _previous(repo: Repo) -> str:
    """The branch before the last switch, from HEAD's reflog."""
    from promptvc.errors import UnknownRevision
    from promptvc.storage.refs import HEAD

    for entry in repo.refs.log(HEAD):
        if entry.reason.startswith("checkout: moving from "):
            return entry.reason.removeprefix("checkout: moving from ").partition(" to ")[0]
    raise UnknownRevision("-")


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"
