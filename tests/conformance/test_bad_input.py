"""Bad input: one clear line, a hint, the right exit code, and everything as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptvc.repo import Repo

EXE = [sys.executable, "-c", "from promptvc.cli.main import main; main()"]


def promptvc(folder: Path, *args: str, user: int | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*EXE, *args], cwd=folder, capture_output=True, text=True, check=False, user=user)


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One error line, at most one hint line, no traceback, the expected code."""
    lines = done.stderr.splitlines()
    assert done.returncode == code, done.stderr
    assert lines[0].startswith("error: "), done.stderr
    assert len(lines) == 1 or (len(lines) == 2 and lines[1].startswith("hint: ")), done.stderr
    for word in words:
        assert word in done.stderr


def picture(folder: Path) -> dict[str, str]:
    """Every file but caches, by digest."""
    found = (
        p for p in folder.rglob("*") if p.is_file() and "promptvc" not in p.relative_to(folder).parts[1:2]
    )
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "project"
    (folder / "prompts").mkdir(parents=True)
    (folder / "examples").mkdir()
    (folder / "prompts/a.md").write_text("Answer {{ ticket }}.\n")
    (folder / "examples/t.jsonl").write_text('{"id": 1, "text": "one"}\n{"id": 2, "text": "two"}\n')
    assert promptvc(folder, "init").returncode == 0
    assert promptvc(folder, "commit", "-m", "one").returncode == 0
    yield folder
    assert Repo.open(folder, Repo.open(folder, _world()).parts.surroundings).verify() == []


def _world():  # type: ignore[no-untyped-def]
    from promptvc.surroundings import surroundings

    return surroundings()


def test_not_a_store(tmp_path: Path) -> None:
    for command in (["status"], ["commit", "-m", "x"], ["diff"], ["log"], ["fsck"], ["branch"]):
        refused(promptvc(tmp_path, *command), 3, "not a promptvc store", "promptvc init")
    assert list(tmp_path.iterdir()) == []


def test_unknown_revisions_are_named_with_a_guess(project: Path) -> None:
    before = picture(project)
    for command in (
        ["show", "mian"],
        ["diff", "mian", "HEAD"],
        ["log", "mian"],
        ["cat", "mian:prompts/a.md"],
    ):
        refused(promptvc(project, *command), 2, "mian", "main")
    refused(promptvc(project, "show", "HEAD~7"), 2, "HEAD~7")
    refused(promptvc(project, "switch", "mian"), 2, "mian", "main")
    refused(promptvc(project, "show", "main@{99}"), 2)
    assert picture(project) == before


def test_an_ambiguous_id_lists_the_candidates(project: Path) -> None:
    repo = Repo.open(project, _world())
    seen: dict[str, str] = {}
    number = 0
    while True:  # until two commits begin with the same four digits: some 300 tries
        number += 1
        done = repo.commit(f"empty {number}", allow_empty=True)
        if done.id[:4] in seen:
            break
        seen[done.id[:4]] = done.id
    refused(promptvc(project, "show", done.id[:4]), 2, "ambiguous", done.id[:8], "more digits")


def test_malformed_rows_are_kept_and_named(project: Path) -> None:
    data = b'{"id": 1}\n{"id": 2, "text": oops}\n\xff\xfe{"id": 3}\n{"id": 4}\n'
    (project / "examples/t.jsonl").write_bytes(data)
    done = promptvc(project, "commit", "-m", "malformed")
    assert done.returncode == 0
    assert (
        subprocess.run([*EXE, "cat", "HEAD:examples/t.jsonl"], cwd=project, capture_output=True).stdout
        == data
    )
    rows = promptvc(project, "rows", "examples/t.jsonl", "--malformed")
    assert "examples/t.jsonl:2:19: " in rows.stdout  # line and column, as compilers and editors write them
    assert "examples/t.jsonl:3:1: " in rows.stdout
    assert promptvc(project, "diff", "HEAD~1", "HEAD").returncode == 0


def test_duplicate_keys_where_they_must_be_unique(project: Path) -> None:
    (project / "promptvc.toml").write_text('[tables."examples/t.jsonl"]\nkey = ["id"]\nunique = true\n')
    (project / "examples/t.jsonl").write_text('{"id": 1}\n{"id": 2}\n{"id": 1}\n')
    before = picture(project)
    refused(
        promptvc(project, "commit", "-m", "x"),
        3,
        "examples/t.jsonl",
        "rows 1, 3",
        "id=1",
        "make the keys unique",
    )
    assert picture(project) == before


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[track\n", "line 1"),
        ('[track]\ninclude = "prompts"\n', "track.include"),
        ("[track]\nfoo = 1\n", "foo"),
        ("\xff", "utf-8"),
    ],
)
def test_an_invalid_promptvc_toml(project: Path, text: str, word: str) -> None:
    (project / "promptvc.toml").write_bytes(text.encode("latin-1"))
    before = picture(project)
    for command in (["status"], ["commit", "-m", "x"], ["diff"]):
        refused(promptvc(project, *command), 3, "promptvc.toml", word)
    assert picture(project) == before


