"""``promptvc revert``: undo what a commit did by a new commit."""

from __future__ import annotations

import click

from promptvc.cli.app import App, pass_app
from promptvc.cli.branch.picking import pick, picking_options


@click.command("revert")
@picking_options
@pass_app
def command(app: App, revisions: tuple[str, ...], mainline: int | None, dry_run: bool, abort: bool) -> int:
    """Take back what the commits REV did, row by row and cell by cell, by new commits; what came later stays.

    Stops at the first that conflicts. Exit code 1 then.
    """
    return pick(app, "revert", revisions, mainline, dry_run=dry_run, abort=abort)
