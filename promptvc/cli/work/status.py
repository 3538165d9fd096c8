"""``promptvc status``: what changed since the last commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.show.describe import describe

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.repo import Repo
    from promptvc.runs.execute.staleness import Staleness
    from promptvc.session.workspace.workspace import Status
    from promptvc.versioning.tree import Files

_WORDS = {
    "added": ("new", "green"),
    "modified": ("modified", "yellow"),
    "removed": ("removed", "red"),
    "renamed": ("renamed", "cyan"),
}


@click.command("status")
@json_option
@pass_app
def command(app: App) -> None:
    """Show what changed since the last commit.

    Exit code 0, changed or not; `clean` in --json and `diff --exit-code` distinguish them.
    """
    repo = app.repo
    status = repo.status()
    if app.out.json:
        from promptvc.cli.run.run import staleness_value

        runs = [staleness_value(stale) | {"run": stale.name} for stale in stale_runs(repo, status.files)]
        app.out.value(to_value(repo, status) | _merge_value(repo) | {"runs": runs})
    else:
        app.out.lines(
            [*to_lines(repo, status, app.out), *_merge_lines(app, repo), *_run_lines(app, repo, status)]
        )


def _merge_value(repo: Repo) -> dict[str, object]:
    """The merge in progress, if any, and its conflicts."""
    merge = repo.open_merge
    if merge is None:
        return {}
    from promptvc.session.merge.openmerge import conflict_value

    conflicts = [conflict_value(conflict) for conflict in repo.conflicts]
    return {"merge": {"step": merge.step, "other": merge.other, "conflicts": conflicts}}


def stale_runs(repo: Repo, files: Files | None = None) -> list[Staleness]:
    """The runs whose outputs do not follow from the working files; ``files`` if they were just listed."""
    return repo.runs.stale(files)


def _run_lines(app: App, repo: Repo, status: Status) -> Iterator[str]:
    """``stale  outputs/support-mini  41 of 515 stale (prompt: user line 4)``."""
    for stale in stale_runs(repo, status.files):
        name = f"outputs/{stale.name}"
        yield f"  {app.out.style('stale'.ljust(9), fg='yellow')} {name:<28} {stale.words()}"


def _merge_lines(app: App, repo: Repo) -> Iterator[str]:
    """What the merge in progress waits for."""
    merge = repo.open_merge
    if merge is None:
        return
    from promptvc.cli.show.merge import conflict_lines, count_words, waiting_words

    what = waiting_words(merge)
    if not merge.is_written:
        yield f"{what} was interrupted: promptvc {merge.step} --abort, then start it again; or promptvc undo"
        return
    conflicts = repo.conflicts
    if not conflicts:
        yield f"{what}, all conflicts resolved: promptvc commit"
        return
    yield f"{what}, {count_words(len(conflicts))} to resolve: promptvc resolve"
    yield from conflict_lines(app.out, conflicts, 3)


def to_value(repo: Repo, status: Status) -> dict[str, object]:
    """The facts for programs."""
    comparison = repo.parts.comparison_of(status.changes)
    files = [{"path": c.path, "kind": comparison.kind(c), "status": c.status} for c in status.changes]
    for file, change in zip(files, status.changes, strict=True):
        if change.old_path:
            file["old_path"] = change.old_path
    return {
        "branch": status.branch,
        "head": status.head,
        "clean": status.clean,
        "files": files,
        "ahead": status.ahead,
        "behind": status.behind,
    }


def to_lines(repo: Repo, status: Status, out: Output) -> Iterator[str]:
    """The facts for people."""
    yield headline(status, out)
    if status.clean and repo.open_merge:
        return
    if status.clean:
        yield (
            "nothing to commit"
            if status.head
            else "no tracked file yet: prompts/, examples/ and outputs/ are tracked"
        )
        return

    comparison = repo.parts.comparison_of(status.changes)
    width = max(28, min(48, max(len(change.path) for change in status.changes) + 2))
    for change in status.changes:
        word, color = _WORDS[change.status]
        kind = comparison.kind(change)
        line = f"  {out.style(word.ljust(9), fg=color)} {change.path:<{width}} {kind:<7}"
        yield f"{line} {out.style(describe(comparison, change), dim=True)}".rstrip()


def headline(status: Status, out: Output) -> str:
    """``On main, 2 ahead of origin/main``."""
    where = (
        f"On {out.style(status.branch, bold=True)}"
        if status.branch
        else f"Detached at {status.head and status.head.short}"
    )
    if status.head is None:
        return f"{where}, no commits yet"
    if status.upstream is None or status.ahead is None or status.behind is None:
        return where
    name = status.upstream.short
    if status.ahead and status.behind:
        return f"{where}, diverged from {name}: {status.ahead} ahead, {status.behind} behind"
    if status.ahead:
        return f"{where}, {status.ahead} ahead of {name}"
    return (
        f"{where}, {status.behind} behind {name}: promptvc pull"
        if status.behind
        else f"{where}, even with {name}"
    )
