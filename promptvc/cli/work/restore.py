"""``promptvc restore``: restore working files from a revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.show.untracked import untracked_lines
from promptvc.content.formats.words import plural

if TYPE_CHECKING:
    from promptvc.repo.branch.switching import Restored

SHOWN = 20
"""Most files to name; more are counted."""


@click.command("restore")
@click.argument("paths", nargs=-1, required=True)
@click.option("-s", "--source", metavar="REV", help="The revision to take them from (HEAD).")
@click.option("-f", "--force", is_flag=True, help="Overwrite uncommitted changes.")
@json_option
@pass_app
def command(app: App, paths: tuple[str, ...], source: str | None, force: bool) -> None:
    """Restore PATHS (files, folders, or . for all) from HEAD or another revision.

    Files below a folder that the revision lacks are removed; a path that it lacks altogether is refused. A file with
    uncommitted changes is left alone unless --force is given. Files that a merge in progress wrote are restored only if
    --source is given too.
    """
    done = app.repo.restore(app.paths(paths), source=source, force=force)
    _tell(app, done, source or "HEAD")


def _tell(app: App, done: Restored, source: str) -> None:
    """``2 files restored, 1 removed, as in v1``, then the first of them."""
    restored, removed = list(done.restored), list(done.removed)
    app.out.value({"restored": restored, "removed": removed, "untracked": list(done.untracked)})
    counted = f"{plural(len(restored), 'file')} restored"
    app.out.text(
        f"{counted}, {len(removed)} removed, as in {source}" if removed else f"{counted} from {source}"
    )
    for path in done.files[:SHOWN]:
        app.out.text(f"  {path}{'  removed' if path in removed else ''}")
    if len(done.files) > SHOWN:
        app.out.text(f"  … {len(done.files) - SHOWN} more")
    for line in untracked_lines(done.untracked):
        app.out.text(line)
