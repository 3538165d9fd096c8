"""``promptvc cat``: the bytes of a committed file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, pass_app
from promptvc.cli.arguments import find_range, revision_path, split_path
from promptvc.errors import PathMissing

if TYPE_CHECKING:
    from promptvc.session.workspace.snapshot import Snapshot
    from promptvc.versioning.tree import FileEntry


@click.command("cat")
@click.argument("files", nargs=-1, required=True, metavar="[REV:]PATH...")
@pass_app
def command(app: App, files: tuple[str, ...]) -> None:
    """Write a file as it was committed, byte for byte; several files one after another.

    REV:PATH is counted from the project's root, a PATH alone (at HEAD) from where you are.
    """
    entries = [_find(app, text) for text in files]
    for entry in entries:
        for block in app.repo.parts.contents.blocks(entry):
            sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def _find(app: App, text: str) -> FileEntry:
    """The file; raises `UnknownRevision` or `PathMissing`."""
    pair = split_path(text)
    if pair is not None and (pair[0] == "" or find_range(app.repo, pair[0]) or not _is_committed(app, text)):
        path = revision_path(app, *pair)
        return _entry(app.repo.snapshot(pair[0]), path, pair[0])
    return _entry(app.repo.snapshot(), app.paths((text,))[0], "HEAD")


def _is_committed(app: App, text: str) -> bool:
    """Whether a name with a colon in it is the name of a file."""
    return app.path(text) in app.repo.snapshot()


def _entry(snapshot: Snapshot, path: str, revision: str) -> FileEntry:
    if path not in snapshot and any(name.startswith(f"{path}/") or path == "" for name in snapshot):
        raise PathMissing(
            f"{path or 'the project'} is a folder", f"promptvc show {revision}:{path} lists what is in it"
        )
    return snapshot.file(path).entry
