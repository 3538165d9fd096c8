"""``promptvc pull``: fetch, then integrate the upstream into the current branch."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.exit_codes import DONE, NEGATIVE
from promptvc.cli.share.fetch import tell
from promptvc.cli.share.transfer import transfer
from promptvc.cli.show.merge import tell_merge
from promptvc.cli.show.untracked import untracked_lines
from promptvc.content.formats.words import plural

if TYPE_CHECKING:
    from promptvc.repo.share.pull import PullResult
    from promptvc.session.merge.result import Merged
    from promptvc.versioning.sync.fetch import FetchResult


@click.command("pull")
@click.argument("remote", required=False)
@click.option("--ff-only", is_flag=True, help="Only fast-forward; refuse if both sides have new commits.")
@json_option
@pass_app
def command(app: App, remote: str | None, ff_only: bool) -> int:
    """Fetch from REMOTE, integrate the upstream of the current branch, and update the working files.

    Fast-forwards if possible; merges if both sides have new commits, as `merge` does. Exit code 1 with conflicts.
    """
    with ExitStack() as stack:
        report = stack.enter_context(transfer("fetching"))

        def fetched(name: str, result: FetchResult) -> None:
            stack.close()  # removes the progress bar before anything is printed
            tell(app, name, result)

        done = app.repo.remotes.pull(remote, ff_only=ff_only, report=report, fetched=fetched)
    if done.merged is not None:
        _tell_merged(app, done, done.merged)
    else:
        _tell_moved(app, done)
    return DONE if done.clean else NEGATIVE


def _tell_moved(app: App, done: PullResult) -> None:
    ends = {"branch": done.branch, "before": done.before, "after": done.after}
    app.out.value(ends | {"files": len(done.files), "untracked": list(done.untracked)})
    if done.outcome == "up-to-date":
        app.out.text(f"{done.branch} is up to date with {done.upstream}")
        return
    assert done.after is not None
    before = done.before.short if done.before else "nothing"
    files = f"{plural(len(done.files), 'file')} written"
    app.out.text(f"{done.branch}: {before} → {done.after.short}, {files}")
    for line in untracked_lines(done.untracked):
        app.out.text(line)


def _tell_merged(app: App, done: PullResult, merged: Merged) -> None:
    tell_merge(app, app.repo, merged, dry_run=False)
