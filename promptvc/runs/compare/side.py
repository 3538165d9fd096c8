"""One side of a comparison as a whole: its name, and how many rows it has."""

from __future__ import annotations

from msgspec import Struct

from promptvc.content.formats.base import Json
from promptvc.runs.compare.columns import Columns
from promptvc.runs.sources import LoadedRun


class RunSide(Struct, frozen=True, kw_only=True):
    """One side: the run's name, the label of its version, and how many rows it has.

    ``errors`` counts rows whose call failed, ``stale`` those that wait for an answer; neither has scores. ``recorded``
    means that the outputs were made elsewhere.
    """

    name: str
    label: str
    rows: int
    errors: int
    stale: int
    recorded: bool
    model: str | None
    samples: int

    def to_value(self) -> dict[str, Json]:
        """``{"name", "label", "rows", "errors", "stale", "recorded", "model", "samples"}``."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


def side_of(run: LoadedRun, columns: Columns) -> RunSide:
    """The side with these rows; without a record, the number of samples comes from the rows."""
    record = run.record
    return RunSide(
        name=run.name,
        label=run.label,
        rows=len(columns),
        errors=columns.errors,
        stale=len(columns.stale),
        recorded=bool(record and record.recorded),
        model=record.model if record else None,
        samples=record.samples if record else max(columns.samples, default=0) + 1,
    )
