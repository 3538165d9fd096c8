"""The rows of an output file, the plain ones read straight from their JSON text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder

from promptvc.content.formats.base import Row
from promptvc.content.runs.run import OutputRow
from promptvc.errors import RunUnreadable

if TYPE_CHECKING:
    from promptvc.content.table.view import Table

_LARGEST = 2**53
"""Larger numbers are read as rows of any table are, which keeps every digit."""
_Int = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)]
_Float = Annotated[float, Meta(ge=-float(_LARGEST), le=float(_LARGEST))]


class PlainRow(Struct, forbid_unknown_fields=True, gc=False):
    """An answer as promptvc writes most: no error, no calls of tools, no field that it does not know."""

    stale: ClassVar[None] = None

    example_id: str
    sample_index: _Int | _Float = 0
    output: str | None = None
    finish_reason: str | None = None
    input_tokens: _Int | _Float | None = None
    output_tokens: _Int | _Float | None = None
    latency_ms: _Int | _Float | None = None
    cost_usd: _Int | _Float | None = None
    error: None = None
    response_model: str | None = None
    request_hash: str | None = None
    tool_calls: None = None
    scores: dict[str, _Int | _Float | bool | str | None] | None = None


_decode = Decoder(PlainRow).decode


def read_lines(table: Table) -> Iterator[OutputRow]:
    """As `read_rows` of a table, in half the time; raises `RunUnreadable`, naming the row."""
    for number, value in enumerate(table.decoded(plain_row), 1):
        yield value if isinstance(value, OutputRow) else _checked(value, table.path, number)


def read_blocks(table: Table) -> Iterator[list[OutputRow | PlainRow]]:
    """The rows that `read_lines` gives, some hundred at a time; the plain ones are left as they are decoded."""
    before = 0
    blocks: Iterator[Sequence[OutputRow | PlainRow | Row]] = table.decoded_blocks(_plain_rows)
    for values in blocks:
        yield [
            _checked(value, table.path, number) if isinstance(value, dict) else value
            for number, value in enumerate(values, before + 1)
        ]
        before += len(values)


def _checked(value: Row, path: str, number: int) -> OutputRow:
    try:
        return OutputRow.from_value(value)
    except RunUnreadable as error:
        raise RunUnreadable(f"{path} row {number}: {error.message}") from None


def _plain_rows(bodies: Sequence[bytes]) -> Sequence[OutputRow | PlainRow | None]:
    """What `plain_row` makes of each; if all are plain, without a value more for each row."""
    if any(b"\\u" in body for body in bodies):
        return list(map(plain_row, bodies))
    try:
        rows = list(map(_decode, bodies))
    except (DecodeError, UnicodeDecodeError):
        return list(map(plain_row, bodies))
    return rows if all(type(row.sample_index) is int for row in rows) else list(map(plain_row, bodies))


def plain_row(body: bytes) -> OutputRow | None:
    """The row of a JSON text, as `OutputRow.from_value` makes it; None for what must be read with care."""
    if b"\\ud" in body or b"\\uD" in body:
        return None
    try:
        line = _decode(body)
    except (DecodeError, UnicodeDecodeError):
        return None
    if type(line.sample_index) is not int:
        return None
    return OutputRow(
        example_id=line.example_id,
        sample_index=line.sample_index,
        output=line.output,
        finish_reason=line.finish_reason,
        input_tokens=line.input_tokens,  # type: ignore[arg-type]
        output_tokens=line.output_tokens,  # type: ignore[arg-type]
        latency_ms=line.latency_ms,
        cost_usd=line.cost_usd,
        response_model=line.response_model,
        request_hash=line.request_hash,
        scores=line.scores or {},
    )
