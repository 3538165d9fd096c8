"""``promptvc resolve``: list the conflicts of a merge, and settle them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.editor import edit_text
from promptvc.cli.exit_codes import DONE, NEGATIVE
from promptvc.cli.show.merge import conflict_lines, count_words, resolve_hint
from promptvc.content.formats.missing import MISSING
from promptvc.errors import Usage
from promptvc.session.merge.openmerge import conflict_value
from promptvc.session.merge.resolve import Choice
from promptvc.session.merge.selection import Selection

if TYPE_CHECKING:
    from promptvc.content.values.conflict import MergeConflict
    from promptvc.session.merge.resolve import Choice, Resolved, Take
    from promptvc.session.merge.selection import Selection


@click.command("resolve")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option(
    "--key", metavar="KEY", help="Only in the row with this key; for a row without a key, its number from 1."
)
@click.option("--field", metavar="FIELD", help="Only in this field, or place in it: score, metadata.score.")
@click.option(
    "--line",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the marked lines that contain line N of the file.",
)
@click.option(
    "--take", type=click.Choice(["ours", "theirs", "base"]), help="Take a side's version, or the base's."
)
@click.option("--value", metavar="JSON", help="Take this value; if it is not JSON, it is text.")
@click.option("--edit", is_flag=True, help="Write the value in the editor.")
@click.option("--as-is", is_flag=True, help="Keep what the working file has now.")
@json_option
@pass_app
def command(
    app: App,
    paths: tuple[str, ...],
    key: str | None,
    field: str | None,
    line: int | None,
    take: Take | None,
    value: str | None,
    edit: bool,
    as_is: bool,
) -> int:
    """List the conflicts of the merge in progress, in PATHS if given, or settle them with one of the options.

    A conflict is one cell, one row, some lines or a file. Settling it writes it to the working file; the rest of the
    file stays as it is. Text between markers can be edited by hand: without markers it is settled. Listing gives exit
    code 1 while there are conflicts.
    """

    which = Selection(tuple(app.paths(paths)), key, field, line)
    if sum([take is not None, value is not None, edit, as_is]) > 1:
        raise click.UsageError("give one of --take, --value, --edit, --as-is")
    if not (take or value is not None or edit or as_is):
        return _list(app, which)
    if not which.paths:
        raise click.UsageError("which file? promptvc resolve lists the conflicts; . stands for all of them")
    choice = _choice(app, which, take, value, edit)
    _tell(app, app.repo.parts.merges.resolving.resolve(which, choice))
    return DONE


def _list(app: App, which: Selection) -> int:
    found = app.repo.parts.merges.resolving.find(which)
    places = [None if block is None else (block.first, block.last) for _, block in found]
    conflicts = [conflict for conflict, _ in found]
    for conflict, lines in zip(conflicts, places, strict=True):
        app.out.value(conflict_value(conflict) | ({"lines": list(lines)} if lines else {}))
    if not app.out.json:
        app.out.lines(conflict_lines(app.out, conflicts, lines=places))
        if found:
            app.out.note(resolve_hint(app, conflicts))
        else:
            _tell_none(app, which)
    return NEGATIVE if found else DONE


def _tell_none(app: App, which: Selection) -> None:
    """Report an empty list: either no conflicts are left, or only none there."""
    left = len(app.repo.conflicts)
    if left:
        app.out.text(f"No conflict there; {left} elsewhere: promptvc resolve")
    else:
        app.out.text("All conflicts resolved: promptvc commit")


def _choice(app: App, which: Selection, take: Take | None, value: str | None, edit: bool) -> Choice:
    if edit:
        found = app.repo.parts.merges.resolving.find(which)
        if len(found) > 1:
            raise click.UsageError(
                f"--edit is for one conflict, and {len(found)} are meant: --key, --field and --line say which"
            )
        return _edited(app, found[0][0]) if found else Choice()  # resolving it reports if there is none
    return Choice(take) if take or value is None else Choice(value=_parsed(value), text=value)


def _parsed(text: str) -> Any:
    """A JSON value, or text if it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text
    except RecursionError:
        raise click.UsageError("the value is nested too deeply") from None


def _edited(app: App, conflict: MergeConflict) -> Choice:
    """One value from the editor: text as text, everything else as JSON. Raises `Usage` if it was not changed."""
    start: Any = conflict.theirs if conflict.ours is MISSING else conflict.ours
    plain = isinstance(start, str)
    before: str = start if plain else json.dumps(start, indent=2, ensure_ascii=False) + "\n"
    try:
        after = edit_text(app, before, ".txt" if plain else ".json")
    except click.ClickException as error:
        raise Usage(
            f"the editor failed: {error.format_message()}",
            "nothing was changed; EDITOR=nano promptvc … tries another one, --value needs none",
        ) from None
    if after is None:
        raise Usage("the editor gave nothing back", "save the file in the editor, or use --value")
    if plain:
        return Choice(value=after.removesuffix("\n") if not before.endswith("\n") else after)
    try:
        return Choice(value=json.loads(after), text=after)
    except ValueError as error:
        raise Usage(f"not JSON: {error}", "nothing was changed; try --edit again") from None


def _tell(app: App, done: Resolved) -> None:
    app.out.value({"resolved": len(done.conflicts), "left": done.left})
    if done.left:
        app.out.text(f"{count_words(len(done.conflicts))} resolved, {done.left} left: promptvc resolve")
    else:
        app.out.text("All conflicts resolved: promptvc commit")
