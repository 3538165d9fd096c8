"""What an open writer wrote, or reuses, is never collected before refs lead to it; nobody waits for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from promptvc.errors import StoreBusy
from promptvc.ids import ObjectId, RefName
from promptvc.repo import Repo
from promptvc.storage.objects import Kind
from promptvc.storage.refs import Refs
from promptvc.versioning.upkeep.upkeep import collect
from tests.stopping import pvc, waiting

NOW = -10.0
"""A grace that spares nothing, whatever the clock of the disk says."""


def start(repo: Repo) -> None:
    with repo.transaction("main", "start") as tx:
        tx.write("prompts/a.md", "start\n")


class Stopped:
    """A thread that does something and stops before it moves the branch main, until it is let go on."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.is_there, self.may_go = threading.Event(), threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._do, args=[act])

    def _do(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:
            self.error = error
        finally:
            self.is_there.set()

    def __enter__(self) -> Stopped:
        self._thread.start()
        assert self.is_there.wait(60)
        return self

    def __exit__(self, *error: object) -> None:
        self.go_on()

    def go_on(self) -> None:
        self.may_go.set()
        self._thread.join()

    def stop(self) -> None:
        """Is called where the thread is to stop."""
        if threading.current_thread() is self._thread:
            self.is_there.set()
            assert self.may_go.wait(60)


@contextmanager
def stopped_before_the_move(act: Callable[[], object]) -> Iterator[Stopped]:
    stopped = Stopped(act)
    move = Refs.move

    def stopping(self: Refs, name: RefName, *args: Any) -> None:
        if name == RefName.branch("main"):
            stopped.stop()
        move(self, name, *args)

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(Refs, "move", stopping)
        with stopped:
            yield stopped
    assert stopped.error is None


def write(repo: Repo, text: str) -> Callable[[], None]:
    def act() -> None:
        other = Repo.open(repo.path, repo.parts.surroundings)
        with other.transaction("main", "edit") as tx:
            tx.write("prompts/a.md", text)

    return act


def test_gc_between_the_pack_and_the_ref_move_of_a_transaction_drops_nothing(repo: Repo) -> None:
    start(repo)
    with stopped_before_the_move(write(repo, "new\n")) as writer, waiting(lambda: None, writer.go_on):
        collect(repo.parts.store, repo.parts.refs, grace=NOW)
    assert repo.snapshot("main").read("prompts/a.md") == b"new\n"


def test_gc_refuses_while_a_writer_does_not_finish_and_the_writer_loses_nothing(repo: Repo) -> None:
    start(repo)
    with stopped_before_the_move(write(repo, "new\n")):
        before = {pack.path for pack in repo.parts.store.packs()}
        with waiting() as clock, pytest.raises(StoreBusy, match="writing"):
            collect(repo.parts.store, repo.parts.refs, grace=NOW)
        assert clock.waited >= 10
        assert before <= {pack.path for pack in repo.parts.store.packs()}
    assert repo.snapshot("main").read("prompts/a.md") == b"new\n"


def test_an_old_unreachable_blob_that_is_reused_survives(repo: Repo) -> None:
    start(repo)
    lost = forgotten(repo, b"written once before\n")
    with stopped_before_the_move(write(repo, "written once before\n")) as writer, waiting(writer.go_on):
        collect(repo.parts.store, repo.parts.refs)
    assert repo.parts.store.contains(lost)
    assert repo.snapshot("main").read("prompts/a.md") == b"written once before\n"


def test_an_old_unreachable_blob_that_nobody_uses_goes(repo: Repo) -> None:
    start(repo)
    lost = forgotten(repo, b"nobody needs this\n")
    assert collect(repo.parts.store, repo.parts.refs).dropped == 1
    assert not repo.parts.store.contains(lost)


def test_a_writer_that_begins_while_gc_looks_round_keeps_what_it_reuses(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from promptvc.storage.lease import Lease

    start(repo)
    lost = forgotten(repo, b"written once before\n")
    alone = Lease.alone

    def late(lease: Lease) -> Any:
        monkeypatch.setattr(Lease, "alone", alone)
        write(repo, "written once before\n")()  # all of it, after gc has found the blob unreachable
        return alone(lease)

    monkeypatch.setattr(Lease, "alone", late)
    done = collect(repo.parts.store, repo.parts.refs)
    assert done.dropped == 0
    assert repo.parts.store.contains(lost)
    assert repo.snapshot("main").read("prompts/a.md") == b"written once before\n"


def forgotten(repo: Repo, data: bytes) -> ObjectId:
    """A blob that nothing leads to, in a pack of long ago."""
    with repo.parts.store.begin() as writer:
        id = writer.add(Kind.BLOB, data)
        index = writer.finish()
    assert index is not None
    for path in (index, index.with_suffix(".pack")):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    return id


SCRIPT = """
    import sys, promptvc
    from promptvc.storage.refs import Refs

    move = Refs.move
    def stopping(self, name, *args):
        if name == "refs/heads/main":
            print("written", flush=True)
            sys.stdin.read()
        move(self, name, *args)
    Refs.move = stopping
    with promptvc.open(sys.argv[1]).transaction("main", "edit") as tx:
        tx.write("prompts/a.md", "from a process\\n")
"""


def test_gc_waits_for_a_writer_of_another_process(repo: Repo) -> None:
    start(repo)
    words = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(repo.root)]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "written\n"
    assert repo.root is not None
    with waiting(lambda: None, lambda: child.communicate("")):
        pvc(repo.root, "gc", "--prune", "now")
    child.communicate("") if child.poll() is None else None
    assert child.returncode == 0
    assert repo.snapshot("main").read("prompts/a.md") == b"from a process\n"


def test_a_writer_that_is_killed_holds_gc_up_no_longer(repo: Repo) -> None:
    start(repo)
    words = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(repo.root)]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "written\n"
    child.kill()
    child.communicate()
    with waiting() as clock:
        done = collect(repo.parts.store, repo.parts.refs, grace=NOW)
    assert clock.pauses == 0
    assert done.dropped > 0
    assert repo.snapshot("main").read("prompts/a.md") == b"start\n"
