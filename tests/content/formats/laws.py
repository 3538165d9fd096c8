"""What holds for every row format, on any bytes: the contract of the port."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from promptvc.content.formats import HEAD_SIZE, blank_table, row_format
from promptvc.content.formats.base import Json, RowFormat

PIECES = [
    b'"',
    b'""',
    b"\\",
    b"\\\\",
    b'\\"',
    b",",
    b";",
    b"\t",
    b"|",
    b"=",
    b"%",
    b"\n",
    b"\r",
    b"\r\n",
    b" ",
]
PIECES += [b"{", b"}", b"[", b"]", b'{"a": 1}', b'{"b": {"c": [{"d": "}"}]}}', b"},\n", b"null", b"a"]
PIECES += [b"id,text\n", b'"x,\n"', b"\xef\xbb\xbf", b"\xff"]
TEXT = st.text(st.sampled_from(',;"|=%\n\r\t aé😀'), max_size=5)
BYTES = st.lists(st.sampled_from(PIECES), max_size=24).map(b"".join) | st.binary(max_size=60)


def format_of(suffix: str, data: bytes) -> RowFormat:
    """The format for this suffix; for JSON arrays, also on bytes that are none."""
    path = "rows" + suffix
    found = row_format(path, data[:HEAD_SIZE]) or row_format(path, blank_table(path))
    assert found is not None
    return found


def segments_join_to_the_data(suffix: str, data: bytes) -> None:
    segments = format_of(suffix, data).segments(data, True)
    assert b"".join(s.data for s in segments) == data
    assert all(s.trail == b"" and s.lead for s in segments if s.body is None)


def bodies_are_those_of_the_segments_and_count_counts_them(suffix: str, data: bytes) -> None:
    rows = format_of(suffix, data)
    bodies = [s.body for s in rows.segments(data, True) if s.body is not None]
    assert rows.bodies(data, True) == bodies
    assert rows.count(data, True) == len(bodies)
    assert all(bodies)


def row_ends_do_not_depend_on_where_buffers_end(suffix: str, data: bytes, stops: Iterable[int]) -> None:
    rows = format_of(suffix, data)
    whole = list(rows.row_ends(data, 0))
    found: list[int] = []
    for stop in [*sorted(min(stop, len(data)) for stop in stops), len(data)]:
        start = found[-1] if found else 0
        found += rows.row_ends(data[:stop], start)
    assert found == whole
    assert whole == sorted(set(whole))


def rows_do_not_depend_on_the_row_ends_at_which_data_is_cut(
    suffix: str, data: bytes, chosen: Sequence[bool]
) -> None:
    rows = format_of(suffix, data)
    cuts = [end for at, end in enumerate(rows.row_ends(data, 0)) if chosen and chosen[at % len(chosen)]]
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    segments = [s for at, piece in enumerate(pieces) for s in rows.segments(piece, at == 0)]
    assert segments == list(rows.segments(data, True))
    bodies = [b for at, piece in enumerate(pieces) for b in rows.bodies(piece, at == 0)]
    assert bodies == rows.bodies(data, True)
    assert sum(rows.count(piece, at == 0) for at, piece in enumerate(pieces)) == rows.count(data, True)


def a_row_encoded_like_itself_is_itself(suffix: str, data: bytes) -> None:
    rows = format_of(suffix, data)
    for body in rows.bodies(data, True):
        row = rows.parse(body)
        if isinstance(row, dict):
            assert rows.encode(row, like=body) == body


def written_rows_read_back(suffix: str, rows: Sequence[dict[str, Json]]) -> None:
    """``rows`` have text in the fields ``id`` and ``b``, which every format holds."""
    blank = blank_table("rows" + suffix, ["id", "b"])
    found = format_of(suffix, blank)
    segments = found.segments(blank, True)
    data = b"".join(s.data for s in found.rebuild(segments, [*segments, *map(found.encode, rows)]))
    again = format_of(suffix, data)
    assert [again.parse(body) for body in again.bodies(data, True)] == list(rows)


def what_was_added_and_removed_again_leaves_no_trace(suffix: str, ids: Sequence[int], ended: bool) -> None:
    """``ids`` are those of the rows that stay."""
    path = "rows" + suffix
    data = _added(path, blank_table(path, ["id"]), ids).rstrip(b"\n") + b"\n" * ended
    longer = _added(path, data, [10, 11])
    found = format_of(suffix, longer)
    segments = found.segments(longer, True)
    assert found.count(longer, True) == len(ids) + 2
    places = [at for at, segment in enumerate(segments) if segment.body is not None][-2:]
    left = found.rebuild(segments, [s for at, s in enumerate(segments) if at not in places])
    assert b"".join(s.data for s in left) == data


def _added(path: str, data: bytes, ids: Iterable[int]) -> bytes:
    found = row_format(path, data[:HEAD_SIZE])
    assert found is not None
    segments = found.segments(data, True)
    return b"".join(
        s.data for s in found.rebuild(segments, [*segments, *(found.encode({"id": n}) for n in ids)])
    )
