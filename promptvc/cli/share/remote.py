"""``promptvc remote``: list, add, change and remove remotes."""

from __future__ import annotations

import os

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.transports.urls import is_local


@click.group("remote", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context) -> None:
    """List the remotes, or add, change and remove them."""
    if context.invoked_subcommand is not None:
        return
    app = context.ensure_object(App)
    for remote in app.repo.remotes:
        app.out.value({"name": remote.name, "url": remote.url})
        app.out.text(f"{remote.name}  {remote.url}")


@command.command("add")
@click.argument("name")
@click.argument("url")
@json_option
@pass_app
def add(app: App, name: str, url: str) -> None:
    """Add the remote NAME at URL: a path, file://, ssh://, git@host:path, https:// or git://."""
    place = (
        os.path.normpath((app.folder / url).absolute())
        if is_local(url) and not url.startswith("file:")
        else url
    )
    app.out.value({"name": name, "url": app.repo.remotes.add(name, place).url})


@command.command("set-url")
@click.argument("name")
@click.argument("url")
@json_option
@pass_app
def set_url(app: App, name: str, url: str) -> None:
    """Change the address of the remote NAME."""
    app.out.value({"name": name, "url": app.repo.remotes.set_url(name, url).url})


@command.command("remove")
@click.argument("name")
@json_option
@pass_app
def remove(app: App, name: str) -> None:
    """Remove the remote NAME and its remote-tracking branches."""
    app.repo.remotes.remove(name)
    app.out.value({"name": name, "removed": True})
