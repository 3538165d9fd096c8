"""``promptvc branch``: list, create, rename and delete branches."""

from __future__ import annotations

from itertools import chain

import click

from promptvc.cli.app import App, json_option, pass_app


@click.command("branch")
@click.argument("name", required=False)
@click.argument("start", required=False)
@click.option(
    "-d", "--delete", "delete", metavar="NAME", multiple=True, help="Delete a branch that is merged."
)
@click.option(
    "-f", "--force", is_flag=True, help="With -d, delete even an unmerged branch; with NAME, move it."
)
@click.option("-m", "--move", "move", nargs=2, metavar="OLD NEW", help="Rename a branch.")
@click.option("-a", "--all", "everything", is_flag=True, help="List the remotes' branches too.")
@json_option
@pass_app
def command(
    app: App,
    name: str | None,
    start: str | None,
    delete: tuple[str, ...],
    force: bool,
    move: tuple[str, str] | None,
    everything: bool,
) -> None:
    """List the branches, or create the branch NAME at START (here)."""
    if move:
        _rename(app, *move)
    elif delete:
        with app.repo.operation(f"branch -d {' '.join(delete)}"):
            for each in delete:
                _delete(app, each, force)
    elif name:
        _create(app, name, start or "HEAD", force)
    else:
        _list(app, everything)


def _list(app: App, everything: bool) -> None:
    branches = app.repo.branches
    shown = list(chain(branches, branches.tracking if everything else ()))
    width = max((len(branch.name) for branch in shown), default=0)
    for branch in shown:
        value = {"name": branch.name, "id": branch.id, "current": branch.is_current}
        app.out.value(value | {"upstream": branch.upstream})
        current = branch.is_current
        name = app.out.style(f"{branch.name:<{width}}", fg="green" if current else None, bold=current)
        id = app.out.style(branch.id.short, fg="yellow")
        follows = f"[{branch.upstream}] " if branch.upstream else ""
        subject = app.repo.read_commit(branch.id).subject
        app.out.text(f"{'*' if current else ' '} {name}  {id}  {follows}{subject}")


def _create(app: App, name: str, start: str, force: bool) -> None:
    branch = app.repo.branches.create(name, start, force=force)
    app.out.value({"name": name, "id": branch.id})
    id = app.out.style(branch.id.short, fg="yellow")
    app.out.text(f"Branch {app.out.style(name, bold=True)} at {id}")


def _delete(app: App, name: str, force: bool) -> None:
    id = app.repo.branches.delete(name, force=force).id
    app.out.value({"name": name, "id": id, "deleted": True})
    app.out.text(f"Deleted branch {name} (was {id.short}): promptvc branch {name} {id.short} brings it back")


def _rename(app: App, old: str, new: str) -> None:
    branch = app.repo.branches.move(old, new)
    app.out.value({"name": new, "id": branch.id, "was": old})
    app.out.text(f"Branch {old} is now {new}")
