"""``promptvc revert``: undo what a commit did by a new commit."""

from __future__ import annotations

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.picking import pick


@click.command("revert")
@click.argument("revisions", nargs=-1, metavar="REV...")
@click.option(
    "-m",
    "--mainline",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of a merge, what it did to its Nth parent.",
)
@click.option(
    "--dry-run", is_flag=True, help="Say what would happen; exit code 1 if something would conflict."
)
@click.option("--abort", is_flag=True, help="Give the one under way up: everything as it was before.")
@json_option
@pass_app
def command(app: App, revisions: tuple[str, ...], mainline: int | None, dry_run: bool, abort: bool) -> int:
    """Take back what the commits REV did, row by row and cell by cell, by new commits; what came later stays.

    Stops at the first that conflicts. Exit code 1 then.
    """
    return pick(app, "revert", revisions, mainline, dry_run=dry_run, abort=abort)
