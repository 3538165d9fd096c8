"""A plain dictionary beside the real repository: whatever is done to both, they agree."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from promptvc.errors import NothingToCommit, PathMissing, WorkWouldBeLost
from promptvc.ids import RefName
from promptvc.repo import Repo, Surroundings
from promptvc.repo.clone import clone_into
from promptvc.versioning.sync.push import Send
from tests.amounts import examples
from tests.conftest import ME

PATHS = st.sampled_from(
    ["prompts/a.md", "prompts/deep/b.txt", "examples/t.jsonl", "examples/u.csv", "outputs/o.json"]
)
CONTENT = st.one_of(
    st.binary(max_size=40),
    st.integers(0, 3000).map(lambda n: b"".join(b'{"id": %d, "x": "%d"}\n' % (i, i * n) for i in range(n))),
)
BRANCHES = st.sampled_from(["main", "x", "y"])
World = dict[str, bytes]


class RepositoryMachine(RuleBasedStateMachine):
    """``work`` are the working files, ``branches`` what each branch holds, ``commits`` what each commit holds."""

    commits = Bundle("commits")

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.repo = Repo.init(self.folder / "p", Surroundings(author=ME, committer=ME))
        assert self.repo.root is not None
        self.root = self.repo.root
        (self.root / "promptvc.toml").unlink()
        self.work: World = {}
        self.branches: dict[str, World] = {"main": {}}
        self.current = "main"
        self.known: dict[str, World] = {}

    def teardown(self) -> None:
        if hasattr(self, "repo"):
            assert self.repo.verify() == []
            for id, files in self.known.items():
                snap = self.repo.snapshot(id)
                assert {path: snap.read(path) for path in snap} == files
            shutil.rmtree(self.folder)

    @rule(path=PATHS, data=CONTENT)
    def write(self, path: str, data: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self.work[path] = data

    @rule(path=PATHS)
    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)
        self.work.pop(path, None)

    @rule(target=commits)
    def commit(self) -> str:
        if self.work == self.branches[self.current]:
            with pytest.raises(NothingToCommit):
                self.repo.commit("nothing")
            return "HEAD"
        id = self.repo.commit("work").id
        self.branches[self.current] = self.known[id] = dict(self.work)
        return id

    @rule(path=PATHS)
    def restore(self, path: str) -> None:
        before = self.branches[self.current]
        if path not in before:
            with pytest.raises(PathMissing):
                self.repo.parts.workspace.restore([path], self.repo.parts.workspace.head_files(), force=True)
            return
        self.repo.parts.workspace.restore([path], self.repo.parts.workspace.head_files(), force=True)
        self.work[path] = before[path]

    @precondition(lambda self: self.known)
    @rule(name=BRANCHES, force=st.booleans())
    def switch(self, name: str, force: bool) -> None:
        ref = RefName.branch(name)
        exists = name in self.branches and self.repo.parts.refs.read(ref) is not None
        if not exists and self.repo.parts.refs.read(RefName("HEAD")) is None:
            return
        here = self.branches[self.current]
        there = self.branches[name] if exists else here
        changed = {p for p in {*here, *there} if here.get(p) != there.get(p)}
        # Nothing is lost where a file is gone already, whether it is to be removed or written.
        lost = [p for p in changed if self.work.get(p) not in (there.get(p), here.get(p), None)]
        target = self.repo.parts.refs.read(ref) if exists else self.repo.parts.refs.read(RefName("HEAD"))
        if lost and not force:
            with pytest.raises(WorkWouldBeLost):
                self.repo.parts.workspace.switch(target, ref, self.repo.parts.who(), create=not exists)
            return
        self.repo.parts.workspace.switch(target, ref, self.repo.parts.who(), create=not exists, force=force)
        for path in changed:
            self.work.pop(path, None)
            if path in there:
                self.work[path] = there[path]
        self.branches.setdefault(name, dict(there))
        self.current = name

    @precondition(lambda self: self.known)
    @rule(name=BRANCHES, path=PATHS, data=CONTENT)
    def transact(self, name: str, path: str, data: bytes) -> None:
        if self.repo.parts.refs.read(RefName.branch(name)) is None:
            return
        before = self.branches[name]
        with self.repo.transaction(name, "service") as tx:
            tx.write(path, data)
        if tx.commit_id is None:
            assert before.get(path) == data
            return
        self.branches[name] = self.known[tx.commit_id] = {**before, path: data}
        if name == self.current and self.work.get(path) == before.get(path):
            self.work[path] = data

    @precondition(lambda self: self.known)
    @rule()
    def push_and_clone(self) -> None:
        id = self.repo.parts.refs.read(RefName.branch(self.current))
        if id is None:
            return
        hub = self.folder / "hub.git"
        if "origin" not in self.repo.parts.sharing.names:
            from promptvc.repo import make_store

            make_store(hub)
            self.repo.parts.sharing.add("origin", str(hub))
        send = Send(RefName.branch(self.current), id, force=True)
        assert not self.repo.parts.sharing.push("origin", [send], self.repo.parts.who()).refused
        copy = clone_into(str(hub), self.folder / "copy", self.repo.parts.surroundings, branch=self.current)
        assert copy.root is not None
        snap = copy.snapshot()
        assert {path: (copy.root / path).read_bytes() for path in snap} == self.branches[self.current]
        shutil.rmtree(copy.root)

    @invariant()
    def working_files_agree(self) -> None:
        if not hasattr(self, "repo"):
            return
        found = {
            p.relative_to(self.root).as_posix(): p.read_bytes() for p in self.root.rglob("*") if p.is_file()
        }
        assert {path: data for path, data in found.items() if not path.startswith(".promptvc/")} == self.work

    @invariant()
    def status_agrees(self) -> None:
        if not hasattr(self, "repo"):
            return
        head = self.branches[self.current]
        changed = {p for p in {*head, *self.work} if head.get(p) != self.work.get(p)}
        told = {str(path) for c in self.repo.status().changes for path in (c.path, c.old_path) if path}
        assert told == changed


RepositoryMachine.TestCase.settings = settings(
    max_examples=examples(40), stateful_step_count=25, deadline=None
)
TestRepository = pytest.mark.slow(RepositoryMachine.TestCase)
