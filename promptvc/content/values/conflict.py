"""A conflict: one place that both sides of a merge changed differently, as a value."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from promptvc.content.formats.base import Json
from promptvc.content.formats.missing import MISSING, Missing

ConflictKind = Literal["both-changed", "edit-delete", "both-added", "text"]


class MergeConflict(Struct, frozen=True, kw_only=True):
    """One place that both sides changed, and differently; in the merged file stands what ours has there.

    - ``kind``: ``both-changed``, ``edit-delete`` (one side removed what the other changed), ``both-added``, or
      ``text`` (lines; the merged text has them between markers);
    - ``key``: the key fields of the row with their values; None where no row is meant, or a row has no key;
    - ``row``: the row's number, from 0, in the merged file, or the one that it would have if ours removed it; None
      where no row is meant;
    - ``field``: the field of the row, or the setting of a prompt; None for the whole row, file or text;
    - ``at``: the names inside the field that lead to the place, where objects are nested;
    - ``base``, ``ours``, ``theirs``: the values at the place, `MISSING` where there is none. Of lists and texts of
      several lines that conflict somewhere: the whole value, merged, with this version of what conflicts;
    - ``path``: the file, once it is known.
    """

    kind: ConflictKind
    key: dict[str, Json] | None = None
    row: int | None = None
    field: str | None = None
    at: tuple[str, ...] = ()
    base: Json | Missing = MISSING
    ours: Json | Missing = MISSING
    theirs: Json | Missing = MISSING
    path: str = ""
