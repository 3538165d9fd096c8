"""Row files in memory: any bytes as chunk runs, and rows that are hard to hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.formats.base import RowFormat
from promptvc.versioning.ropes.chunkrun import ChunkRun


def format_of(path: str, data: bytes) -> RowFormat:
    format = row_format(path, data[:65536])
    assert format is not None
    return format


def chunk_runs_of(path: str, data: bytes, every: int = 1, counted: bool = False) -> list[ChunkRun]:
    """Cut data after every so many row ends."""
    format = format_of(path, data)
    ends = [0, *list(format.row_ends(data, 0))[every - 1 :: every], len(data)]
    cuts = sorted(set(ends))
    pieces = [data[a:b] for a, b in pairwise(cuts)]
    return [
        _chunk_run(piece, format.count(piece, at == 0) if counted else None)
        for at, piece in enumerate(pieces)
    ]


def _chunk_run(data: bytes, rows: int | None) -> ChunkRun:
    return ChunkRun(hashlib.sha1(data).digest(), lambda: data, len(data), rows)


def jsonl(rows: Sequence[object]) -> bytes:
    return b"".join(
        json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n" for row in rows
    )


names = st.sampled_from(["id", "a", "b", "é", ""])
numbers = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**63, -(2**63), 2**64 - 1, 2**64, 10**400]),
    st.floats(allow_nan=False, width=32),
    st.sampled_from([2.0**53, 1e300, float("nan"), float("inf"), -0.0]),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    numbers,
    st.sampled_from(["", "x", "2026-01-01", "é", "\x00", '"', "\U0001f600"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
"""Any JSON value."""

like_values = st.one_of(
    st.lists(st.integers(-3, 3), max_size=12),
    st.lists(st.one_of(st.integers(-3, 3), st.floats(-2, 2)), max_size=12),
    st.lists(st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=2), max_size=12),
    st.lists(
        st.fixed_dictionaries({}, optional={"x": st.integers(0, 3), "y": st.text(max_size=3)}), max_size=12
    ),
)
"""Values that one column may have."""

rows = st.dictionaries(names, values, max_size=4)
raw_lines = st.one_of(
    rows.map(lambda row: json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [
            b"",
            b"  ",
            b"{}",
            b'{"a":1}{"a":2}',
            b'{"a":',
            b"1}",
            b"[1]",
            b"null",
            b'{"a":"\xff"}',
            b'{"a":"\\ud800"}',
            b'{"a":1,"a":2}',
            b'{"a":NaN}',
            b'{"a":1e400}',
            b'{"a":9007199254740993}',
            b'\xef\xbb\xbf{"a":1}',
            b'{"a":1}\r',
            b' {"a": 1 } ',
            b'{"a":{"b":1}',
            b'{"\\ud800":1}',
            b"{" * 250,
            b'{"a":' + b"[" * 201 + b"]" * 201 + b"}",
            b'{"a":' + b"[" * 60 + b"]" * 60 + b"}",
            b'{"a":' + b"9" * 4301 + b"}",
            b'{"$malformed":1}',
            b'{"a":-0}',
        ]
    ),
)
any_jsonl = st.lists(raw_lines, max_size=12).map(b"\n".join)
"""A file that may be anything, with much that is nearly JSON Lines."""
