"""A ref that is there and cannot be read is an error, never an absent ref; fsck finds it and puts it back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from promptvc.api import init
from promptvc.ids import RefName
from promptvc.repo import Repo
from tests.stopping import flip, pvc

MAIN = RefName.branch("main")
DAMAGES = ["zeros", "flip", "empty", "half"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two commits on main, a branch beside it, a tag."""
    root = tmp_path / "project"
    init(root)
    (root / "prompts").mkdir()
    for text in ("one", "two"):
        (root / "prompts/a.md").write_text(text)
        pvc(root, "commit", "-m", text)
    pvc(root, "branch", "side")
    pvc(root, "tag", "v1")
    return root


def value(root: Path, name: str = "main") -> str:
    store = root / ".promptvc"
    words = ["git", f"--git-dir={store}", "rev-parse", "--verify", "-q", name]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "flip":
        flip(path, 8 * 3 + 6)  # of an id as of "ref: refs/heads/main", a letter that none may have there
        return
    path.write_bytes({"zeros": b"\0" * len(data), "empty": b"", "half": data[: len(data) // 2]}[how])


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", ["refs/heads/main", "HEAD"])
def test_status_commit_and_gc_refuse_naming_the_file_and_its_last_value(
    root: Path, name: str, how: str
) -> None:
    tip = value(root)
    damage(root / ".promptvc" / name, how)
    (root / "prompts/a.md").write_text("three")
    before = sorted((root / ".promptvc/objects/pack").iterdir())
    for words in (("status",), ("commit", "-m", "x"), ("gc", "--prune", "now"), ("log",)):
        said = pvc(root, *words, code=3)
        assert str(root / ".promptvc" / name) in said.err
        assert tip[:7] in said.err
        assert "hint: promptvc fsck" in said.err
    assert sorted((root / ".promptvc/objects/pack").iterdir()) == before


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", ["refs/heads/side", "refs/tags/v1"])
def test_gc_refuses_beside_any_ref_that_cannot_be_read(root: Path, name: str, how: str) -> None:
    damage(root / ".promptvc" / name, how)
    said = pvc(root, "gc", "--prune", "now", code=3)
    assert str(root / ".promptvc" / name) in said.err
    assert name in pvc(root, "fsck", code=1).out


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", ["refs/heads/main", "HEAD", "refs/heads/side"])
def test_fsck_finds_it_and_repair_restores_it(root: Path, name: str, how: str) -> None:
    tip, file = value(root), root / ".promptvc" / name
    good = file.read_bytes()
    damage(file, how)
    assert name in pvc(root, "fsck", code=1).out
    pvc(root, "fsck", "--repair", "--yes")
    assert file.read_bytes() == good
    assert value(root) == tip
    pvc(root, "status")
    pvc(root, "fsck")


def test_a_lost_branch_under_head_is_no_first_commit(root: Path) -> None:
    (root / ".promptvc/refs/heads/main").unlink()
    assert "main" in pvc(root, "status", code=3).err
    pvc(root, "commit", "-m", "a new root", code=3)
    assert "main" in pvc(root, "fsck", code=1).out
    pvc(root, "fsck", "--repair", "--yes")
    assert "two" in pvc(root, "log").out


def test_repair_asks_and_where_nobody_can_be_asked_it_refuses(root: Path) -> None:
    damage(root / ".promptvc/refs/heads/main", "zeros")
    said = pvc(root, "fsck", "--repair", code=2)
    assert "--yes" in said.err
    assert (root / ".promptvc/refs/heads/main").read_bytes().strip(b"\0") == b""


def test_a_branch_without_a_reflog_is_restored_from_the_remote_tracking_branch(
    root: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    pvc(tmp_path, "clone", str(root), str(copy))
    tip = value(copy)
    for log in ("HEAD", "refs/heads/main"):
        (copy / ".promptvc/logs" / log).unlink(missing_ok=True)
    damage(copy / ".promptvc/refs/heads/main", "zeros")
    assert "refs/heads/main" in pvc(copy, "fsck", code=1).out
    said = pvc(copy, "fsck", "--repair", "--yes")
    assert "origin/main" in said.out
    assert value(copy) == tip


@pytest.mark.parametrize("how", ["zeros", "flip"])
def test_packed_refs_that_cannot_be_read_are_named_and_repaired(root: Path, how: str) -> None:
    tip = value(root)
    subprocess.run(["git", f"--git-dir={root / '.promptvc'}", "pack-refs", "--all"], check=True)
    packed = root / ".promptvc/packed-refs"
    if how == "zeros":
        packed.write_bytes(b"\0" * packed.stat().st_size)
    else:
        flip(packed, (packed.read_bytes().index(b"refs/heads/main") - 5) * 8 + 6)
    (root / "prompts/a.md").write_text("three")
    for words in (("status",), ("commit", "-m", "x"), ("gc", "--prune", "now")):
        assert str(packed) in pvc(root, *words, code=3).err
    assert "packed-refs" in pvc(root, "fsck", code=1).out
    pvc(root, "fsck", "--repair", "--yes")
    pvc(root, "fsck")
    assert value(root) == tip
    assert value(root, "side") == tip


def test_the_library_raises_too(root: Path) -> None:
    from promptvc.errors import RefDamaged
    from promptvc.surroundings import surroundings

    tip = value(root)
    damage(root / ".promptvc/refs/heads/main", "zeros")
    with pytest.raises(RefDamaged) as found:
        Repo.open(root, surroundings()).snapshot("main")
    assert found.value.last == tip
