"""``promptvc fsck``: check that everything is there and intact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.progress import progress

if TYPE_CHECKING:
    from promptvc.versioning.upkeep.repair import Repair
    from promptvc.versioning.upkeep.verify import Problem


@click.command("fsck")
@click.option("--repair", is_flag=True, help="Repair what can be repaired, after asking for each.")
@click.option("-y", "--yes", is_flag=True, help="With --repair: do not ask.")
@json_option
@pass_app
def command(app: App, repair: bool, yes: bool) -> int:
    """Check packs, refs, logs and every object that history needs. Exit code 1 if something is missing or damaged.

    --repair restores refs from their reflogs or from the last known state of a remote, and rebuilds damaged indexes and
    logs.
    """
    if yes and not repair:
        raise click.UsageError("--yes goes with --repair")
    problems = _check(app)
    if repair and problems and _repair(app, yes):
        problems = _check(app)
    if problems and not repair and app.repo.repairs():
        app.out.note("hint: promptvc fsck --repair puts right what can be")
    return 1 if problems else 0


def _check(app: App) -> list[Problem]:
    checked = 0

    def count(done: int) -> None:
        nonlocal checked
        checked = done
        bar.update(done)

    with progress("checking objects") as bar:
        problems = app.repo.verify(progress=count)
    for problem in problems:
        app.out.value({"name": problem.name, "problem": problem.message})
        app.out.text(f"{problem.name}: {problem.message}")
    if not problems:
        app.out.value({"objects": checked, "problems": 0})
        app.out.text(f"{checked:,} objects, all well")
    return problems


def _repair(app: App, yes: bool) -> bool:
    """Carry out the repairs that the user confirms; returns whether anything was done."""
    done = False
    for repair in app.repo.repairs():
        if not yes and not _agreed(app, repair):
            app.out.text(f"left as it is: {repair.name}")
            continue
        repair.do()
        app.out.value({"name": repair.name, "repaired": repair.words})
        app.out.text(f"done: {repair.words}")
        done = True
    return done


def _agreed(app: App, repair: Repair) -> bool:
    if not app.surroundings.interactive:
        raise click.UsageError(f"nobody to ask whether to {repair.words}: give --yes")
    return click.confirm(f"{repair.name}: {repair.words}?", default=True, err=True)
