"""Thin packs go to servers that take them only."""

from __future__ import annotations

import zlib
from collections.abc import Set

import pytest
from dulwich.pack import REF_DELTA

from promptvc.ids import ObjectId
from promptvc.storage.objects import Kind
from promptvc.storage.packs import PackedObject
from promptvc.transports.git.client import NotesThin, pack_data
from promptvc.transports.progress import Meter
from promptvc.transports.remote import PackStream

WHOLE = PackedObject(Kind.BLOB, 3, ObjectId("1" * 40), zlib.compress(b"abc"))
DELTA = PackedObject(Kind.BLOB, 5, ObjectId("1" * 40), zlib.compress(b"12345"), ObjectId("2" * 40))


def make(have: Set[ObjectId], want: Set[ObjectId]) -> PackStream:
    return PackStream(1, iter([WHOLE]), iter([DELTA]))


@pytest.mark.parametrize(("takes", "number"), [(True, REF_DELTA), (False, Kind.BLOB)])
def test_deltas_go_only_to_who_takes_them(takes: bool, number: int) -> None:
    count, objects = pack_data(make, Meter(None), lambda: takes)(set(), {b"1" * 40})
    (sent,) = objects
    assert (count, sent.pack_type_num) == (1, number)


@pytest.mark.parametrize("capabilities", [{b"report-status"}, {b"report-status", b"no-thin"}])
def test_a_server_may_say_that_it_takes_none(capabilities: set[bytes]) -> None:
    client = NotesThin.__new__(NotesThin)
    client._send_capabilities = set()
    client._negotiate_receive_pack_capabilities(capabilities)
    assert client.takes_thin == (b"no-thin" not in capabilities)
