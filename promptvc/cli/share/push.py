"""``promptvc push``: send branches and tags to a remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.share.transfer import change_line, change_value, show_messages, transfer

if TYPE_CHECKING:
    from promptvc.repo import Repo
    from promptvc.versioning.sync.push import PushResult, Removal, Send


@click.command("push")
@click.argument("remote", required=False)
@click.argument("branches", nargs=-1)
@click.option(
    "-u", "--set-upstream", "follow", is_flag=True, help="Let the branches follow the remote's from now on."
)
@click.option(
    "--force-with-lease",
    "lease",
    is_flag=True,
    help="Replace the remote's branch, if nobody moved it since the fetch.",
)
@click.option("-f", "--force", is_flag=True, help="Replace the remote's branch whatever is there.")
@click.option("--tags", is_flag=True, help="Send every tag too.")
@click.option("--all", "everything", is_flag=True, help="Send every branch.")
@click.option("-d", "--delete", is_flag=True, help="Delete BRANCHES, or tags, at the remote.")
@json_option
@pass_app
def command(
    app: App,
    remote: str | None,
    branches: tuple[str, ...],
    follow: bool,
    lease: bool,
    force: bool,
    tags: bool,
    everything: bool,
    delete: bool,
) -> int:
    """Send BRANCHES (the current one; HERE:THERE renames, :THERE deletes) to REMOTE; tags too, by name.

    `tag NAME`, or a full name as refs/heads/NAME, tells a tag from a branch of one name. What would drop commits there
    is refused. Exit code 3 when the remote took only some of the refs, or none.
    """
    from promptvc.transports.urls import redact

    repo = app.repo
    name = remote or repo.parts.sharing.default(repo.branch)
    sends = _deletions(branches) if delete else _sends(repo, branches, everything, force, lease)
    if tags:
        sends += _tags(repo, force)
    words = " ".join(send.name for send in sends)
    with repo.parts.oplog.operation(f"push {redact(name)} {words}"):
        with transfer("pushing") as report:
            result = repo.parts.sharing.push(name, sends, repo.parts.who(), report)
        if follow:
            _follow(repo, name, sends, result)
    _tell(app, name, result)
    return 3 if result.refused else 0


def _sends(
    repo: Repo, branches: tuple[str, ...], everything: bool, force: bool, lease: bool
) -> list[Send | Removal]:
    from promptvc.errors import Usage
    from promptvc.versioning.sync.push import Removal

    names = _with_tags(branches)
    if everything:
        names += repo.parts.refs.find("refs/heads/")
    if not names:
        if repo.branch is None:
            raise Usage("HEAD is on no branch", "name the branch: promptvc push origin main")
        names = [_pair(repo, repo.branch)]
    made: list[Send | Removal] = []
    for name in names:
        here, colon, there = name.partition(":")
        if colon and not there:
            raise click.UsageError(f"{name!r} names no branch there; HERE:THERE renames, :THERE deletes")
        made.append(_send(repo, here, there, force, lease) if here else Removal(there, lease))
    return made


def _send(repo: Repo, here: str, there: str, force: bool, lease: bool) -> Send:
    """What ``here`` names, to be sent under the name ``there``, or its own."""
    from promptvc.ids import RefName
    from promptvc.storage.refs import HEAD
    from promptvc.versioning.sync.push import Send

    ref = repo.parts.revisions.resolve_ref(here)
    tag = ref is not None and ref.startswith("refs/tags/")
    id = repo.parts.refs.read(ref) if ref is not None and tag else repo.parts.revisions.resolve(here)
    target = there or (repo.branch or here if here == "HEAD" else here)
    full = RefName.tag(target) if tag else RefName.branch(target)
    if target.startswith("refs/"):
        full = RefName.parse(target)
    head = repo.parts.refs.head() if ref == HEAD else ref
    return Send(full, id, force, lease, here=head if isinstance(head, RefName) else None)


def _pair(repo: Repo, branch: str) -> str:
    """A branch and the name it has at its upstream; in full, for a tag may have the same name."""
    merge = repo.parts.config.get(f"branch.{branch}.merge") or f"refs/heads/{branch}"
    return f"refs/heads/{branch}:{merge}"


def _with_tags(words: tuple[str, ...]) -> list[str]:
    """The names, with ``tag v1`` as git takes it: ``refs/tags/v1``."""
    names: list[str] = []
    rest = iter(words)
    for word in rest:
        tag = next(rest, None) if word == "tag" else None
        names.append(word if tag is None else f"refs/tags/{tag}")
    return names


def _deletions(branches: tuple[str, ...]) -> list[Send | Removal]:
    from promptvc.versioning.sync.push import Removal

    names = _with_tags(branches)
    if not names:
        raise click.UsageError("which branch? promptvc push --delete REMOTE BRANCH")
    if any(":" in name for name in names):
        raise click.UsageError("--delete takes plain names")
    return [Removal(name) for name in names]


def _tags(repo: Repo, force: bool) -> list[Send | Removal]:
    from promptvc.versioning.sync.push import Send

    return [Send(ref, id, force) for ref, id in repo.parts.refs.find("refs/tags/").items()]


def _follow(repo: Repo, name: str, sends: list[Send | Removal], result: PushResult) -> None:
    """Let each branch that was sent follow the one that it became."""
    from promptvc.versioning.sync.push import Send

    sent = {send.there: send.here for send in sends if isinstance(send, Send)}
    for change in result.changes:
        here = sent.get(change.there)
        if change.outcome != "refused" and here and here.startswith("refs/heads/"):
            repo.parts.sharing.follow(here.short, name, change.there.short)


def _tell(app: App, name: str, result: PushResult) -> None:
    from promptvc.cli.output import show_error
    from promptvc.cli.show.describe import size_words
    from promptvc.transports.urls import redact

    show_messages(app.out, result.messages)
    for change in result.changes:
        app.out.value(change_value(change))
    app.out.value({"remote": name, "objects": result.objects, "bytes": result.size})
    if all(change.outcome == "same" for change in result.changes):
        app.out.text("Everything is up to date")
        return
    app.out.text(f"To {redact(app.repo.parts.sharing.url(name) or name)}")
    counted = f"   {result.objects:,} objects, {size_words(result.size)}" if result.objects else ""
    for change in result.changes:
        app.out.text(change_line(app.out, change, f"{change.there.short} → {change.there.short}{counted}"))
        counted = ""
    if result.refused:
        show_error(
            f"{name} refused {len(result.refused)} of {len(result.changes)} refs",
            "promptvc fetch shows what is new there",
        )
