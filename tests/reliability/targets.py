"""What is fed with bytes that nobody wrote: one function a reader, which fails where a promise does not hold.

Each target takes any bytes. A `PromptvcError` is an answer; any other exception is a finding, and so is a value that
is not what the bytes say.
"""

from __future__ import annotations

import functools
import json
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgpack

from promptvc.content.formats import row_format
from promptvc.content.formats.base import HEAD_SIZE, Malformed
from promptvc.content.prompt.prompt import read_prompt
from promptvc.content.runs.run import OutputRow, encode_row, read_record
from promptvc.errors import ObjectMissing, PromptvcError
from promptvc.ids import ObjectId, RefName
from promptvc.repo import Repo
from promptvc.runs.calls.store import CallStore
from promptvc.secrets.find import Stream, find
from promptvc.secrets.redact import Redactor, redact_url
from promptvc.session.files.cutting import cutting_of
from promptvc.session.files.project import read_project
from promptvc.storage.cache import Cache
from promptvc.storage.git import GitConfig
from promptvc.storage.ingest import PackReceiver
from promptvc.storage.objects import EMPTY_TREE, Kind, object_id
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.surroundings import surroundings
from promptvc.transports.git.ssh import ssh_command
from promptvc.transports.settings import TransportSettings
from promptvc.transports.urls import parse_url
from promptvc.versioning.commit import peel, read_commit
from promptvc.versioning.history import History
from promptvc.versioning.oplog.journal import Journal
from promptvc.versioning.oplog.oplog import OperationLog
from promptvc.versioning.ropes.chunking import cut
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.ropes.rope import walk_chunks, write_cut
from promptvc.versioning.tree import load_files
from tests.secrets.tokens import TOKENS

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Target:
    """A reader under attack, and right bytes to begin from. ``pure`` ones touch no disk, and are quick."""

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    pure: bool = True


TARGETS: dict[str, Target] = {}


def target(
    seeds: Callable[[], list[bytes]], pure: bool = True
) -> Callable[[Callable[[bytes], None]], Callable[[bytes], None]]:
    """Enter a function among the targets, under its name."""

    def enter(check: Callable[[bytes], None]) -> Callable[[bytes], None]:
        TARGETS[check.__name__] = Target(check.__name__, check, seeds, pure)
        return check

    return enter


# --- a store to attack -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """A small project with a rope, tables, prompts, tags and two branches; ``objects`` are all it holds."""

    root: Path
    objects: dict[ObjectId, tuple[Kind, bytes]]

    @property
    def store(self) -> Path:
        return self.root / ".promptvc"


@functools.cache
def _holder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="promptvc-fuzz-")


def rows(count: int, factor: int = 1) -> bytes:
    """A table that is kept as a rope from some 500 rows on."""
    return b"".join(
        b'{"id": %d, "x": "%d", "text": "%s"}\n' % (i, i * factor, b"word " * (i % 9)) for i in range(count)
    )


@functools.cache
def sample() -> Sample:
    """The project, made once."""
    root = Path(_holder().name) / "sample"
    repo = Repo.init(root, surroundings())
    files = {
        "prompts/a.md": b"---\nmodel: x\n---\nsystem:\nBe kind.\nuser:\n{{ question }}\n",
        "examples/t.jsonl": rows(3000),
        "examples/u.csv": b'id,text\n1,a\n2,"b\nc"\n',
    }
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    first = repo.commit("one").id
    (root / "examples/t.jsonl").write_bytes(rows(3100))
    repo.commit("two")
    repo.parts.refs.move(RefName.branch("side"), None, first, repo.parts.who(), "side")
    git = ["git", f"--git-dir={root / '.promptvc'}"]
    subprocess.run([*git, "tag", "-a", "v1", "-m", "text", first], check=True, capture_output=True)
    store = ObjectStore(root / ".promptvc" / "objects")
    return Sample(root, {id: store.read(id) for id in store.ids_with_prefix("")})


@functools.cache
def deltas() -> Path:
    """The objects of the sample as git packs them: one pack, with deltas."""
    folder = Path(_holder().name) / "deltas"
    shutil.copytree(sample().store, folder)
    subprocess.run(["git", f"--git-dir={folder}", "repack", "-adfq"], check=True)
    return folder / "objects"


