"""``promptvc forget``: remove personal data from all history, here and at the remote."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.arguments import from_json
from promptvc.cli.share.transfer import address, change_line, change_value, show_messages, transfer
from promptvc.cli.show.chars import visible
from promptvc.content.formats.words import plural
from promptvc.errors import Refused, RowMissing

if TYPE_CHECKING:
    from promptvc.repo.share.forget import ForgetResult

_QUOTES = 20
"""Most files that quote the forgotten data to name."""


@click.command("forget")
@click.argument("path", required=False)
@click.option(
    "--key", "keys", multiple=True, metavar="KEY", help="Only the row with this key; A,B for several fields."
)
@click.option("--field", metavar="FIELD", help="Only this field of the row.")
@click.option(
    "--everywhere", is_flag=True, help="Also in rows of other tables that quote it, including outputs."
)
@click.option("--push", is_flag=True, help="Also rewrite the branches and tags of the remote.")
@click.option("--remote", metavar="NAME", help="The remote that --push rewrites.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_app
def command(
    app: App,
    path: str | None,
    keys: tuple[str, ...],
    field: str | None,
    everywhere: bool,
    push: bool,
    remote: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Remove PATH, or a row of it, from every commit on every branch and tag. It cannot be undone.

    Commits get new ids; it is also purged from logs, caches and the journal of calls, and objects are dropped at once.
    Other clones remove it at their next `fetch` and `forget`; `--push` rewrites the remote now. Without PATH, removes
    here what was forgotten elsewhere.
    """
    where = app.path(path) if path else None
    forget = partial(app.repo.forget, where, field=field, everywhere=everywhere)
    if not dry_run and not yes:
        _ask(app, _with_key(partial(forget, dry_run=True), keys), where)
    with transfer("forgetting") as report:
        done = _with_key(partial(forget, push=push, remote=remote, dry_run=dry_run, report=report), keys)
    _show(app, done, dry_run=dry_run)
    if done.pushed is not None:
        show_messages(app.out, done.pushed.messages)
        app.out.text(f"To {address(app, remote or app.repo.remotes.default.name)}")
        for change in done.pushed.changes:
            app.out.value(change_value(change))
            if change.outcome != "same":
                app.out.text(change_line(app.out, change, change.there.short))
    return 3 if done.pushed is not None and done.pushed.refused else 0


def _with_key(forget: Any, keys: tuple[str, ...]) -> ForgetResult:
    """Forget by a typed key: as text, or else as JSON."""
    if not keys:
        return forget()  # type: ignore[no-any-return]
    texts = keys if len(keys) > 1 else tuple(keys[0].split(","))
    for key in dict.fromkeys([keys, texts]):
        try:
            return forget(key=key)  # type: ignore[no-any-return]
        except RowMissing as error:
            missing = error
        try:
            return forget(key=tuple(map(from_json, key)))  # type: ignore[no-any-return]
        except RowMissing:
            continue
    raise missing


def _ask(app: App, would: ForgetResult, path: str | None) -> None:
    """Ask whether to go on; raises `Refused` if nobody can answer."""
    _show(app, would, dry_run=True)
    if not sys.stdin.isatty():
        raise Refused("history would be rewritten, and it cannot be undone", "--yes goes on without asking")
    if not click.confirm(
        f"Forget {visible(path or 'what is on the list')} for good?", default=False, err=True
    ):
        raise click.Abort


def _show(app: App, done: ForgetResult, *, dry_run: bool) -> None:
    app.out.value(
        {
            "dry_run": dry_run,
            "commits": done.commits,
            "objects": done.objects,
            "answers": done.answers,
            "refs": {name: list(pair) for name, pair in done.refs.items()},
            "files": list(done.files),
            "quotes": [{"path": quote.path, "commit": quote.commit} for quote in done.quotes],
            "unreached": list(done.unreached),
        }
    )
    verb = "would be rewritten" if dry_run else "rewritten"
    app.out.text(f"{plural(done.commits, 'commit')} {verb}, {plural(done.objects, 'object')} forgotten")
    for name, (before, after) in done.refs.items():
        if before is not None and after is not None:
            app.out.text(f"  {visible(name.short)}  {before.short} → {after.short}")
    if done.quotes:
        app.out.text("It is still quoted in:")
        for quote in done.quotes[:_QUOTES]:
            app.out.text(f"  {visible(quote.path)}  ({quote.commit.short})")
        if len(done.quotes) > _QUOTES:
            app.out.text(f"  and {plural(len(done.quotes) - _QUOTES, 'more file')}")
    for place in done.unreached:
        app.out.text(f"Not reached: {visible(place)}")
    if not dry_run:
        app.out.text("Not reached: other clones, forks, and what a host or a backup keeps of old objects")
