"""``promptvc init``: create a store beside the files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.show.summary import count_words
from promptvc.repo import Repo
from promptvc.session.code import add_to_gitignore, code_repository

if TYPE_CHECKING:
    from promptvc.repo import Repo


@click.command("init")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("-b", "--branch", default="main", show_default=True, help="Name of the first branch.")
@click.option(
    "--ignore/--no-ignore",
    default=None,
    help="Add .promptvc/ to the .gitignore of a code repository around it.",
)
@json_option
@pass_app
def command(app: App, folder: Path | None, branch: str, ignore: bool | None) -> None:
    """Create a store in FOLDER (here) and track its prompts, examples and outputs."""
    repo = Repo.init(app.folder / folder if folder else app.folder, app.surroundings, branch)
    app.__dict__["repo"] = repo
    assert repo.root is not None
    code = code_repository(repo.root)
    ignored = code is not None and _wanted(app, repo, ignore) and add_to_gitignore(repo.root)
    status = repo.status()
    app.out.value(
        {"store": str(repo.path), "branch": branch, "files": len(status.changes), "gitignore": ignored}
    )
    app.out.text("Store in .promptvc (a git repository). Tracking prompts/, examples/, outputs/")
    app.out.text(f"and promptvc.toml: {count_words(repo, status.changes)}.")
    if ignored:
        app.out.text("Added .promptvc/ to .gitignore of the code repository around it.")


def _wanted(app: App, repo: Repo, ignore: bool | None) -> bool:
    """Whether to change .gitignore: by the option, or the answer on a terminal, or else yes (and it is reported)."""
    if ignore is not None:
        return ignore
    if app.out.json or not app.surroundings.interactive:
        return True
    return click.confirm(
        f"{repo.root} is in a code repository. Add .promptvc/ to its .gitignore?", default=True, err=True
    )
