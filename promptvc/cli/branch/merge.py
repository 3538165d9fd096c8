"""``promptvc merge``: bring another line of work into the current branch."""

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
@click.option("-m", "--message", multiple=True, help="The message; more than one make paragraphs.")
@click.option(
    "--no-ff", is_flag=True, help="Make a merge commit even where the branch could just move forward."
)
@click.option("--ff-only", is_flag=True, help="Only move forward; refuse where that cannot be.")
@click.option("--into", metavar="BRANCH", help="Merge into this branch, and leave the working files alone.")
@click.option(
    "--dry-run", is_flag=True, help="Say what would happen; exit code 1 if something would conflict."
)
@click.option("--allow-unrelated-histories", is_flag=True, help="Also what has no commit in common.")
@click.option("--abort", is_flag=True, help="Give the merge under way up: everything as it was before.")
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
    """Merge REV into the current branch: rows by key, cells, messages and settings each by itself, text by line.

    What both sides changed differently is a conflict: then nothing is committed, the working files keep what this
    branch has, and `resolve` settles one after the other. Exit code 1 with conflicts. With --into a branch that is not
    the current one, conflicts are only reported.
    """

    if abort:
        if revision is not None or any((message, no_ff, ff_only, into, dry_run, allow_unrelated_histories)):
            raise click.UsageError("--abort goes alone")
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
