"""What is read is what its name says, or an error that names the file; a write is seen whatever clocks say."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from promptvc.api import init
from promptvc.api import open as open_repo
from promptvc.errors import ObjectDamaged
from promptvc.repo import Repo
from promptvc.storage.objects import Kind
from promptvc.storage.packs import PackReader
from tests.stopping import Answer, flip, pvc


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three commits in one pack."""
    root = tmp_path / "project"
    init(root)
    (root / "prompts").mkdir()
    for number in range(3):
        (root / "prompts/a.md").write_text(f"a, version {number}\n")
        (root / "prompts/b.md").write_text(f"b, version {number}\n")
        pvc(root, "commit", "-m", f"version {number}")
    pvc(root, "gc")
    return root


def only(root: Path, suffix: str) -> Path:
    [found] = (root / ".promptvc/objects/pack").glob(f"*{suffix}")
    found.chmod(0o644)
    return found


def git(root: Path, *words: str) -> str:
    return subprocess.check_output(["git", f"--git-dir={root / '.promptvc'}", *words], text=True).strip()


def swap_offsets(root: Path, one: str, other: str) -> None:
    """Let the index say of each object where the other is, and be whole otherwise."""
    index = only(root, ".idx")
    data, count = bytearray(index.read_bytes()), PackReader(index).count
    table = 8 + 1024 + count * 24
    ids = [data[8 + 1024 + 20 * n :][:20].hex() for n in range(count)]
    first, second = (table + 4 * ids.index(id) for id in (one, other))
    data[first : first + 4], data[second : second + 4] = (
        data[second : second + 4],
        data[first : first + 4],
    )
    data[-20:] = sha1(data[:-20]).digest()
    index.write_bytes(data)


def test_another_file_s_bytes_are_an_error_for_cat_and_restore(root: Path) -> None:
    swap_offsets(
        root, git(root, "rev-parse", "HEAD:prompts/a.md"), git(root, "rev-parse", "HEAD:prompts/b.md")
    )
    said = pvc(root, "cat", "HEAD:prompts/a.md", code=3)
    assert said.out == ""
    assert "does not hold the bytes it is named for" in said.err
    (root / "prompts/a.md").write_text("mine\n")
    pvc(root, "restore", "--force", "prompts/a.md", code=3)
    assert (root / "prompts/a.md").read_text() == "mine\n"
    assert git(root, "rev-parse", "HEAD:prompts/a.md") in pvc(root, "fsck", code=1).out


def test_a_tree_in_the_place_of_another_is_an_error(root: Path) -> None:
    swap_offsets(root, git(root, "rev-parse", "HEAD^{tree}"), git(root, "rev-parse", "HEAD~1^{tree}"))
    for words in (("status",), ("diff", "HEAD~1", "HEAD"), ("commit", "-m", "x")):
        pvc(root, *words, code=3)


def test_a_commit_that_is_missing_is_an_error_of_log(root: Path) -> None:
    gone = lose(root, "HEAD~1")
    said = pvc(root, "log", code=3)
    assert gone in said.err
    assert gone in pvc(root, "fsck", code=1).out


def test_git_s_shallow_file_ends_history_on_purpose(root: Path) -> None:
    lose(root, "HEAD~1")
    (root / ".promptvc/shallow").write_text(git(root, "rev-parse", "HEAD") + "\n")
    assert len(pvc(root, "log", "--json").out.splitlines()) == 1
    pvc(root, "fsck")
    pvc(root, "gc", "--prune", "now")
    (root / "prompts/a.md").write_text("more\n")
    pvc(root, "commit", "-m", "more")
    assert len(pvc(root, "log", "--json").out.splitlines()) == 2


def lose(root: Path, revision: str) -> str:
    """Let git unpack the pack, and take one object away; gives its id."""
    pack, id = only(root, ".pack"), git(root, "rev-parse", revision)
    away = root.parent / pack.name
    shutil.move(pack, away)
    only(root, ".idx").unlink()
    with away.open("rb") as file:
        subprocess.run(
            ["git", f"--git-dir={root / '.promptvc'}", "unpack-objects", "-q"], stdin=file, check=True
        )
    (root / ".promptvc/objects" / id[:2] / id[2:]).unlink()
    return id


DAMAGES = ["empty", "half", "trailer", "header", "zeros", "eight bytes"]
COMMANDS = [
    ("status",),
    ("log",),
    ("diff", "HEAD~1", "HEAD"),
    ("commit", "-m", "x", "--allow-empty"),
    ("gc",),
    ("branch",),
    ("restore", "-s", "HEAD~1", "prompts/b.md"),
]


