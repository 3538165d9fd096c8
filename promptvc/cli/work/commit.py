"""``promptvc commit``: commit everything that changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.editor import edit_text
from promptvc.cli.output import printable
from promptvc.cli.show.summary import change_words, count_kinds, kinds_words
from promptvc.cli.work.status import stale_runs, to_lines
from promptvc.session.code import code_commit

if TYPE_CHECKING:
    from promptvc.repo import Repo
    from promptvc.session.workspace.workspace import Committed

_NOTE = """
# Say what changed and why. Lines that begin with # are left out;
# without any other line nothing is committed.
#
"""
SHOWN = 12
"""Most files to name after a commit; more are counted."""


@click.command("commit")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("-m", "--message", multiple=True, help="The message; several make paragraphs.")
@click.option(
    "-F",
    "--file",
    "file",
    type=click.File("r", encoding="utf-8"),
    help="Read the message from a file, - for stdin.",
)
@click.option("--allow-empty", is_flag=True, help="Commit even if nothing changed.")
@click.option("--allow-secrets", is_flag=True, help="Also commit tokens and private keys.")
@json_option
@pass_app
def command(
    app: App,
    paths: tuple[str, ...],
    message: tuple[str, ...],
    file: TextIO | None,
    allow_empty: bool,
    allow_secrets: bool,
) -> None:
    """Commit what changed, or what changed in PATHS.

    There is no staging area. Without -m the editor opens for the message. Tokens of common services and private keys
    are refused; [secrets] allow in promptvc.toml lists the allowed ones.
    """

    repo = app.repo
    began = time.perf_counter()
    chosen = app.paths(paths)
    text = "" if repo.open_merge and not (message or file) else _message(app, message, file)
    code = code_commit(repo.root) if repo.root else None
    done = repo.commit(
        text, paths=chosen, code_commit=code, allow_empty=allow_empty, allow_secrets=allow_secrets
    )
    _tell(app, repo, done, time.perf_counter() - began, is_whole=not chosen)


def _message(app: App, given: tuple[str, ...], file: TextIO | None) -> str:
    if given and file:
        raise click.UsageError("give -m or -F, not both")
    text = "\n\n".join(given) if given else file.read() if file else _edited(app)
    if not text.strip():
        raise click.UsageError('the commit needs a message: -m "what changed and why"')
    return text


def _edited(app: App) -> str:
    """Ask in the editor, if there is a user to ask."""
    if not app.surroundings.interactive:
        return ""

    lines = "".join(
        f"# {click.unstyle(printable(line))}\n" for line in to_lines(app.repo, app.repo.status(), app.out)
    )
    text = edit_text(app, _NOTE + lines) or ""
    return "\n".join(line for line in text.splitlines() if not line.startswith("#")).strip()


def _tell(app: App, repo: Repo, done: Committed, seconds: float, *, is_whole: bool) -> None:
    for name_warning in done.name_warnings:
        app.out.warn(f"{name_warning[0]}: {name_warning[1]}")
    for warning in done.key_warnings[:SHOWN]:
        app.out.warn(str(warning))
    if len(done.key_warnings) > SHOWN:
        app.out.warn(f"{len(done.key_warnings) - SHOWN} more groups of rows share a key")
    if done.branch is None:
        app.out.note("hint: this commit is on no branch: promptvc switch -c NAME keeps it")
    if app.out.json:
        app.out.value(_to_value(done))
        return

    where = done.branch or "detached HEAD"
    subject = done.message.strip().split("\n", 1)[0]
    app.out.text(f"[{app.out.style(where, bold=True)} {app.out.style(done.id.short, fg='yellow')}] {subject}")
    for line in _summary(repo, done, seconds):
        app.out.text(line)
    for stale in stale_runs(repo, done.files if is_whole else None):
        app.out.text(f"  outputs/{stale.name}  {stale.words()}: promptvc run {stale.name}")


def _to_value(done: Committed) -> dict[str, object]:
    return {
        "id": done.id,
        "branch": done.branch,
        "parents": [done.parent] if done.parent else [],
        "message": done.message,
        "files": [{"path": change.path, "status": change.status} for change in done.changes],
        "warnings": [{"path": w.path, "key": dict(w.key), "rows": list(w.rows)} for w in done.key_warnings],
    }


def _summary(repo: Repo, done: Committed, seconds: float) -> list[str]:
    """What was committed: counts for a first commit, otherwise file by file."""
    comparison = repo.parts.comparison_stored(done.changes, done.id)
    if done.parent is None or len(done.changes) > SHOWN:
        counts, rows = count_kinds(comparison, [c for c in done.changes if c.path != "promptvc.toml"])
        words = kinds_words(counts, rows)
        return [f"  {words} in {seconds:.2f} s"] if words else []
    width = max((len(change.path) for change in done.changes), default=0)
    return [
        f"  {change.path:<{width}}  {change_words(comparison, change)}".rstrip() for change in done.changes
    ]
