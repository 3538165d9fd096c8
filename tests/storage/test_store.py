"""Objects, packs and refs, with real git as a second opinion."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.errors import InvalidName, ObjectDamaged, ObjectMissing, RefMoved, StoreBusy, TransferFailed
from promptvc.ids import ObjectId, RefName
from promptvc.repo import Repo
from promptvc.storage import locks
from promptvc.storage.objects import (
    EXECUTABLE,
    FILE,
    FOLDER,
    Commit,
    Kind,
    Signature,
    TreeEntry,
    encode_commit,
    encode_tree,
    object_id,
    parse_commit,
    parse_tree,
)
from promptvc.storage.packing import BATCH, entry_header
from promptvc.storage.packs import read_entry_header
from promptvc.storage.store import MANY_PACKS
from promptvc.versioning.upkeep.upkeep import collect, fold

WHO = Signature("Me", "me@example.com", 1_700_000_000, 90)


def git(repo: Repo, *args: str, data: bytes | None = None) -> bytes:
    done = subprocess.run(
        ["git", f"--git-dir={repo.path}", *args], input=data, capture_output=True, check=True
    )
    return done.stdout


def fsck(repo: Repo) -> None:
    done = subprocess.run(
        ["git", f"--git-dir={repo.path}", "fsck", "--strict", "--full"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_many_blobs_come_back_and_git_reads_them(repo: Repo) -> None:
    rng = random.Random(3)
    blobs = [rng.randbytes(rng.randrange(3000)) + b"x" * rng.randrange(60_000) for _ in range(300)]
    assert sum(map(len, blobs)) > 3 * BATCH
    with repo.parts.store.begin() as writer:
        ids = list(writer.add_blobs(iter(blobs + blobs[:5])))
        assert writer.count == len(set(blobs))
        writer.finish()
    assert ids[:5] == ids[-5:]
    for id, blob in zip(ids, blobs, strict=False):
        assert repo.parts.store.read_blob(id) == blob
        assert repo.parts.store.size(id) == len(blob)
    assert git(repo, "cat-file", "blob", ids[7]) == blobs[7]
    fsck(repo)


def test_an_unfinished_pack_leaves_nothing(repo: Repo) -> None:
    with repo.parts.store.begin() as writer:
        id = writer.add(Kind.BLOB, b"never")
    assert not repo.parts.store.contains(id)
    assert list(repo.parts.store.pack_folder.iterdir()) == []


def test_deltas_and_loose_objects_of_git_are_read(repo: Repo) -> None:
    versions = [
        b"".join(b"line %d of %d\n" % (n, v if n % 50 == v else 0) for n in range(2000)) for v in range(20)
    ]
    ids = [
        ObjectId(git(repo, "hash-object", "-w", "--stdin", data=data).decode().strip()) for data in versions
    ]
    assert [repo.parts.store.read_blob(id) for id in ids] == versions
    with repo.parts.store.begin() as writer:
        tree = writer.add(Kind.TREE, encode_tree(TreeEntry(FILE, f"v{n:02}", id) for n, id in enumerate(ids)))
        tip = writer.add(Kind.COMMIT, encode_commit(Commit(tree, (), WHO, WHO, "all")))
        writer.finish()
    repo.parts.refs.move(RefName.branch("main"), None, tip, WHO, "test")
    git(repo, "gc", "-q", "--prune=now")
    assert [repo.parts.store.read_blob(id) for id in ids] == versions
    assert repo.verify() == []


def test_short_ids_find_objects_loose_and_packed(repo: Repo) -> None:
    loose = ObjectId(git(repo, "hash-object", "-w", "--stdin", data=b"loose").decode().strip())
    with repo.parts.store.begin() as writer:
        packed = writer.add(Kind.BLOB, b"packed")
        writer.finish()
    for id in (loose, packed):
        for digits in (4, 5, 12, 40):
            assert id in repo.parts.store.ids_with_prefix(id[:digits])
    assert repo.parts.store.ids_with_prefix("0000000000") == []
    with pytest.raises(ObjectMissing):
        repo.parts.store.read(ObjectId("0" * 40))


def test_damage_is_found_and_named(repo: Repo) -> None:
    with repo.parts.store.begin() as writer:
        id = writer.add(Kind.BLOB, bytes(range(256)) * 20)
        other = writer.add(Kind.BLOB, b"fine")
        index = writer.finish()
    assert index is not None
    pack = index.with_suffix(".pack")
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[40] ^= 0xFF
    pack.write_bytes(data)
    fresh = Repo.open(repo.path, repo.parts.surroundings)
    with pytest.raises(ObjectDamaged):
        fresh.parts.store.verify_object(id)
    assert fresh.parts.store.read_blob(other) == b"fine"
    data[40] ^= 0xFF
    pack.write_bytes(data)


def test_a_damaged_transfer_is_refused_and_leaves_nothing(repo: Repo) -> None:
    with repo.parts.store.begin() as writer:
        writer.add(Kind.BLOB, b"x" * 1000)
        index = writer.finish()
    assert index is not None
    pack = index.with_suffix(".pack").read_bytes()
    before = sorted(p.name for p in repo.parts.store.pack_folder.iterdir())
    for bad in (pack[:-30], pack[:20] + b"\0" + pack[21:], b"PACK", os.urandom(500), pack + b"more"):
        with pytest.raises(TransferFailed), repo.parts.store.receive() as receiver:
            receiver.write(bad)
            receiver.finish()
    assert sorted(p.name for p in repo.parts.store.pack_folder.iterdir()) == before


@given(size=st.integers(0, 1 << 40), kind=st.sampled_from(list(Kind)))
def test_entry_headers_round_trip(size: int, kind: Kind) -> None:
    header = entry_header(kind, size)
    assert read_entry_header(memoryview(header), 0) == (kind, size, len(header))


@given(st.text(max_size=30), st.text(max_size=30), st.integers(0, 1 << 33), st.integers(-720, 840))
def test_commits_round_trip(name: str, message: str, time: int, offset: int) -> None:
    who = Signature("n" + "".join(c for c in name if c.isalnum()), "e@x", time, offset)
    commit = Commit(ObjectId("1" * 40), (ObjectId("2" * 40),), who, who, message, (("promptvc-format", "1"),))
    back = parse_commit(encode_commit(commit))
    assert (back.tree, back.parents, back.author, back.extra) == (
        commit.tree,
        commit.parents,
        who,
        commit.extra,
    )
    assert back.message.strip("\n") == message.replace("\0", "").encode("utf-8", "replace").decode().strip(
        "\n"
    )


def test_git_makes_the_same_trees_and_commits(repo: Repo) -> None:
    blob = ObjectId(git(repo, "hash-object", "-w", "--stdin", data=b"a").decode().strip())
    names = ["a", "a.b", "a-b", "b", "ab"]
    entries = [TreeEntry(FILE, name, blob) for name in names] + [TreeEntry(EXECUTABLE, "run", blob)]
    below = ObjectId(git(repo, "mktree", data=f"100644 blob {blob}\tx\n".encode()).decode().strip())
    entries.append(TreeEntry(FOLDER, "a0", below))
    lines = "".join(f"{e.mode:06o} {'tree' if e.is_folder else 'blob'} {e.id}\t{e.name}\n" for e in entries)
    expected = git(repo, "mktree", data=lines.encode()).decode().strip()
    encoded = encode_tree(entries)
    assert object_id(Kind.TREE, encoded) == expected
    assert sorted(parse_tree(encoded), key=lambda e: e.name) == sorted(entries, key=lambda e: e.name)


def test_refs_move_only_from_what_was_expected(repo: Repo) -> None:
    with repo.parts.store.begin() as writer:
        tree = writer.add(Kind.TREE, b"")
        one = writer.add(Kind.COMMIT, encode_commit(Commit(tree, (), WHO, WHO, "one")))
        two = writer.add(Kind.COMMIT, encode_commit(Commit(tree, (one,), WHO, WHO, "two")))
        writer.finish()
    main = RefName.branch("main")
    repo.parts.refs.move(main, None, one, WHO, "first")
    with pytest.raises(RefMoved):
        repo.parts.refs.move(main, None, two, WHO, "again")
    with pytest.raises(RefMoved):
        repo.parts.refs.move(main, two, one, WHO, "wrong")
    git(repo, "pack-refs", "--all")
    assert repo.parts.refs.read(main) == one
    repo.parts.refs.move(main, one, two, WHO, "second")
    assert [entry.reason for entry in repo.parts.refs.log(main)] == ["second", "first"]
    assert git(repo, "rev-parse", "main@{1}").decode().strip() == one
    with pytest.raises(InvalidName):
        repo.parts.refs.move(RefName.branch("main/x"), None, one, WHO, "in the way")
    repo.parts.refs.move(RefName.branch("team/a"), None, one, WHO, "x")
    repo.parts.refs.move(RefName.branch("team/a"), one, None, WHO, "x")
    repo.parts.refs.move(RefName.branch("team"), None, one, WHO, "x")
    assert sorted(name.short for name in repo.parts.refs.find("refs/heads/")) == ["main", "team"]


def test_a_lock_left_over_is_recognised_and_a_held_one_is_waited_for(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with repo.parts.store.begin() as writer:
        tree = writer.add(Kind.TREE, b"")
        one = writer.add(Kind.COMMIT, encode_commit(Commit(tree, (), WHO, WHO, "one")))
        writer.finish()
    lock = repo.path / "refs/heads/main.lock"
    lock.touch()
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    with pytest.raises(StoreBusy, match=r"main\.lock"):
        repo.parts.refs.move(RefName.branch("main"), None, one, WHO, "x")
    os.utime(lock, (1, 1))
    repo.parts.refs.move(RefName.branch("main"), None, one, WHO, "x")
    assert repo.parts.refs.read(RefName.branch("main")) == one


def test_packs_are_folded_and_nothing_is_lost(repo: Repo) -> None:
    assert repo.root is not None
    (repo.root / "prompts").mkdir()
    for number in range(60):
        (repo.root / "prompts/a.md").write_text(f"version {number}\n")
        repo.commit(str(number))
    assert len(list(repo.parts.store.pack_folder.glob("*.pack"))) <= 24
    fsck(repo)
    for number in range(60):
        assert repo.snapshot(f"main~{59 - number}").read("prompts/a.md") == f"version {number}\n".encode()


def test_collecting_keeps_what_is_reachable_and_drops_the_rest(repo: Repo) -> None:
    assert repo.root is not None
    (repo.root / "prompts").mkdir()
    for number in range(5):
        (repo.root / "prompts/a.md").write_text(f"version {number}\n")
        repo.commit(str(number))
    with repo.parts.store.begin() as writer:
        lost = writer.add(Kind.BLOB, b"nobody needs this")
        writer.finish()
    young = collect(repo.parts.store, repo.parts.refs)
    assert (young.dropped, repo.parts.store.contains(lost)) == (0, True)
    done = collect(repo.parts.store, repo.parts.refs, grace=-10)
    assert (done.dropped, repo.parts.store.contains(lost)) == (1, False)
    assert len(repo.parts.store.packs()) == 1
    fsck(repo)


def test_packs_stay_few_whatever_writes_them(repo: Repo) -> None:
    store = repo.parts.store
    ids = []
    for number in range(300):
        with store.begin() as writer:
            ids.append(writer.add(Kind.BLOB, b"%d" % number))
            writer.finish()
        assert len(list(store.pack_folder.glob("*.pack"))) <= MANY_PACKS
    assert [store.read_blob(id) for id in ids] == [b"%d" % number for number in range(300)]


def test_packs_are_not_folded_under_an_open_writer(repo: Repo) -> None:
    store, folded = repo.parts.store, []
    store.tidy = lambda store: folded.append(store.lease.is_held)
    for number in range(MANY_PACKS):
        with store.begin() as writer, store.writing():
            writer.add(Kind.BLOB, b"%d" % number)
            writer.finish()
    assert set(folded) == {False}


def test_a_reader_survives_folding_by_another(repo: Repo) -> None:
    repo.parts.store.tidy = lambda store: None
    ids = []
    for number in range(30):
        with repo.parts.store.begin() as writer:
            ids.append(writer.add(Kind.BLOB, b"%d" % number))
            writer.finish()
    reader = Repo.open(repo.path, repo.parts.surroundings)
    assert reader.parts.store.contains(ids[0])  # it knows the packs, but has opened none
    assert fold(repo.parts.store) > 2
    assert [reader.parts.store.read_blob(id) for id in ids] == [b"%d" % number for number in range(30)]


@pytest.mark.slow
def test_a_killed_commit_leaves_the_old_state_or_the_new_one(repo: Repo) -> None:
    root = repo.root
    assert root is not None
    (root / "examples").mkdir()
    table = root / "examples/t.jsonl"
    script = (
        "import sys, promptvc\n"
        "repo = promptvc.open(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "repo.commit('big', allow_empty=True)\n"
        "print('done', flush=True)\n"
    )
    rng = random.Random(1)
    for turn in range(12):
        table.write_bytes(
            b"".join(
                b'{"id": %d, "x": "%s"}\n' % (n, rng.randbytes(40).hex().encode()) for n in range(20_000)
            )
        )
        before = repo.parts.refs.read(RefName.branch("main"))
        child = subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        child.stdout.readline()
        try:
            child.wait(timeout=rng.random() * 0.4)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()
        fresh = Repo.open(root, repo.parts.surroundings)
        after = fresh.parts.refs.read(RefName.branch("main"))
        assert fresh.verify() == []
        if after != before:
            assert fresh.snapshot().read("examples/t.jsonl") == table.read_bytes()
        fsck(repo)
        assert turn < 12


def test_a_store_borrowing_objects_is_read(repo: Repo, tmp_path: Path) -> None:
    assert repo.root is not None
    (repo.root / "prompts").mkdir()
    (repo.root / "prompts/a.md").write_text("a")
    repo.commit("one")
    subprocess.run(
        ["git", "clone", "-q", "--bare", "--shared", str(repo.path), str(tmp_path / "shared.git")], check=True
    )
    config = tmp_path / "shared.git/config"
    config.write_text(config.read_text() + "[promptvc]\n\tstoreformat = 1\n")
    borrowed = Repo.open(tmp_path / "shared.git", repo.parts.surroundings)
    assert borrowed.snapshot("main").read("prompts/a.md") == b"a"


def test_of_many_ids_those_that_no_pack_has_are_found(repo: Repo) -> None:
    store = repo.parts.store
    with store.begin() as writer:
        here = {writer.add(Kind.BLOB, b"%d" % n).raw for n in range(300)}
        writer.finish()
    away = {os.urandom(20) for _ in range(40)}
    (pack,) = (pack for pack in store._packs.values() if pack.count >= 300)
    assert pack.without(here | away) == away, "gone through"
    few = {*list(here)[:3], *list(away)[:3]}
    assert pack.without(few) == few - here, "searched for"
    with store.begin() as writer:
        writer.add(Kind.TREE, b"100644 a\0" + sorted(away)[0])
        with pytest.raises(ObjectMissing):
            writer.finish()
