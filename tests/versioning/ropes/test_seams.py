"""A sure cut is one of those that cutting the whole file makes, whatever is in it."""

from __future__ import annotations

import random
from itertools import accumulate, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.session.files.cutting import cutting_of
from promptvc.versioning.ropes import seams as seams_module
from promptvc.versioning.ropes.chunking import CHUNK_MAX, cut
from promptvc.versioning.ropes.seams import seams, sure_cut


def lines(seed: int, count: int, longest: int, giant: int) -> bytes:
    """Lines of random lengths, blank ones among them, one in a hundred of up to ``giant`` bytes."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        size = rng.randrange(giant) if rng.random() < 0.01 else rng.randrange(longest)
        made.append(rng.randbytes(8).hex().encode() * (size // 16))
    return b"\r\n".join(made) if seed % 3 else b"\n".join(made) + b"\n"


@given(
    st.integers(0, 999),
    st.integers(0, 1500),
    st.sampled_from([40, 700, 9000]),
    st.sampled_from([1, 5 * CHUNK_MAX // 4]),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
@example(0, 1, 40, 1, [0.0])
def test_a_sure_cut_is_a_cut(seed: int, count: int, longest: int, giant: int, at: list[float]) -> None:
    data = lines(seed, count, longest, giant)
    format = row_format("t.jsonl", data[:100])
    assert format is not None
    ends = {*accumulate(len(piece.data) for piece in cut([data], cutting_of(format)))}

    def read(offset: int, size: int) -> bytes:
        return data[offset : offset + size]

    for share in at:
        found = sure_cut(read, int(share * len(data)))
        assert found is None or found in ends
    parts = seams(read, len(data), 3)
    assert [start for start, _ in parts][:1] == [0][: len(parts)]
    assert [stop for _, stop in parts][-1:] == [len(data)][: len(parts)]
    assert all(before[1] == after[0] for before, after in pairwise(parts))


def test_a_table_of_usual_rows_has_sure_cuts_everywhere() -> None:
    data = b"".join(b'{"id": %d, "text": "%s"}\n' % (n, b"word " * (n % 100)) for n in range(40_000))
    places = [
        sure_cut(lambda at, size: data[at : at + size], at) for at in range(0, len(data) * 9 // 10, 99_991)
    ]
    assert None not in places


def test_a_line_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seams_module, "LONGEST_LINE", 1 << 20)
    read: list[int] = []

    def endless(offset: int, size: int) -> bytes:
        read.append(size)
        return b"x" * size

    assert sure_cut(endless, 0) is None
    assert sum(read) <= 4 << 20
