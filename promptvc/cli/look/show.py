"""``promptvc show``: a commit and what it changed, or a file, or a folder at a commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.arguments import WordsCommand, find_range, revision_path, split_path, split_words, words_of
from promptvc.cli.show.chars import visible
from promptvc.cli.show.commit_json import commit_value
from promptvc.cli.show.describe import describe_file
from promptvc.cli.show.log import date_text, ref_names, refs_text
from promptvc.cli.work.diff import show, text_lines
from promptvc.versioning.commit import CODE_TRAILER, trailer

if TYPE_CHECKING:
    from promptvc.ids import ObjectId
    from promptvc.repo import Repo
    from promptvc.session.files.project import Project
    from promptvc.session.workspace.snapshot import Snapshot


@click.command("show", cls=WordsCommand)
@click.argument("words", nargs=-1, metavar="[REV] [[--] PATHS]... | REV:PATH")
@click.option("--stat", is_flag=True, help="What the commit changed, one line per file.")
@click.option("--name-only", is_flag=True, help="Only the paths of what the commit changed.")
@click.option("--full", is_flag=True, help="Show long texts, and rows with equal changes, in full.")
@json_option
@pass_app
def command(app: App, words: tuple[str, ...], stat: bool, name_only: bool, full: bool) -> None:
    """Show a commit (HEAD) and what it changed since its first parent; with PATHS, only there.

    REV:PATH shows the file at that commit: its rows and columns, or its messages and variables.
    REV:FOLDER, or REV: alone, lists the files below it.
    """
    pair = split_path(words[0]) if len(words) == 1 else None
    if pair is not None and find_range(app.repo, pair[0] or "HEAD") is not None:
        _show_path(app, app.repo.snapshot(pair[0]), revision_path(app, *pair))
        return
    ranges, paths = split_words(app, words_of(words), most=1)
    if ranges and ranges[0].start is not None:
        raise click.UsageError("show takes one commit: promptvc diff A..B compares two")
    id = ranges[0].end if ranges else app.repo.rev_parse()
    _show_commit(app, id, paths, stat=stat, name_only=name_only, full=full)


def _show_commit(
    app: App, id: ObjectId, paths: Sequence[str], *, stat: bool, name_only: bool, full: bool
) -> None:
    app.out.value(_commit_value(app.repo, id))
    comparison = app.repo.show(id, paths)
    if app.out.json:
        show(app, comparison, stat=stat, name_only=name_only)
    else:
        lines = text_lines(app.out, comparison, stat=stat, name_only=name_only, full=full)
        app.out.lines(_after_header(app, id, lines))


def _after_header(app: App, id: ObjectId, lines: Iterator[str]) -> Iterator[str]:
    yield from _commit_header(app, id)
    for at, line in enumerate(lines):
        if at == 0:
            yield ""
        yield line


def _commit_header(app: App, id: ObjectId) -> Iterator[str]:
    out, commit = app.out, app.repo.read_commit(id)
    refs = refs_text(out, ref_names(app.repo).get(id, ()))
    yield f"commit   {out.style(id, fg='yellow')} {refs}".rstrip()
    if len(commit.parents) > 1:
        parents = " ".join(parent.short for parent in commit.parents)
        yield f"merge    {parents}; below, what differs from the first"
    yield f"author   {visible(commit.author.name)} <{visible(commit.author.email)}>"
    yield f"date     {date_text(commit.author, seconds=True)}"
    code = trailer(commit.message, CODE_TRAILER)
    if code:
        yield f"code     {visible(code)}"
    yield ""
    for line in commit.message.strip().splitlines():
        if not line.startswith(f"{CODE_TRAILER}: "):
            yield f"    {visible(line)}".rstrip()


def _commit_value(repo: Repo, id: ObjectId) -> dict[str, object]:
    commit = repo.read_commit(id)
    return {
        "type": "commit",
        **commit_value(commit),
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
        "code_commit": trailer(commit.message, CODE_TRAILER),
    }


def _show_path(app: App, snapshot: Snapshot, path: str) -> None:
    """A file, or the files of a folder."""
    from promptvc.cli.show.file import file_lines, file_value

    out = app.out
    if path in snapshot:
        file = snapshot.file(path)
        if out.json:
            out.value(file_value(file, snapshot.project))
        else:
            out.lines(file_lines(out, file, snapshot.project))
        return
    below = [name for name in snapshot if path in ("", ".") or name.startswith(path + "/")]
    if not below:
        snapshot.file(path)
    _list_files(app, snapshot, below, snapshot.project)


def _list_files(app: App, snapshot: Snapshot, names: Sequence[str], project: Project) -> None:
    width = max(map(len, names), default=0)
    for name in names:
        file = snapshot.file(name)
        app.out.value({"path": name, "kind": file.kind, "size": file.size()})
        if not app.out.json:
            reported = app.out.style(describe_file(file, project), dim=True)
            app.out.text(f"{name:<{width}}  {file.kind:<7} {reported}".rstrip())
