"""Random commands, then all of them undone one by one: every state in between comes back exactly, and redo works."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from promptvc.cli.main import run
from promptvc.errors import PromptvcError
from promptvc.ids import RefName
from promptvc.repo import Repo, make_store
from promptvc.storage.refs import Refs
from promptvc.surroundings import surroundings
from tests.amounts import examples

PATHS = st.sampled_from(["prompts/a.md", "prompts/deep/b.txt", "examples/t.jsonl", "outputs/o.json"])
CONTENT = st.one_of(
    st.binary(max_size=12),
    st.integers(900, 1100).map(lambda n: b"".join(b'{"id": %d, "x": "%d"}\n' % (i, i * n) for i in range(n))),
)

BRANCHES = st.sampled_from(["main", "x", "y", "x/z"])
TAGS = st.sampled_from(["v1", "v2"])
FORCE = st.sampled_from([[], ["--force"]])


@dataclass(frozen=True)
class World:
    """All that an operation may change: refs, HEAD, settings of branches and remotes, working files."""

    refs: dict[RefName, str]
    head: str
    config: dict[str, str]
    files: dict[str, tuple[bytes, bool]]

    @property
    def own(self) -> World:
        """It without what is known of the remote, which undo leaves as it is."""
        refs = {name: id for name, id in self.refs.items() if not name.startswith("refs/remotes/")}
        return replace(self, refs=refs)


@dataclass(frozen=True)
class Step:
    """An operation, and the world right before and right after it."""

    number: int
    before: World
    after: World


class UndoMachine(RuleBasedStateMachine):
    """Runs commands beside a user who edits files. Further commands are further rules that call `_do`."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "p"
        self.repo = Repo.init(self.root, surroundings())
        self.hub = self.folder / "hub.git"
        make_store(self.hub)
        self.repo.parts.sharing.add("origin", str(self.hub))
        self.steps: list[Step] = []
        for name, text in (("prompts/a.md", b"one\n"), ("examples/t.jsonl", b'{"id": 1}\n')):
            self._put(name, (text, False))
            self._do("commit", "-m", f"first {name}")
        self._do("push", "-u", "origin", "main")
        self._do("switch", "-c", "x")
        self.edit_and_commit("prompts/a.md", b"one of x\n")

    # --- the user -----------------------------------------------------------------------------------------

    @rule(path=PATHS, data=CONTENT, executable=st.booleans())
    def edit(self, path: str, data: bytes, executable: bool) -> None:
        self._put(path, (data, executable))

    @rule(path=PATHS)
    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)

    # --- commands -----------------------------------------------------------------------------------------

    @rule()
    def commit(self) -> None:
        self._do("commit", "-m", "work")

    @rule(path=PATHS, data=CONTENT)
    def edit_and_commit(self, path: str, data: bytes) -> None:
        self._put(path, (data, False))
        self._do("commit", "-m", "work")

    @rule(name=BRANCHES, force=FORCE)
    def switch(self, name: str, force: list[str]) -> None:
        self._do("switch", *force, name)

    @rule(name=BRANCHES)
    def switch_to_new(self, name: str) -> None:
        self._do("switch", "-c", name)

    @rule(name=BRANCHES)
    def detach(self, name: str) -> None:
        self._do("switch", "--detach", name)

    @rule(path=PATHS, force=FORCE)
    def restore(self, path: str, force: list[str]) -> None:
        self._do("restore", *force, path)

    @rule()
    def restore_all(self) -> None:
        self._do("restore", "--force", "--source", "HEAD^", ".")

    @rule(name=BRANCHES, force=FORCE)
    def make_branch(self, name: str, force: list[str]) -> None:
        self._do("branch", *force, name)

    @rule(name=BRANCHES)
    def delete_branch(self, name: str) -> None:
        self._do("branch", "-f", "-d", name)

    @rule(old=BRANCHES, new=BRANCHES)
    def rename_branch(self, old: str, new: str) -> None:
        self._do("branch", "-m", old, new)

    @rule(name=TAGS, message=st.sampled_from([[], ["-m", "text"]]))
    def make_tag(self, name: str, message: list[str]) -> None:
        self._do("tag", name, *message)

    @rule(name=TAGS)
    def delete_tag(self, name: str) -> None:
        self._do("tag", "-d", name)

    @rule(name=BRANCHES, path=PATHS, data=CONTENT)
    def transact(self, name: str, path: str, data: bytes) -> None:
        def write() -> None:
            with contextlib.suppress(PromptvcError), self.repo.transaction(name, "service") as tx:
                tx.write(path, data)

        self._watch(write)

    @rule(name=BRANCHES)
    def push(self, name: str) -> None:
        self._do("push", "-u", "--force", "origin", name)

    @precondition(lambda self: self._shared())
    @rule(change=st.sampled_from(["delete", "back"]), data=st.data())
    def fetch_what_others_did(self, change: str, data: st.DataObject) -> None:
        there = Refs(self.hub)
        name = data.draw(st.sampled_from(self._shared()))
        id = there.read(name)
        assert id is not None
        parents = self.repo.parts.history.parents(id)
        new = parents[0] if change == "back" and parents else None
        there.move(name, id, new, self.repo.parts.who(), "by others")
        self._do("fetch", "--prune")

    @rule()
    def remove_the_remote(self) -> None:
        self._do("remote", "remove", "origin")
        if "origin" not in Repo.open(self.root, surroundings()).parts.sharing.names:
            self._do("undo")

    @rule()
    def undo(self) -> None:
        last = self.repo.operations()[:1]
        self._do("undo", "--force")
        if self.steps and last and last[0].number == self.steps[-2].number:
            now, then = self.steps[-1].after.own, self.steps[-2].before.own
            assert (now.refs, now.head, now.config) == (then.refs, then.head, then.config)

    @precondition(lambda self: self.steps)
    @rule(data=st.data())
    def undo_to(self, data: st.DataObject) -> None:
        step = data.draw(st.sampled_from(self.steps))
        self._do("undo", "--force", str(step.number))
        now, then = self._world().own, step.after.own
        assert (now.refs, now.head, now.config) == (then.refs, then.head, then.config)

    # --- the end ------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "repo"):
            return
        if self.steps:
            self._undo_one_by_one()
            self._redo_all()
        assert Repo.open(self.root, surroundings()).verify() == []
        done = subprocess.run(
            ["git", f"--git-dir={self.root / '.promptvc'}", "fsck", "--strict", "--no-dangling"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, ""), done
        shutil.rmtree(self.folder)

    def _undo_one_by_one(self) -> None:
        for step in reversed(self.steps):
            self._put_all(step.after.files)  # what the user did meanwhile is the user's
            code, said = self._run("undo", str(step.number - 1))
            assert code == (1 if step.before.own == step.after.own else 0), said
            assert self._world().own == step.before.own

    def _redo_all(self) -> None:
        expected = dict(self._world().files)
        for path in {path for step in self.steps for path in (*step.before.files, *step.after.files)}:
            pairs = [(step.before.files.get(path), step.after.files.get(path)) for step in self.steps]
            changes = [pair for pair in pairs if pair[0] != pair[1]]
            # Where all operations together left a file as it was, what the user did since is the user's.
            if changes and changes[0][0] != changes[-1][1]:
                expected.pop(path, None)
                expected |= {path: changes[-1][1]} if changes[-1][1] else {}
        last = self.steps[-1]
        # By force, since the edits that the user made between the operations are not there any more.
        code, said = self._run("undo", "--force", str(last.number))
        assert code == 0, said
        assert self._world().own == World(last.after.refs, last.after.head, last.after.config, expected).own

    # --- details ------------------------------------------------------------------------------------------

    def _do(self, *words: str) -> None:
        """Run a command: an operation is written exactly when it changed something."""

        def command() -> None:
            before = self._world()
            code, said = self._run(*words)
            assert code in (0, 1, 2, 3), said
            assert "internal error" not in said, said
            assert code == 0 or self._world() == before, said

        self._watch(command)

    def _watch(self, act: Callable[[], None]) -> None:
        known, before = self._last(), self._world()
        act()
        after, now = self._world(), self._last()
        assert (now != known) == (before != after), (known, now, before, after)
        if now != known:
            self.steps.append(Step(now, before, after))

    def _run(self, *words: str) -> tuple[int, str]:
        out = io.TextIOWrapper(io.BytesIO(), write_through=True)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = run(["-C", str(self.root), *words])
        out.seek(0)
        return code, f"{words}: {code}\n{out.read()}"

    def _last(self) -> int:
        return max((operation.number for operation in self.repo.operations()), default=0)

    def _shared(self) -> list[RefName]:
        return list(Refs(self.hub).find("refs/heads/")) if hasattr(self, "hub") else []

    def _world(self) -> World:
        repo = Repo.open(self.root, surroundings())
        files = {
            path.relative_to(self.root).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
            for path in self.root.rglob("*")
            if path.is_file() and ".promptvc" not in path.parts
        }
        config = {
            name: value
            for name, value in repo.parts.config.own_items()
            if name.startswith(("branch.", "remote."))
        }
        return World(dict(repo.parts.refs.find()), str(repo.parts.refs.head()), config, files)

    def _put(self, path: str, file: tuple[bytes, bool]) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(file[0])
        os.chmod(target, 0o755 if file[1] else 0o644)

    def _put_all(self, files: dict[str, tuple[bytes, bool]]) -> None:
        here = self._world().files
        for path in here:
            if path not in files:
                (self.root / path).unlink()
        for path, file in files.items():
            if here.get(path) != file:
                self._put(path, file)


UndoMachine.TestCase.settings = settings(max_examples=examples(25), stateful_step_count=25, deadline=None)
TestUndo = pytest.mark.slow(UndoMachine.TestCase)
