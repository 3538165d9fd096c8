"""``promptvc config``: git's configuration, with the store's own on top."""

from __future__ import annotations

import re

import click

from promptvc.cli.app import App, json_option, pass_app

_SECRET = re.compile(r"(?<=://)[^/@\s]+@")


@click.command("config")
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Remove NAME from the store's configuration.")
@json_option
@pass_app
def command(app: App, name: str | None, value: str | None, unset: bool) -> None:
    """Show the configuration, or the value of NAME, or set it in this store.

    Names are git's: user.name, remote.origin.url. git's own files are read, and only the store's is written.
    What belongs to the project (what is tracked, keys of tables) is in promptvc.toml instead.
    """
    config = app.repo.config
    if name is None:
        for key, found in config.items():
            shown = _SECRET.sub("***@", found)
            app.out.value({"name": key, "value": shown})
            app.out.text(f"{key}={shown}")
    elif unset or value is not None:
        config.set(name, None if unset else value)
        app.out.value({"name": name, "value": None if unset else value})
    else:
        _show(app, name)


def _show(app: App, name: str) -> None:
    from promptvc.errors import Negative

    found = app.repo.config.get(name)
    if found is None:
        raise Negative(f"{name} is not set")
    app.out.value({"name": name, "value": found})
    app.out.text(found)
