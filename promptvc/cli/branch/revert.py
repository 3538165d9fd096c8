"""``promptvc revert``: undo the changes of a commit with a new commit."""

from __future__ import annotations

import click

from promptvc.cli.app import App, pass_app
from promptvc.cli.branch.picking import pick, picking_options


@click.command("revert")
@picking_options
@pass_app
def command(app: App, revisions: tuple[str, ...], mainline: int | None, dry_run: bool, abort: bool) -> int:
    """Undo the changes of the commits REV, row by row and cell by cell, with new commits; later changes stay.

    Stops at the first conflict, with exit code 1.
    """
    return pick(app, "revert", revisions, mainline, dry_run=dry_run, abort=abort)
