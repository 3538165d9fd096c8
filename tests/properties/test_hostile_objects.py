"""Objects of any bytes: whatever reads them gives a value or an error of ours, in bounds of time and memory."""

from __future__ import annotations

import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from promptvc.errors import ObjectDamaged, ObjectMissing, PromptvcError
from promptvc.ids import ObjectId
from promptvc.storage.git import apply_delta, delta_sizes
from promptvc.storage.ingest import PackReceiver
from promptvc.storage.objects import (
    Kind,
    Signature,
    object_id,
    parse_commit,
    parse_tag,
    parse_tree,
)
from promptvc.storage.reflog import read_log
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.marker import MARKER_ID
from promptvc.versioning.ropes.rope import MOST_CHUNKS, all_chunks, count_chunks, rope_size, walk_chunks
from promptvc.versioning.tree import load_files
from tests.amounts import examples
from tests.hostile.stores import blob, delta, header, number, pack

BASE = b"a" * 100
ANY = settings(max_examples=examples(400), deadline=None, suppress_health_check=list(HealthCheck))
DISK = settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))


class Nodes(ObjectStore):
    """A store of objects that are made up."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.objects: dict[ObjectId, tuple[Kind, bytes]] = {}

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        id = object_id(kind, data)
        self.objects[id] = kind, data
        return id

    def read(self, id: ObjectId, most: int | None = None) -> tuple[Kind, bytes]:
        if id not in self.objects:
            raise ObjectMissing(id)
        return self.objects[id]

    def size(self, id: ObjectId) -> int:
        return len(self.read(id)[1])


entry_modes = st.sampled_from([b"100644", b"40000", b"100755", b"120000", b"160000", b"", b"9", b"0"])
entry_names = st.sampled_from(
    [b"000", b"001", b"002+", b".rope", b"a", b"\xff", b"", b"a/b", b"..", b"0" * 300]
)


@st.composite
def trees(draw: st.DrawFn) -> tuple[Nodes, ObjectId]:
    """A rope, or what looks like one, whose nodes name each other any number of times."""
    store = Nodes()
    ids = [store.put(Kind.BLOB, b"x" * 10), MARKER_ID, ObjectId("00" * 20)]
    for _ in range(draw(st.integers(1, 12))):
        well = draw(st.booleans())
        mode = draw(entry_modes)
        count = draw(st.integers(0, 40))
        lines = [b"100644 .rope\0" + MARKER_ID.raw] if draw(st.booleans()) else []
        child = draw(st.sampled_from(ids))
        for place in range(count):
            name = b"%03d" % place if well else draw(entry_names)
            lines.append(b"%s %s\0%s" % (mode, name, child.raw))
        ids.append(
            store.put(Kind.TREE, b"".join(lines) + draw(st.sampled_from([b"", b"", b"x", b"40000 a"])))
        )
    return store, ids[-1]


@ANY
@given(trees())
def test_trees_that_name_each_other_are_walked_or_refused(made: tuple[Nodes, ObjectId]) -> None:
    store, id = made
    for read in (count_chunks, rope_size, load_files):
        with suppress(PromptvcError):
            read(store, id)
    with suppress(PromptvcError):
        count = count_chunks(store, id)
        assert count <= MOST_CHUNKS
        if count < 50_000:
            assert count == len(list(walk_chunks(store, id))) == len(list(all_chunks(store, id)))
            assert rope_size(store, id) == sum(store.size(chunk.id) for chunk in walk_chunks(store, id))


pieces = st.one_of(
    st.binary(max_size=60),
    st.builds(blob, st.binary(max_size=200)),
    st.builds(delta, st.just(BASE), st.binary(max_size=40)),
    st.builds(
        lambda base, made, copies: delta(BASE, number(base) + number(made) + b"\x90\x64" * copies),
        st.sampled_from([100, 0, 5, 1 << 40]),
        st.sampled_from([100, 200, 0, 1 << 20, 1 << 40, 1 << 62]),
        st.integers(0, 4),
    ),
    st.builds(
        lambda kind, size, data: header(kind, size) + zlib.compress(data),
        st.integers(0, 7),
        st.sampled_from([0, 1, 100, 1 << 31, 1 << 45, 1 << 62]),
        st.binary(max_size=50),
    ),
)


@DISK
@given(st.lists(pieces, max_size=5), st.none() | st.sampled_from([0, 1, 5, 0xFFFFFFFF]))
@example([header(3, 1 << 45) + zlib.compress(b"x")], None)
@example([blob(BASE), delta(BASE, number(100) + number(1 << 62) + b"\x90\x64")], None)
@example([b"\xff" * 100_000], 1)
def test_a_pack_is_taken_whole_or_refused(objects: list[bytes], count: int | None) -> None:
    data = pack(blob(BASE), *objects, count=None if count is None else count)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pack").mkdir()
        with suppress(PromptvcError):
            with PackReceiver(Path(folder) / "pack") as receiver:
                receiver.write(data)
                ids = receiver.finish()
            store = ObjectStore(Path(folder))
            for id in ids:
                assert object_id(*store.read(id)) == id
                with suppress(ObjectDamaged):
                    assert len(store.read(id, 50)[1]) <= 50
            store.close()
        assert not list(Path(folder).rglob("tmp*"))


@ANY
@given(st.binary(max_size=200), st.binary(max_size=60))
@example(BASE, number(100) + number(1 << 62) + b"\x90\x64")
@example(b"", b"\xff" * 40)
def test_a_delta_makes_what_it_claims_or_nothing(base: bytes, instructions: bytes) -> None:
    with suppress(ObjectDamaged):
        made = apply_delta(base, instructions)
        assert (len(base), len(made)) == delta_sizes(instructions)


@DISK
@given(
    st.binary(max_size=300)
    | st.builds(
        lambda word, size, data, level: zlib.compress(word + b" " + size + b"\0" + data, level),
        st.sampled_from([b"blob", b"tree", b"commit", b"tag", b"blub", b""]),
        st.sampled_from([b"0", b"3", b"200", b"-1", b"9" * 5000, b"99999999999", b"\xb2"]),
        st.binary(max_size=300),
        st.integers(0, 9),
    )
)
def test_a_loose_object_of_any_bytes(data: bytes) -> None:
    id = ObjectId("ab" * 20)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ab").mkdir()
        (Path(folder) / "ab" / id[2:]).write_bytes(data)
        store = ObjectStore(Path(folder))
        for read in (
            store.read,
            store.size,
            store.load_tree,
            store.load_commit,
            lambda id: store.read(id, 10),
        ):
            with suppress(PromptvcError):
                read(id)


head_lines = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [
                b"tree " + b"a" * 40,
                b"parent " + b"a" * 40,
                b"author A <a> 1 +0000",
                b"committer A <a> 1 +0000",
                b"author A <a> " + b"9" * 5000 + b" +0000",
                b"committer <<<<<<<< 1 +9999",
                b"encoding idna",
                b"encoding a\0b",
                b"encoding punycode",
                b"encoding utf-16",
                b"encoding undefined",
                b"object " + b"a" * 40,
                b"type commit",
                b"type blub",
                b"tag x",
                b"tagger A <a> 99999999999999999999 -0000",
                b" more",
            ]
        ),
    ),
    max_size=12,
)


@ANY
@given(head_lines, st.binary(max_size=50))
@example(
    [b"tree " + b"a" * 40, b"author A <a> 1 +0000", b"committer A <a> 1 +0000", b"encoding idna"], b"xn--"
)
def test_commits_and_tags_of_any_lines(lines: list[bytes], message: bytes) -> None:
    data = b"\n".join(lines) + b"\n\n" + message
    for read in (parse_commit, parse_tag, parse_tree):
        with suppress(ObjectDamaged):
            read(data)
    for line in lines:
        Signature.decode(line).encode()


@ANY
@given(st.lists(st.binary(max_size=120) | head_lines.map(b" ".join), max_size=6))
def test_a_reflog_of_any_lines(lines: list[bytes]) -> None:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(b"\n".join(lines))
        for entry in read_log(Path(file.name)):
            entry.who.encode()
