"""``promptvc restore``: working files as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app

if TYPE_CHECKING:
    from promptvc.ids import RepoPath
    from promptvc.repo import Repo
    from promptvc.versioning.tree import Files

SHOWN = 20
"""Files named one by one; more are counted."""


@click.command("restore")
@click.argument("paths", nargs=-1, required=True)
@click.option("-s", "--source", metavar="REV", help="The revision to take them from (HEAD).")
@click.option("-f", "--force", is_flag=True, help="Overwrite changes that are not committed.")
@json_option
@pass_app
def command(app: App, paths: tuple[str, ...], source: str | None, force: bool) -> None:
    """Put PATHS (files, folders, or . for all) back as they are in HEAD or another revision.

    What the revision lacks below a folder is removed; a path that it lacks altogether is refused. A file whose changes
    are not committed is left alone unless --force is given. What a merge under way wrote is put
    back only when --source is given too.
    """
    from promptvc.versioning.tree import is_below

    repo = app.repo
    chosen = app.paths(paths)
    if source is None:
        _need_no_merge(repo, chosen)
    files = repo.parts.workspace.head_files() if source is None else repo.snapshot(source).files
    before = repo.parts.workspace.head_files()
    written = repo.parts.workspace.restore(chosen, files, force=force, name=source or "HEAD")
    stay = [path for path in repo.parts.workspace.left_untracked(before, files) if is_below(path, chosen)]
    _tell(app, written, files, source or "HEAD", stay)


def _tell(app: App, written: list[RepoPath], files: Files, source: str, stay: list[RepoPath]) -> None:
    """``2 files restored, 1 removed, as in v1``, then the first of them."""
    from promptvc.cli.show.untracked import untracked_lines

    restored = [path for path in written if path in files]
    removed = [path for path in written if path not in files]
    app.out.value({"restored": restored, "removed": removed, "untracked": stay})
    counted = f"{len(restored)} file{'s' * (len(restored) != 1)} restored"
    app.out.text(
        f"{counted}, {len(removed)} removed, as in {source}" if removed else f"{counted} from {source}"
    )
    for path in written[:SHOWN]:
        app.out.text(f"  {path}{'' if path in files else '  removed'}")
    if len(written) > SHOWN:
        app.out.text(f"  … {len(written) - SHOWN} more")
    for line in untracked_lines(stay):
        app.out.text(line)


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
