"""``promptvc restore``: working files as they were."""

from __future__ import annotations

import click

from promptvc.cli.app import App, json_option, pass_app


@click.command("restore")
@click.argument("paths", nargs=-1, required=True)
@click.option("-s", "--source", metavar="REV", help="The revision to take them from (HEAD).")
@click.option("-f", "--force", is_flag=True, help="Overwrite changes that are not committed.")
@json_option
@pass_app
def command(app: App, paths: tuple[str, ...], source: str | None, force: bool) -> None:
    """Put PATHS (files, folders, or . for all) back as they are in HEAD or another revision.

    A file whose changes are not committed is left alone unless --force is given.
    """
    repo = app.repo
    chosen = app.paths(paths)
    files = repo.workspace.head_files() if source is None else repo.snapshot(source).files
    written = repo.workspace.restore(chosen, files, force=force)
    app.out.value({"restored": list(written)})
    app.out.text(f"{len(written)} file{'s' * (len(written) != 1)} restored from {source or 'HEAD'}")
    for path in written[:20]:
        app.out.text(f"  {path}")
    if len(written) > 20:
        app.out.text(f"  … {len(written) - 20} more")
