"""Working files: status, commit, restore and switch; nothing uncommitted is lost unasked."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from promptvc.errors import (
    DuplicateKey,
    FileUnreadable,
    InvalidName,
    NothingToCommit,
    PathMissing,
    WorkWouldBeLost,
)
from promptvc.ids import RefName
from promptvc.repo import Repo


def put(repo: Repo, path: str, text: str | bytes) -> Path:
    assert repo.root is not None
    target = repo.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode() if isinstance(text, str) else text)
    return target


def statuses(repo: Repo) -> dict[str, str]:
    return {str(change.path): change.status for change in repo.status().changes}


def test_status_names_what_changed(repo: Repo) -> None:
    put(repo, "prompts/a.md", "a")
    put(repo, "prompts/b.md", "bbbb")
    put(repo, "notes/untracked.md", "not ours")
    assert statuses(repo) == {"prompts/a.md": "added", "prompts/b.md": "added", "promptvc.toml": "added"}
    repo.commit("one")
    assert repo.status().clean
    put(repo, "prompts/a.md", "b")  # same size, and perhaps the same clock tick
    (repo.root / "prompts/b.md").rename(repo.root / "prompts/c.md")  # type: ignore[operator]
    assert statuses(repo) == {"prompts/a.md": "modified", "prompts/c.md": "renamed"}


def test_a_change_within_the_clocks_tick_is_seen(repo: Repo) -> None:
    for number in range(30):
        put(repo, "prompts/a.md", f"{number:04d}")
        repo.commit(str(number))
        put(repo, "prompts/a.md", f"{number + 5000:04d}")
        assert statuses(repo) == {"prompts/a.md": "modified"}
        repo.parts.workspace.restore(["prompts/a.md"], repo.parts.workspace.head_files(), force=True)
        put(repo, "prompts/a.md", f"{number + 7000:04d}")
        assert statuses(repo) == {"prompts/a.md": "modified"}


def test_only_the_given_paths_are_committed(repo: Repo) -> None:
    put(repo, "prompts/a.md", "a")
    put(repo, "prompts/deep/b.md", "b")
    put(repo, "examples/t.jsonl", '{"id": 1}\n')
    repo.commit("some", paths=["prompts/deep", "examples/t.jsonl"])
    assert repo.snapshot().paths == ["examples/t.jsonl", "prompts/deep/b.md"]
    assert set(statuses(repo)) == {"prompts/a.md", "promptvc.toml"}
    (repo.root / "prompts/deep/b.md").unlink()  # type: ignore[operator]
    repo.commit("gone", paths=["prompts/deep"])
    assert repo.snapshot().paths == ["examples/t.jsonl"]
    with pytest.raises(PathMissing):
        repo.commit("none", paths=["prompts/none.md"])
    with pytest.raises(NothingToCommit):
        repo.commit("same", paths=["examples"])


def test_switch_carries_changes_along_and_refuses_to_lose_them(repo: Repo) -> None:
    put(repo, "prompts/a.md", "a")
    put(repo, "prompts/b.md", "b")
    first = repo.commit("one").id
    repo.parts.workspace.switch(first, RefName.branch("x"), repo.parts.who(), create=True)
    put(repo, "prompts/a.md", "a on x")
    repo.commit("x")
    put(repo, "prompts/b.md", "not committed")
    repo.parts.workspace.switch(first, RefName.branch("main"), repo.parts.who())
    assert (repo.root / "prompts/a.md").read_text() == "a"  # type: ignore[operator]
    assert statuses(repo) == {"prompts/b.md": "modified"}
    put(repo, "prompts/a.md", "work in progress")
    with pytest.raises(WorkWouldBeLost, match=r"prompts/a\.md"):
        repo.parts.workspace.switch(repo.parts.revisions.resolve("x"), RefName.branch("x"), repo.parts.who())
    assert (repo.root / "prompts/a.md").read_text() == "work in progress"  # type: ignore[operator]
    assert repo.branch == "main"
    repo.parts.workspace.switch(
        repo.parts.revisions.resolve("x"), RefName.branch("x"), repo.parts.who(), force=True
    )
    assert (repo.root / "prompts/a.md").read_text() == "a on x"  # type: ignore[operator]


def test_an_untracked_file_in_the_way_is_not_overwritten(repo: Repo) -> None:
    put(repo, "prompts/a.md", "a")
    first = repo.commit("one").id
    put(repo, "prompts/b.md", "b")
    second = repo.commit("two").id
    repo.parts.workspace.switch(first, None, repo.parts.who())
    put(repo, "promptvc.toml", '[track]\nexclude = ["prompts/b.md"]\n')
    put(repo, "prompts/b.md", "mine")
    with pytest.raises(WorkWouldBeLost):
        repo.parts.workspace.switch(second, RefName.branch("main"), repo.parts.who())
    assert (repo.root / "prompts/b.md").read_text() == "mine"  # type: ignore[operator]


def test_restore_brings_back_what_is_gone_and_asks_before_overwriting(repo: Repo) -> None:
    target = put(repo, "prompts/a.md", "one")
    repo.commit("one")
    put(repo, "prompts/a.md", "two")
    repo.commit("two")
    target.unlink()
    assert repo.parts.workspace.restore(["prompts/a.md"], repo.parts.workspace.head_files()) == [
        "prompts/a.md"
    ]
    assert target.read_text() == "two"
    repo.parts.workspace.restore(["prompts"], repo.snapshot("HEAD~1").files)
    assert target.read_text() == "one"
    put(repo, "prompts/a.md", "three")
    with pytest.raises(WorkWouldBeLost):
        repo.parts.workspace.restore(["."], repo.parts.workspace.head_files())
    assert target.read_text() == "three"
    repo.parts.workspace.restore(["."], repo.parts.workspace.head_files(), force=True)
    assert target.read_text() == "two"


def test_links_and_modes_are_kept(repo: Repo) -> None:
    put(repo, "prompts/a.md", "a").chmod(0o755)
    link = repo.root / "prompts/link.md"  # type: ignore[operator]
    link.symlink_to("a.md")
    (repo.root / "examples").symlink_to("/nowhere/at/all")  # type: ignore[operator]
    repo.commit("links")
    link.unlink()
    (repo.root / "prompts/a.md").unlink()  # type: ignore[operator]
    repo.parts.workspace.restore(["."], repo.parts.workspace.head_files())
    assert os.readlink(link) == "a.md"
    assert os.access(repo.root / "prompts/a.md", os.X_OK)  # type: ignore[operator]
    assert repo.status().clean


def test_a_folder_that_became_a_link_is_not_written_through(repo: Repo, tmp_path: Path) -> None:
    target = put(repo, "prompts/deep/a.md", "a")
    repo.commit("one")
    outside = tmp_path / "outside"
    outside.mkdir()
    target.unlink()
    target.parent.rmdir()
    target.parent.symlink_to(outside)
    with pytest.raises(WorkWouldBeLost):
        repo.parts.workspace.restore(["prompts/deep/a.md"], repo.parts.workspace.head_files())
    assert list(outside.iterdir()) == []


def test_what_cannot_be_kept_is_said(repo: Repo) -> None:
    root = repo.root
    assert root is not None
    put(repo, "prompts/a.md", "a")
    os.mkfifo(root / "prompts/pipe")
    with pytest.raises(FileUnreadable, match="pipe"):
        repo.commit("pipe")
    (root / "prompts/pipe").unlink()
    if sys.platform == "linux":
        bad = os.fsencode(root) + b"/prompts/bad-\xff.md"
        Path(os.fsdecode(bad)).write_text("x")
        with pytest.raises(InvalidName, match="not UTF-8"):
            repo.commit("name")
        Path(os.fsdecode(bad)).unlink()
    put(repo, "prompts/con.md", "reserved")
    put(repo, "prompts/A.md", "twin")
    done = repo.commit("names")
    assert {path for path, _ in done.name_warnings} >= {"prompts/con.md"}
    assert any("upper and lower case" in why for _, why in done.name_warnings)


def test_rows_that_share_a_key_are_named_or_refused(repo: Repo) -> None:
    put(repo, "examples/t.csv", "act,text\na,1\nb,2\na,3\n")
    put(repo, "promptvc.toml", '[tables."examples/t.csv"]\nkey = ["act"]\n')
    done = repo.commit("duplicates")
    assert [str(warning) for warning in done.key_warnings] == [
        "examples/t.csv: rows 1, 3 have the same key act=a"
    ]
    put(repo, "promptvc.toml", '[tables."examples/*.csv"]\nkey = ["act"]\nunique = true\n')
    put(repo, "examples/t.csv", "act,text\na,1\nb,2\na,4\n")
    before = repo.snapshot().id
    with pytest.raises(DuplicateKey, match="rows 1, 3"):
        repo.commit("refused")
    put(repo, "examples/t.csv", "act,text\na,1\nb,2\na,3\n")  # as committed: only the rule is new
    with pytest.raises(DuplicateKey, match="rows 1, 3"):
        repo.commit("refused too")
    assert repo.snapshot().id == before


def test_a_large_table_is_not_read_again_when_nothing_changed(repo: Repo) -> None:
    target = put(
        repo,
        "examples/t.jsonl",
        b"".join(b'{"id": %d, "text": "%s"}\n' % (n, b"x" * 50) for n in range(5000)),
    )
    time.sleep(0.05)
    repo.commit("table")
    content = target.read_bytes()
    stamp = target.stat()
    fresh = Repo.open(repo.path, repo.parts.surroundings)
    assert fresh.status().clean
    target.write_bytes(content[:-3] + b"!}\n")
    os.utime(target, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert statuses(fresh) == {"examples/t.jsonl": "modified"}  # the inode's change time told


def test_nothing_behind_a_linked_folder_is_removed(repo: Repo, tmp_path: Path) -> None:
    put(repo, "examples/keep.txt", "x")
    repo.commit("one")
    put(repo, "examples/d/o.jsonl", '{"id": 1}\n')
    repo.commit("two")
    outside = tmp_path / "outside"
    folder = repo.root / "examples/d"  # type: ignore[operator]
    folder.rename(outside)
    folder.symlink_to(outside)
    for force in (False, True):
        repo.parts.workspace.switch(
            repo.parts.revisions.resolve("main~1"), None, repo.parts.who(), force=force
        )
        assert (outside / "o.jsonl").read_text() == '{"id": 1}\n'
    (outside / "o.jsonl").write_text("changed")
    repo.parts.workspace.switch(repo.parts.revisions.resolve("main~1"), None, repo.parts.who(), force=True)
    assert (outside / "o.jsonl").read_text() == "changed"


def test_a_broken_promptvc_toml_can_be_restored(repo: Repo) -> None:
    repo.commit("one")
    target = put(repo, "promptvc.toml", "[x")
    repo.parts.workspace.restore(["promptvc.toml"], repo.parts.workspace.head_files(), force=True)
    assert target.read_text() != "[x"
    assert repo.status().clean
