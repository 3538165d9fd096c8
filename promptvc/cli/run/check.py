"""``promptvc check``: gates for CI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.exit_codes import DONE, NEGATIVE
from promptvc.cli.show.chars import columns, cut, pad, plural, visible, wrap
from promptvc.content.keys.tokens import output_name
from promptvc.runs.check.reports import junit as as_junit
from promptvc.runs.check.reports import markdown as as_markdown
from promptvc.runs.check.reports import more_words, summary, text_of, why_words

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.runs.check.results import CheckResult, GateResult
    from promptvc.runs.check.rows import GateRow

_SHOWN = 10
_NAME_WIDTH = 34
_LONGEST = 500
"""Most characters of an output to use for a line."""


@click.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--at", "revision", metavar="REV", help="Check a commit instead of the working files.")
@click.option("--limit", type=click.IntRange(0), metavar="N", help="Show at most N rows of a gate (10).")
@click.option("--junit", metavar="FILE", help="Write JUnit XML, as CI servers read it.")
@click.option("--markdown", metavar="FILE", help="Write Markdown, for a comment or a summary; - is stdout.")
@json_option
@pass_app
def command(
    app: App,
    names: tuple[str, ...],
    revision: str | None,
    limit: int | None,
    junit: str | None,
    markdown: str | None,
) -> int:
    """Check recorded outputs against the gates that promptvc.toml declares, all of them or those named.

    Makes no calls and runs no code of the project. Exit code 1 if a gate fails; its rows are listed.
    """
    if markdown == "-" and app.out.json:
        raise click.UsageError("give --json or --markdown -, not both")
    shown = _SHOWN if limit is None else limit
    results = app.repo.check(*names, revision=revision)
    _write(app, results, shown, junit, markdown)
    for result in results:
        if app.out.json:
            _tell_values(app.out, result, limit)
        elif markdown != "-":
            app.out.lines(result_lines(app.out, result, shown))
    for hint in dict.fromkeys(result.hint for result in results if result.hint):
        app.out.note(f"hint: {hint}")
    return DONE if all(result.passed for result in results) else NEGATIVE


def _write(
    app: App, results: Sequence[CheckResult], shown: int, junit: str | None, markdown: str | None
) -> None:
    if junit is not None:
        Path(app.folder, junit).write_bytes(as_junit(results, shown))
    if markdown is not None:
        text = as_markdown(results, shown)
        if markdown == "-":
            for line in text.split("\n"):
                app.out.text(line)
        else:
            Path(app.folder, markdown).write_text(f"{text}\n", encoding="utf-8")


# --- report --------------------------------------------------------------------------------------------------


def _tell_values(out: Output, result: CheckResult, limit: int | None) -> None:
    for gate in result.gates:
        out.value(gate_value(result, gate, limit))


def gate_value(result: CheckResult, gate: GateResult, limit: int | None = None) -> dict[str, Any]:
    """A gate for programs; ``failing`` counts rows, ``rows`` lists at most ``limit`` of them."""
    return {
        "name": gate.name,
        "check": result.name,
        "run": result.run,
        "passed": gate.passed,
        "kind": gate.kind,
        "subject": gate.subject,
        "slice": gate.slice and {"field": gate.slice[0], "value": gate.slice[1]},
        "revision": gate.revision,
        "wanted": gate.wanted,
        "found": gate.found,
        "words": gate.words,
        "failing": len(gate.rows),
        "rows": [row.to_value() for row in gate.rows[:limit]],
    }


def result_lines(out: Output, result: CheckResult, shown: int) -> Iterator[str]:
    """A check with its gates, and below the failed ones the rows that made them fail; passed slices are counted.

    A row that made several gates fail is shown once.
    """

    where = "" if result.label == "working files" else f" at {result.label}"
    head = cut(visible(f"{result.name}   {result.run}{where}: {summary(result)}"), out.width)
    yield out.style(head, fg=None if result.passed else "red", bold=True)
    reported = [gate for gate in result.gates if not (gate.passed and gate.slice)]
    names = [columns(visible(gate.name)) for gate in reported]
    width = max((name for name in names if name <= _NAME_WIDTH), default=0)
    seen: set[int] = set()
    for gate in reported:
        yield from _gate_lines(out, gate, width)
        if not gate.passed:
            yield from _row_lines(out, gate, shown, seen)
    if len(reported) < len(result.gates):
        yield f"  {out.style('✓', fg='green')} {plural(len(result.gates) - len(reported), 'gate')} of slices"
    for note in result.notes:
        text = visible(note)
        for start, stop in wrap(text, out.width - 2):
            yield f"  {out.style(text[start:stop], dim=True)}"


def _gate_lines(out: Output, gate: GateResult, width: int) -> Iterator[str]:
    """Name and text in two columns; the text below the name if it does not fit beside it."""
    sign = out.style("✓", fg="green") if gate.passed else out.style("✗", fg="red", bold=True)
    name, words = visible(gate.name), visible(gate.words)
    fits = 6 + width + columns(words) <= out.width
    if fits and columns(name) <= width:
        yield f"  {sign} {pad(name, width)}  {words}"
        return
    yield f"  {sign} {cut(name, out.width - 4)}"
    if fits:
        yield f"{' ' * (6 + width)}{words}"
        return
    for start, stop in wrap(words, out.width - 6):
        yield f"      {words[start:stop]}"


def _row_lines(out: Output, gate: GateResult, shown: int, seen: set[int]) -> Iterator[str]:
    """The first rows of a gate, with those already shown by name only; ``seen`` are the numbers of these."""
    rows = gate.rows[:shown]
    fresh = [at for at, number in enumerate(rows.numbers) if number not in seen]
    above = [output_name(*rows.places[at]) for at, number in enumerate(rows.numbers) if number in seen]
    seen.update(rows.numbers)
    if above:
        yield cut(f"      above: {visible(', '.join(above))}", out.width)
    yield from _new_row_lines(out, [rows[at] for at in fresh])
    for more in more_words(len(gate.rows) - len(rows)):
        yield f"      {more}"


def _new_row_lines(out: Output, rows: Sequence[GateRow]) -> Iterator[str]:
    cells = [
        (
            cut(visible(row.name), 24),
            cut(visible(", ".join(text_of(value) for value in row.slices.values())), 20),
            cut(visible(why_words(row)), 36),
        )
        for row in rows
    ]
    widths = [max((columns(line[at]) for line in cells), default=0) for at in range(3)]
    for row, line in zip(rows, cells, strict=True):
        head = "  ".join(pad(cell, width) for cell, width in zip(line, widths, strict=True) if width)
        room = out.width - 6 - columns(head) - 2
        reported = _reported(row, max(room, 20))
        yield f"      {head}  {reported}".rstrip() if room >= 20 or not reported else f"      {head.rstrip()}"
        if reported and room < 20:
            yield f"        {_reported(row, out.width - 8)}"


def _reported(row: GateRow, room: int) -> str:
    """``expected refund, got billing`` within this many columns."""
    expected = visible(text_of(row.expected)[:_LONGEST]) if row.expected is not None else ""
    expected = f"expected {cut(expected, max(room // 2 - 9, 8))}" if expected else ""
    if row.error is not None:
        return cut(expected, room)
    joined = f"{expected}, got " if expected else "got "
    return cut(joined + cut(visible(text_of(row.output)[:_LONGEST]), max(room - columns(joined), 4)), room)
