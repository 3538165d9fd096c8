"""What a merge of rows decides: the content of each row, the conflicts, what both sides changed."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from promptvc.content.formats.base import Json, Row
from promptvc.content.tablemerge.partners import Partners
from promptvc.content.values.conflict import MergeConflict

Place = tuple[int, int]
"""(`BASE`, row number in base), or for a row that is new there (`OURS` or `THEIRS`, row number on that side)."""


class Content(Struct, frozen=True):
    """What a row of the merged file holds: the bytes of a side as they are, or fields.

    ``side`` says whose ``body`` it is; where ``row`` is given, the body is only how it is written.
    """

    side: int
    body: bytes
    row: Row | None = None


Outcome = Content | None
"""None for a row that goes."""


class Placed(Struct, frozen=True):
    """A conflict as it was found: the row that it is in, and its fields."""

    place: Place
    conflict: MergeConflict


class BothChanged(Struct, frozen=True):
    """A row that both sides changed: which fields each did."""

    place: Place
    key: dict[str, Json] | None
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


class Decisions(Struct, frozen=True, kw_only=True):
    """What becomes of each row.

    - ``rows``: by number in base, the rows that do not stay as both sides have them;
    - ``partners``: new rows of one side that are new rows of the other;
    - ``both``: by number in ours, what those hold;
    - ``changed``: by side, how many rows of base it gave other fields;
    - ``undropped``: columns that one side dropped, and that stay because the other wrote cells in them.
    """

    rows: Mapping[int, Outcome]
    partners: Partners
    both: Mapping[int, Content]
    conflicts: tuple[Placed, ...]
    merged: tuple[BothChanged, ...]
    changed: Mapping[int, int]
    undropped: tuple[str, ...]
