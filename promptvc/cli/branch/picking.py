"""What cherry-pick and revert have in common: commits one after the other, as new commits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from promptvc.cli.app import App, json_option
from promptvc.cli.exit_codes import DONE, NEGATIVE
from promptvc.cli.show.merge import abort_open, quoted, tell_merge

Step = Literal["cherry-pick", "revert"]
_ONE_WORD = re.compile(r"\w[\w./^~-]*")
_Command = TypeVar("_Command", bound=Callable[..., Any])


def picking_options(function: _Command) -> _Command:
    """The commits to take, and how: as `pick` takes them."""
    options: list[Callable[[_Command], _Command]] = [
        click.argument("revisions", nargs=-1, metavar="REV..."),
        click.option(
            "-m",
            "--mainline",
            type=click.IntRange(min=1),
            metavar="N",
            help="Of a merge, what it did to its Nth parent.",
        ),
        click.option(
            "--dry-run", is_flag=True, help="Say what would happen; exit code 1 if something would conflict."
        ),
        click.option("--abort", is_flag=True, help="Give the one under way up: everything as it was before."),
        json_option,
    ]
    for option in reversed(options):
        function = option(function)
    return function


def pick(
    app: App, step: Step, revisions: tuple[str, ...], mainline: int | None, *, dry_run: bool, abort: bool
) -> int:
    """Pick or revert each; stops where one conflicts."""
    if abort:
        if revisions or mainline is not None or dry_run:
            raise click.UsageError("--abort goes alone")
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
    """A revision as it is typed in a shell, to which ``main~1`` is one word."""
    return revision if _ONE_WORD.fullmatch(revision) else quoted(revision)