def test_a_store_of_a_newer_format(project: Path) -> None:
    config = project / ".promptvc/config"
    good = config.read_text()
    config.write_text(good.replace("storeformat = 1", "storeformat = 2"))
    before = picture(project)
    for command in (["status"], ["commit", "-m", "x"], ["log"]):
        refused(promptvc(project, *command), 3, "format 2", "newer promptvc")
    assert picture(project) == before
    config.write_text(good)


def test_a_commit_of_a_newer_format(project: Path, tmp_path: Path) -> None:
    git = ["git", f"--git-dir={project / '.promptvc'}"]
    commit = subprocess.run([*git, "cat-file", "commit", "HEAD"], capture_output=True, check=True).stdout
    newer = commit.replace(b"promptvc-format 1", b"promptvc-format 9")
    made = subprocess.run(
        [*git, "hash-object", "-t", "commit", "-w", "--stdin"], input=newer, capture_output=True, check=True
    )
    id = made.stdout.decode().strip()
    refused(promptvc(project, "show", id), 3, "format 9", "newer promptvc")


def test_a_remote_that_is_not_a_store(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "code"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    (other / "main.py").write_text("print()\n")
    subprocess.run("git add . && git commit -qm code", shell=True, cwd=other, check=True)
    refused(promptvc(tmp_path, "clone", str(other), "copy"), 3, "not a promptvc store")
    assert not (tmp_path / "copy").exists()
    assert promptvc(project, "remote", "add", "code", str(other)).returncode == 0
    before = picture(project)
    refused(promptvc(project, "fetch", "code"), 3, "not a promptvc store")
    assert {k: v for k, v in picture(project).items() if "objects" not in k} == {
        k: v for k, v in before.items() if "objects" not in k
    }
    refused(promptvc(tmp_path, "clone", str(tmp_path / "nowhere"), "copy"), 3, "nowhere")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False
        ).returncode
    ):
        pytest.skip("mounting needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    (small_disk / "examples").mkdir()
    (small_disk / "examples/t.jsonl").write_text('{"id": 1}\n')
    assert promptvc(small_disk, "init").returncode == 0
    assert promptvc(small_disk, "commit", "-m", "one").returncode == 0
    head = promptvc(small_disk, "log", "--oneline").stdout
    (small_disk / "examples/t.jsonl").write_bytes(
        b"".join(b'{"id": %d, "x": "%s"}\n' % (n, os.urandom(30).hex().encode()) for n in range(8500))
    )
    refused(promptvc(small_disk, "commit", "-m", "two"), 3, "no space left")
    assert promptvc(small_disk, "log", "--oneline").stdout == head
    assert not list((small_disk / ".promptvc/objects/pack").glob("tmp_*"))
    (small_disk / "examples/t.jsonl").write_text('{"id": 2}\n')
    assert promptvc(small_disk, "commit", "-m", "two").returncode == 0
    assert promptvc(small_disk, "fsck").returncode == 0


def test_a_read_only_store(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, symlinks=True)
    (copy / "prompts/a.md").write_text("changed\n")
    if os.geteuid() == 0:
        mounted = subprocess.run(["mount", "--bind", str(copy), str(copy)], check=False).returncode == 0
        if (
            not mounted
            or subprocess.run(["mount", "-o", "remount,ro,bind", str(copy)], check=False).returncode
        ):
            pytest.skip("mounting is not allowed here")
    else:
        subprocess.run(["chmod", "-R", "a-w", str(copy)], check=True)
    try:
        for command in (["status"], ["diff"], ["log"], ["rows", "examples/t.jsonl"]):
            assert promptvc(copy, *command).returncode == 0, command
        refused(promptvc(copy, "commit", "-m", "x"), 3, "cannot be written")
        refused(promptvc(copy, "branch", "x"), 3, "cannot be written")
        refused(promptvc(copy, "restore", "--force", "prompts"), 3, "cannot be written")
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(copy)], check=True)
        else:
            subprocess.run(["chmod", "-R", "u+w", str(copy)], check=True)


def test_an_unknown_author(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    (project / "prompts/a.md").write_text("changed\n")
    refused(promptvc(project, "commit", "-m", "x"), 3, "author is not known", "git config --global user.name")


def test_wrong_arguments(project: Path) -> None:
    refused(promptvc(project, "comit"), 2, "commit")
    refused(promptvc(project, "commit", "--massage", "x"), 2)
    refused(promptvc(project, "commit"), 2, "message")
    refused(promptvc(project, "restore"), 2)
    refused(promptvc(project, "rows", "prompts/a.md"), 2, "not a table")
    refused(promptvc(project, "cat", "HEAD:nowhere.md"), 2, "nowhere.md")
    refused(promptvc(project, "push"), 2, "remote")
    refused(promptvc(project, "tag", "a..b"), 2, "not a valid tag name")
    refused(promptvc(project, "init"), 3, "there is a store already")
