"""What kind of values a column holds: found in rows, joined over rows, turned into an Arrow type.

Kinds form a join-semilattice from `NULL` (nothing but null) up to `MIXED`: joined in any order and grouping they give
the same kind. So the type of a column follows from the rows alone, not from how a file is cut or what a cache holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING

from msgspec import Struct

from promptvc.content.formats.base import Json, Row
from promptvc.content.json_type import LooseJson

if TYPE_CHECKING:
    import pyarrow as pa

MAX_FIELDS = 256
"""Objects with more field names than this, over all rows, are maps with data for keys: they stay JSON text."""

MAX_DEPTH = 32
"""Deeper values stay JSON text; Arrow's IPC format ends at 64."""

TEXT_MARK = {b"promptvc.json": b"1"}
"""Metadata of a field whose cells are JSON text."""


class Scalar(Struct, frozen=True):
    """Values of one plain JSON type, `NULL` for none and `MIXED` for what no Arrow type holds."""

    name: str


NULL, BOOL, FLOAT, STRING, MIXED = (Scalar(name) for name in ("null", "bool", "float", "string", "mixed"))


class Whole(Struct, frozen=True):
    """Integers: whether some are below 0, inexact as a double, beyond 63 bits."""

    negative: bool = False
    inexact: bool = False
    unsigned: bool = False


class Items(Struct, frozen=True):
    """Arrays, whose elements are all of one kind."""

    item: ColumnKind


class Members(Struct, frozen=True):
    """Objects: the kind of each field that any of them has."""

    fields: Mapping[str, ColumnKind]


ColumnKind = Scalar | Whole | Items | Members


def infer_columns(rows: Sequence[Row]) -> dict[str, ColumnKind]:
    """The kind of every field, in the order in which they are first seen."""
    names = dict.fromkeys(chain.from_iterable(rows))
    return {name: infer([row.get(name) for row in rows]) for name in names}


def infer(values: Sequence[Json], depth: int = 0) -> ColumnKind:
    """The kind that holds all these values; absent ones are None."""
    types = set(map(type, values)) - {NoneType}
    if not types:
        return NULL
    if types == {int, float}:
        return join(FLOAT, infer([value for value in values if type(value) is int]))
    if len(types) > 1 or depth > MAX_DEPTH:
        return MIXED
    found = types.pop()
    if found is dict:
        return _infer_members([value for value in values if isinstance(value, dict)], depth)
    if found is list:
        return _infer_items([value for value in values if isinstance(value, list)], depth)
    if found is int:
        some = [value for value in values if isinstance(value, int)]
        return whole(min(some), max(some))
    return {str: STRING, float: FLOAT, bool: BOOL}.get(found, MIXED)


def _infer_items(values: Sequence[list[Json]], depth: int) -> ColumnKind:
    item = infer(list(chain.from_iterable(values)), depth + 1)
    return MIXED if item == MIXED else Items(item)


def _infer_members(values: Sequence[Row], depth: int) -> ColumnKind:
    names = dict.fromkeys(chain.from_iterable(values))
    if len(names) > MAX_FIELDS or not all(is_unicode(name) for name in names):
        return MIXED
    return _members({name: infer([value.get(name) for value in values], depth + 1) for name in names})


def _members(fields: Mapping[str, ColumnKind]) -> ColumnKind:
    return MIXED if len(fields) > MAX_FIELDS or MIXED in fields.values() else Members(fields)


def whole(low: int, high: int) -> ColumnKind:
    """The kind of integers from low to high; `MIXED` where no 64-bit type holds them."""
    if low < -(2**63) or high >= 2**64 or (low < 0 and high >= 2**63):
        return MIXED
    return Whole(low < 0, low < -(2**53) or high > 2**53, high >= 2**63)


def join_columns(one: Mapping[str, ColumnKind], other: Mapping[str, ColumnKind]) -> dict[str, ColumnKind]:
    """The kinds of the columns of two runs of rows; the names of ``one`` first."""
    joined = dict(one)
    for name, kind in other.items():
        joined[name] = join(joined.get(name, NULL), kind)
    return joined


def join(one: ColumnKind, other: ColumnKind) -> ColumnKind:
    """The least kind that holds what either holds."""
    if one == other or other == NULL:
        return one
    match one, other:
        case Scalar("null"), _:
            return other
        case Whole(), Whole():
            return _join_whole(one, other)
        case (Scalar("float"), Whole(inexact=False)) | (Whole(inexact=False), Scalar("float")):
            return FLOAT
        case Items(), Items():
            item = join(one.item, other.item)
            return MIXED if item == MIXED else Items(item)
        case Members(), Members():
            return _members(join_columns(one.fields, other.fields))
    return MIXED


def _join_whole(one: Whole, other: Whole) -> ColumnKind:
    negative, unsigned = one.negative or other.negative, one.unsigned or other.unsigned
    return MIXED if negative and unsigned else Whole(negative, one.inexact or other.inexact, unsigned)


def arrow_schema(kinds: Mapping[str, ColumnKind], last: Iterable[str] = ()) -> pa.Schema:
    """The schema of a table with these columns, those named in ``last`` at the end."""
    import pyarrow as pa

    late = set(last)
    names = sorted(kinds, key=late.__contains__)
    return pa.schema([arrow_field(name, kinds[name]) for name in names])


def arrow_field(name: str, kind: ColumnKind) -> pa.Field:
    """The field of a column of this kind; where Arrow has no type for it, a string marked with `TEXT_MARK`."""
    import pyarrow as pa

    type = arrow_type(kind)
    return pa.field(name, pa.string(), metadata=TEXT_MARK) if type is None else pa.field(name, type)


def arrow_type(kind: ColumnKind) -> pa.DataType | None:
    """None for what stays JSON text: mixed types, and objects without any field, which Parquet cannot hold."""
    import pyarrow as pa

    match kind:
        case Scalar(name):
            makers = {"null": pa.null, "bool": pa.bool_, "float": pa.float64, "string": pa.string}
            return makers[name]() if name in makers else None
        case Whole():
            return pa.uint64() if kind.unsigned else pa.int64()
        case Items():
            item = arrow_type(kind.item)
            return None if item is None else pa.list_(item)
        case Members():
            types = [(name, arrow_type(field)) for name, field in kind.fields.items()]
            return pa.struct(types) if types and all(type is not None for _, type in types) else None


def is_text(field: pa.Field) -> bool:
    """Whether a field's cells are JSON text."""
    return TEXT_MARK.items() <= (field.metadata or {}).items()


def is_unicode(name: str) -> bool:
    """Whether a string can be written as UTF-8: JSON can hold half of a surrogate pair, Arrow cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def kind_to_plain(kind: ColumnKind) -> Json:
    """A kind as JSON, for `kind_from_plain`."""
    match kind:
        case Scalar(name):
            return name
        case Whole(negative, inexact, unsigned):
            return ["int", negative, inexact, unsigned]
        case Items(item):
            return ["list", kind_to_plain(item)]
        case Members(fields):
            return ["object", *([name, kind_to_plain(field)] for name, field in fields.items())]


def kind_from_plain(plain: LooseJson) -> ColumnKind:
    """The kind of which `kind_to_plain` gave this."""
    match plain:
        case ["int", bool(negative), bool(inexact), bool(unsigned)]:
            return Whole(negative, inexact, unsigned)
        case ["list", item]:
            return Items(kind_from_plain(item))
        case ["object", *fields]:
            return Members({name: kind_from_plain(field) for name, field in fields})
    return Scalar(plain)
