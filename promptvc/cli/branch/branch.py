"""``promptvc branch``: list, make, rename and delete branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app

if TYPE_CHECKING:
    from promptvc.ids import ObjectId, RefName
    from promptvc.repo import Repo


@click.command("branch")
@click.argument("name", required=False)
@click.argument("start", required=False)
@click.option(
    "-d", "--delete", "delete", metavar="NAME", multiple=True, help="Delete a branch that is merged."
)
@click.option("-f", "--force", is_flag=True, help="With -d, also one that is not merged; with NAME, move it.")
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
    """List the branches, or make the branch NAME at START (here)."""
    repo = app.repo
    if move:
        _rename(app, repo, *move)
    elif delete:
        with repo.parts.oplog.operation(f"branch -d {' '.join(delete)}"):
            for each in delete:
                _delete(app, repo, each, force)
    elif name:
        _create(app, repo, name, start, force)
    else:
        _list(app, repo, everything)


def _list(app: App, repo: Repo, everything: bool) -> None:
    names = [
        *repo.parts.refs.find("refs/heads/").items(),
        *(repo.parts.refs.find("refs/remotes/").items() if everything else ()),
    ]
    shown = [(ref, id) for ref, id in names if not ref.endswith("/HEAD")]
    width = max((len(ref.short) for ref, _ in shown), default=0)
    repo.parts.refs.current()  # raises where HEAD is lost: none of them would be the current one
    for ref, id in shown:
        current = repo.parts.refs.head() == ref
        subject = repo.parts.history.commit(id).subject
        upstream = repo.parts.upstream(ref) if ref.startswith("refs/heads/") else None
        app.out.value(
            {
                "name": ref.short,
                "id": id,
                "current": current,
                "upstream": upstream.short if upstream else None,
            }
        )
        name = app.out.style(f"{ref.short:<{width}}", fg="green" if current else None, bold=current)
        follows = f"[{upstream.short}] " if upstream else ""
        app.out.text(
            f"{'*' if current else ' '} {name}  {app.out.style(id.short, fg='yellow')}  {follows}{subject}"
        )


def _create(app: App, repo: Repo, name: str, start: str | None, force: bool) -> None:
    from promptvc.errors import Refused, StoreExists
    from promptvc.ids import RefName

    ref, target = RefName.branch(name), repo.parts.revisions.resolve(start or "HEAD")
    exists = repo.parts.refs.read(ref)
    if exists and not force:
        raise StoreExists(f"a branch {name} exists already", "--force moves it")
    if exists and repo.parts.refs.head() == ref:
        raise Refused(f"{name} is the current branch", "promptvc switch goes elsewhere first")
    with repo.parts.oplog.operation(f"branch {'-f ' if exists else ''}{name}"):
        repo.parts.refs.move(ref, exists, target, repo.parts.who(), f"branch: Created from {start or 'HEAD'}")
    app.out.value({"name": name, "id": target})
    app.out.text(f"Branch {app.out.style(name, bold=True)} at {app.out.style(target.short, fg='yellow')}")


def _delete(app: App, repo: Repo, name: str, force: bool) -> None:
    from promptvc.errors import Refused, UnknownRevision
    from promptvc.ids import RefName

    ref = RefName.branch(name)
    id = repo.parts.refs.read(ref)
    if id is None:
        raise UnknownRevision(name)
    if repo.parts.refs.head() == ref:
        raise Refused(f"{name} is the current branch", "promptvc switch goes elsewhere first")
    upstream, head = repo.parts.upstream(ref), repo.parts.refs.current()
    kept = [tip for tip in (head, repo.parts.refs.read(upstream) if upstream else None) if tip]
    if not force and not any(repo.parts.history.is_ancestor(id, tip) for tip in kept):
        raise Refused(
            f"{name} has commits that are nowhere else",
            f"promptvc branch -f -d {name} deletes it all the same",
        )
    repo.parts.refs.move(ref, id, None, repo.parts.who(), "branch: deleted")
    repo.parts.sharing.forget_branch(name)
    app.out.value({"name": name, "id": id, "deleted": True})
    app.out.text(f"Deleted branch {name} (was {id.short}): promptvc branch {name} {id.short} brings it back")


def _rename(app: App, repo: Repo, old: str, new: str) -> None:
    from promptvc.errors import StoreExists, UnknownRevision
    from promptvc.ids import RefName

    before, after = RefName.branch(old), RefName.branch(new)
    id = repo.parts.refs.read(before)
    if id is None:
        raise UnknownRevision(old)
    if repo.parts.refs.read(after):
        raise StoreExists(f"a branch {new} exists already", "choose another name")
    with repo.parts.oplog.operation(f"branch -m {old} {new}"):
        _move(repo, before, after, id)
    app.out.value({"name": new, "id": id, "was": old})
    app.out.text(f"Branch {old} is now {new}")


def _move(repo: Repo, before: RefName, after: RefName, id: ObjectId) -> None:
    """The new ref first, so that the commits are never without one."""
    reason = f"branch: renamed {before} to {after}"
    current = repo.parts.refs.head() == before
    repo.parts.refs.move(after, None, id, repo.parts.who(), reason)
    if current:
        repo.parts.refs.set_head(after, repo.parts.who(), reason)
    repo.parts.refs.move(before, id, None, repo.parts.who(), "branch: renamed")
    repo.parts.sharing.rename_branch(before.short, after.short)
