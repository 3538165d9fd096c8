"""``promptvc push``: send branches and tags to a remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.output import show_error
from promptvc.cli.share.transfer import address, change_line, change_value, show_messages, transfer
from promptvc.cli.show.describe import size_words

if TYPE_CHECKING:
    from promptvc.versioning.sync.push import PushResult


@click.command("push")
@click.argument("remote", required=False)
@click.argument("branches", nargs=-1)
@click.option(
    "-u", "--set-upstream", "follow", is_flag=True, help="Make the remote's branches their upstreams."
)
@click.option(
    "--force-with-lease",
    "lease",
    is_flag=True,
    help="Replace the remote's branch if nobody moved it since the fetch.",
)
@click.option("-f", "--force", is_flag=True, help="Replace the remote's branch in any case.")
@click.option("--tags", is_flag=True, help="Also send every tag.")
@click.option("--all", "everything", is_flag=True, help="Send every branch.")
@click.option("-d", "--delete", is_flag=True, help="Delete BRANCHES, or tags, at the remote.")
@click.option("--allow-secrets", is_flag=True, help="Also send tokens and private keys.")
@json_option
@pass_app
def command(
    app: App,
    remote: str | None,
    branches: tuple[str, ...],
    follow: bool,
    lease: bool,
    force: bool,
    tags: bool,
    everything: bool,
    delete: bool,
    allow_secrets: bool,
) -> int:
    """Send BRANCHES (the current one; HERE:THERE renames, :THERE deletes) to REMOTE; tags too, by name.

    `tag NAME`, or a full name as refs/heads/NAME, distinguishes a tag and a branch with the same name. A push that
    would drop commits there is refused, and so are tokens and private keys in commits that were not made here. Exit
    code 3 if the remote accepted only some of the refs, or none.
    """
    name = remote or app.repo.remotes.default.name
    with transfer("pushing") as report:
        result = app.repo.remotes.push(
            name,
            _with_tags(branches),
            set_upstream=follow,
            force=force,
            force_with_lease=lease,
            tags=tags,
            all=everything,
            delete=delete,
            allow_secrets=allow_secrets,
            report=report,
        )
    _tell(app, name, result)
    return 3 if result.refused else 0


def _with_tags(words: tuple[str, ...]) -> list[str]:
    """The names, with git's ``tag v1`` as ``refs/tags/v1``."""
    names: list[str] = []
    rest = iter(words)
    for word in rest:
        tag = next(rest, None) if word == "tag" else None
        names.append(word if tag is None else f"refs/tags/{tag}")
    return names


def _tell(app: App, name: str, result: PushResult) -> None:
    show_messages(app.out, result.messages)
    for change in result.changes:
        app.out.value(change_value(change))
    app.out.value({"remote": name, "objects": result.objects, "bytes": result.size})
    if all(change.outcome == "same" for change in result.changes):
        app.out.text("Everything is up to date")
        return
    app.out.text(f"To {address(app, name)}")
    counted = f"   {result.objects:,} objects, {size_words(result.size)}" if result.objects else ""
    for change in result.changes:
        app.out.text(change_line(app.out, change, f"{change.there.short} → {change.there.short}{counted}"))
        counted = ""
    if result.refused:
        show_error(
            f"{name} refused {len(result.refused)} of {len(result.changes)} refs",
            "promptvc fetch shows what is new there",
        )
