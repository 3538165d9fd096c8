"""``promptvc scan``: find tokens and private keys that are already here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app

if TYPE_CHECKING:
    from promptvc.secrets.finding import SecretFinding


@click.command("scan")
@click.argument("revision", required=False, metavar="[REV]")
@click.option("--all", "everything", is_flag=True, help="Scan every commit of every branch and tag.")
@json_option
@pass_app
def command(app: App, revision: str | None, everything: bool) -> int:
    """Look for tokens of common services and private keys in the working files, or in those of REV.

    With --all each is reported at the commit that added it. Values are never shown: the sha256 is what [secrets] allow
    in promptvc.toml takes. Allowed ones are left out. Exit code 1 if any are found.
    """
    if revision and everything:
        raise click.UsageError("give REV or --all, not both")
    findings = app.repo.scan(revision, all=everything)
    for found in findings:
        app.out.value(_to_value(found))
        at = f"{app.out.style(found.commit[:7], fg='yellow')} " if found.commit and everything else ""
        app.out.text(f"{at}{found.where}: {found.kind}  {found.digest}")
    if not findings:
        app.out.text("no secrets found")
    return 1 if findings else 0


def _to_value(found: SecretFinding) -> dict[str, object]:
    names = ("path", "row", "field", "line", "kind", "digest", "commit")
    return {name: getattr(found, name) for name in names}
