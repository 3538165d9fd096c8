"""Versions without what is forgotten are cut as if it had never been there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.formats.base import Malformed
from promptvc.ids import RepoPath
from promptvc.session.files.contents import Contents, Source
from promptvc.session.forget.editor import Editor
from promptvc.session.forget.wanted import Wanted
from promptvc.storage.cache import Cache
from promptvc.storage.store import ObjectStore
from promptvc.versioning.forgotten import Forgotten
from tests.amounts import examples

Write = Callable[[list[dict[str, object]]], bytes]


def as_lines(rows: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def as_array(rows: list[dict[str, object]]) -> bytes:
    return json.dumps(rows, indent=1).encode() + b"\n"


def as_csv(rows: list[dict[str, object]]) -> bytes:
    return b"id,text\n" + b"".join(f'{row["id"]},"{row["text"]}"\n'.encode() for row in rows)


WRITERS: dict[str, Write] = {"t.jsonl": as_lines, "t.json": as_array, "t.csv": as_csv}


def rows_of(seed: int, count: int, longest: int) -> list[dict[str, object]]:
    rng = random.Random(seed)
    return [
        {"id": f"r{at}", "text": "".join(rng.choices("abcdef ", k=rng.randint(1, longest)))}
        for at in range(count)
    ]


def wanted(keys: set[str], path: str) -> Wanted:
    return Wanted(path=path, is_of=lambda row: not isinstance(row, Malformed) and row.get("id") in keys)


@pytest.mark.parametrize("path", WRITERS)
@settings(max_examples=examples(40), deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 900),
    longest=st.sampled_from([20, 300, 3000]),
    gone=st.sets(st.integers(0, 899), min_size=1, max_size=5),
    tail=st.booleans(),
)
def test_a_version_without_rows_has_the_entry_of_its_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    path: str,
    seed: int,
    count: int,
    longest: int,
    gone: set[int],
    tail: bool,
) -> None:
    folder: Path = tmp_path_factory.mktemp("store")
    (folder / "objects/pack").mkdir(parents=True)
    store = ObjectStore(folder / "objects")
    contents = Contents(store, Cache(folder / "cache"))
    rows = rows_of(seed, count, longest)
    if tail:
        gone = {*gone, count - 1}  # the last row of an array takes a comma along
    keys = {f"r{at}" for at in gone}
    data = WRITERS[path](rows)
    name = RepoPath(path)
    with store.begin() as writer:
        before = contents.write(path, Source([data]), writer)
        writer.finish()
    with store.begin() as writer:
        editor = Editor(store, contents, writer)
        after = editor.without(wanted(keys, path), name, before)
        assert after is not None
        writer.finish()
    made = contents.read(after)
    format = row_format(path, made[:65536])
    left = [row for row in rows if row["id"] not in keys]
    if format is not None:
        assert [format.parse(body) for body in format.bodies(made, True)] == left
    assert contents.write(path, Source([made]), None) == after, "the same bytes, the same entry"
    if after == before:
        return
    assert editor.cuts
    ids = {id for run in editor.chunk_runs(after) for id in _ids(run.id)}
    assert editor.cuts.keys().isdisjoint(ids), "what holds the rows is not among what is left"

    # Whoever has only the list comes to the same.
    listed = Forgotten(editor.cuts)
    assert Forgotten.decode(listed.encode()) == listed
    with store.begin() as writer:
        other = Editor(store, contents, writer).cut_by(listed, name, before)
        writer.finish()
    assert other == after


def _ids(raw: bytes) -> list[str]:
    return [raw[at : at + 20].hex() for at in range(0, len(raw), 20)]
