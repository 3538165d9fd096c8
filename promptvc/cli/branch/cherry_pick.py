"""``promptvc cherry-pick``: apply the changes of a commit to the current branch."""

from __future__ import annotations

import click

from promptvc.cli.app import App, pass_app
from promptvc.cli.branch.picking import pick, picking_options


@click.command("cherry-pick")
@picking_options
@pass_app
def command(app: App, revisions: tuple[str, ...], mainline: int | None, dry_run: bool, abort: bool) -> int:
    """Apply the changes of the commits REV, row by row and cell by cell, as new commits on the current branch.

    Stops at the first conflict, with exit code 1.
    """
    return pick(app, "cherry-pick", revisions, mainline, dry_run=dry_run, abort=abort)
