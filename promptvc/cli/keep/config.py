"""``promptvc config``: git's configuration, overridden by the store's own."""

from __future__ import annotations

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.output import without_secrets
from promptvc.errors import Negative
from promptvc.patterns import compiled
from promptvc.runs.trust import Standing, Trust, what_needs_trust
from promptvc.secrets.find import HIDDEN

_SECRET = compiled(r"(?i)(?:extraheader|password|token|secret)\Z")


@click.command("config")
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Remove NAME from the store's configuration.")
@click.option("--revoke", is_flag=True, help="With trust: let no code run that promptvc.toml names.")
@click.option("--show", is_flag=True, help="With trust: only show what may run, and what asks first.")
@json_option
@pass_app
def command(app: App, name: str | None, value: str | None, unset: bool, revoke: bool, show: bool) -> None:
    """Show the configuration, or the value of NAME, or set it in this store.

    Names are git's: user.name, remote.origin.url. git's own files are read; only the store's is written. Settings of
    the project (tracked files, keys of tables) are in promptvc.toml instead.

    "promptvc config trust" lets the code run that promptvc.toml names, as it is now: functions, programs, and an
    address to send the key to. What was written here may run already; code from elsewhere asks once.
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
    """Allow or revoke, or with None only show what may run."""
    repo = app.repo
    trust = Trust(repo.parts.origins)
    runs = repo.project.runs if repo.root is not None and trusted is not False else {}
    code = list(dict.fromkeys(text for spec in runs.values() for text in what_needs_trust(spec)))
    if trusted is not None:
        trust.approve(code) if trusted else trust.revoke()
    stands = trust.standings(code)
    asks = [each for each in stands if each.why is not None]
    may = trusted is not False and not asks and not trust.is_revoked
    app.out.value(
        {
            "trust": may,
            "code": [each.declaration.shown for each in stands],
            "asks": [{"code": each.declaration.shown, "why": each.why} for each in asks],
        }
    )
    why = f": {asks[0].why}" if asks else ""
    app.out.text(f"Code that promptvc.toml names {'may' if may else 'may not'} run in this store{why}")
    for each in stands:
        app.out.text(f"  {standing_words(each)}")


def standing_words(standing: Standing) -> str:
    """``python:my_model:answer  asks: my_model.py came from elsewhere``."""
    asks = f"  asks: {standing.why}" if standing.why else ""
    return f"{standing.declaration.shown}{asks}"


def _show(app: App, name: str) -> None:
    found = app.repo.parts.config.get(name)
    if found is None:
        raise Negative(f"{name} is not set")
    app.out.value({"name": name, "value": found})
    app.out.text(found)