@functools.cache
def _place(name: str) -> Path:
    """A copy of the sample for a target that writes."""
    folder = Path(_holder().name) / name
    shutil.copytree(sample().root, folder)
    return folder


class Memory(ObjectStore):
    """Objects that are made up, beside those of the sample."""

    def __init__(self, made: dict[ObjectId, tuple[Kind, bytes]]) -> None:
        super().__init__(Path("/nowhere"))
        self._made = made

    def read(self, id: ObjectId, most: int | None = None) -> tuple[Kind, bytes]:
        found = self._made.get(id) or sample().objects.get(id)
        if found is None:
            if id == EMPTY_TREE:
                return Kind.TREE, b""
            id.raw  # noqa: B018  as the real one, which looks for the bytes
            raise ObjectMissing(id)
        return found

    def contains(self, id: ObjectId) -> bool:
        return id in self._made or id in sample().objects


def _with(kind: Kind, data: bytes) -> tuple[Memory, ObjectId]:
    id = object_id(kind, data)
    return Memory({id: (kind, data)}), id


def _of_kind(kind: Kind) -> list[bytes]:
    return [data for found, data in sample().objects.values() if found is kind]


# --- objects -----------------------------------------------------------------------------------------


@target(lambda: _of_kind(Kind.TREE))
def tree(data: bytes) -> None:
    """A tree, read as files, and as a rope."""
    store, id = _with(Kind.TREE, data)
    with suppress(PromptvcError):
        for entry in load_files(store, id).values():
            with suppress(PromptvcError):
                store.read(entry.id)
    with suppress(PromptvcError):
        for chunk in walk_chunks(store, id):
            store.read_blob(chunk.id)


@target(lambda: _of_kind(Kind.COMMIT))
def commit(data: bytes) -> None:
    """A commit, and everything that is asked of one."""
    store, id = _with(Kind.COMMIT, data)
    with suppress(PromptvcError):
        value = read_commit(store, id)
        value.author.encode()
        value.subject  # noqa: B018
        with suppress(PromptvcError):
            load_files(store, value.tree)
        history = History(store)
        list(history.in_order([id]))
        history.merge_bases(id, id)


@target(lambda: _of_kind(Kind.TAG))
def tag(data: bytes) -> None:
    """An annotated tag, followed."""
    store, id = _with(Kind.TAG, data)
    with suppress(PromptvcError):
        store.load_tag(id)
        peel(store, id)


def _pack_bytes(folder: Path, suffix: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "pack").glob(f"*{suffix}"))]


@target(lambda: _pack_bytes(deltas(), ".idx"), pure=False)
def pack_index(data: bytes) -> None:
    """The index of a pack: what is read is what its name says, or an error."""
    _read_everything("index", deltas(), ".idx", data)


@target(lambda: _pack_bytes(deltas(), ".pack"), pure=False)
def pack(data: bytes) -> None:
    """A pack with deltas under its index: what is read is what its name says, or an error."""
    _read_everything("pack", deltas(), ".pack", data)


def _read_everything(name: str, source: Path, suffix: str, data: bytes) -> None:
    folder = Path(_holder().name) / f"attacked-{name}"
    if not folder.exists():
        shutil.copytree(source, folder)
    (file,) = (folder / "pack").glob(f"pack-*{suffix}")
    file.chmod(0o644)
    file.write_bytes(data)
    store = ObjectStore(folder)
    try:
        for id, right in sample().objects.items():
            with suppress(PromptvcError):
                assert store.read(id) == right, f"{id} is read as something else"
        with suppress(PromptvcError):
            store.ids_with_prefix("ab")
    finally:
        store.close()


@target(lambda: _pack_bytes(deltas(), ".pack"), pure=False)
def received_pack(data: bytes) -> None:
    """A pack from elsewhere: every object that comes of it is what its name says, or it is refused."""
    with tempfile.TemporaryDirectory(dir=_holder().name) as folder:
        (Path(folder) / "pack").mkdir()
        with suppress(PromptvcError):
            with PackReceiver(Path(folder) / "pack") as receiver:
                receiver.write(data)
                ids = receiver.finish()
            store = ObjectStore(Path(folder))
            for id in ids:
                assert object_id(*store.read(id)) == id
            store.close()


# --- caches and journals -----------------------------------------------------------------------------


