"""``promptvc diff``: what changed, by row, cell and word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.arguments import WordsCommand, split_words, words_of
from promptvc.cli.show.diff.diff import diff_text
from promptvc.cli.show.diff.json import diff_values, file_head
from promptvc.cli.show.diff.stat import stat_lines
from promptvc.errors import PromptvcError, Usage
from promptvc.ids import ObjectId

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.cli.show.diff.diff import RunLines
    from promptvc.session.workspace.comparison import Comparison
    from promptvc.versioning.revision import Range


@click.command("diff", cls=WordsCommand)
@click.argument("words", nargs=-1, metavar="[A [B] | A..B | A...B] [[--] PATHS]...")
@click.option("--stat", is_flag=True, help="One line per file.")
@click.option("--name-only", is_flag=True, help="Only the paths.")
@click.option("--full", is_flag=True, help="Show long texts, and rows with equal changes, in full.")
@click.option("--exit-code", is_flag=True, help="Exit with code 1 if there are differences.")
@click.option(
    "-q", "--quiet", is_flag=True, help="Print nothing; only exit with code 1 if there are differences."
)
@json_option
@pass_app
def command(
    app: App,
    words: tuple[str, ...],
    stat: bool,
    name_only: bool,
    full: bool,
    exit_code: bool,
    quiet: bool,
) -> int:
    """Show what changed: rows and cells of tables, words of prompts, lines of text.

    Without a revision: from HEAD to the working files. With A: from A to the working files. With A and B, or A..B: from
    one to the other. A...B: from the common ancestor of A and B to B. PATHS are files or folders.
    """
    ranges, paths = split_words(app, words_of(words), most=2)
    comparison = compare(app, ranges, paths)
    if not quiet:
        sides = _sides(app, ranges)
        show(
            app,
            comparison,
            stat=stat,
            name_only=name_only,
            full=full,
            runs=lambda name: run_lines(app, sides, name),
        )
    return 1 if (exit_code or quiet) and len(comparison) else 0


def compare(app: App, ranges: Sequence[Range], paths: Sequence[str]) -> Comparison:
    """The comparison that the revisions specify."""
    repo = app.repo
    if not ranges:
        return repo.diff(None, None, paths)
    first = ranges[0]
    if len(ranges) == 2:
        if first.start or ranges[1].start:
            raise click.UsageError("give A..B, or A and B, not both")
        return repo.diff(first.end, ranges[1].end, paths)
    if first.start is None:
        return repo.diff(first.end, None, paths)
    return repo.diff(_base(app, first) if first.symmetric else first.start, first.end, paths)


def _sides(app: App, ranges: Sequence[Range]) -> tuple[str, str | None]:
    """The revisions to compare; None for the working files."""
    if not ranges:
        return "HEAD", None
    first = ranges[0]
    if len(ranges) == 2:
        return first.end.short, ranges[1].end.short
    if first.start is None:
        return first.end.short, None
    return ObjectId(_base(app, first) if first.symmetric else first.start).short, first.end.short


def run_lines(app: App, sides: tuple[str, str | None], name: str) -> Iterator[str]:
    """The short form of `promptvc compare` for one run."""
    from promptvc.cli.show.compare.compare import short_lines

    before, after = sides
    try:
        yield from short_lines(app.out, app.repo.compare(before, after, run=name))
    except PromptvcError as error:
        yield app.out.style(f"outputs/{name}", bold=True)
        yield f"  not compared: {error.message}"
        return
    words = " ".join(filter(None, ("promptvc compare", before, after, name)))
    yield app.out.style(f"  {words} shows slices and rows", dim=True)


def show(
    app: App,
    comparison: Comparison,
    *,
    stat: bool,
    name_only: bool,
    full: bool = False,
    runs: RunLines | None = None,
) -> None:
    """Print a comparison in one of its forms."""
    if app.out.json:
        names = (file_head(change, comparison.kind(change)) for change in comparison.changes)
        for value in names if name_only else diff_values(comparison, rows=not stat):
            app.out.value(value)
    else:
        app.out.lines(text_lines(app.out, comparison, stat=stat, name_only=name_only, full=full, runs=runs))


def text_lines(
    out: Output,
    comparison: Comparison,
    *,
    stat: bool,
    name_only: bool,
    full: bool,
    runs: RunLines | None = None,
) -> Iterator[str]:
    """A comparison as text in one of its forms."""
    if name_only:
        return (change.path for change in comparison.changes)
    if stat:
        return stat_lines(out, comparison)

    return diff_text(out, comparison, whole=full, run_lines=runs)


def _base(app: App, range: Range) -> str:
    """The common ancestor of two revisions; raises `Usage` if they have none."""
    assert range.start is not None
    bases = app.repo.merge_bases(range.start, range.end)
    if not bases:
        raise Usage(
            f"{range.start.short} and {range.end.short} have no common ancestor",
            "A..B compares them as they are",
        )
    return bases[0]
