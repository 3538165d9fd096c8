"""Locks: one whose owner is dead holds nobody up, one whose owner lives is waited for, two never hold one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from promptvc.api import init
from tests.stopping import in_child, pvc, waiting

AT_ONCE = 0.5
"""Seconds of a clock that only waiting moves: nobody waited for anything that would not come."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    init(root)
    (root / "prompts").mkdir()
    (root / "prompts/a.md").write_text("one")
    pvc(root, "commit", "-m", "one")
    pvc(root, "branch", "side")
    pvc(root, "branch", "gone")
    subprocess.run(["git", f"--git-dir={root / '.promptvc'}", "pack-refs", "--all"], check=True)
    return root


def left_locks(root: Path) -> list[str]:
    store = root / ".promptvc"
    found = [path.relative_to(store).as_posix() for path in store.rglob("*.lock")]
    return [
        name for name in found if not name.startswith("promptvc/")
    ]  # those are locked by flock(2), and stay


@pytest.mark.parametrize(
    ("words", "lock"),
    [
        (("tag", "v1"), "refs/tags/v1.lock"),
        (("commit", "-m", "two"), "refs/heads/main.lock"),
        (("switch", "side"), "HEAD.lock"),
        (("branch", "-d", "gone"), "packed-refs.lock"),
        (("remote", "add", "origin", "../there"), "config.lock"),
    ],
    ids=["tag", "branch", "HEAD", "packed-refs", "config"],
)
def test_the_lock_of_a_killed_process_is_taken_over_at_once(
    root: Path, words: tuple[str, ...], lock: str
) -> None:
    if words[0] == "commit":
        (root / "prompts/a.md").write_text("two")
    assert in_child(lambda: pvc(root, *words), lambda: die_with(root / ".promptvc" / lock))
    assert lock in left_locks(root)
    with waiting() as clock:
        pvc(root, *words)
    assert clock.waited < AT_ONCE
    assert left_locks(root) == []


def die_with(lock: Path) -> None:
    """Have this process killed right after it made a lock."""

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            done = call(*args, **kwargs)
            if lock in [Path(arg) for arg in args if isinstance(arg, str | os.PathLike)]:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return called

    patch.object(os, "link", deadly(os.link)).start()
    patch.object(os, "open", deadly(os.open)).start()


HOLDER = """
    import sys
    from pathlib import Path
    from promptvc.storage.locks import git_lock

    with git_lock(Path(sys.argv[1]), Path(sys.argv[2])):
        print("held", flush=True)
        sys.stdin.read()
"""


def hold(root: Path, name: str) -> subprocess.Popen[str]:
    """A process that keeps a lock until its stdin ends."""
    words = [
        sys.executable,
        "-c",
        textwrap.dedent(HOLDER),
        str(root / ".promptvc" / name),
        str(root / ".promptvc/promptvc/tmp"),
    ]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def end(child: subprocess.Popen[str]) -> None:
    child.communicate("")


@pytest.mark.parametrize("name", ["refs/tags/v1", "config"])
def test_a_living_owner_is_waited_for(root: Path, name: str) -> None:
    child = hold(root, name)
    words = ("tag", "v1") if name.startswith("refs") else ("remote", "add", "origin", "../there")
    with waiting(lambda: None, lambda: end(child)) as clock:
        pvc(root, *words)
    assert clock.pauses >= 2


def test_a_living_owner_that_does_not_end_is_named_and_nothing_is_changed(root: Path) -> None:
    child = hold(root, "refs/tags/v1")
    with waiting() as clock:
        said = pvc(root, "tag", "v1", code=3)
    assert clock.waited >= 10
    assert "v1.lock" in said.err
    assert "hint: " in said.err
    end(child)
    pvc(root, "tag", "v1")


def test_an_owner_that_is_killed_meanwhile_is_taken_over(root: Path) -> None:
    child = hold(root, "refs/tags/v1")

    def kill() -> None:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()

    with waiting(kill) as clock:
        pvc(root, "tag", "v1")
    assert clock.waited < AT_ONCE


def test_a_lock_of_git_is_waited_for_and_then_refused_with_a_hint(root: Path) -> None:
    lock = root / ".promptvc/refs/heads/main.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    (root / "prompts/a.md").write_text("two")
    with waiting() as clock:
        said = pvc(root, "commit", "-m", "two", code=3)
    assert clock.waited >= 10
    assert str(lock) in said.err
    assert "hint: " in said.err
    lock.unlink()
    pvc(root, "commit", "-m", "two")


def test_a_lock_of_git_that_is_let_go_is_waited_for(root: Path) -> None:
    lock = root / ".promptvc/config.lock"
    lock.touch()
    with waiting(lambda: None, lock.unlink):
        pvc(root, "remote", "add", "origin", "../there")


RACER = """
    import os, sys
    from pathlib import Path
    from promptvc.storage.locks import git_lock

    path, scratch, log = Path(sys.argv[1]), Path(sys.argv[2]), os.open(sys.argv[3], os.O_WRONLY | os.O_APPEND)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(25):
        with git_lock(path, scratch):
            os.write(log, b"in %d\\n" % os.getpid())
            os.sched_yield()
            os.write(log, b"out %d\\n" % os.getpid())
"""


def test_of_processes_that_take_over_at_once_only_one_holds_the_lock(root: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    child = hold(root, "refs/tags/v1")
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert "refs/tags/v1.lock" in left_locks(root)
    words = [str(root / ".promptvc/refs/tags/v1"), str(root / ".promptvc/promptvc/tmp"), str(log)]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(RACER), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        racer.communicate()
    assert [racer.returncode for racer in racers] == [0] * 4
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len(lines) == 4 * 25 * 2
    for come, go in zip(lines[::2], lines[1::2], strict=True):
        assert (come[0], go[0]) == ("in", "out")
        assert come[1] == go[1]
    assert left_locks(root) == []
