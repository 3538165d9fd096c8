"""What is stored is what docs/format.md says, told by an implementation of its own; newer formats are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.errors import UnsupportedFormat
from promptvc.ids import RefName, RepoPath
from promptvc.repo import Repo, Surroundings
from promptvc.session.files.contents import Contents, Source
from promptvc.storage.cache import Cache
from promptvc.storage.objects import FILE, FOLDER, Commit, Kind, TreeEntry, encode_commit, encode_tree
from promptvc.storage.store import ObjectStore
from promptvc.versioning.tree import FileEntry, write_tree
from tests.conformance import specification as spec

NAMES = ("a.jsonl", "a.csv", "a.tsv", "a.json", "a.txt")
PIECES = [b"\n", b"\r", b"\r\n", b'"', b'""', b",", b";", b"\t", b"|", b"a", b"1", b" ", b"{", b"}", b"[", b"]", b"\\",
          b":", b'{"a":1},\n', b'"x,\ny",', b"\xef\xbb\xbf", b"\xff"]  # fmt: skip
BYTES = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)
OPENINGS = st.sampled_from([b"", b"[", b"[{", b"\xef\xbb\xbf", b"a,b\n", b'[{"a":"\\\\"},'])


@given(st.sampled_from(NAMES), OPENINGS, BYTES)
@example("a.csv", b"", b'\xef\xbb\xbf\r\n"a;b",c;d;e\n"x\n""y""\n",1\n"open\n1\n')
@example("a.json", b"", b'[{"a":"}\\\\\\""}, \t\r\n {"b":[{}]} ,{"c":1} {"d":2},]')
@example("a.csv", b"", b"a,b\rc\r\rd\r")
@settings(max_examples=400)
def test_row_ends_are_those_of_the_specification(name: str, opening: bytes, rest: bytes) -> None:
    data = opening + rest
    format = row_format(name, data[:HEAD_SIZE])
    told = spec.row_ends(name, data)
    assert (format is None) == (told is None)
    if format is not None and told is not None:
        # An end of the last row at the end of the file makes no difference to any chunk.
        assert [end for end in format.row_ends(data, 0) if end < len(data)] == [
            e for e in told if e < len(data)
        ]


ROWS = st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 255)), max_size=25)


@given(st.sampled_from(["a.jsonl", "a.csv", "a.json"]), ROWS, st.booleans(), st.booleans())
@example("a.jsonl", [(300_000, 1), (5, 2), (263_000, 3)], False, True)
@example("a.json", [(9, n % 256) for n in range(4000)], True, True)
@settings(max_examples=25)
def test_files_are_stored_as_the_specification_says(
    name: str, rows: list[tuple[int, int]], executable: bool, ended: bool
) -> None:
    lines = [
        b'{"n":%d,"t":"%s"}' % (number, b"%02x" % letter * (size // 2))
        for number, (size, letter) in enumerate(rows)
    ]
    if name.endswith(".json"):
        data = b"[" + b",\n".join(lines) + b"]" * ended
    elif name.endswith(".csv"):
        data = b"".join(b'%d,"%s\n""x"""\n' % (n, line.replace(b'"', b"")) for n, line in enumerate(lines))
    else:
        data = b"\n".join(lines) + b"\n" * ended
    made = _stored(name, data, 0o100755 if executable else FILE)
    assert (made.id, made.is_rope) == spec.file_id(name, data, executable)


def _stored(name: str, data: bytes, mode: int = FILE) -> FileEntry:
    """Where the real code stores a file; nothing can be written there."""
    nowhere = Path("/dev/null/nowhere")
    blocks = [data[at : at + 100_000] for at in range(0, len(data), 100_000)]
    source = Source(blocks, mode)
    return Contents(ObjectStore(nowhere), Cache(nowhere)).write(name, source, None)


# --- newer formats ----------------------------------------------------------------------------------------


def test_a_commit_of_a_newer_format_is_refused(repo: Repo) -> None:
    id = _commit(repo, {}, (("promptvc-format", "2"),))
    with pytest.raises(UnsupportedFormat, match="has format 2; this promptvc reads formats up to 1"):
        repo.snapshot(id)


def test_a_commit_without_the_header_is_read(repo: Repo) -> None:
    assert repo.snapshot(_commit(repo, {}, ())).paths == []


def test_a_rope_of_a_newer_format_is_refused(repo: Repo) -> None:
    with repo.parts.store.begin() as writer:
        marker = writer.add(Kind.BLOB, b"promptvc rope 2\n")
        chunk = writer.add(Kind.BLOB, b"{}\n")
        rope = writer.add(
            Kind.TREE, encode_tree([TreeEntry(FILE, ".rope", marker), TreeEntry(FILE, "000", chunk)])
        )
        writer.finish()
    id = _commit(repo, {RepoPath("examples/a.jsonl"): FileEntry(rope, FOLDER)}, (("promptvc-format", "1"),))
    with pytest.raises(UnsupportedFormat):
        repo.snapshot(id)


def test_a_store_of_a_newer_format_is_refused(tmp_path: Path, world: Surroundings) -> None:
    made = Repo.init(tmp_path, world)
    config = made.path / "config"
    config.write_text(config.read_text().replace("storeformat = 1", "storeformat = 2"))
    with pytest.raises(UnsupportedFormat, match="has format 2"):
        Repo.open(tmp_path, world)


def _commit(repo: Repo, files: dict[RepoPath, FileEntry], extra: tuple[tuple[str, str], ...]) -> str:
    who = repo.parts.who()
    with repo.parts.store.begin() as writer:
        tree = write_tree(writer, files)
        id = writer.add(Kind.COMMIT, encode_commit(Commit(tree, (), who, who, "made", extra)))
        writer.finish()
    repo.parts.refs.move(RefName.branch("made"), None, id, who, "made")
    return id
