"""What cherry-pick and revert share: applying commits one by one, as new commits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from promptvc.cli.app import App, json_option
from promptvc.cli.exit_codes import DONE, NEGATIVE
from promptvc.cli.show.merge import abort_open, quoted, tell_merge
from promptvc.patterns import compiled

Step = Literal["cherry-pick", "revert"]
_ONE_WORD = compiled(r"\w[\w./^~-]*")
_Command = TypeVar("_Command", bound=Callable[..., Any])


def picking_options(function: _Command) -> _Command:
    """The arguments of `pick`: the commits, and how to apply them."""
    options: list[Callable[[_Command], _Command]] = [
        click.argument("revisions", nargs=-1, metavar="REV..."),
        click.option(
            "-m",
            "--mainline",
            type=click.IntRange(min=1),
            metavar="N",
            help="For a merge, its changes to its Nth parent.",
        ),
        click.option(
            "--dry-run", is_flag=True, help="Show what would happen; exit code 1 if there would be conflicts."
        ),
        click.option("--abort", is_flag=True, help="Abort the one in progress and restore the files."),
        json_option,
    ]
    for option in reversed(options):
        function = option(function)
    return function


def pick(
    app: App, step: Step, revisions: tuple[str, ...], mainline: int | None, *, dry_run: bool, abort: bool
) -> int:
    """Pick or revert each; stop at the first conflict."""
    if abort:
        if revisions or mainline is not None or dry_run:
            raise click.UsageError("--abort takes no other arguments")
        return abort_open(app, step)
    if not revisions:
        raise click.UsageError("which commit? promptvc log shows them")
    repo = app.repo
    for place, revision in enumerate(revisions, 1):
        apply = repo.cherry_pick if step == "cherry-pick" else repo.revert
        done = apply(revision, mainline=mainline, dry_run=dry_run)
        tell_merge(app, repo, done, dry_run=dry_run)
        if not done.clean:
            if revisions[place:] and not dry_run:
                option = [] if mainline is None else ["-m", str(mainline)]
                rest = " ".join([*option, *map(_typed, revisions[place:])])
                app.out.note(f"note: not done yet: promptvc {step} {rest}, once this one is committed")
            return NEGATIVE
    return DONE


def _typed(revision: str) -> str:
    """A revision as typed in a shell, where ``main~1`` is one word."""
    return revision if _ONE_WORD.fullmatch(revision) else quoted(revision)
