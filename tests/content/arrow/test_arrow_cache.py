"""Cached Arrow tables: the same table with a cache as without, whatever was in it."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.arrow.cache import Origin
from promptvc.content.arrow.tables import ArrowCache, read_arrow
from promptvc.versioning.ropes.chunkrun import ChunkRun
from tests.amounts import examples
from tests.content.tablefiles import chunk_runs_of, format_of, jsonl, rows

BIG = 1 << 30


def read(data: bytes, cache: ArrowCache | None, every: int = 1, path: str = "t.jsonl") -> pa.Table:
    return read_arrow(path, chunk_runs_of(path, data, every), format_of(path, data), cache=cache)


def watched(data: bytes, seen: list[bytes], every: int = 10) -> list[ChunkRun]:
    """Chunk runs that note when they are loaded."""

    def watch(load: Callable[[], bytes]) -> Callable[[], bytes]:
        def noted() -> bytes:
            seen.append(load())
            return seen[-1]

        return noted

    return [
        chunk_run._replace(load=watch(chunk_run.load)) for chunk_run in chunk_runs_of("t.jsonl", data, every)
    ]


def sample(count: int = 400) -> list[dict[str, Any]]:
    return [{"id": n, "text": f"text {n}", "tags": ["a"] * (n % 3)} for n in range(count)]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def cache(tmp_path: Path) -> ArrowCache:
    return ArrowCache(tmp_path / "arrow", BIG)


def test_a_second_reading_loads_no_row(cache: ArrowCache) -> None:
    data, seen = jsonl(sample()), []
    first = read(data, cache, 10)
    again = read_arrow("t.jsonl", watched(data, seen), format_of("t.jsonl", data), cache=cache)
    assert again.equals(first)
    assert seen == []


def test_wanted_columns_come_from_the_cached_table(cache: ArrowCache) -> None:
    data, seen = jsonl(sample()), []
    read(data, cache, 10)
    table = read_arrow("t.jsonl", watched(data, seen), format_of("t.jsonl", data), ["tags", "id"], cache)
    assert table.column_names == ["tags", "id"]
    assert seen == []


def test_a_near_version_loads_only_what_is_new_and_what_taught_the_types(cache: ArrowCache) -> None:
    some, seen = sample(), []
    read(jsonl(some), cache, 10)
    some[205]["text"] = "edited"
    data = jsonl(some)
    table = read_arrow("t.jsonl", watched(data, seen), format_of("t.jsonl", data), cache=cache)
    assert table.equals(read(data, None, 10))
    assert len(seen) == 2  # the first chunk run, and the edited one
    assert len(files(cache.folder)) == 1


def test_a_version_that_is_less_near_is_cached_itself(cache: ArrowCache) -> None:
    some = sample()
    read(jsonl(some), cache, 10)
    for row in some[:120]:
        row["text"] = "edited"
    assert read(jsonl(some), cache, 10).equals(read(jsonl(some), None, 10))
    assert len(files(cache.folder)) == 2


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.lists(rows, max_size=10), min_size=2, max_size=3), st.data())
def test_versions_read_after_each_other_are_as_if_read_alone(
    versions: list[list[Any]], data: st.DataObject
) -> None:
    pool = [row for version in versions for row in version]
    with tempfile.TemporaryDirectory() as folder:
        cache = ArrowCache(Path(folder), BIG)
        for version in versions:
            some = version + data.draw(st.lists(st.sampled_from(pool), max_size=6)) if pool else version
            assert_same(read(jsonl(some), cache), read(jsonl(some), None))


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(rows, min_size=4, max_size=16),
    st.sets(st.integers(0, 15), max_size=3),
    st.sets(st.integers(0, 15), max_size=3),
)
def test_rows_taken_out_of_a_cached_version_leave_no_trace(
    some: list[Any], gone: set[int], doubled: set[int]
) -> None:
    after = [row for at, row in enumerate(some) if at not in gone for _ in range(1 + (at in doubled))]
    with tempfile.TemporaryDirectory() as folder:
        cache = ArrowCache(Path(folder), BIG)
        read(jsonl(some), cache)
        assert_same(read(jsonl(after), cache), read(jsonl(after), None))
        assert_same(read(jsonl(some), cache), read(jsonl(some), None))


def assert_same(one: pa.Table, other: pa.Table) -> None:
    assert one.schema.equals(other.schema, check_metadata=True), f"{one.schema}\n{other.schema}"
    assert repr(one.to_pylist()) == repr(other.to_pylist())
    one.validate(full=True)


def test_types_do_not_depend_on_what_the_cache_holds(cache: ArrowCache) -> None:
    some = sample()
    some[200]["id"] = "two hundred"
    some[300]["extra"] = {"x": 1}
    assert read(jsonl(some), cache, 10).schema.field("id").metadata
    some[200]["id"] = 200
    del some[300]["extra"]
    assert_same(read(jsonl(some), cache, 10), read(jsonl(some), None, 10))


def test_a_header_is_part_of_how_rows_are_read(cache: ArrowCache) -> None:
    assert read(b"a,b\n1,2\n", cache, 1, "t.csv").column_names == ["a", "b"]
    assert read(b"b,a\n1,2\n", cache, 1, "t.csv").to_pylist() == [{"b": "1", "a": "2"}]


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d[: len(d) // 2], lambda d: b"", lambda d: b"x" * 99]
)
def test_a_damaged_file_is_read_again(cache: ArrowCache, damage: Callable[[bytes], bytes]) -> None:
    data = jsonl(sample())
    table = read(data, cache)
    [file] = cache.folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert read(data, cache).equals(table)
    assert cache.load(*file.stem.split("-")) is not None


@pytest.mark.parametrize("at", [0.01, 0.5, 0.9, 0.999])
def test_a_changed_byte_is_noticed(cache: ArrowCache, at: float) -> None:
    data = jsonl(sample())
    table = read(data, cache)
    [file] = cache.folder.iterdir()
    content = bytearray(file.read_bytes())
    content[int(len(content) * at)] ^= 1
    file.write_bytes(content)
    assert cache.load(*file.stem.split("-")) is None
    assert read(data, cache).equals(table)


def test_foreign_files_are_left_alone(cache: ArrowCache) -> None:
    cache.folder.mkdir()
    (cache.folder / "notes.arrow").write_bytes(b"mine")
    ArrowCache(cache.folder, 10_000).save("0" * 16, "1" * 32, pa.table({"a": [1]}), origin())
    assert "notes.arrow" in files(cache.folder)


def test_least_used_tables_go_first(tmp_path: Path) -> None:
    table = pa.table({"a": ["x" * 3000]})
    cache = ArrowCache(tmp_path, 8_000)
    for at, version in enumerate(["1" * 32, "2" * 32]):
        cache.save("0" * 16, version, table, origin())
        os.utime(tmp_path / f"{'0' * 16}-{version}.arrow", (at, at))
    assert cache.load("0" * 16, "1" * 32)
    cache.save("0" * 16, "3" * 32, table, origin())
    assert files(tmp_path) == [f"{'0' * 16}-{'1' * 32}.arrow", f"{'0' * 16}-{'3' * 32}.arrow"]


def test_a_table_above_the_limit_is_not_kept(tmp_path: Path) -> None:
    cache = ArrowCache(tmp_path / "arrow", 100)
    data = jsonl(sample())
    assert read(data, cache).equals(read(data, None))
    assert not cache.folder.exists()


def test_what_a_killed_writer_left_goes_after_an_hour(tmp_path: Path) -> None:
    old, new = tmp_path / f".{'a' * 32}.part", tmp_path / f".{'b' * 32}.part"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (0, 0))
    ArrowCache(tmp_path, BIG).save("0" * 16, "1" * 32, pa.table({"a": [1]}), origin())
    assert not old.exists()
    assert new.exists()


def test_a_folder_that_cannot_be_made_means_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    data = jsonl(sample())
    assert read(data, ArrowCache(tmp_path / "file" / "arrow", BIG)).equals(read(data, None))


def test_a_disk_that_takes_no_more_means_no_cache(cache: ArrowCache) -> None:
    data = jsonl(sample())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        table = read(data, cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert table.equals(read(data, None))
    assert files(cache.folder) == []


def origin() -> Origin:
    return Origin([b"1"], [1], [0], {})
