"""``promptvc clone``: copy a remote store and its working files."""

from __future__ import annotations

from pathlib import Path

import click

from promptvc.api import folder_name
from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.share.transfer import transfer
from promptvc.content.formats.words import plural
from promptvc.repo.clone import clone_into
from promptvc.secrets.redact import redact_url
from promptvc.session.files.scan import unportable
from promptvc.transports.urls import is_local


@click.command("clone")
@click.argument("url")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("-b", "--branch", help="The branch to check out instead of the remote's HEAD.")
@json_option
@pass_app
def command(app: App, url: str, folder: Path | None, branch: str | None) -> None:
    """Copy the store at URL into FOLDER, with all its history, and check out its files.

    URL is a path, file://, ssh://, git@host:path, https:// or git://.
    """

    address = str(app.folder / url) if is_local(url) and not url.startswith("file:") else url
    root = app.folder / (folder or folder_name(url))
    with transfer("cloning") as report:
        repo = clone_into(address, root, app.surroundings, branch=branch, report=report)
    current = repo.branches.current
    head = current.id if current else None
    paths = list(repo.snapshot().files) if current else []
    files = len(paths)
    app.out.value({"path": str(repo.root), "branch": repo.branch, "head": head, "files": files})
    app.out.text(f"Cloned {redact_url(url)} into {root}")
    where = f"{repo.branch} at {head.short}: {plural(files, 'file')}" if head else "no commits there yet"
    app.out.text(f"  {where}")
    for path, why in unportable(paths):
        app.out.warn(f"{path}: {why}")
