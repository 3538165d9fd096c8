"""``promptvc tag``: names that stay on a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app

if TYPE_CHECKING:
    from promptvc.ids import ObjectId
    from promptvc.repo import Repo


@click.command("tag")
@click.argument("name", required=False)
@click.argument("revision", required=False, default="HEAD")
@click.option("-m", "--message", help="Make an annotated tag, with this message.")
@click.option("-d", "--delete", metavar="NAME", help="Delete a tag.")
@json_option
@pass_app
def command(app: App, name: str | None, revision: str, message: str | None, delete: str | None) -> None:
    """List the tags, or put the tag NAME on REVISION (HEAD)."""
    repo = app.repo
    if delete:
        _delete(app, repo, delete)
    elif name:
        _create(app, repo, name, revision, message)
    else:
        _list(app, repo)


def _list(app: App, repo: Repo) -> None:
    from promptvc.versioning.commit import peel

    tags = repo.parts.refs.find("refs/tags/")
    width = max((len(ref.short) for ref in tags), default=0)
    for ref, id in tags.items():
        commit = peel(repo.parts.store, id)
        app.out.value({"name": ref.short, "id": commit, "object": id})
        subject = repo.parts.history.commit(commit).subject
        app.out.text(f"{ref.short:<{width}}  {app.out.style(commit.short, fg='yellow')}  {subject}")


def _create(app: App, repo: Repo, name: str, revision: str, message: str | None) -> None:
    from promptvc.errors import StoreExists
    from promptvc.ids import RefName

    ref, target = RefName.tag(name), repo.parts.revisions.resolve(revision)
    if repo.parts.refs.read(ref):
        raise StoreExists(f"a tag {name} exists already", f"promptvc tag -d {name} deletes it")
    id = _annotated(repo, name, target, message) if message else target
    with repo.parts.oplog.operation(f"tag {name}"):
        repo.parts.refs.move(ref, None, id, repo.parts.who(), "tag")
    app.out.value({"name": name, "id": target, "object": id})
    app.out.text(f"Tag {app.out.style(name, bold=True)} on {app.out.style(target.short, fg='yellow')}")


def _annotated(repo: Repo, name: str, target: ObjectId, message: str) -> ObjectId:
    from promptvc.storage.objects import Kind, Tag, encode_tag

    with repo.parts.store.begin() as writer:
        id = writer.add(Kind.TAG, encode_tag(Tag(target, Kind.COMMIT, name, repo.parts.committer(), message)))
        writer.finish()
    return id


def _delete(app: App, repo: Repo, name: str) -> None:
    from promptvc.errors import UnknownRevision
    from promptvc.ids import RefName

    ref = RefName.tag(name)
    id = repo.parts.refs.read(ref)
    if id is None:
        raise UnknownRevision(name)
    with repo.parts.oplog.operation(f"tag -d {name}"):
        repo.parts.refs.move(ref, id, None, repo.parts.who(), "tag: deleted")
    app.out.value({"name": name, "object": id, "deleted": True})
    app.out.text(f"Deleted tag {name} (was {id.short})")
