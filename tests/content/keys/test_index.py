"""The rows with a key, found without reading the table: the same as reading all of it, whatever is kept of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, cycle, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.formats.base import Malformed, RowFormat
from promptvc.content.keys import family as families
from promptvc.content.keys import index as index_module
from promptvc.content.keys import segments as segments_module
from promptvc.content.keys.hashes import hash_keys
from promptvc.content.keys.index import KeyIndexes, VersionKeys
from promptvc.content.keys.segments import make_segment, upper_bits
from promptvc.content.keys.tokens import KeyToken, key_token
from promptvc.versioning.ropes.chunkrun import ChunkRun

PATH = "examples/t.jsonl"
KEYS = st.one_of(
    st.sampled_from(["a", "b", "c", 'q"', "é", "\ud800", "x\ty", "A", 0, 1, -0.0, 1.0, True, False, None]),
    st.integers(-3, 3),
    st.lists(st.integers(0, 1), max_size=1),
)
ROWS = st.one_of(
    st.builds(lambda key: json.dumps({"id": key, "v": 1}).encode(), KEYS),
    st.builds(lambda key: json.dumps({"v": {"id": 2}, "id": key}).encode(), KEYS),
    st.builds(lambda key: json.dumps({"id": key}, ensure_ascii=False).encode("utf-8", "surrogatepass"), KEYS),
    st.sampled_from(
        [
            b"",
            b"{}",
            b'{"id": -0}',
            b'{"id":"a","id":"b"}',
            b'{"id": "a"',
            b'{"\\u0069d": "a"}',
            b"7",
            b'{"id": 01}',
        ]
    ),
    st.integers(0, 40).map(lambda n: b'{"id": "row-%02d"}' % n),
)
CHUNKS = st.lists(ROWS, min_size=0, max_size=6).map(lambda rows: b"".join(row + b"\n" for row in rows))


def as_runs(chunks: Sequence[bytes], read: list[bytes] | None = None) -> list[ChunkRun]:
    """Chunk runs named by their bytes, as in a store; those that are read are noted."""
    import hashlib

    def load(data: bytes) -> Callable[[], bytes]:
        def loaded() -> bytes:
            if read is not None:
                read.append(data)
            return data

        return loaded

    return [ChunkRun(hashlib.sha1(data).digest(), load(data), len(data)) for data in chunks]


def every_row(format: RowFormat, chunks: Sequence[bytes]) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    for place, data in enumerate(chunks):
        for number, body in enumerate(format.bodies(data, place == 0)):
            row = format.parse(body)
            if not isinstance(row, Malformed):
                yield (place, number), row


def check(keys: VersionKeys, format: RowFormat, chunks: Sequence[bytes]) -> None:
    """What the index says is what reading all rows says."""
    expected: dict[KeyToken, list[tuple[int, int]]] = {}
    complete = True
    for at, row in every_row(format, chunks):
        token = key_token(row, keys.key)
        complete &= token is not None and not any(isinstance(row[name], dict | list) for name in keys.key)
        if token is not None:
            expected.setdefault(token, []).append(at)
    for token, places in expected.items():
        assert [(found.place, found.number) for found in keys.find(token)] == places
    assert keys.find(("nowhere",)) == []
    assert keys.is_complete == complete
    shared = sorted(places for places in expected.values() if len(places) > 1)
    assert [found.at for found in keys.duplicates()] == shared
    assert keys.is_unique == (not shared)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of two chunk runs are kept; families join soon."""
    monkeypatch.setattr(index_module, "_SMALL", 1)
    monkeypatch.setattr(families, "_SEGMENTS", 2)


FORMAT = row_format(PATH, b"{}")
assert FORMAT is not None


DAMAGE = st.tuples(
    st.sampled_from(["leave", "leave", "cut", "garbage", "flip", "empty", "remove"]),
    st.floats(0, 1, exclude_max=True),
    st.binary(max_size=64),
)


