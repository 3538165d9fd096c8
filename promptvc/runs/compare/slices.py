"""The values by which rows are divided into slices, and the scores within each slice."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.missing import MISSING
from promptvc.content.runs.scores import ScoreKind
from promptvc.content.values.dotted import pick
from promptvc.runs.compare.columns import Columns, Pairs
from promptvc.runs.compare.scores import ScoreComparison, compare_score
from promptvc.runs.sources import LoadedRun

MOST_VALUES = 200
"""The most slices to compare per field, largest first; a field with more values identifies rows, not kinds of rows."""


class SliceComparison(Struct, frozen=True):
    """The scores of the pairs whose example has this value in this field; value None: examples without one."""

    field: str
    value: str | None
    pairs: int
    scores: tuple[ScoreComparison, ...]

    def score(self, name: str | None) -> ScoreComparison | None:
        """The comparison of one score; None if there is none of this name."""
        return next((score for score in self.scores if score.name == name), None)

    def to_value(self) -> dict[str, Json]:
        """``{"field", "value", "pairs", "scores"}``."""
        return {
            "field": self.field,
            "value": self.value,
            "pairs": self.pairs,
            "scores": [score.to_value() for score in self.scores],
        }


def slice_fields(before: LoadedRun, after: LoadedRun) -> tuple[str, ...]:
    """The fields by which a run is sliced: those of its records, or else those that the project declares."""
    for run in (after, before):
        if run.record and run.record.slices:
            return run.record.slices
    for run in (after, before):
        if run.name in run.project.runs and run.project.runs[run.name].slices:
            return run.project.runs[run.name].slices
    return ()


def compare_slices(
    fields: Sequence[str],
    example: Callable[[str], Row],
    kinds: Mapping[str, ScoreKind],
    before: Columns,
    after: Columns,
    pairs: Pairs,
) -> tuple[SliceComparison, ...]:
    """The slices by each of the fields, the largest first; a row with a list counts in the slice of each item.

    Rows whose example is not known, for which ``example`` gives an empty row, are in no slice.
    """
    made = []
    for field in fields:
        groups: dict[str | None, tuple[array[int], array[int]]] = {}
        for b, a in zip(pairs.before, pairs.after, strict=True):
            row = example(after.examples[a])
            for value in slice_values(value_at(row, field)) if row else ():
                group = groups.get(value) or groups.setdefault(value, (array("q"), array("q")))
                group[0].append(b)
                group[1].append(a)
        order = sorted(groups.items(), key=lambda group: (-len(group[1][0]), group[0] or ""))
        for value, numbers in order[:MOST_VALUES]:
            members = Pairs(*numbers)
            scores = tuple(compare_score(name, kind, before, after, members) for name, kind in kinds.items())
            made.append(SliceComparison(field, value, len(members), scores))
    return tuple(made)


def value_at(row: Row, path: str) -> Json:
    """The value of an example's field, which may be nested; None if it has none."""
    found = pick(row, path)
    return None if found is MISSING else found


def slice_values(value: Json) -> Iterator[str | None]:
    """Each slice that a field's value puts its row in.

    ``["billing", "double"] -> "billing", "double"``; ``3 -> "3"``; ``None`` and ``[] -> None``
    """
    if isinstance(value, list) and value:
        yield from dict.fromkeys(_text(item) for item in value)
    elif value is None or value == []:
        yield None
    else:
        yield _text(value)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
