"""``promptvc tag``: list, create and delete tags."""

from __future__ import annotations

import click

from promptvc.cli.app import App, json_option, pass_app


@click.command("tag")
@click.argument("name", required=False)
@click.argument("revision", required=False, default="HEAD")
@click.option("-m", "--message", help="Create an annotated tag with this message.")
@click.option("-d", "--delete", metavar="NAME", help="Delete a tag.")
@json_option
@pass_app
def command(app: App, name: str | None, revision: str, message: str | None, delete: str | None) -> None:
    """List the tags, or put the tag NAME on REVISION (HEAD)."""
    if delete:
        object = app.repo.tags.delete(delete)
        app.out.value({"name": delete, "object": object, "deleted": True})
        app.out.text(f"Deleted tag {delete} (was {object.short})")
    elif name:
        tag = app.repo.tags.create(name, revision, message)
        app.out.value({"name": name, "id": tag.id, "object": tag.object})
        app.out.text(f"Tag {app.out.style(name, bold=True)} on {app.out.style(tag.id.short, fg='yellow')}")
    else:
        _list(app)


def _list(app: App) -> None:
    tags = list(app.repo.tags)
    width = max((len(tag.name) for tag in tags), default=0)
    for tag in tags:
        app.out.value({"name": tag.name, "id": tag.id, "object": tag.object})
        subject = app.repo.read_commit(tag.id).subject
        app.out.text(f"{tag.name:<{width}}  {app.out.style(tag.id.short, fg='yellow')}  {subject}")
