"""Deltas make what they should, by git's reading of them and by ours, and are short where little changed."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from promptvc.storage.delta import make_delta
from promptvc.storage.git import apply_delta
from promptvc.storage.objects import Kind

PIECES = st.lists(
    st.sampled_from([b"one\n", b"two two two\n", b"\n", b"x" * 200 + b"\n", b"no end"]), max_size=12
)
BYTES = st.one_of(st.binary(max_size=60), PIECES.map(b"".join))


@given(base=BYTES, target=BYTES, kind=st.sampled_from([Kind.BLOB, Kind.TREE]))
def test_a_delta_makes_the_target(base: bytes, target: bytes, kind: Kind) -> None:
    assert apply_delta(base, make_delta(base, target, kind)) == target


@given(seed=st.integers(0, 1 << 30))
def test_edits_of_rows_cost_what_changed(seed: int) -> None:
    """Some rows edited, some gone, some new: less than the new bytes and some 30 for each place."""
    drawn = random.Random(seed)
    rows = [b'{"id": %d, "text": "%s"}\n' % (n, drawn.randbytes(60).hex().encode()) for n in range(300)]
    new = list(rows)
    places = sorted(drawn.sample(range(300), 9), reverse=True)
    for number, place in enumerate(places):
        match number % 3:
            case 0:
                new[place] = new[place].replace(b'", ', b' edited", ').replace(b"text", b"words")
            case 1:
                del new[place]
            case 2:
                new.insert(place, b'{"id": -1}\n')
    base, target = b"".join(rows), b"".join(new)
    delta = make_delta(base, target, Kind.BLOB)
    assert apply_delta(base, delta) == target
    assert len(delta) < 60 * len(places)


def test_a_long_copy_is_divided() -> None:
    base = random.Random(3).randbytes(300_000)
    target = base[:200_000] + b"x" + base[200_000:]
    delta = make_delta(base, target, Kind.BLOB)
    assert apply_delta(base, delta) == target
    assert len(delta) < 60
