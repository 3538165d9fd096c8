"""``promptvc cherry-pick``: do once more what a commit did, on top of the current branch."""

from __future__ import annotations

import click

from promptvc.cli.app import App, pass_app
from promptvc.cli.branch.picking import pick, picking_options


@click.command("cherry-pick")
@picking_options
@pass_app
def command(app: App, revisions: tuple[str, ...], mainline: int | None, dry_run: bool, abort: bool) -> int:
    """Do what the commits REV did once more, row by row and cell by cell, as commits of the current branch.

    Stops at the first that conflicts. Exit code 1 then.
    """
    return pick(app, "cherry-pick", revisions, mainline, dry_run=dry_run, abort=abort)
