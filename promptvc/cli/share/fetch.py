"""``promptvc fetch``: fetch what is new from a remote; the working files are not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.exit_codes import DONE, REFUSED
from promptvc.cli.share.transfer import address, change_line, change_value, show_messages, transfer
from promptvc.cli.show.describe import size_words
from promptvc.secrets.redact import redact_url

if TYPE_CHECKING:
    from promptvc.versioning.sync.fetch import FetchResult
    from promptvc.versioning.sync.refchange import RefChange


@click.command("fetch")
@click.argument("remote", required=False)
@click.option(
    "-p", "--prune", is_flag=True, help="Delete remote-tracking branches that the remote no longer has."
)
@click.option("--tags", is_flag=True, help="Fetch every tag, not only those on fetched commits.")
@click.option("-f", "--force", is_flag=True, help="Replace tags that point to something else here.")
@click.option("--all", "everything", is_flag=True, help="Fetch from every remote.")
@json_option
@pass_app
def command(app: App, remote: str | None, prune: bool, tags: bool, force: bool, everything: bool) -> int:
    """Fetch the branches of REMOTE (the current branch's, or origin), and the tags on their commits.

    A tag that already points to something else here is refused; exit code 3 if --tags asked for it.
    """

    remotes = app.repo.remotes
    names = [each.name for each in remotes] if everything else [remote or remotes.default.name]
    refused = False
    with app.repo.operation("fetch --all" if everything else f"fetch {redact_url(names[0])}"):
        for name in names:
            with transfer("fetching") as report:
                result = remotes.fetch(name, prune=prune, tags=tags, force=force, report=report)
            tell(app, name, result)
            refused = refused or any(_is_refused_tag(change) for change in result.changes)
    return REFUSED if refused and tags else DONE


def tell(app: App, name: str, result: FetchResult) -> None:
    """Report what was fetched; nothing if nothing was new."""
    show_messages(app.out, result.messages)
    for change in result.changes:
        app.out.value({"remote": name, **change_value(change)})
    app.out.value(
        {"remote": name, "objects": result.objects, "bytes": result.size, "changed": len(result.changes)}
    )
    if not result.changes:
        return
    counted = f"   {result.objects:,} objects, {size_words(result.size)}" if result.objects else ""
    app.out.text(f"From {address(app, name)}{counted}")
    for change in result.changes:
        here = change.here.short if change.here else ""
        app.out.text(change_line(app.out, change, f"{change.there.short} → {here}"))
    if any(map(_is_refused_tag, result.changes)):
        app.out.note(
            f"hint: promptvc fetch {redact_url(name)} --tags --force takes the tags as they are there"
        )


def _is_refused_tag(change: RefChange) -> bool:
    return change.outcome == "refused" and change.there.startswith("refs/tags/")
