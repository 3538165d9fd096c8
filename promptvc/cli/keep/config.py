"""``promptvc config``: git's configuration, with the store's own on top."""

from __future__ import annotations

import re

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.output import without_secrets
from promptvc.errors import Negative
from promptvc.runs.trust import save_trust, what_needs_trust, why_not_trusted
from promptvc.secrets.find import HIDDEN

_SECRET = re.compile(r"(?i)(?:extraheader|password|token|secret)\Z")


@click.command("config")
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Remove NAME from the store's configuration.")
@click.option("--revoke", is_flag=True, help="With trust: let no code run that promptvc.toml names.")
@click.option("--show", is_flag=True, help="With trust: only say how it stands.")
@json_option
@pass_app
def command(app: App, name: str | None, value: str | None, unset: bool, revoke: bool, show: bool) -> None:
    """Show the configuration, or the value of NAME, or set it in this store.

    Names are git's: user.name, remote.origin.url. git's own files are read, and only the store's is written.
    What belongs to the project (what is tracked, keys of tables) is in promptvc.toml instead.

    "promptvc config trust" lets the code run that promptvc.toml names: functions, programs, and an address that would
    be sent the key. A store that was made here, and that nothing was fetched into, is trusted already.
    """
    wrong = value or unset or (revoke and show) if name == "trust" else revoke or show
    if wrong:
        raise click.UsageError("it is config trust, config trust --revoke or config trust --show")
    config = app.repo.parts.config
    if name == "trust":
        _trust(app, None if show else not revoke)
    elif name is None:
        for key, found in config.items():
            name, shown = without_secrets(key), HIDDEN if _SECRET.search(key) else without_secrets(found)
            app.out.value({"name": name, "value": shown})
            app.out.text(f"{name}={shown}")
    elif unset or value is not None:
        config.set(name, None if unset else value)
        app.out.value({"name": name, "value": None if unset else value})
    else:
        _show(app, name)


def _trust(app: App, trusted: bool | None) -> None:
    """Say yes or no, or with None only how it stands."""
    repo = app.repo
    runs = repo.project.runs if repo.root is not None and trusted is not False else {}
    code = list(dict.fromkeys(text for spec in runs.values() for text in what_needs_trust(spec)))
    if trusted is not None:
        save_trust(repo.path, trusted)
        why = None
    else:
        why = why_not_trusted(repo.path, repo.parts.config)
        trusted = why is None
    app.out.value({"trust": trusted, "code": code})
    may = "may" if trusted else "may not"
    app.out.text(f"Code that promptvc.toml names {may} run in this store{f': {why}' if why else ''}")
    for text in code:
        app.out.text(f"  {text}")


def _show(app: App, name: str) -> None:
    found = app.repo.parts.config.get(name)
    if found is None:
        raise Negative(f"{name} is not set")
    app.out.value({"name": name, "value": found})
    app.out.text(found)