def _cache_files(group: str) -> list[bytes]:
    folder = sample().store / "promptvc"
    found = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and group in path.as_posix()]
    assert found, sorted(folder.rglob("*"))
    return found


@target(lambda: _cache_files("chunks/"))
def chunk_list(data: bytes) -> None:
    """What is remembered of a rope: nothing, or columns that fit each other, with ids that are ids."""
    with suppress(ValueError, TypeError, msgpack.UnpackException):
        _, value = msgpack.unpackb(data, strict_map_key=False)
        seed = value["seed"] if isinstance(value, dict) and "seed" in value else 0
        found = ChunkList.from_value(value, seed)
        if found is None:
            return
        try:
            for place in range(len(found)):
                found.reusable_from(place)
                found.is_print(place, memoryview(b"abc"))
                assert len(found.ids[place].raw) == 20
            list(found.with_head(1))
            sum(found.lengths)
        except (ValueError, TypeError) as error:
            raise AssertionError(f"a list that cannot be used: {error!r}") from error


_LASTING = ("operations", "operations.lock", "index.sqlite")


@target(lambda: _cache_files("chunks/") + _cache_files("stat"), pure=False)
def any_cache(data: bytes) -> None:
    """Every file of the local cache replaced: the same status, and the same bytes."""
    root = _place("caches")
    folder = root / ".promptvc" / "promptvc"
    before = {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in _LASTING
    }
    try:
        for path in before:
            path.write_bytes(data)
        repo = Repo.open(root, surroundings())
        assert repo.status().clean
        assert repo.snapshot().read("examples/t.jsonl") == (root / "examples/t.jsonl").read_bytes()
        assert repo.snapshot("side").read("examples/t.jsonl") == rows(3000)
    finally:
        for path, old in before.items():
            path.write_bytes(old)


@target(lambda: [b"\x92\x01\x93\x01\x02\x03", msgpack.packb([1, {"a": [1, 2, "x", b"y"]}])], pure=False)
def cache_value(data: bytes) -> None:
    """A cached value is read, or absent."""
    folder = Path(_holder().name)
    (folder / "value").write_bytes(data)
    Cache(folder).load("value")


@target(lambda: [(sample().store / "promptvc" / "operations").read_bytes()], pure=False)
def operation_journal(data: bytes) -> None:
    """Lines that are right are kept, the others are as if they were not there, and the next operation can begin."""
    root = _place("journal")
    file = root / ".promptvc" / "promptvc" / "operations"
    file.write_bytes(data)
    journal = Journal(root / ".promptvc")
    right = (sample().store / "promptvc" / "operations").read_bytes().split(b"\n")
    intact = [json.loads(line) for line in data.split(b"\n") if line and line in right]
    found = journal.lines()
    assert all({name: line[name] for name in line if name != "_check"} in found for line in intact)
    repo = Repo.open(root, surroundings())
    log = OperationLog(
        Refs(root / ".promptvc"), ObjectStore(root / ".promptvc" / "objects"), repo.parts.who, lambda: 1e9
    )
    with suppress(PromptvcError):
        log.operations()
    log.first()
    with suppress(PromptvcError):
        assert repo.verify() is not None
    if len(data) < 1 << 20:
        number = journal.begin(lambda number: [{"n": number, "time": 1, "who": "w", "what": "x"}])
        assert any(line["n"] == number and line.get("what") == "x" for line in journal.lines())
    with suppress(PromptvcError):
        log.trim()


@target(lambda: [b"".join(_call_lines()), *_call_lines()], pure=False)
def call_journal(data: bytes) -> None:
    """A journal of answers: those whose lines are right are found, and nothing else."""
    root = _place("calls")
    repo = Repo.open(root, surroundings())
    folder = root / ".promptvc" / "promptvc" / "calls-fuzz"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "1-1.jsonl").write_bytes(data)
    calls = CallStore(repo.parts.store, repo.parts.refs, repo.parts.contents, folder)
    try:
        calls.refresh()
        found = calls.find([row.request_hash or "" for row in _ANSWERS])
        lines = data.split(b"\n")[:-1]
        for row, line in zip(_ANSWERS, _call_lines(), strict=True):
            answer = found.get(row.request_hash or "")
            if lines.count(line[:-1]) == 1 and data.count((row.request_hash or "").encode()) == 1:
                assert answer is not None, f"an answer is lost: {line!r}"
                assert answer.output == row.output
    finally:
        calls.close()


