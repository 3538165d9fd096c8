"""``promptvc pull``: fetch, then bring the current branch forward."""

from __future__ import annotations

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.fetch import tell
from promptvc.cli.transfer import transfer


@click.command("pull")
@click.argument("remote", required=False)
@json_option
@pass_app
def command(app: App, remote: str | None) -> None:
    """Fetch from REMOTE and move the current branch, and the working files, forward to its upstream."""
    from promptvc.errors import Refused, Usage
    from promptvc.ids import RefName
    from promptvc.storage.refs import HEAD

    repo = app.repo
    branch = repo.branch
    if branch is None:
        raise Refused("HEAD is on no branch", "promptvc switch goes to one")
    name = remote or repo.sharing.default(branch)
    with transfer("fetching") as report:
        result = repo.sharing.fetch(name, repo.who(), report)
    tell(app, name, result)
    upstream = repo.upstream(RefName.branch(branch)) or RefName.remote(name, branch)
    target, head = repo.refs.read(upstream), repo.refs.read(HEAD)
    if target is None:
        raise Usage(
            f"{name} has no branch {upstream.short.partition('/')[2]}",
            f"promptvc push -u {name} {branch} makes it",
        )
    if head is not None and repo.history.is_ancestor(target, head):
        app.out.value({"branch": branch, "before": head, "after": head, "files": 0})
        app.out.text(f"{branch} is up to date with {upstream.short}")
        return
    written = repo.workspace.fast_forward(target, repo.who(), f"pull {name}: fast-forward")
    app.out.value({"branch": branch, "before": head, "after": target, "files": len(written)})
    before = head.short if head else "nothing"
    app.out.text(
        f"{branch}: {before} → {target.short}, {len(written)} file{'s' * (len(written) != 1)} written"
    )
