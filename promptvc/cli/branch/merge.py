"""``promptvc merge``: merge another branch into the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.exit_codes import DONE, NEGATIVE
from promptvc.cli.show.merge import abort_open, tell_merge

if TYPE_CHECKING:
    from promptvc.session.merge.request import Forward


@click.command("merge")
@click.argument("revision", required=False, metavar="REV")
@click.option("-m", "--message", multiple=True, help="The message; several make paragraphs.")
@click.option("--no-ff", is_flag=True, help="Make a merge commit even if a fast-forward is possible.")
@click.option("--ff-only", is_flag=True, help="Only fast-forward; refuse if that is not possible.")
@click.option("--into", metavar="BRANCH", help="Merge into this branch, and leave the working files alone.")
@click.option(
    "--dry-run", is_flag=True, help="Show what would happen; exit code 1 if there would be conflicts."
)
@click.option("--allow-unrelated-histories", is_flag=True, help="Merge even without a common commit.")
@click.option("--abort", is_flag=True, help="Abort the merge in progress and restore the files.")
@json_option
@pass_app
def command(
    app: App,
    revision: str | None,
    message: tuple[str, ...],
    no_ff: bool,
    ff_only: bool,
    into: str | None,
    dry_run: bool,
    allow_unrelated_histories: bool,
    abort: bool,
) -> int:
    """Merge REV into the current branch: rows by key and cell, messages and settings one by one, text by line.

    Different changes of both sides to the same place are a conflict: then nothing is committed, the working files keep
    this branch's version, and `resolve` settles the conflicts. Exit code 1 with conflicts. With --into a branch other
    than the current one, conflicts are only reported.
    """

    if abort:
        if revision is not None or any((message, no_ff, ff_only, into, dry_run, allow_unrelated_histories)):
            raise click.UsageError("--abort takes no other arguments")
        return abort_open(app, "merge")
    if revision is None:
        raise click.UsageError("which branch? promptvc branch lists them")
    if no_ff and ff_only:
        raise click.UsageError("give --no-ff or --ff-only, not both")
    if into == "":
        raise click.UsageError("--into which branch? promptvc branch lists them")
    repo = app.repo
    forward: Forward = "never" if no_ff else "only" if ff_only else "auto"
    text = "\n\n".join(message) or None
    elsewhere = into is not None and into != repo.branch
    done = repo.merge(
        revision,
        into=into,
        message=text,
        forward=forward,
        dry_run=dry_run,
        unrelated=allow_unrelated_histories,
    )
    tell_merge(app, repo, done, dry_run=dry_run or (elsewhere and not done.clean))
    if elsewhere and not done.clean and not dry_run:
        app.out.note(f"hint: promptvc switch {into}, then merge there to resolve them; nothing was changed")
    return DONE if done.clean else NEGATIVE
