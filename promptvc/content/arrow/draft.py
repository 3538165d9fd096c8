"""A file of the cache while it is written: table by table, hashed on the way to the disk."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import xxhash
from msgspec import Struct

from promptvc.content.arrow.kinds import ColumnKind, kind_to_plain

if TYPE_CHECKING:
    import pyarrow as pa

FOOTER = struct.Struct("<QQQ8s")
"""Length of the trailer, xxh3_64 of the stream, xxh3_64 of the trailer, mark."""
MARK = b"pvcarow1"
_BUFFER_BYTES = 1 << 16


class Origin(Struct, frozen=True):
    """The chunk runs whose rows a table holds, in order.

    ``counts`` are their numbers of rows, ``kinds`` those of the columns, ``witnesses`` the places of chunk runs
    whose kinds, joined, are ``kinds``.
    """

    ids: Sequence[bytes]
    counts: Sequence[int]
    witnesses: Sequence[int]
    kinds: dict[str, ColumnKind]


class Draft:
    """A file in the making, gone at the end of its ``with`` block unless it was put in place.

    Nothing here fails: once the disk refuses something, or there is more than ``limit_bytes``, there is no file.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path, self._limit_bytes = path, limit_bytes
        self._failed = False
        self._size = 0
        self._sink: _Sink | None = None
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *_: object) -> None:
        self.restart()

    def write(self, table: pa.Table) -> None:
        """Add rows; all that is written has one schema."""
        self._size += table.nbytes
        if self._failed or self._size > self._limit_bytes:
            self._failed = True
            return
        try:
            self._open(table.schema).write_table(table)
        except OSError:  # no space, no permission: then it is read from the rows again
            self._failed = True

    def restart(self) -> None:
        """Throw away what is written."""
        if self._sink is not None:
            with contextlib.suppress(OSError):
                self._sink.close()
            with contextlib.suppress(OSError):
                self.path.unlink()
        self._failed, self._size, self._sink, self._writer = False, 0, None, None

    def finish(self, origin: Origin) -> bool:
        """Complete the file; whether there is one."""
        if self._failed or self._sink is None or self._writer is None:
            return False
        try:
            self._writer.close()
            checksum = self._sink.hash.intdigest()
            trailer = _trailer(origin)
            self._sink.write(trailer)
            self._sink.write(FOOTER.pack(len(trailer), checksum, xxhash.xxh3_64_intdigest(trailer), MARK))
            self._sink.close()
        except OSError:
            return False
        return True

    def _open(self, schema: pa.Schema) -> pa.ipc.RecordBatchStreamWriter:
        import pyarrow as pa

        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._sink = _Sink(self.path.open("wb", buffering=_BUFFER_BYTES))
            self._writer = pa.ipc.new_stream(pa.PythonFile(self._sink, "w"), schema)
        return self._writer


class _Sink:
    """A file that is hashed as it is written, for `pyarrow.PythonFile`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.hash = file, xxhash.xxh3_64()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def write(self, data: bytes) -> int:
        """Write bytes, or anything with a buffer."""
        self.hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """For whoever takes it for a file: it is flushed when it is closed."""

    def close(self) -> None:
        """Write what is buffered."""
        self._file.close()


def _trailer(origin: Origin) -> bytes:
    import msgpack

    kinds = [[name, kind_to_plain(kind)] for name, kind in origin.kinds.items()]
    packed: bytes = msgpack.packb([list(origin.ids), list(origin.counts), list(origin.witnesses), kinds])
    return packed
