"""Keys gathered in parts make the segment that all of them at once make."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.keys import segments
from promptvc.content.keys.gathered import gather
from promptvc.content.keys.hashes import KeyHashes
from promptvc.content.keys.segments import join_segments, make_segment, repeated, segment_of, upper_bits
from tests.amounts import examples

FOUND = st.builds(
    lambda name, hashes, complete: (b"%016d" % name, KeyHashes(array("Q", hashes), complete)),
    st.integers(0, 9),
    st.lists(st.one_of(st.integers(0, (1 << 64) - 1), st.sampled_from([5 << 40, 6 << 40])), max_size=5),
    st.booleans(),
)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.lists(FOUND, max_size=5), max_size=4), st.sampled_from([0, 1 << 16]))
def test_parts_make_the_segment_of_all(parts: list[list[tuple[bytes, KeyHashes]]], many: int) -> None:
    expected: dict[bytes, tuple[list[int], bool]] = {}
    for name, keys in (each for part in parts for each in part):
        expected.setdefault(name, (sorted(map(upper_bits, keys.hashes)), keys.complete))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "_MANY", many)
        made = segment_of([*map(gather, parts)])
        assert made.by_name() == expected
        assert [*made.entries] == sorted(made.entries)
        joined = join_segments([*map(make_segment, parts)], lambda name: True)
        assert (joined.names, joined.flags, joined.entries) == (made.names, made.flags, made.entries)
        # One segment is looked at as it is; a name that is not wanted makes it a joined one.
        everything = [*repeated([made], lambda name: True)]
        empty = make_segment([(b"%016d" % 99, KeyHashes(array("Q"), complete=True))])
        assert everything == [*repeated([made, empty], lambda name: True)]
