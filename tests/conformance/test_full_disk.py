"""A full or failing disk: what is said is so, nothing stays half done, and the next command goes on."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.reliability.kills import run_killed
from tests.runs.projects import Project, tickets
from tests.stopping import new_project, pvc, waiting

CALLS = ("write", "fsync", "link", "replace", "mkdir")


class Disk:
    """Refuses one of the calls that need room, or all from there on."""

    def __init__(self, number: int, *, once: bool, error: int = errno.ENOSPC) -> None:
        self._left, self._once, self._error = number, once, error
        self.failed = False

    def refuses(self) -> bool:
        self._left -= 1
        found = self._left == 0 or (self._left < 0 and not self._once)
        self.failed = self.failed or found
        return found

    def guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if self.refuses():
                raise OSError(self._error, os.strerror(self._error))
            return call(*args, **kwargs)

        return guarded


@contextmanager
def disk(number: int, *, once: bool, error: int = errno.ENOSPC) -> Iterator[Disk]:
    made = Disk(number, once=once, error=error)
    guards = [patch.object(os, name, made.guarded(getattr(os, name))) for name in CALLS]
    for guard in guards:
        guard.start()
    try:
        yield made
    finally:
        for guard in guards:
            guard.stop()


def git(root: Path, *words: str) -> str:
    return subprocess.run(
        ["git", f"--git-dir={root / '.promptvc'}", *words], capture_output=True, text=True, check=False
    ).stdout


def state(root: Path) -> tuple[object, ...]:
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".promptvc" not in path.parts
    }
    return (
        git(
            root,
            "for-each-ref",
            "--format=%(refname) %(objectname)",
            "refs/heads",
            "refs/tags",
            "refs/remotes",
        ),
        (root / ".promptvc/HEAD").read_text(),
        files,
    )


def is_done(root: Path, words: tuple[str, ...]) -> bool:
    """Whether all that a command is to do was done, as git sees it, and nothing else lies among the files."""
    head, new = git(root, "symbolic-ref", "--short", "HEAD").strip(), git(root, "show", "HEAD:prompts/a.md")
    files = set(git(root, "ls-tree", "-r", "--name-only", "HEAD").split())
    clean = (root / "prompts/a.md").read_text() == new and files == set(state(root)[2])  # type: ignore[arg-type]
    done = {
        "commit": "prompts/d.md" in files,
        "switch": head == "feature",
        "merge": git(root, "rev-parse", "-q", "--verify", "HEAD^2") != "",
        "tag": git(root, "tag") == "v1\n",
        "branch": git(root, "rev-parse", "-q", "--verify", "b") != "",
    }
    return clean and done[words[0]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = new_project(tmp_path_factory.mktemp("full") / "project")
    (root / "prompts").mkdir()
    for path in ("a", "b"):
        (root / f"prompts/{path}.md").write_text("old\n")
    pvc(root, "commit", "-m", "base")
    pvc(root, "switch", "-c", "feature")
    for path in ("a", "b"):
        (root / f"prompts/{path}.md").write_text("new\n")
    pvc(root, "commit", "-m", "feature")
    pvc(root, "switch", "main")
    (root / "prompts/c.md").write_text("main\n")
    pvc(root, "commit", "-m", "main")
    return root


@pytest.mark.parametrize("once", [True, False], ids=["once", "from then on"])
@pytest.mark.parametrize(
    "words",
    [("commit", "-m", "x"), ("switch", "feature"), ("merge", "feature"), ("tag", "v1"), ("branch", "b")],
    ids=lambda words: words[0],
)
def test_what_is_said_of_a_full_disk_is_so(
    template: Path, tmp_path: Path, words: tuple[str, ...], once: bool
) -> None:
    number, failed = 0, 0
    while True:
        number += 1 if number < 6 else 2
        root = tmp_path / "project"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(template, root)
        if words[0] == "commit":
            (root / "prompts/d.md").write_text("d\n")
        before = state(root)
        with disk(number, once=once) as at:
            said = pvc(root, *words, code=None)
        if not at.failed:
            break
        failed += said.code == 3
        if said.code == 3:
            assert "hint: " in said.err
            assert "no space left" in said.err.lower()
            if "nothing was changed" in said.err:
                assert state(root) == before, (number, said)
            if "what was begun" not in said.err:
                assert state(root)[2] == before[2], (number, said)
        pvc(root, "status")
        assert (state(root) == before) or is_done(root, words), (number, said)
        with waiting() as clock:
            pvc(root, *words, code=None)
        assert clock.waited < 1, number
        assert is_done(root, words), (number, said)
        pvc(root, "fsck")
    assert failed > 3


def test_a_torn_reflog_line_blocks_neither_fsck_nor_gc(template: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(template, root)
    for name in ("HEAD", "refs/heads/main"):
        log = root / ".promptvc/logs" / name
        log.write_bytes(log.read_bytes() + log.read_bytes()[:70])
    (root / "prompts/d.md").write_text("d\n")
    pvc(root, "commit", "-m", "after it")
    pvc(root, "fsck")
    pvc(root, "gc", "--prune", "now")
    assert git(root, "rev-parse", "main@{1}") == git(root, "rev-parse", "main~1")


def test_a_reflog_line_with_two_ids_glued_together_does_not_block_gc(template: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(template, root)
    log = root / ".promptvc/logs/refs/heads/main"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0][:55] + b"".join(lines[1:]) + lines[-1])
    pvc(root, "gc", "--prune", "now")
    assert "logs/refs/heads/main" in pvc(root, "fsck", code=1).out
    pvc(root, "fsck", "--repair", "--yes")
    pvc(root, "fsck")


def test_a_killed_init_can_be_done_again(tmp_path: Path) -> None:
    point, killed = 0, True
    while killed:
        point += 1
        root = tmp_path / f"p{point}"
        root.mkdir()
        killed = run_killed(lambda root=root: pvc(root, "init"), point, after=False)  # type: ignore[misc]
        if (root / ".promptvc").exists():
            pvc(root, "init", code=None)
        else:
            pvc(root, "init")
        assert (root / "promptvc.toml").stat().st_size > 0
        (root / "prompts").mkdir(exist_ok=True)
        (root / "prompts/a.md").write_text("a\n")
        with patch.dict(os.environ):
            pvc(root, "commit", "-m", "one")
        assert [path.name for path in root.iterdir() if "-new" in path.name] == []
    assert point > 5


def test_a_killed_clone_can_be_done_again(template: Path, tmp_path: Path) -> None:
    point, killed = 1, True
    while killed:
        point += 7
        copy = tmp_path / f"copy{point}"
        killed = run_killed(
            lambda copy=copy: pvc(tmp_path, "clone", str(template), str(copy)),  # type: ignore[misc]
            point,
            after=False,
        )
        if killed and not (copy / ".promptvc").exists():
            pvc(tmp_path, "clone", str(template), str(copy))
        assert pvc(copy, "status").out.startswith("On main")
        assert (copy / "prompts/c.md").read_text() == "main\n"
        pvc(copy, "fsck")
    assert point > 20


def test_a_full_disk_ends_a_run_in_one_clear_line_and_keeps_what_was_answered(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", tickets(8))
    project.commit("base")
    for number in range(1, 30, 3):
        with disk(number, once=False) as at:
            said = pvc(project.root, "run", "mini", code=None)
        if not at.failed:
            break
        assert said.code in (0, 3)
        if said.code:
            assert "no space left" in said.err.lower(), (number, said)
            assert "hint: " in said.err
    pvc(project.root, "run", "mini")
    assert len(project.rows()) == 8


def test_a_disk_that_fails_is_named_with_a_hint(template: Path, tmp_path: Path) -> None:
    for number in range(1, 20, 3):
        root = tmp_path / f"p{number}"
        shutil.copytree(template, root)
        (root / "prompts/d.md").write_text("d\n")
        before = state(root)
        with disk(number, once=True, error=errno.EIO):
            said = pvc(root, "commit", "-m", "x", code=None)
        if said.code:
            assert str(root) in said.err
            assert "the disk failed" in said.err
            assert "hint: " in said.err
            assert state(root) == before
