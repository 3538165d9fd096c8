"""Whatever the bytes: committed, restored, equal; and the same bytes are the same tree."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_suffixes
from promptvc.repo import Repo, Surroundings
from tests.amounts import examples
from tests.conftest import ME

_WORLD = Surroundings(author=ME, committer=ME)
_ROWS = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [
            b'{"id": 1}\n',
            b'a,"b\n',
            b'"',
            b"\r\n",
            b"\r",
            b"\xef\xbb\xbf",
            b"[",
            b'{"a": [{',
            b"},\n",
            b"\\",
            b"\0",
            b"\xff\xfe",
        ]
    ),
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Arbitrary bytes, some of them repeated until they fill several chunks."""
    pieces = draw(st.lists(st.tuples(_ROWS, st.sampled_from([1, 1, 3, 400, 9000])), max_size=8))
    return b"".join(piece * times for piece, times in pieces)[: 3 << 20]


@pytest.mark.parametrize("suffix", [*row_suffixes(), ".bin"])
@settings(max_examples=examples(30))
@given(data=files())
def test_bytes_come_back_and_equal_bytes_are_equal_trees(suffix: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Repo.init(Path(folder) / "a", _WORLD), Repo.init(Path(folder) / "b", _WORLD)
        for repo in (first, second):
            assert repo.root is not None
            path = repo.root / "examples" / f"data{suffix}"
            path.parent.mkdir()
            path.write_bytes(data)
            repo.commit("any bytes")
            path.unlink()
            repo.parts.workspace.restore(["examples"], repo.parts.workspace.head_files())
            assert path.read_bytes() == data
            assert repo.snapshot().read(f"examples/data{suffix}") == data
            assert repo.verify() == []
        assert first.snapshot().commit.tree == second.snapshot().commit.tree
