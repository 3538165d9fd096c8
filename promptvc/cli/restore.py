"""``promptvc restore``: working files as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app

if TYPE_CHECKING:
    from promptvc.repo import Repo


@click.command("restore")
@click.argument("paths", nargs=-1, required=True)
@click.option("-s", "--source", metavar="REV", help="The revision to take them from (HEAD).")
@click.option("-f", "--force", is_flag=True, help="Overwrite changes that are not committed.")
@json_option
@pass_app
def command(app: App, paths: tuple[str, ...], source: str | None, force: bool) -> None:
    """Put PATHS (files, folders, or . for all) back as they are in HEAD or another revision.

    A file whose changes are not committed is left alone unless --force is given. What a merge under way wrote is put
    back only when --source is given too.
    """
    repo = app.repo
    chosen = app.paths(paths)
    if source is None:
        _need_no_merge(repo, chosen)
    files = repo.workspace.head_files() if source is None else repo.snapshot(source).files
    written = repo.workspace.restore(chosen, files, force=force)
    app.out.value({"restored": list(written)})
    app.out.text(f"{len(written)} file{'s' * (len(written) != 1)} restored from {source or 'HEAD'}")
    for path in written[:20]:
        app.out.text(f"  {path}")
    if len(written) > 20:
        app.out.text(f"  … {len(written) - 20} more")


def _need_no_merge(repo: Repo, paths: list[str]) -> None:
    """Raise `Refused` where a merge under way wrote one of these files: its commit would not have them any more."""
    from promptvc.errors import Refused
    from promptvc.versioning.tree import is_below

    merge = repo.open_merge
    written = next((path for path in merge.before if is_below(path, paths or [""])), None) if merge else None
    if merge and written:
        raise Refused(
            f"{written} has what the {merge.step} under way brought together",
            f"promptvc {merge.step} --abort gives all of it up; --source HEAD takes this file back",
        )
