"""``promptvc switch``: switch to another branch, or look at a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.show.untracked import untracked_lines
from promptvc.content.formats.words import plural

if TYPE_CHECKING:
    from promptvc.repo.branch.switching import Switched


@click.command("switch")
@click.argument("name", required=False)
@click.argument("start", required=False)
@click.option("-c", "--create", is_flag=True, help="Create the branch NAME, at START or here.")
@click.option("--detach", is_flag=True, help="Look at the commit NAME without being on a branch.")
@click.option("-f", "--force", is_flag=True, help="Overwrite uncommitted changes.")
@json_option
@pass_app
def command(app: App, name: str | None, start: str | None, create: bool, detach: bool, force: bool) -> None:
    """Switch to the branch NAME; - is the previous one.

    Uncommitted changes are kept if their files are the same on both branches; otherwise nothing is changed. A branch
    that only a remote has is created, with the remote's as its upstream.
    """
    if name is None:
        raise click.UsageError("which branch? promptvc branch lists them")
    at = None if detach else start
    done = app.repo.switch(name, at=at, create=create and not detach, detach=detach, force=force)
    app.out.value(
        {
            "branch": done.branch,
            "head": done.head,
            "created": done.created,
            "files": len(done.files),
            "untracked": list(done.untracked),
            "left_behind": list(done.left_behind),
        }
    )
    _tell(app, done)


def _tell(app: App, done: Switched) -> None:
    if done.branch is None:
        _tell_detached(app, done)
    else:
        made = "new branch " if done.created else ""
        written = f", {_files(len(done.files))} written" if done.files else ""
        app.out.text(f"On {made}{app.out.style(done.branch, bold=True)}{written}")
    for line in untracked_lines(done.untracked):
        app.out.text(line)
    if done.left_behind:
        _tell_left_behind(app, done)


def _tell_detached(app: App, done: Switched) -> None:
    assert done.head is not None
    subject = app.repo.read_commit(done.head).subject
    app.out.text(f"Looking at {app.out.style(done.head.short, fg='yellow')} {subject}, on no branch")
    app.out.note("hint: promptvc switch -c NAME keeps what you commit here")


def _tell_left_behind(app: App, done: Switched) -> None:
    """``leaving 2 commits behind: 3f9c2e1 Calmer tone``, and the command that keeps them."""
    tip, count = done.left_behind[0], len(done.left_behind)
    subject = app.repo.read_commit(tip).subject
    app.out.warn(f"leaving {plural(count, 'commit')} behind: {tip.short} {subject}")
    app.out.note(f"hint: promptvc branch NAME {tip.short} keeps {'it' if count == 1 else 'them'}")


def _files(count: int) -> str:
    return plural(count, "file")
