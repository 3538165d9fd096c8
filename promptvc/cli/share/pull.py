"""``promptvc pull``: fetch, then bring the current branch forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.exit_codes import DONE, NEGATIVE
from promptvc.cli.share.fetch import tell
from promptvc.cli.share.transfer import transfer

if TYPE_CHECKING:
    from promptvc.repo import Repo


@click.command("pull")
@click.argument("remote", required=False)
@click.option("--ff-only", is_flag=True, help="Only move forward; refuse where both sides have new commits.")
@json_option
@pass_app
def command(app: App, remote: str | None, ff_only: bool) -> int:
    """Fetch from REMOTE and bring the upstream of the current branch into it, and the working files along.

    Moves forward where it can; merges where both sides have new commits, as `merge` does. Exit code 1 with conflicts.
    """
    from promptvc.errors import Refused
    from promptvc.transports.urls import redact

    repo = app.repo
    branch = repo.branch
    if branch is None:
        raise Refused("HEAD is on no branch", "promptvc switch goes to one")
    name = remote or repo.parts.sharing.default(branch)
    repo.parts.need_no_merge()
    with repo.parts.oplog.operation(f"pull {redact(name)}"):
        return _pull(app, repo, name, branch, ff_only)


def _pull(app: App, repo: Repo, name: str, branch: str, ff_only: bool) -> int:
    from promptvc.cli.show.merge import tell_merge
    from promptvc.cli.show.untracked import left_untracked, untracked_lines
    from promptvc.errors import Usage
    from promptvc.ids import RefName
    from promptvc.session.merge.merging import own_hint
    from promptvc.storage.refs import HEAD

    with transfer("fetching") as report:
        result = repo.parts.sharing.fetch(name, repo.parts.who(), report)
    tell(app, name, result)
    upstream = repo.parts.upstream(RefName.branch(branch)) or RefName.remote(name, branch)
    target, head = repo.parts.refs.read(upstream), repo.parts.refs.read(HEAD)
    if target is None:
        raise Usage(
            f"{name} has no branch {upstream.short.partition('/')[2]}",
            f"promptvc push -u {name} {branch} makes it",
        )
    if head is not None and repo.parts.history.is_ancestor(target, head):
        app.out.value({"branch": branch, "before": head, "after": head, "files": 0, "untracked": []})
        app.out.text(f"{branch} is up to date with {upstream.short}")
        return DONE
    if head is None or repo.parts.history.is_ancestor(head, target):
        with own_hint():
            written = repo.parts.workspace.fast_forward(
                target, repo.parts.who(), f"pull {name}: fast-forward"
            )
        stay = left_untracked(repo, head, target)
        app.out.value(
            {"branch": branch, "before": head, "after": target, "files": len(written), "untracked": stay}
        )
        before = head.short if head else "nothing"
        app.out.text(
            f"{branch}: {before} → {target.short}, {len(written)} file{'s' * (len(written) != 1)} written"
        )
        for line in untracked_lines(stay):
            app.out.text(line)
        return DONE
    request = repo.parts.merge_request("merge", upstream.short)
    done = repo.parts.merging.merge(target, request, forward="only" if ff_only else "auto")
    tell_merge(app, repo, done, request, dry_run=False)
    return DONE if done.clean else NEGATIVE
