"""``promptvc compare``: two versions of a run, or two runs, row by row."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.arguments import Words, WordsCommand, words_of
from promptvc.cli.run.compare_sides import find_sides
from promptvc.cli.show.chars import visible, wrap
from promptvc.cli.show.compare.compare import comparison_lines
from promptvc.errors import Usage
from promptvc.patterns import compiled
from promptvc.runs.compare.compare import compare_runs
from promptvc.runs.compare.report.markdown import markdown as as_markdown
from promptvc.runs.compare.report.page import write_page
from promptvc.runs.compare.report.words import summary

if TYPE_CHECKING:
    from promptvc.runs.compare.compare import RunComparison
    from promptvc.runs.compare.rows import PairStatus

_PLAIN = compiled(r"[\w@%+:,./-][\w@%+:,./~-]*", re.ASCII)


@click.command("compare", cls=WordsCommand)
@click.argument("words", nargs=-1, metavar="[A [B] | A..B] [[--] RUN...] | FILE FILE")
@click.option("--fixed", is_flag=True, help="List every row that failed and passes now.")
@click.option("--broken", is_flag=True, help="List every row that passed and fails now.")
@click.option("--changed", is_flag=True, help="List every row that differs but is neither fixed nor broken.")
@click.option("--limit", type=click.IntRange(0), metavar="N", help="List at most N rows of a kind.")
@click.option("--score", metavar="NAME", help="The score that rows and slices are judged by.")
@click.option(
    "--slice", "slices", metavar="FIELD", multiple=True, help="Slice by this field of the examples."
)
@click.option("--markdown", is_flag=True, help="Print Markdown, for a comment on GitHub.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write one HTML page."
)
@json_option
@pass_app
def command(
    app: App,
    words: tuple[str, ...],
    fixed: bool,
    broken: bool,
    changed: bool,
    limit: int | None,
    score: str | None,
    slices: tuple[str, ...],
    markdown: bool,
    html: Path | None,
) -> None:
    """Compare the outputs of a run at two revisions, of two runs, or in two files.

    A and B are revisions; A defaults to HEAD, and without B the other side is the working files. RUN is needed only to
    select one of several runs. Two RUNs are compared with each other: at A, or in the working files. A word that is a
    revision is taken as one; words after -- are runs. FILEs are .jsonl files of output rows.
    """
    if markdown and app.out.json:
        raise click.UsageError("give --json or --markdown, not both")

    pairs = find_sides(app, words_of(words))
    made = (compare_runs(before, after, score=score, slices=slices or None) for before, after in pairs)
    wanted: dict[PairStatus, bool] = {"broken": broken, "fixed": fixed, "changed": changed}
    asked = [status for status, is_wanted in wanted.items() if is_wanted]
    if html is not None:
        _write_html(app, list(made), html)
    elif app.out.json:
        for comparison in made:
            for value in json_values(comparison, asked, limit):
                app.out.value(value)
    elif markdown:
        whole = "\n\n".join(as_markdown(comparison, asked, limit) for comparison in made)
        for line in whole.split("\n"):  # not through a pager, since it will be pasted
            app.out.text(line)
    else:

        def again(status: PairStatus) -> str:
            return again_words(words_of(words), score, slices, status)

        blocks = (comparison_lines(app.out, comparison, asked, limit, again) for comparison in made)
        app.out.lines(_with_blank_lines(blocks))


def json_values(
    comparison: RunComparison, asked: list[PairStatus], limit: int | None
) -> Iterator[dict[str, Any]]:
    """The comparison without its rows, then a value for each row that differs, or of the requested kinds."""
    yield {"type": "comparison", **comparison.to_json(rows=False)}
    kinds: list[PairStatus] = asked or ["fixed", "broken", "changed", "only_before", "only_after"]
    for status in kinds:
        for row in comparison.of_status(status)[:limit]:
            yield {"type": "row", "run": comparison.after.name, **row.to_value()}


def again_words(words: Words, score: str | None, slices: tuple[str, ...], status: PairStatus) -> str:
    """The command as typed, but for all rows of a kind: ``promptvc compare main terse --fixed``."""
    options = [f"--{status}"]
    options += ["--score", score] if score is not None else []
    options += [word for name in slices for word in ("--slice", name)]
    runs = [] if words.paths is None else ["--", *words.paths]
    return " ".join(["promptvc compare", *map(_quoted, [*words.plain, *options, *runs])])


def _quoted(word: str) -> str:
    """A word quoted for a shell; ``main~1``, which `shlex` would quote, needs no quotes."""
    return word if _PLAIN.fullmatch(word) else shlex.quote(word)


def _with_blank_lines(blocks: Iterable[Iterable[str]]) -> Iterator[str]:
    for at, block in enumerate(blocks):
        yield from [""] if at else []
        yield from block


def _write_html(app: App, made: list[RunComparison], path: Path) -> None:
    if len(made) != 1:
        raise Usage(
            f"one page holds one comparison, and there are {len(made)}",
            f"name a run: {', '.join(each.after.name for each in made)}",
        )

    target = Path(app.folder, path)
    write_page(made[0], target)
    text = visible(summary(made[0]))
    for start, stop in wrap(text, app.out.width):
        app.out.text(text[start:stop])
    app.out.text(f"Written to {path}")
    app.out.value({"type": "page", "path": str(path), "bytes": target.stat().st_size})
