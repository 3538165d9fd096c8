"""Rows that are JSON objects: what JSON Lines and JSON arrays have in common."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

from promptvc.content.formats.base import Json, Malformed, ReadsRows, Row
from promptvc.content.formats.jsonrow import parse_json

if TYPE_CHECKING:
    from promptvc.content.formats.jsonstyle import JsonStyle


class JsonObjects:
    """Bodies are JSON objects of any fields."""

    columns = None
    reading: tuple[object, ...] = ("json",)
    is_json = True
    text_only = False

    @property
    def style(self) -> JsonStyle:
        """How the file's first objects are written."""
        raise NotImplementedError

    def parse(self, body: bytes) -> Row | Malformed:
        """See `ReadsRows`."""
        return parse_json(body)

    def encode(self, row: Mapping[str, Json], like: bytes | None = None) -> bytes:
        """See `WritesRows`."""
        from promptvc.content.formats.jsonstyle import encode_json  # only writers need it

        return encode_json(row, like, self.style)

    def translate(
        self, row: Mapping[str, Json], body: bytes, source: ReadsRows, columns: Container[str]
    ) -> bytes:
        """See `WritesRows`."""
        return self.encode(row, body if source.is_json else None)

    def fitted(self, row: Row) -> Row:
        """See `WritesRows`."""
        return row
