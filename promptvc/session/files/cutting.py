"""Files of a row format, cut into chunks and chunk runs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from promptvc.content.formats.base import RowFormat
from promptvc.versioning.ropes.chunking import Cutting, cut, file_blocks
from promptvc.versioning.ropes.chunkrun import ChunkRun


def cutting_of(format: RowFormat) -> Cutting:
    """How files of this format are cut."""
    return Cutting(format.row_ends, format.count, repr(format.cutting), format.row_per_end)


def file_chunk_runs(file: Path, format: RowFormat) -> Iterator[ChunkRun]:
    """A file as chunk runs of whole rows, each already loaded; no more of the file is read than is asked for."""
    with file.open("rb") as source:
        parts: list[bytes] = []
        for piece in cut(file_blocks(source.read), cutting_of(format)):
            parts.append(piece.data)
            if not piece.broken:
                yield _loaded(parts)
                parts = []
        if parts:
            yield _loaded(parts)


def _loaded(parts: list[bytes]) -> ChunkRun:
    data = b"".join(parts)
    return ChunkRun(b"", partial(bytes, data), len(data))
