"""Reports transfers: progress while they run, refs at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from promptvc.cli.output import Output, without_secrets
from promptvc.cli.progress import progress
from promptvc.secrets.redact import redact_url

if TYPE_CHECKING:
    from promptvc.cli.app import App
    from promptvc.transports.remote import Progress
    from promptvc.versioning.sync.refchange import RefChange

_WORDS = {
    "new": "new branch",
    "forward": "",
    "forced": "forced",
    "deleted": "deleted",
    "same": "up to date",
    "refused": "refused",
}


@contextmanager
def transfer(label: str) -> Iterator[Callable[[Progress], None]]:
    """Show the progress of a transfer; yields the callback for it."""
    with progress(label) as bar:

        def report(step: Progress) -> None:
            if step.phase != "remote":
                bar.update(step.done, step.total, step.phase)

        yield report


def address(app: App, name: str) -> str:
    """The address of a remote, by its name or address, without passwords."""
    remotes = app.repo.remotes
    return (remotes[name].url if name in remotes else "") or redact_url(name)


def show_messages(out: Output, messages: Sequence[str]) -> None:
    """Print the server's messages, marked as such."""
    for line in messages:
        out.note(f"remote: {line}")


def change_value(change: RefChange) -> dict[str, object]:
    """A changed ref for programs."""
    return {
        "ref": change.there,
        "here": change.here,
        "before": change.before,
        "after": change.after,
        "outcome": change.outcome,
        "reason": change.reason and without_secrets(change.reason),
    }


def change_line(out: Output, change: RefChange, arrow: str) -> str:
    """``   3f9c2e1..8d1b7aa  main → origin/main``."""
    word = _WORDS[change.outcome]
    if change.outcome == "new" and change.there.startswith("refs/tags/"):
        word = "new tag"
    if change.outcome in ("forward", "forced") and change.before and change.after:
        word = f"{change.before.short}..{change.after.short}" + (
            " forced" if change.outcome == "forced" else ""
        )
    color = {"refused": "red", "new": "green", "forced": "yellow", "deleted": "yellow"}.get(change.outcome)
    reason = f"  ({without_secrets(change.reason)})" if change.reason else ""
    return f"   {out.style(f'{word:<16}', fg=color)} {arrow}{reason}"
