"""``promptvc undo``: undo the last operation, or return to any earlier state."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.show.chars import visible
from promptvc.content.formats.words import plural

if TYPE_CHECKING:
    from promptvc.ids import ObjectId, RefName
    from promptvc.session.history.undo import Undone
    from promptvc.versioning.oplog.operation import Operation

SHOWN = 20
"""Most files to name; more are counted."""


@click.command("undo")
@click.argument("number", required=False, type=click.IntRange(min=0))
@click.option("-l", "--list", "listing", is_flag=True, help="List the operations, newest first.")
@click.option(
    "-n", "--max-count", "count", type=click.IntRange(min=1), help="With --list, limit their number."
)
@click.option("-f", "--force", is_flag=True, help="Overwrite files that were changed after the operation.")
@json_option
@pass_app
def command(app: App, number: int | None, listing: bool, count: int | None, force: bool) -> None:
    """Undo the last operation, or return to the state right after the operation NUMBER (0: before all).

    Restores branches, tags and working files; an undo can be undone too, which redoes. Remote-tracking branches are not
    changed: they say what the remote has.
    """
    if listing:
        _list(app, count)
        return
    done = app.repo.undo(number, force=force)
    app.out.value(_to_value(done))
    for line in _to_lines(app, done):
        app.out.text(line)
    if not done.is_empty and not app.out.json:
        app.out.note(f"hint: promptvc undo again {'undoes' if done.is_redo else 'redoes'} it")
    if done.left:
        names = ", ".join(name.short for name in done.left[:3])
        more = f" and {len(done.left) - 3} more" if len(done.left) > 3 else ""
        verb = "stays, and says" if len(done.left) == 1 else "stay, and say"
        app.out.note(f"note: {names}{more} {verb} what the remote has: nothing was changed there")


def _list(app: App, count: int | None) -> None:
    shown = list(islice(app.repo.operations(), count))
    width = max((len(str(operation.number)) for operation in shown), default=0)
    for operation in shown:
        app.out.value(_operation_value(operation))
    app.out.lines(_operation_lines(app, shown, width))


def _operation_lines(app: App, shown: list[Operation], width: int) -> Iterator[str]:
    now = app.surroundings.now()
    for operation in shown:
        number = app.out.style(f"{operation.number:>{width}}", fg="yellow")
        age = app.out.style(f"{age_words(now - operation.time):<14}", dim=True)
        yield f"{number}  {age}  {visible(operation.what)}{_touched(operation)}"


def _touched(operation: Operation) -> str:
    """``   (main, 3 files)``."""
    names = [name.short for name in operation.refs]
    parts = [*names[:3], *([f"{len(names) - 3} more refs"] if len(names) > 3 else [])]
    parts += ["HEAD"] if operation.head else []
    parts += [_files(len(operation.files))] if operation.files else []
    return f"   ({', '.join(parts)})" if parts else ""


def age_words(seconds: float) -> str:
    """``7200 -> "2 hours ago"``."""
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        number = int(seconds // size)
        if number > 0:
            return f"{number} {name}{'s' * (number != 1)} ago"
    return "just now"


def _to_lines(app: App, done: Undone) -> Iterator[str]:
    first = done.operations[0]
    what = first.what.removeprefix("undo: ").removeprefix("redo: ")
    many = len(done.operations)
    if done.is_empty:
        yield f"Nothing had to be changed: {first.what} was stopped early, or was taken back in another way"
        yield "promptvc undo --list shows where to go back to"
        return
    if many > 1:
        subject = f"Took back {many} operations, down to {done.operations[-1].what}"
    else:
        subject = f"{'Redid' if done.is_redo else 'Undid'}: {what}"
    moved = "; ".join(_moves(done))
    yield f"{subject}{f' ({moved})' if moved else ''}"
    for path in done.files[:SHOWN]:
        yield f"  {path}"
    if len(done.files) > SHOWN:
        yield f"  … {len(done.files) - SHOWN} more"


def _moves(done: Undone) -> Iterator[str]:
    """``main was 77c01de, is 5e02f19``."""
    if done.head:
        yield f"on {_head_name(done.head[1])}"
    for name, (before, after) in islice(done.refs.items(), SHOWN):
        yield _move(name, before, after)
    if len(done.refs) > SHOWN:
        yield f"{len(done.refs) - SHOWN} more refs"


def _move(name: RefName, before: ObjectId | None, after: ObjectId | None) -> str:
    if after is None:
        return f"{name.short} was {before.short if before else 'gone'}, is gone"
    return (
        f"{name.short} was {before.short}, is {after.short}" if before else f"{name.short} is {after.short}"
    )


def _head_name(head: str) -> str:
    return head.removeprefix("refs/heads/") if head.startswith("refs/") else head[:7]


def _files(count: int) -> str:
    return plural(count, "file")


def _operation_value(operation: Operation) -> dict[str, Any]:
    return {
        "number": operation.number,
        "time": operation.time,
        "who": operation.who,
        "what": operation.what,
        "refs": {name: list(pair) for name, pair in operation.refs.items()},
        "head": list(operation.head) if operation.head else None,
        "files": list(operation.files),
    }


def _to_value(done: Undone) -> dict[str, Any]:
    return {
        "undone": [operation.number for operation in done.operations if operation.number],
        "what": done.what,
        "refs": {name: list(pair) for name, pair in done.refs.items()},
        "head": list(done.head) if done.head else None,
        "files": list(done.files),
        "remote_unchanged": done.remote_unchanged,
    }
