"""A row of one version encoded for the merged file."""

from __future__ import annotations

from collections.abc import Sequence

from promptvc.content.formats.base import Malformed, RowFormat
from promptvc.content.tablemerge.outcome import Content
from promptvc.content.tablemerge.renames import Names, renamed


def encode(
    content: Content, target: RowFormat, formats: Sequence[RowFormat], names: Sequence[Names]
) -> bytes:
    """The bytes of a row in the merged file; those that it has, where they mean the same there.

    ``formats`` and ``names`` are those of base, ours and theirs.
    """
    source = formats[content.side]
    row = content.row
    if row is None:
        if source.reading == target.reading:
            return content.body
        parsed = source.parse(content.body)
        if isinstance(parsed, Malformed):
            return content.body
        row = renamed(parsed, names[content.side])
    columns = {name for format in formats for name in format.columns or ()}
    return target.translate(row, content.body, source, columns)