@given(
    versions=st.lists(st.lists(CHUNKS, max_size=6), min_size=1, max_size=5),
    damage=st.lists(DAMAGE, min_size=1, max_size=6),
)
@settings(deadline=None)
def test_whatever_is_kept_the_rows_are_found_as_if_all_were_read(
    versions: list[list[bytes]],
    damage: list[tuple[str, float, bytes]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Cold, warm, of other versions, truncated, filled with garbage, or gone."""
    folder = tmp_path_factory.mktemp("keys")
    harm = cycle(damage)
    for chunks in versions:
        for _ in range(2):  # cold, then warm
            check(KeyIndexes(folder, lambda: 7).of(PATH, FORMAT, ("id",), as_runs(chunks)), FORMAT, chunks)
        files = (path for path in folder.rglob("*") if path.is_file())
        for file in sorted(files, key=lambda path: (path.suffix, path.stat().st_size, path.read_bytes())):
            _damage(file, *next(harm))


def _damage(file: Path, how: str, where: float, garbage: bytes) -> None:
    data = file.read_bytes()
    at = int(where * len(data))
    match how:
        case "cut":
            file.write_bytes(data[:at])
        case "garbage":
            file.write_bytes(garbage)
        case "flip" if data:
            file.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        case "empty":
            file.write_bytes(b"")
        case "remove":
            file.unlink()


@given(chunks=st.lists(CHUNKS, max_size=8))
@settings(deadline=None)
def test_many_entries_are_sorted_and_joined_as_few_are(chunks: list[bytes]) -> None:
    before = segments_module._MANY
    try:
        segments_module._MANY = 0
        check(KeyIndexes().of(PATH, FORMAT, ("id",), as_runs(chunks)), FORMAT, chunks)
    finally:
        segments_module._MANY = before


@given(chunks=st.lists(CHUNKS, max_size=4), loose=st.lists(CHUNKS, max_size=3))
def test_chunk_runs_without_a_name_are_read_and_not_kept(chunks: list[bytes], loose: list[bytes]) -> None:
    indexes = KeyIndexes()
    runs = [*as_runs(chunks), *(ChunkRun(b"", run.load) for run in as_runs(loose))]
    check(indexes.of(PATH, FORMAT, ("id",), runs), FORMAT, [*chunks, *loose])
    check(indexes.of(PATH, FORMAT, ("id",), as_runs(chunks)), FORMAT, chunks)


@given(rows=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=12))
def test_a_key_of_several_fields(rows: list[tuple[str, int]]) -> None:
    chunks = [json.dumps({"a": a, "b": b}).encode() + b"\n" for a, b in rows]
    check(KeyIndexes().of(PATH, FORMAT, ("a", "b"), as_runs(chunks)), FORMAT, chunks)


@pytest.mark.parametrize("path", ["t.csv", "t.json"])
@given(values=st.lists(st.sampled_from(["a", "b", "1", ""]), min_size=1, max_size=9))
def test_other_formats(path: str, values: list[str]) -> None:
    data = (
        "id,v\n" + "".join(f"{value},1\n" for value in values)
        if path == "t.csv"
        else json.dumps([{"id": value} for value in values], indent=1)
    ).encode()
    format = row_format(path, data)
    assert format is not None
    ends = [0, *format.row_ends(data, 0), len(data)]
    chunks = [data[start:end] for start, end in pairwise(ends) if start < end]
    check(KeyIndexes().of(path, format, ("id",), as_runs(chunks)), format, chunks)


def _table(rows: int, edited: Sequence[int] = ()) -> list[bytes]:
    lines = [b'{"id": "r-%05d", "v": %d}\n' % (n, n in edited) for n in range(rows)]
    return [b"".join(lines[at : at + 10]) for at in range(0, rows, 10)]


def test_a_version_reads_only_the_chunk_runs_that_are_new(tmp_path: Path) -> None:
    before, after = _table(1000), _table(1000, edited=[5, 777])
    assert KeyIndexes(tmp_path).of(PATH, FORMAT, ("id",), as_runs(before)).is_unique
    read: list[bytes] = []
    keys = KeyIndexes(tmp_path).of(PATH, FORMAT, ("id",), as_runs(after, read))
    assert keys.is_unique
    assert sorted(read) == sorted({after[0], after[77]})
    read.clear()
    assert [found.number for found in keys.find(("r-00998",))] == [8]
    assert read == [after[99]]


def test_a_key_that_comes_again_is_found_in_what_is_not_read(tmp_path: Path) -> None:
    assert KeyIndexes(tmp_path).of(PATH, FORMAT, ("id",), as_runs(_table(1000))).is_unique
    after = [*_table(1000), b'{"id": "r-00500"}\n']
    check(KeyIndexes(tmp_path).of(PATH, FORMAT, ("id",), as_runs(after)), FORMAT, after)


def test_segments_stay_few_and_do_not_keep_what_no_version_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(families, "_DEAD_FROM", 100)
    for version in range(60):
        chunks = _table(300, edited=range(version, 300, 7))
        check(KeyIndexes(tmp_path).of(PATH, FORMAT, ("id",), as_runs(chunks)), FORMAT, chunks)
        files = [*tmp_path.rglob("*.keys")]
        assert len(files) <= 5
        kept = sum(len(found) for file in files if (found := segments_module.read_segment(file)))
        assert kept <= 300 * 6


def test_a_folder_that_cannot_be_written_means_that_it_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    chunks = _table(100)
    check(KeyIndexes(tmp_path / "file").of(PATH, FORMAT, ("id",), as_runs(chunks)), FORMAT, chunks)


def test_the_numbers_of_rows_follow_from_places() -> None:
    chunks = _table(100)
    keys = KeyIndexes().of(PATH, FORMAT, ("id",), as_runs([*chunks, chunks[3]]))
    starts = [*accumulate([10] * 11, initial=0)]
    found = [tuple(starts[place] + number for place, number in shared.at) for shared in keys.duplicates()]
    assert found == [(30 + n, 100 + n) for n in range(10)]


def test_a_later_version_that_lacks_keys_is_seen_by_the_same_process() -> None:
    indexes = KeyIndexes()
    assert indexes.of(PATH, FORMAT, ("id",), as_runs(_table(100))).is_complete
    later = [*_table(100), b'{"v": 1}\n']
    check(indexes.of(PATH, FORMAT, ("id",), as_runs(later)), FORMAT, later)


@given(st.lists(CHUNKS, min_size=1, max_size=8), st.sets(st.integers(0, 7)), st.data())
def test_hits_are_the_same_searched_for_and_gone_through(
    chunks: list[bytes], wanted: set[int], data: st.DataObject
) -> None:
    format = row_format(PATH, b"")
    assert format is not None
    hashes = [hash_keys(format, ("id",), chunk, first=False, seed=0) for chunk in chunks]
    segment = make_segment([(b"%016d" % n, found) for n, found in enumerate(hashes)])
    here = [n in wanted for n in range(len(chunks))]
    every = sorted({upper_bits(hash) for found in hashes for hash in found.hashes} | {0, 1 << 63})
    some = set(data.draw(st.lists(st.sampled_from(every), max_size=6)))
    expected = sorted((upper, n) for upper, n in segment.hits(sorted(some)) if here[n])
    assert sorted(segment.among(some, here)) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments_module, "_SEARCH", 0)
        assert sorted(segment.among(some, here)) == expected