_ANSWERS = tuple(OutputRow(example_id=d, output=f"answer {d}", request_hash=d * 64) for d in "ab")


def _call_lines() -> list[bytes]:
    return [encode_row(row) for row in _ANSWERS]


# --- refs and settings -------------------------------------------------------------------------------


@target(lambda: [(sample().store / "logs" / "HEAD").read_bytes()], pure=False)
def reflog(data: bytes) -> None:
    """A reflog of any bytes gives entries."""
    folder = _place("refs") / ".promptvc"
    (folder / "logs" / "HEAD").write_bytes(data)
    for entry in Refs(folder).log(HEAD):
        assert entry.after is None or len(entry.after.raw) == 20
        entry.who.encode()


@target(
    lambda: [
        b"# pack-refs with: peeled fully-peeled sorted \n"
        + b"a" * 40
        + b" refs/heads/x\n^"
        + b"b" * 40
        + b"\n"
    ],
    pure=False,
)
def packed_refs(data: bytes) -> None:
    """A packed-refs file of any bytes: refs with ids that are ids, or an error."""
    folder = _place("refs") / ".promptvc"
    (folder / "packed-refs").write_bytes(data)
    try:
        with suppress(PromptvcError):
            for id in Refs(folder).find().values():
                assert len(id.raw) == 20, id
        with suppress(PromptvcError):
            Refs(folder).read(RefName("refs/heads/x"))
    finally:
        (folder / "packed-refs").unlink()


@target(lambda: [b"a" * 40 + b"\n", b"ref: refs/heads/main\n"], pure=False)
def loose_ref(data: bytes) -> None:
    """A ref, or HEAD, of any bytes."""
    folder = _place("refs") / ".promptvc"
    before = (folder / "HEAD").read_bytes()
    try:
        for name in ("refs/heads/odd", "HEAD"):
            (folder / name).write_bytes(data)
            with suppress(PromptvcError):
                found = Refs(folder).read(RefName(name))
                assert found is None or len(found.raw) == 20
            with suppress(PromptvcError):
                Refs(folder).find()
            with suppress(PromptvcError):
                Refs(folder).head()
    finally:
        (folder / "HEAD").write_bytes(before)
        (folder / "refs/heads/odd").unlink(missing_ok=True)


@target(
    lambda: [(sample().store / "config").read_bytes(), b'[remote "a b"]\n\turl = "x\\"y" ; c\n'], pure=False
)
def git_config(data: bytes) -> None:
    """git's configuration of any bytes."""
    file = Path(_holder().name) / "config"
    file.write_bytes(data)
    config = GitConfig([file])
    with suppress(PromptvcError):
        config.items()
        config.sections("remote")
        config.get("remote.origin.url")


@target(
    lambda: [
        text.encode()
        for text in (
            "main~2^",
            "HEAD@{yesterday}",
            "side@{1}",
            "v1^{commit}",
            "@{upstream}",
            "main@{3 days ago}",
            "main@{2026-11-01 14:30}",
            "0123abcd",
            "side^2~3",
        )
    ]
)
def revision(data: bytes) -> None:
    """Any text names a commit, or does not."""
    for text in {
        data.decode("utf-8", "replace"),
        data.decode("utf-8", "surrogateescape"),
        data.decode("latin-1"),
    }:
        with suppress(PromptvcError):
            id = _revisions().parts.revisions.resolve(text)
            assert sample().objects[id][0] is Kind.COMMIT


@functools.cache
def _revisions() -> Repo:
    return Repo.open(sample().root, surroundings())


@target(
    lambda: [
        b"https://ada:pw@host:8080/a.git?x",
        b"git@host:team/a.git",
        b"ssh://u@[::1]:22/~x",
        b"file:///a",
    ]
)
def url(data: bytes) -> None:
    """Any text is an address, or refused; a password is not shown."""
    text = data.decode("utf-8", "surrogateescape")
    redact_url(text)
    with suppress(PromptvcError):
        address = parse_url(text)
        if address.kind == "ssh":
            command = ssh_command(address, "upload-pack", 2, TransportSettings({}))
            assert not command[-2].startswith("-")


