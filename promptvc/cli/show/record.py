"""The record of a run: what produced its outputs, and the results."""

from __future__ import annotations

from collections.abc import Iterator

from promptvc.cli.show.chars import json_text, plural, visible
from promptvc.content.runs.run import Pin, RunRecord
from promptvc.content.runs.view import totals_words


def record_facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    """The facts of a record, as label and text; unknown ones are left out."""
    totals = record.totals
    if "rows" in totals:
        yield "outputs", ", ".join([plural(totals["rows"], "row"), *map(visible, totals_words(totals))])
    if record.recorded:
        yield "taken from", visible(record.source or "another tool")
    if record.provider or record.model:
        yield "model", visible(" ".join(filter(None, (record.provider, record.model))))
    if set(record.response_models) - {record.model}:
        yield "answered", visible(f"as {', '.join(record.response_models)}")
    if record.params:
        yield "parameters", ", ".join(f"{visible(k)} {json_text(v)}" for k, v in record.params.items())
    if record.prompt:
        yield "prompt", _pin(record.prompt)
    if record.examples:
        yield "examples", _pin(record.examples)
    if record.scorers:
        yield "scores", ", ".join(visible(pin.name) for pin in record.scorers)


def _pin(pin: Pin) -> str:
    return f"{visible(pin.path)}, object {pin.id.short}"
