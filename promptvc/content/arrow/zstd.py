"""Zstandard (RFC 8878), which Python reads from 3.14 on, and pyarrow brings along."""

from __future__ import annotations

from io import BytesIO


def unpacked(data: bytes, size: int) -> bytes:
    """The content of a stream; of one that holds more than ``size`` bytes, the first ``size + 1``.

    Raises `ValueError` for what is no such stream.
    """
    import pyarrow as pa

    try:
        with pa.CompressedInputStream(BytesIO(data), "zstd") as stream:
            found: bytes = stream.read(size + 1)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(str(error)) from None
    return found
