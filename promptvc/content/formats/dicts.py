"""The rows of one chunk run as dicts, those that cannot be read included."""

from __future__ import annotations

from promptvc.content.formats.base import Malformed, ReadsRows, Row

MALFORMED_FIELD = "$malformed"
"""The one field of a row that cannot be read: its text, with U+FFFD for bytes that are not UTF-8."""


def read_rows(format: ReadsRows, data: bytes, first: bool) -> list[Row]:
    """Every row of a chunk run in order; ``len(…) == format.count(data, first)``, whatever the bytes."""
    return [read_row(format, body) for body in format.bodies(data, first)]


def read_row(format: ReadsRows, body: bytes) -> Row:
    """One row; ``{"$malformed": "…"}`` where it cannot be read."""
    row = format.parse(body)
    return malformed_row(body) if isinstance(row, Malformed) else row


def malformed_row(body: bytes) -> Row:
    """What stands for a row that cannot be read."""
    return {MALFORMED_FIELD: body.decode("utf-8", "replace")}


def is_malformed(row: Row) -> bool:
    """Whether a row stands for one that cannot be read."""
    return len(row) == 1 and MALFORMED_FIELD in row