@target(lambda: [make(random.Random(1)).encode() for _, make in TOKENS])
def secret(data: bytes) -> None:
    """Any bytes can be looked at, whole or in parts, and any text be shown without what was found."""
    found = find(data)
    stream, half = Stream(), len(data) // 2
    parts = [*stream.begin(data[:half]), *stream.go_on(data[half:]), *stream.end()]
    assert [hit.digest for hit in parts] == [hit.digest for hit in found]
    text = data.decode("utf-8", "surrogateescape")
    assert "sesame" not in Redactor(["sesame"])(text)


# --- files that people write -------------------------------------------------------------------------


_TOML = (
    b'[track]\ninclude = ["a/**", "!b"]\nexclude = ["*.tmp"]\n[tables."a/*.jsonl"]\nkey = ["id"]\nunique = true\n'
    b'[runs.x]\nprompt = "prompts/a.md"\nexamples = "examples/t.jsonl"\nprovider = "openai"\nmodel = "m"\n'
    b'scorers = ["exact:expected"]\n[runs.x.parameters]\ntemperature = 0.5\n'
    b'[checks.x]\nrun = "x"\n'
)


@target(lambda: [_TOML, b"[track]\ninclude = []\n"])
def project_file(data: bytes) -> None:
    """A promptvc.toml: settings that can be used, or one line that says what is wrong."""
    with suppress(PromptvcError):
        project = read_project(data)
        project.runs  # noqa: B018
        project.checks  # noqa: B018
        project.roots  # noqa: B018
        for path in ("a/b.jsonl", "promptvc.toml", "b", "a/x.tmp"):
            project.tracks(path)
            project.table(path)


_PROMPT_SUFFIXES = (
    ".md",
    ".txt",
    ".prompt.md",
    ".j2",
    ".prompty",
    ".prompt",
    ".yml",
    ".prompt.yml",
    ".json",
    ".jsonl",
    "",
)


@target(lambda: [path.read_bytes() for path in sorted((ROOT / "fixtures" / "prompts").iterdir())])
def prompt(data: bytes) -> None:
    """A prompt of every syntax: read and rendered, or refused."""
    for suffix in _PROMPT_SUFFIXES:
        with suppress(PromptvcError):
            found = read_prompt(f"prompts/a{suffix}", data)
            found.model  # noqa: B018
            found.parameters  # noqa: B018
            repr(found)
            with suppress(PromptvcError):
                found.render(**dict.fromkeys(found.variables, "x"))
            with suppress(PromptvcError):
                found.render(**{name: [{"role": "user", "content": "x"}] for name in found.variables})


_TABLE_SUFFIXES = (".jsonl", ".csv", ".tsv", ".json")


@target(lambda: [path.read_bytes() for path in sorted((ROOT / "fixtures" / "tables").iterdir())])
def table(data: bytes) -> None:
    """A table of every format: cut, joined, read, and rows written back equal."""
    for suffix in _TABLE_SUFFIXES:
        format = row_format(f"examples/a{suffix}", data[:HEAD_SIZE])
        if format is None:
            continue
        segments = format.segments(data, True)
        assert b"".join(segment.data for segment in segments) == data
        bodies = format.bodies(data, True)
        assert bodies == [segment.body for segment in segments if segment.body is not None]
        assert format.count(data, True) == len(bodies)
        pieces = list(cut([data[:100], data[100:]], cutting_of(format)))
        assert b"".join(piece.data for piece in pieces) == data
        written = write_cut(iter(pieces), cutting_of(format), None, None)
        assert sum(written.chunks.rows) == len(bodies)
        for body in bodies[:50]:
            row = format.parse(body)
            if isinstance(row, Malformed):
                continue
            assert format.encode(row, body) == body, (body, row)
            with suppress(PromptvcError):
                again = format.parse(format.encode(row))
                assert not isinstance(again, Malformed)
                assert repr({name: again.get(name) for name in row}) == repr(row), (body, row, again)


@target(
    lambda: [
        b'{"version": 1, "name": "x", "recorded": false, "prompt": {"path": "prompts/a.md", "object": "'
        + b"a" * 40
        + b'"}}'
    ]
)
def run_record(data: bytes) -> None:
    """The record of a run."""
    with suppress(PromptvcError):
        read_record(data, "outputs/x.run.json")


def everything() -> Iterator[Target]:
    """The targets, in the order in which they stand here."""
    yield from TARGETS.values()
