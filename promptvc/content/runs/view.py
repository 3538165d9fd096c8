"""A run as it is at one version: its record, and its output rows as values or as a data frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from promptvc.content.arrow.outputs import flatten_outputs
from promptvc.content.formats.base import Json
from promptvc.content.formats.words import plural
from promptvc.content.runs.run import OutputRow, RunRecord, read_rows
from promptvc.content.table.frames import Frames
from promptvc.content.table.html import table_html
from promptvc.content.table.view import Table

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 10
_SCORES, _LABELS = 4, 4


class Run(Frames):
    """The outputs of one run at one version, and what produced them. It never changes, and reads what is asked of it.

    ``record`` is None where outputs have none. ``table`` must have the key ``example_id``.
    """

    def __init__(self, name: str, record: RunRecord | None, table: Table) -> None:
        self.name, self.record = name, record
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[OutputRow]:
        return read_rows(self._table, self._table.path)

    def __contains__(self, example_id: object) -> bool:
        """Whether there is an output of this example."""
        return example_id in self._table

    def __getitem__(self, example_id: str) -> OutputRow:
        """The output of an example, the first where several samples were drawn; raises `RowMissing`."""
        return OutputRow.from_value(self._table[example_id])

    def samples(self, example_id: str) -> list[OutputRow]:
        """All outputs of an example; raises `RowMissing`."""
        return [OutputRow.from_value(row) for row in self._table.rows_with_key(example_id)]

    # --- as a data frame ----------------------------------------------------------------------------------

    def to_arrow(self) -> pa.Table:
        """All rows as a `pyarrow.Table`: the fields of `OutputRow`, always all of them and in the same types.

        Each score is a column ``scores.NAME``. ``tool_calls`` and ``stale`` are there only
        where a row has them.
        """

        return flatten_outputs(self._table.to_arrow())

    # --- as text ------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        totals = self.record.totals if self.record is not None else {}
        return f"Run {self.name}: {', '.join([plural(len(self), 'row'), *totals_words(totals)])}"

    def _repr_html_(self) -> str:
        rows = [_shown(row) for row in islice(self, _SHOWN)]
        return table_html(repr(self), rows, len(self) - len(rows))


def totals_words(totals: Mapping[str, Any]) -> list[str]:
    """What totals say beside the number of rows: ``["2 failed", "exact 0.846", "0.11 USD"]``."""
    counts = [(totals.get("errors"), "failed"), (totals.get("stale"), "not called yet")]
    said = [f"{count:,} {words}" for count, words in counts if count]
    scores = [f"{name} {_score_words(score)}" for name, score in (totals.get("scores") or {}).items()]
    said += [*scores[:_SCORES], *(["…"] if len(scores) > _SCORES else [])]
    cost = totals.get("cost_usd")
    if cost:
        said.append(f"{cost:,.2f} USD" if cost >= 0.1 else f"{cost:.2g} USD")
    return said


def _score_words(score: Mapping[str, Any]) -> str:
    """The mean; of labels, the most frequent and how often each is there."""
    if score.get("mean") is not None:
        return f"{score['mean']:,.3f}"
    labels = sorted((score.get("labels") or {}).items(), key=lambda item: -item[1])
    shown = " ".join(f"{label} {count:,}" for label, count in labels[:_LABELS])
    return shown + (" …" if len(labels) > _LABELS else "") or "–"


def _shown(row: OutputRow) -> dict[str, Json]:
    """A row for people: without what is empty, and without the hash."""
    value = row.to_value()
    hidden = ("scores", "request_hash")
    kept = {name: item for name, item in value.items() if item is not None and name not in hidden}
    return {**kept, **row.scores}
