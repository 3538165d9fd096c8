"""``promptvc record``: import outputs that another tool made as a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.content.formats import ROW_KINDS
from promptvc.content.formats.words import plural

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.runs.record.record import Recorded, RecordOptions

SHOWN = 3
"""Most examples to name in a warning; more are counted."""


@click.command("record")
@click.argument("name")
@click.option("--from", "file", metavar="FILE", required=True, help="The file that the other tool wrote.")
@click.option(
    "--format",
    type=click.Choice([*(kind.name for kind in ROW_KINDS), "promptfoo", "inspect"]),
    help="The format of FILE, if its name does not say.",
)
@click.option(
    "--example-key",
    multiple=True,
    metavar="FIELD",
    help="Shared with the examples; OURS=THEIRS where names differ.",
)
@click.option("--output", metavar="FIELD", help="The output (output).")
@click.option(
    "--score", multiple=True, metavar="FIELD", help="A score, named by its last part, or NAME=FIELD."
)
@click.option("--sample", metavar="FIELD", help="Which sample of its example an output is.")
@click.option("--input-tokens", metavar="FIELD", help="Tokens of the request.")
@click.option("--output-tokens", metavar="FIELD", help="Tokens of the output.")
@click.option("--latency", metavar="FIELD", help="Milliseconds until the answer.")
@click.option("--cost", metavar="FIELD", help="US dollars.")
@click.option("--error", metavar="FIELD", help="Why there is no output.")
@click.option("--examples", metavar="PATH", help="The examples (those of [runs.NAME]).")
@click.option("--prompt", metavar="PATH", help="The prompt, if it is known.")
@click.option("--model", help="The model, if it is known.")
@click.option("--provider", help="Who answered; in a promptfoo file, whose outputs to take.")
@click.option(
    "--prompt-label", metavar="LABEL", help="In a promptfoo file: the prompt whose outputs to take."
)
@click.option("--with-scorers", is_flag=True, help="Also score with the scorers of [runs.NAME].")
@click.option("-f", "--force", is_flag=True, help="Replace outputs that promptvc run made.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be recorded; write nothing.")
@click.option("--allow-secrets", is_flag=True, help="Also record tokens and private keys.")
@json_option
@pass_app
def command(app: App, name: str, file: str, **given: Any) -> None:
    """Import outputs that another tool made, as the run NAME.

    FILE is JSON Lines, CSV or a JSON array with any field names, results of promptfoo, or a log of Inspect. FIELD is a
    field of its rows, a.b a nested one. Each output goes to the example with the same --example-key.
    """
    done = app.repo.record_run(name, Path(app.folder, file), **_options(app, given))
    _warn(app.out, done)
    app.out.value(_to_value(done))
    for line in _lines(done, given["dry_run"]):
        app.out.text(line)


def _options(app: App, given: dict[str, Any]) -> RecordOptions:
    options: Any = {name: value for name, value in given.items() if value}
    for path in ("examples", "prompt"):
        if given[path]:
            options[path] = app.paths((given[path],))[0]
    if given["example_key"]:
        options["example_key"] = dict(_pair(text) for text in given["example_key"])
    if given["score"]:
        options["score"] = _scores(given["score"])
    made: RecordOptions = options
    return made


def _pair(text: str) -> tuple[str, str]:
    """``OURS=THEIRS`` or one name for both."""
    ours, found, theirs = text.partition("=")
    return (ours, theirs) if found and ours and theirs else (text, text)


def _scores(texts: tuple[str, ...]) -> dict[str, str]:
    """``NAME=PATH``, or a path, named by its last part."""
    made: dict[str, str] = {}
    for text in texts:
        name, path = _pair(text)
        name = name if name != path else path.rpartition(".")[2] or path
        if name in made:
            raise click.UsageError(f"two scores are called {name!r}: --score NAME=FIELD names one")
        made[name] = path
    return made


def _warn(out: Output, done: Recorded) -> None:
    for note in done.notes:
        out.warn(note)
    if done.unmatched:
        count = len(done.unmatched)
        out.warn(
            f"{plural(count, 'output')} of no example, kept under {'its' if count == 1 else 'their'} own key: "
            f"{_some(done.unmatched)}"
        )
    if done.missing:
        out.warn(f"{plural(len(done.missing), 'example')} without an output: {_some(done.missing)}")


def _lines(done: Recorded, dry_run: bool) -> list[str]:
    record = done.record
    verb = "would be recorded" if dry_run else "recorded"
    lines = [f"{record.name}: {plural(len(done.rows), 'output')} {verb} from {record.source}"]
    if record.examples is not None:
        matched = done.examples - len(done.missing)
        lines.append(f"  examples  {record.examples.path}, {matched:,} of {done.examples:,} have an output")
    lines.append(f"  prompt    {record.prompt.path if record.prompt else 'not known'}")
    model = " ".join(filter(None, (record.provider, record.model)))
    lines.append(f"  model     {model or 'not known'}")
    if record.samples > 1:
        lines.append(f"  samples   {record.samples}")
    errors = record.totals["errors"]
    if errors:
        lines.append(f"  errors    {errors:,}")
    scores = record.totals["scores"]
    width = max(map(len, scores), default=0)
    return lines + [
        f"  {name:<{max(width, 8)}}  {_score(done, name, score)}" for name, score in scores.items()
    ]


def _score(done: Recorded, name: str, score: dict[str, Any]) -> str:
    """``742 of 1,319``, ``mean 0.563 of 1,319``, or the labels with their counts."""
    values = [value for row in done.rows if (value := row.scores.get(name)) is not None]
    if values and all(isinstance(value, bool) for value in values):
        return f"{sum(map(bool, values)):,} of {len(values):,}"
    labels = sorted(score.get("labels", {}).items(), key=lambda item: -item[1])
    numbers = score["count"] - sum(count for _, count in labels)
    found = [f"mean {score['mean']:.3f} of {numbers:,}"] if numbers else []
    return ", ".join([*found, *(f"{label} {count:,}" for label, count in labels[:5])]) or "none"


def _to_value(done: Recorded) -> dict[str, Any]:
    return {
        "name": done.record.name,
        "rows": len(done.rows),
        "examples": done.examples,
        "unmatched": list(done.unmatched),
        "missing": list(done.missing),
        "notes": list(done.notes),
        "written": list(done.written),
        "record": done.record.to_value(),
    }


def _some(ids: tuple[str, ...]) -> str:
    """The first few ids, cut short, and how many more there are."""
    shown = [" ".join(id.split()) for id in ids[:SHOWN]]
    text = ", ".join(id if len(id) <= 60 else f"{id[:60]}…" for id in shown)
    return text + (f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else "")
