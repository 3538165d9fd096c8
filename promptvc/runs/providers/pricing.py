"""What an output cost."""

from __future__ import annotations

from msgspec.structs import replace

from promptvc.content.runs.run import OutputRow
from promptvc.content.runs.spec import RunSpec


def priced(row: OutputRow, spec: RunSpec) -> OutputRow:
    """The row with its cost by the run's ``price``; unchanged if no price is declared or tokens are not known."""
    if not spec.price or row.input_tokens is None or row.output_tokens is None:
        return row
    millionths = row.input_tokens * spec.price.get("input", 0.0)
    millionths += row.output_tokens * spec.price.get("output", 0.0)
    return replace(row, cost_usd=millionths / 1_000_000)