def spoil(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "trailer":
        flip(path, 8 * (len(data) - 3))
    elif how == "header":
        flip(path, 3)
    else:
        path.write_bytes(
            {
                "empty": b"",
                "half": data[: len(data) // 2],
                "zeros": b"\0" * len(data),
                "eight bytes": data[:8],
            }[how]
        )


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("suffix", [".idx", ".pack"])
def test_a_damaged_pack_or_index_is_named_by_fsck_and_never_read_wrong(
    root: Path, tmp_path: Path, suffix: str, how: str
) -> None:
    right = {words: answer(root, tmp_path, words) for words in COMMANDS}
    spoil(only(root, suffix), how)
    assert only(root, suffix).name in pvc(root, "fsck", code=1).out
    for words in COMMANDS:
        said = answer(root, tmp_path, words)
        if said.code == 3:
            assert only(root, suffix).stem in said.err, (words, said)
            assert "hint: " in said.err
        else:
            assert said.code == right[words].code
            if words[0] not in ("commit", "gc"):
                assert said.out == right[words].out


def answer(root: Path, folder: Path, words: tuple[str, ...]) -> Answer:
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy)
    said = pvc(copy, *words, code=None)
    return Answer(said.code, said.out, said.err)


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_index_is_made_anew_from_its_pack(root: Path, how: str) -> None:
    index = only(root, ".idx")
    good = index.read_bytes()
    spoil(index, how)
    pvc(root, "fsck", "--repair", "--yes")
    assert index.read_bytes() == good
    pvc(root, "log")


def test_one_damaged_pack_beside_good_ones_is_no_missing_object(root: Path) -> None:
    (root / "prompts/a.md").write_text("more\n")
    pvc(root, "commit", "-m", "more")
    old = min((root / ".promptvc/objects/pack").glob("*.idx"), key=lambda path: path.stat().st_mtime_ns)
    old.chmod(0o644)
    old.write_bytes(b"")
    said = pvc(root, "log", code=3)
    assert old.name in said.err
    assert "missing" not in said.err


class _Stopped:
    """What stat(2) says of a folder, on a file system whose clock stands still."""

    def __init__(self, info: os.stat_result) -> None:
        self._info = info

    def __getattr__(self, name: str) -> Any:
        return (
            1_000_000_000 * (1 if not name.endswith("_ns") else 10**9)
            if "time" in name
            else getattr(self._info, name)
        )

    def __getitem__(self, place: int) -> Any:
        return self._info[place]


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders have the same times for ever, as within a second of ext3."""
    original = os.stat

    def coarse(*args: Any, **kwargs: Any) -> Any:
        info = original(*args, **kwargs)
        return _Stopped(info) if stat.S_ISDIR(info.st_mode) else info

    monkeypatch.setattr(os, "stat", coarse)


@pytest.mark.usefixtures("stopped_clock")
def test_a_commit_sees_its_own_pack_whatever_the_folder_s_time_says(root: Path) -> None:
    for number in range(4):
        (root / "prompts/a.md").write_text(f"more {number}\n")
        (root / "examples").mkdir(exist_ok=True)
        (root / "examples/t.jsonl").write_text(f'{{"id": 1, "n": {number}}}\n')
        pvc(root, "commit", "-m", f"more {number}")
    assert len(pvc(root, "log", "--json").out.splitlines()) == 7
    pvc(root, "fsck")


@pytest.mark.usefixtures("stopped_clock")
def test_a_reader_and_a_transaction_see_what_others_wrote_whatever_the_folder_s_time_says(root: Path) -> None:
    reader, writers = open_repo(root), [open_repo(root) for _ in range(2)]
    reader.snapshot("main").read("prompts/a.md")
    for number in range(6):
        writer = writers[number % 2]
        with writer.transaction("main", "rows") as tx:
            tx.upsert("examples/t.jsonl", [{"id": number}], key=["id"])
        assert len(writer.snapshot("main").table("examples/t.jsonl")) == number + 1
        assert len(reader.snapshot("main").table("examples/t.jsonl")) == number + 1


def test_what_is_read_across_packs_is_hashed_too(repo: Repo) -> None:
    with repo.transaction("main", "one") as tx:
        tx.write("prompts/a.md", "one\n")
    entry = repo.snapshot("main").files["prompts/a.md"]  # type: ignore[index]
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(PackReader, "resolve", lambda self, offset: (Kind.BLOB, b"two\n"))
        with pytest.raises(ObjectDamaged):
            repo.parts.store.read(entry.id)
