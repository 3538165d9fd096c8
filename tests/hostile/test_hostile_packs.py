"""Packs, loose objects, commits: what they claim is believed only as far as their bytes can bear it out."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from promptvc.errors import ObjectDamaged, TransferFailed
from promptvc.ids import ObjectId
from promptvc.storage import ingest
from promptvc.storage.git import MOST_OF_DELTA, apply_delta
from promptvc.storage.ingest import PackReceiver
from promptvc.storage.objects import EMPTY_TREE, Kind, object_id, parse_commit
from promptvc.storage.store import ObjectStore
from tests.confined import confined
from tests.hostile.stores import HEADERS, HostileStore, blob, delta, header, number, pack

BASE = b"a" * 100
COPY = b"\x90\x64"  # a hundred bytes from the beginning of the base
BOMB = zlib.compress(b"\0" * (200 << 20), 9)


def receiving(folder: Path, data: bytes) -> Callable[[], list[ObjectId]]:
    def receive() -> list[ObjectId]:
        (folder / "pack").mkdir(parents=True, exist_ok=True)
        with PackReceiver(folder / "pack") as receiver:
            receiver.write(data)
            return receiver.finish()

    return receive


PACKS = {
    "a size of 2**45": pack(header(3, 1 << 45) + zlib.compress(b"x")),
    "a size of 2**70": pack(header(3, 1 << 70) + zlib.compress(b"x")),
    "a size without end": pack(b"\xff" * 1_000_000),
    "a distance without end": pack(header(6, 1) + b"\xff" * 1_000_000),
    "2**32 objects": pack(blob(b"x"), count=0xFFFFFFFF),
    "a bomb that claims a byte": pack(header(3, 1) + BOMB),
    "a bomb that says so": pack(header(3, 200 << 20) + BOMB),
    "a delta of 2**62 bytes": pack(blob(BASE), delta(BASE, number(100) + number(1 << 62) + COPY)),
    "a delta of a terabyte": pack(blob(BASE), delta(BASE, number(100) + number(1 << 40) + COPY)),
    "a delta larger than any": pack(blob(BASE), delta(BASE, number(100) + number(MOST_OF_DELTA + 1) + COPY)),
    "a delta for another base": pack(blob(BASE), delta(BASE, number(5) + number(100) + COPY)),
    "a delta of copies": pack(blob(BASE), delta(BASE, number(100) + number(10**9) + COPY * 10_000_000)),
    "a delta that breaks off": pack(blob(BASE), delta(BASE, number(100) + number(100) + b"\x90")),
    "an empty delta": pack(blob(BASE), delta(BASE, b"")),
    "a delta with a size without end": pack(blob(BASE), delta(BASE, b"\xff" * 100_000)),
}


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_that_claims_too_much_is_refused(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TransferFailed, match="damaged or incomplete"):
        confined(receiving(tmp_path, PACKS[name]), memory=150 << 20)
    assert list((tmp_path / "pack").iterdir()) == []
    assert "panicked" not in capfd.readouterr().err


def test_a_delta_is_checked_before_it_is_applied() -> None:
    assert apply_delta(BASE, number(100) + number(200) + COPY * 2) == BASE * 2
    for claim in (1 << 62, 1 << 40, MOST_OF_DELTA + 1):
        with pytest.raises(ObjectDamaged):
            confined(lambda claim=claim: apply_delta(BASE, number(100) + number(claim) + COPY))


def test_deltas_that_make_more_than_a_pack_of_its_size_does_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = b"a" * 0xFFFF
    copies = number(0xFFFF) + number(0xFFFF * 100) + b"\xb0\xff\xff" * 100
    data = pack(blob(base), *(delta(base, copies + bytes([1, n])) for n in range(10)))
    monkeypatch.setattr(ingest, "LEAST_MADE", 10 << 20)
    with pytest.raises(TransferFailed):
        confined(receiving(tmp_path, data))
    good = [delta(base, number(0xFFFF) + number(0xFFFF * n) + b"\xb0\xff\xff" * n) for n in range(2, 90)]
    monkeypatch.setattr(ingest, "MOST_GROWTH", 1000)
    monkeypatch.setattr(ingest, "LEAST_MADE", 32 << 30)
    assert len(confined(receiving(tmp_path, pack(blob(base), *good)), memory=200 << 20)) == 89
    monkeypatch.setattr(ingest, "MOST_GROWTH", 0)
    monkeypatch.setattr(ingest, "LEAST_MADE", 10 << 20)
    with pytest.raises(TransferFailed, match="more bytes than are taken"):
        confined(receiving(tmp_path / "other", pack(blob(base), *good)))


@pytest.mark.parametrize(
    "stored",
    [
        zlib.compress(b"blob %d\0" % (1 << 30) + b"\0" * (1 << 20), 9),
        zlib.compress(b"blob 3\0" + b"\0" * (200 << 20), 9),
        zlib.compress(b"b" * (200 << 20), 9),
        zlib.compress(b"blob " + b"9" * 10_000 + b"\0"),
        zlib.compress(b"blob -1\0"),
    ],
    ids=["claims more", "claims less", "no header", "an endless size", "less than nothing"],
)
def test_a_loose_bomb_is_not_inflated(tmp_path: Path, stored: bytes) -> None:
    id = ObjectId("ab" * 20)
    (tmp_path / "objects/ab").mkdir(parents=True)
    (tmp_path / "objects/ab" / id[2:]).write_bytes(stored)
    with pytest.raises(ObjectDamaged):
        confined(lambda: ObjectStore(tmp_path / "objects").read(id), memory=100 << 20)


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_loose_objects_of_any_compression_are_read_and_measured(tmp_path: Path, level: int) -> None:
    data = bytes(range(256)) * 200 + b"a" * 200_000
    id = object_id(Kind.BLOB, data)
    (tmp_path / "objects" / id[:2]).mkdir(parents=True)
    stored = zlib.compress(b"blob %d\0" % len(data) + data, level)
    (tmp_path / "objects" / id[:2] / id[2:]).write_bytes(stored)
    store = ObjectStore(tmp_path / "objects")
    assert store.read_blob(id) == data
    assert store.size(id) == len(data)
    with pytest.raises(ObjectDamaged, match="at most 10"):
        store.read_blob(id, 10)


def test_packs_whose_deltas_lead_from_one_to_the_other_without_end(tmp_path: Path) -> None:
    store = HostileStore(tmp_path / "project")
    one, two = ObjectId("11" * 20), ObjectId("22" * 20)
    for id, base in ((one, two), (two, one)):
        entry = header(7, 4) + base.raw + zlib.compress(number(1) + number(1) + b"\x90\x01")
        data = pack(entry)
        path = store.store / f"objects/pack/pack-{id}.pack"
        path.write_bytes(data)
        from promptvc.storage.git import write_pack_index

        with path.with_suffix(".idx").open("wb") as out:
            write_pack_index(out, [(id.raw, 12, zlib.crc32(entry))], data[-20:])
    with pytest.raises(ObjectDamaged, match="without end"):
        ObjectStore(store.store / "objects").read(one)


TREE = b"tree %s\n" % EMPTY_TREE.encode()
COMMITS = {
    "a header that goes on and on": TREE + HEADERS + b"x y\n" + b" a\n" * (1 << 20) + b"\nm\n",
    "a header of many lines": TREE + HEADERS + b"x y\n" * (1 << 18) + b"\nm\n",
    "a time of many digits": TREE + HEADERS.replace(b"> 1 ", b"> " + b"9" * 5000 + b" ") + b"\nm\n",
    "an encoding that cannot replace": TREE + HEADERS + b"encoding idna\n\nm\n",
    "an encoding that is slow": TREE
    + HEADERS
    + b"encoding punycode\n\n"
    + b"a" * 200_000
    + b"-"
    + b"b" * 200_000,
    "an encoding with a zero byte": TREE + HEADERS + b"encoding a\0b\n\nm\n",
}


@pytest.mark.parametrize("name", COMMITS)
def test_odd_commits_are_read_in_time_that_grows_with_them(name: str) -> None:
    assert confined(lambda: parse_commit(COMMITS[name]).tree, seconds=10) == EMPTY_TREE


def test_a_commit_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    store = HostileStore(tmp_path / "project")
    store.commit_raw(TREE + HEADERS + b"x " + b"y" * (10 << 20) + b"\n\nm\n")
    with pytest.raises(ObjectDamaged, match="at most"):
        list(store.open().log())
