"""``promptvc fsck``: is everything there, and is it what it should be?"""

from __future__ import annotations

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.progress import progress


@click.command("fsck")
@json_option
@pass_app
def command(app: App) -> int:
    """Check every object that history needs. Exit code 1 when something is missing or damaged."""
    from promptvc.versioning.verify import verify

    repo = app.repo
    checked = 0

    def count(done: int) -> None:
        nonlocal checked
        checked = done
        bar.update(done)

    with progress("checking objects") as bar:
        problems = verify(repo.store, repo.refs, progress=count)
    for problem in problems:
        app.out.value({"name": problem.name, "problem": problem.message})
        app.out.text(f"{problem.name}: {problem.message}")
    if not problems:
        app.out.value({"objects": checked, "problems": 0})
        app.out.text(f"{checked:,} objects, all well")
    return 1 if problems else 0
