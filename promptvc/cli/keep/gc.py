"""``promptvc gc``: join packs and drop unneeded objects."""

from __future__ import annotations

from typing import Literal

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.show.describe import size_words


@click.command("gc")
@click.option(
    "--prune",
    type=click.Choice(["old", "now"]),
    default="old",
    help="Drop only objects older than two weeks, or all.",
)
@json_option
@pass_app
def command(app: App, prune: Literal["old", "now"]) -> None:
    """Join all packs into one and drop objects that no branch, tag or reflog leads to."""

    done = app.repo.gc(prune=prune)
    app.out.value(
        {
            "kept": done.kept,
            "dropped": done.dropped,
            "packs": done.packs_before,
            "bytes": [done.bytes_before, done.bytes_after],
        }
    )
    sizes = f"{size_words(done.bytes_before)} → {size_words(done.bytes_after)}"
    app.out.text(f"{done.kept:,} objects kept, {done.dropped:,} dropped, {sizes}")
