"""What cherry-pick and revert have in common: commits one after the other, as new commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from promptvc.cli.exit_codes import DONE, NEGATIVE

if TYPE_CHECKING:
    from promptvc.cli.app import App
    from promptvc.ids import ObjectId
    from promptvc.repo import Repo

Step = Literal["cherry-pick", "revert"]


def pick(
    app: App, step: Step, revisions: tuple[str, ...], mainline: int | None, *, dry_run: bool, abort: bool
) -> int:
    """Pick or revert each; stops where one conflicts."""
    from promptvc.cli.render_merge import tell_abort, tell_merge

    if abort:
        return tell_abort(app, step, app.repo.merging.abort(app.repo.who()))
    if not revisions:
        raise click.UsageError("which commit? promptvc log shows them")
    repo = app.repo
    for place, revision in enumerate(revisions, 1):
        commit = repo.revisions.resolve(revision)
        doing = repo.doing(step, revision)
        done = repo.merging.pick(commit, _parent(repo, commit, mainline), doing, dry_run=dry_run)
        tell_merge(app, repo, done, doing, dry_run=dry_run)
        if not done.clean:
            rest = " ".join(revisions[place:])
            if rest and not dry_run:
                app.out.note(f"note: not done yet: promptvc {step} {rest}, once this one is committed")
            return NEGATIVE
    return DONE


def _parent(repo: Repo, commit: ObjectId, mainline: int | None) -> ObjectId | None:
    """The commit that a commit is compared with; raises `Usage` where there is more than one and none is named."""
    from promptvc.errors import Usage

    parents = repo.history.parents(commit)
    if len(parents) > 1 and mainline is None:
        raise Usage(f"{commit.short} is a merge", "-m 1 takes what it did to the branch it was merged into")
    number = mainline or 1
    if number > max(1, len(parents)):
        raise Usage(f"{commit.short} has {len(parents)} parents", "promptvc show tells them")
    return parents[number - 1] if parents else None
