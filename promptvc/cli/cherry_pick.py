"""``promptvc cherry-pick``: do once more what a commit did, on top of the current branch."""

from __future__ import annotations

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.picking import pick


@click.command("cherry-pick")
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
    """Do what the commits REV did once more, row by row and cell by cell, as commits of the current branch.

    Stops at the first that conflicts. Exit code 1 then.
    """
    return pick(app, "cherry-pick", revisions, mainline, dry_run=dry_run, abort=abort)
