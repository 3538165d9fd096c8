"""Where chunks that stay meet new ones: a key that lies on both is found, and nothing is read for nothing."""

from __future__ import annotations

import random

import pytest

from promptvc.ids import ObjectId, RepoPath
from promptvc.session.secrets.beside import Beside
from promptvc.session.secrets.guard import WINDOW, Guard
from tests.secrets.tokens import TOKENS, key_text

HEAD, BODY = key_text(random.Random(1)).split("\n", 1)
FIRST, LAST = ObjectId("a" * 40), ObjectId("b" * 40)
PATH = RepoPath("examples/t.jsonl")


class Reader:
    """Known chunks, and which of them were read."""

    def __init__(self, **chunks: bytes) -> None:
        self.chunks, self.read_ids = chunks, list[str]()

    def __call__(self, id: ObjectId) -> bytes:
        self.read_ids.append(id[0])
        return self.chunks[id[0]]


def test_a_key_whose_header_stays_is_found() -> None:
    reader = Reader(b=b"row\n" * 5000 + HEAD.encode() + b"\n")
    with Guard(reader) as guard:
        watch = guard.always(PATH)
        watch.known(FIRST, LAST)
        watch.new(BODY.encode())
        assert [hit.kind for hit in guard.finish()[PATH]] == ["private-key"]


def test_a_key_whose_body_stays_is_found() -> None:
    reader = Reader(a=BODY.encode() + b"row\n" * 5000)
    with Guard(reader) as guard:
        watch = guard.always(PATH)
        watch.new(b"row\n" * 5000 + HEAD.encode() + b"\n")
        watch.known(FIRST, LAST)
        assert [hit.kind for hit in guard.finish()[PATH]] == ["private-key"]


def test_a_key_over_two_new_chunks_is_found() -> None:
    with Guard(Reader()) as guard:
        watch = guard.always(PATH)
        watch.new(b"row\n" * 5000 + HEAD.encode() + b"\n")
        watch.new(BODY.encode() + b"row\n" * 5000)
        assert [hit.kind for hit in guard.finish()[PATH]] == ["private-key"]


def test_known_chunks_are_not_read_where_nothing_can_go_on() -> None:
    reader = Reader()
    with Guard(reader) as guard:
        watch = guard.always(PATH)
        for number in range(50):
            watch.known(FIRST, LAST)
            watch.new(b'{"id": %d}\n' % number)
        watch.known(FIRST, LAST)
        assert guard.finish() == {}
    assert reader.read_ids == []


def test_a_file_of_many_windows_is_looked_at_beside_the_writing() -> None:
    tokens = [make(random.Random(4)) for _, make in TOKENS]
    with Guard(Reader()) as guard:
        watch = guard.always(PATH)
        for token in tokens:
            watch.new(b"some words\n" * (WINDOW // 22) + token.encode() + b"\n")
        assert [hit.kind for hit in guard.finish()[PATH]] == [kind for kind, _ in TOKENS]


def test_what_goes_wrong_beside_is_raised() -> None:
    def work(item: int) -> None:
        raise ValueError(item)

    for count in (1, 20):
        with Beside(work) as beside:
            for number in range(count):
                beside.put(number)
            with pytest.raises(ValueError, match="0"):
                beside.finish()
