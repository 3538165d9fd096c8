"""The state machine: random commands beside a plain-Python model, and kills among them.

The model is a dictionary of refs, another of commits (parents and files), and the working files. After every command
the store is compared with it. A command that is killed must, once `promptvc status` has been asked and what it names
has been run, leave exactly what was before, or exactly what it would have come to.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from promptvc.errors import PromptvcError
from promptvc.ids import ObjectId, RefName
from promptvc.repo import Repo, make_store
from promptvc.storage.refs import Refs
from promptvc.surroundings import surroundings
from tests.reliability.kills import run_killed
from tests.reliability.outcomes import Said, damage, files_of, own_world, promptvc, refs_of

KILLS = os.environ.get("PROMPTVC_TEST_KILLS", "") not in ("", "0")
"""Whether commands are killed. Off as long as what a killed command leaves is not put right."""

PATHS = st.sampled_from(["prompts/a.md", "prompts/deep/b.txt", "examples/t.jsonl", "examples/u.csv"])
CONTENT = st.one_of(
    st.binary(max_size=8),
    st.lists(st.integers(0, 3), max_size=5).map(
        lambda n: b"".join(b'{"id": %d, "x": %d}\n' % e for e in enumerate(n))
    ),
    st.integers(900, 1000).map(lambda n: b"".join(b'{"id": %d, "x": "%d"}\n' % (i, i * n) for i in range(n))),
)
BRANCHES = st.sampled_from(["main", "x", "y"])
POINTS = st.tuples(st.integers(1, 60), st.booleans())
"""At which change of the disk, and whether after it."""
_NAMED = re.compile(r"promptvc ((?:[a-z-]+)(?: --?[a-z-]+)*)")

Files = dict[str, bytes]


@dataclass
class Model:
    """What the store holds, in plain Python. ``merging`` is the step under way, and whose files it brings in.

    ``before`` has refs and current branch as they were before each operation, by its number.
    """

    refs: dict[str, str] = field(default_factory=dict)
    current: str = "main"
    work: Files = field(default_factory=dict)
    hub: dict[str, str] = field(default_factory=dict)
    commits: dict[str, tuple[tuple[str, ...], Files]] = field(default_factory=dict)
    merging: tuple[str, str] | None = None
    last: tuple[str, str] | None = None
    before: dict[int, tuple[dict[str, str], str]] = field(default_factory=dict)

    @property
    def tip(self) -> str:
        return self.refs[f"refs/heads/{self.current}"]

    def files(self, id: str) -> Files:
        return self.commits[id][1]

    def ancestors(self, id: str) -> set[str]:
        found, todo = {id}, [id]
        while todo:
            new = [parent for parent in self.commits[todo.pop()][0] if parent not in found]
            found.update(new)
            todo += new
        return found

    def base(self, a: str, b: str) -> str | None:
        """The merge base; None where there are several, or none."""
        common = self.ancestors(a) & self.ancestors(b)
        best = [id for id in common if not any(id in self.ancestors(other) - {other} for other in common)]
        return best[0] if len(best) == 1 else None


@dataclass(frozen=True)
class World:
    """What of the disk counts: refs here and at the hub, working files, whether a merge is open."""

    refs: dict[str, str]
    hub: dict[str, str]
    files: Files
    merging: bool

    @property
    def here(self) -> tuple[dict[str, str], Files, bool]:
        """All that is this store's own."""
        own = {name: id for name, id in self.refs.items() if not name.startswith("refs/remotes/")}
        return own, self.files, self.merging

    @property
    def following(self) -> dict[str, str]:
        """The refs of the hub, and those that follow them."""
        mine = {name: id for name, id in self.refs.items() if name.startswith("refs/remotes/")}
        return {**mine, **{f"hub {name}": id for name, id in self.hub.items()}}


class CommandMachine(RuleBasedStateMachine):
    """A user, who edits files and gives commands, some of which are killed."""

    kills = KILLS

    @initialize()
    def start(self) -> None:
        self.stack = contextlib.ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="promptvc-model-")))
        self.environment = self.stack.enter_context(own_world(self.folder / "world"))
        self.place = self.folder / "place"
        self.root, self.hub = self.place / "p", self.place / "hub.git"
        self.model = Model()
        self.place.mkdir()
        Repo.init(self.root, surroundings())
        (self.root / "promptvc.toml").unlink()
        make_store(self.hub)
        self._say("remote", "add", "origin", str(self.hub))
        self.edit("prompts/a.md", b"one\n")
        self._say("commit", "-m", "first")
        self.model.refs = self._refs()
        self.model.commits[self.model.tip] = ((), dict(self.model.work))
        self.push()
        for branch, text in (
            ("x", b"of x\n"),
            ("main", b"of main\n"),
        ):  # something to merge, and to disagree on
            if branch == "x":
                self.switch_to_new("x")
            else:
                self.switch("main")
            self.edit_and_commit("prompts/a.md", text)

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        try:
            self._compare()
            assert damage(self.root, self.environment) == ""
            repo = Repo.open(self.root, surroundings())
            for ref in self.model.refs.values():
                for id in self.model.ancestors(ref):
                    snap = repo.snapshot(id)
                    assert {path: snap.read(path) for path in snap} == self.model.files(id)
            repo.close()
        finally:
            self.stack.close()

    # --- the user -----------------------------------------------------------------------------------------

    @rule(path=PATHS, data=CONTENT)
    def edit(self, path: str, data: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self.model.work[path] = data

    @rule(path=PATHS)
    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)
        self.model.work.pop(path, None)

    # --- commands -----------------------------------------------------------------------------------------

    @precondition(lambda self: not self.model.merging)
    @rule(kill=POINTS)
    def commit(self, kill: tuple[int, bool] = (0, False)) -> None:
        model = self.model
        same = model.work == model.files(model.tip)
        said = self._run(kill, "commit", "-m", "work")
        if said is None:
            return
        assert said.code == (1 if same else 0), said
        if said.code == 0:
            self._committed((model.tip,), dict(model.work))
        self._compare()

    @rule(path=PATHS, data=CONTENT)
    def edit_and_commit(self, path: str, data: bytes) -> None:
        self.edit(path, data)
        if not self.model.merging:
            self.commit()

    @precondition(lambda self: not self.model.merging)
    @rule(name=BRANCHES, kill=POINTS)
    def switch(self, name: str, kill: tuple[int, bool] = (0, False)) -> None:
        model, target = self.model, self.model.refs.get(f"refs/heads/{name}")
        if target is None:
            return
        lost = self._in_the_way(model.files(model.tip), model.files(target))
        said = self._run(kill, "switch", name)
        if said is None:
            return
        assert said.code == (3 if lost else 0), (said, lost)
        if said.code == 0:
            self._bring(model.files(model.tip), model.files(target))
            model.current = name
        self._compare()

    @precondition(lambda self: not self.model.merging)
    @rule(name=BRANCHES, kill=POINTS)
    def switch_to_new(self, name: str, kill: tuple[int, bool] = (0, False)) -> None:
        there = f"refs/heads/{name}" in self.model.refs
        said = self._run(kill, "switch", "-c", name)
        if said is None:
            return
        assert (said.code == 0) == (not there), said
        if not there:
            self.model.refs[f"refs/heads/{name}"] = self.model.tip
            self.model.current = name
        self._compare()

    @precondition(lambda self: not self.model.merging)
    @rule(name=BRANCHES, kill=POINTS)
    def merge(self, name: str, kill: tuple[int, bool]) -> None:
        model, theirs = self.model, self.model.refs.get(f"refs/heads/{name}")
        if theirs is None:
            return
        said = self._run(kill, "merge", name)
        if said is not None:
            self._joined("merge", said, theirs, model.base(model.tip, theirs), (model.tip, theirs))

    @precondition(lambda self: not self.model.merging)
    @rule(step=st.sampled_from(["revert", "cherry-pick"]), data=st.data(), kill=POINTS)
    def pick(self, step: str, data: st.DataObject, kill: tuple[int, bool]) -> None:
        model = self.model
        ids = sorted(
            id
            for id in {i for ref in model.refs.values() for i in model.ancestors(ref)}
            if len(model.commits[id][0]) == 1
        )
        if not ids:
            return
        id = data.draw(st.sampled_from(ids))
        parent = model.commits[id][0][0]
        base, theirs = (parent, id) if step == "cherry-pick" else (id, parent)
        said = self._run(kill, step, id)
        if said is not None:
            self._joined(step, said, theirs, base, (model.tip,))

    @precondition(lambda self: self.model.merging)
    @rule(side=st.sampled_from(["ours", "theirs", "base"]), kill=POINTS)
    def resolve(self, side: str, kill: tuple[int, bool]) -> None:
        said = self._run(kill, "resolve", "--take", side, ".")
        if said is not None:
            assert said.code in (0, 1, 2, 3), said
            self.model.work = files_of(self.root)
            self._compare()

    @precondition(lambda self: self.model.merging)
    @rule(kill=POINTS)
    def conclude(self, kill: tuple[int, bool]) -> None:
        model = self.model
        assert model.merging is not None
        step, theirs = model.merging
        said = self._run(kill, "commit", "-m", "concluded")
        if said is None:
            return
        assert said.code in (0, 1, 3), said
        if said.code == 0:
            model.merging = None
            self._committed((model.tip, theirs) if step == "merge" else (model.tip,), dict(model.work))
        self._compare()

    @precondition(lambda self: self.model.merging)
    @rule(kill=POINTS)
    def abort(self, kill: tuple[int, bool]) -> None:
        assert self.model.merging is not None
        said = self._run(kill, self.model.merging[0], "--abort")
        if said is None:
            return
        assert said.code in (0, 3), said
        if said.code == 0:
            self.model.merging = None
            self.model.work = files_of(self.root)
        self._compare()

    @precondition(lambda self: not self.model.merging)
    @rule(kill=POINTS)
    def undo(self, kill: tuple[int, bool]) -> None:
        undone, here = self.model.before.get(self._last()), dict(self.model.refs)
        said = self._run(kill, "undo")
        if said is None:
            return
        assert said.code in (0, 1, 2, 3), said
        if said.code == 0:
            self._adopt()
            if undone is not None:  # what is known of a remote may stay: nothing was changed there
                stayed = {name: id for name, id in here.items() if name.startswith("refs/remotes/")}
                kept = {name: id for name, id in undone[0].items() if not name.startswith("refs/remotes/")}
                assert self.model.refs in (undone[0], {**kept, **stayed}), said
                assert self.model.current == undone[1], said
        self._compare()

    @precondition(lambda self: not self.model.merging)
    @rule(path=PATHS, kill=POINTS)
    def restore(self, path: str, kill: tuple[int, bool]) -> None:
        model = self.model
        there = model.files(model.tip).get(path)
        said = self._run(kill, "restore", "--force", path)
        if said is None:
            return
        if there is None:
            assert said.code == 2, said
        else:
            assert said.code == 0, said
            model.work[path] = there
        self._compare()

    @rule(name=st.sampled_from(["v1", "v2"]), kill=POINTS)
    def tag(self, name: str, kill: tuple[int, bool]) -> None:
        there = f"refs/tags/{name}" in self.model.refs
        said = self._run(kill, "tag", name)
        if said is None:
            return
        assert (said.code == 0) == (not there), said
        if not there:
            self.model.refs[f"refs/tags/{name}"] = self.model.tip
        self._compare()

    @rule(name=BRANCHES, kill=POINTS)
    def delete_branch(self, name: str, kill: tuple[int, bool]) -> None:
        model, ref = self.model, f"refs/heads/{name}"
        said = self._run(kill, "branch", "-d", name)
        if said is None:
            return
        if ref not in model.refs or name == model.current:
            assert said.code in (2, 3), said
        elif said.code == 0:
            others = [id for other, id in model.refs.items() if other != ref]
            assert any(model.refs[ref] in model.ancestors(id) for id in others), said
            del model.refs[ref]
        else:
            assert said.code == 3, said
            assert model.refs[ref] not in model.ancestors(model.tip), said
        self._compare()

    @rule(prune=st.sampled_from(["old", "now"]), kill=POINTS)
    def gc(self, prune: str, kill: tuple[int, bool]) -> None:
        said = self._run(kill, "gc", "--prune", prune)
        if said is not None:
            assert said.code == 0, said
            self._compare()

    # --- sharing ------------------------------------------------------------------------------------------

    @rule(kill=POINTS)
    def push(self, kill: tuple[int, bool] = (0, False)) -> None:
        model = self.model
        ref = f"refs/heads/{model.current}"
        theirs = model.hub.get(ref)
        allowed = theirs is None or theirs in model.ancestors(model.tip)
        said = self._run(kill, "push", "-u", "origin", model.current)
        if said is None:
            return
        assert said.code == (0 if allowed else 3), said
        if allowed:
            model.hub[ref] = model.refs[f"refs/remotes/origin/{model.current}"] = model.tip
        self._compare()

    @rule(data=st.data())
    def others_push(self, data: st.DataObject) -> None:
        """The hub's branch goes to another commit that is there."""
        model = self.model
        if not model.hub:
            return
        ref = data.draw(st.sampled_from(sorted(model.hub)))
        id = data.draw(
            st.sampled_from(sorted({i for tip in model.hub.values() for i in model.ancestors(tip)}))
        )
        who = Repo.open(self.root, surroundings()).parts.who()
        if model.hub[ref] != id:
            Refs(self.hub).move(RefName(ref), ObjectId(model.hub[ref]), ObjectId(id), who, "by others")
            model.hub[ref] = id

    @rule(kill=POINTS)
    def fetch(self, kill: tuple[int, bool]) -> None:
        said = self._run(kill, "fetch")
        if said is not None:
            assert said.code == 0, said
            self._fetched()
            self._compare()

    @precondition(lambda self: not self.model.merging)
    @rule(kill=POINTS)
    def pull(self, kill: tuple[int, bool]) -> None:
        model = self.model
        theirs = model.hub.get(f"refs/heads/{model.current}")
        said = self._run(kill, "pull", "origin")
        if said is None:
            return
        self._fetched()
        if theirs is None:
            assert said.code in (2, 3), said
            self._compare()
        else:
            self._joined("merge", said, theirs, model.base(model.tip, theirs), (model.tip, theirs))

    @rule(name=BRANCHES, path=PATHS, data=CONTENT, kill=POINTS)
    def transact(self, name: str, path: str, data: bytes, kill: tuple[int, bool]) -> None:
        model, ref = self.model, f"refs/heads/{name}"
        if ref not in model.refs or (model.merging and name == model.current):
            return

        def act() -> Said:
            repo = Repo.open(self.root, surroundings())
            try:
                with repo.transaction(name, "service") as tx:
                    tx.write(path, data)
            except PromptvcError as error:
                return Said(3, "", error.message)
            finally:
                repo.close()
            return Said(0, "", "")

        said = self._act(kill, act)
        if said is None:
            return
        assert said.code == 0, said
        before = model.files(model.refs[ref])
        if before.get(path) != data:
            id = self._refs()[ref]
            model.commits[id] = ((model.refs[ref],), {**before, path: data})
            model.refs[ref] = id
            if name == model.current and model.work.get(path) == before.get(path):
                model.work[path] = data
        self._compare()

    # --- commands, killed or not ----------------------------------------------------------------------------

    def _say(self, *words: str) -> Said:
        said = promptvc(self.root, *words)
        assert "internal error" not in said.err + said.out, said
        assert said.code in (0, 1, 2, 3), said
        return said

    def _run(self, kill: tuple[int, bool], *words: str) -> Said | None:
        return self._act(kill, lambda: self._say(*words))

    def _act(self, kill: tuple[int, bool], act: Callable[[], Said]) -> Said | None:
        """Do it. Where it is killed and leaves the old state, None: nothing happened; else it counts as done."""
        number, state = self._last(), (dict(self.model.refs), self.model.current)
        said = self._done(kill, act)
        if said is not None and self._last() != number:
            self.model.before[self._last()] = state
        return said

    def _last(self) -> int:
        """The number of the last operation."""
        repo = Repo.open(self.root, surroundings())
        try:
            return max((operation.number for operation in repo.parts.oplog.operations()), default=0)
        finally:
            repo.close()

    def _done(self, kill: tuple[int, bool], act: Callable[[], Said]) -> Said | None:
        if not self.kills or not kill[0]:
            return act()
        before = self._world()
        kept = self.folder / "kept"
        shutil.copytree(self.place, kept, symlinks=True)
        said = act()
        after = self._world()
        shutil.rmtree(self.place)
        kept.rename(self.place)
        killed = run_killed(act, kill[0], after=kill[1])
        if killed:
            self._recover()
        found = self._world()
        # Between two repositories nothing can be one step: each ref that follows another may be old or new.
        here = found.here in (before.here, after.here)
        follows = all(
            pair in (*before.following.items(), *after.following.items()) for pair in found.following.items()
        )
        if not (here and follows):
            raise AssertionError(
                f"killed at {kill}: {_difference(found, before)} // {_difference(found, after)}"
            )
        if found == after:
            return said
        assert found.here == before.here or before.here == after.here, "done here, but what it follows is not"
        self.model.before.clear()
        self.model.refs = self._refs()
        self.model.hub = {name: id for name, id in found.hub.items() if name != "HEAD"}
        return None

    def _recover(self) -> None:
        """Ask `status`, and run what it names, as a user would."""
        for _ in range(3):
            said = self._say("status")
            named = _NAMED.search(said.err) if said.code == 3 else None
            if named is None:
                break
            self._say(*named[1].split())
        assert said.code == 0, said

    # --- the model ----------------------------------------------------------------------------------------

    def _committed(self, parents: tuple[str, ...], files: Files) -> None:
        model, id = self.model, self._refs()[f"refs/heads/{self.model.current}"]
        model.commits.setdefault(id, (parents, files))
        assert model.commits[id] == (parents, files)
        model.refs[f"refs/heads/{model.current}"] = id

    def _joined(self, step: str, said: Said, theirs: str, base: str | None, parents: tuple[str, ...]) -> None:
        """A merge, pick or pull: done, stopped by conflicts, or refused with reason."""
        model, ours = self.model, self.model.tip
        joined = self._whole_file_merge(base, ours, theirs)
        id = self._refs()[f"refs/heads/{model.current}"]
        assert said.code in (0, 1, 3), said
        if said.code == 3 or (said.code == 1 and not Repo.open(self.root, surroundings()).open_merge):
            if said.code == 3:
                reason = model.work != model.files(ours)
                assert reason, said
        elif said.code == 1:
            model.merging = model.last = (step, theirs)
            model.work = files_of(self.root)
        elif id != ours:
            forward = step == "merge" and ours in model.ancestors(theirs)
            if forward:
                assert id == theirs, said
            else:
                repo = Repo.open(self.root, surroundings())
                snap = repo.snapshot(id)
                files = {path: snap.read(path) for path in snap}
                assert tuple(repo.parts.history.parents(ObjectId(id))) == parents
                repo.close()
                for path, data in joined.items():
                    assert files.get(path) == data, (path, said)
                model.commits[id] = (parents, files)
            self._bring(model.files(ours), model.files(id))
            model.refs[f"refs/heads/{model.current}"] = id
        elif step == "merge":
            assert theirs in model.ancestors(ours), said
        self._compare()

    def _whole_file_merge(self, base: str | None, ours: str, theirs: str) -> dict[str, bytes | None]:
        """What is sure of a merge: the files that only one side changed."""
        if base is None:
            return {}
        b, o, t = (self.model.files(id) for id in (base, ours, theirs))
        sure: dict[str, bytes | None] = {}
        for path in {*b, *o, *t}:
            if o.get(path) == t.get(path) or b.get(path) == t.get(path):
                sure[path] = o.get(path)
            elif b.get(path) == o.get(path):
                sure[path] = t.get(path)
        # A file that came and one that went may be one that was renamed, which is then merged as one.
        renamed = {p for p in {*b, *o, *t} if (p in b) != (p in o) or (p in b) != (p in t)}
        return sure if not renamed else {}

    def _in_the_way(self, here: Files, there: Files) -> list[str]:
        """Files that are to change and hold something else; one that is gone already holds nothing."""
        work = self.model.work
        changed = {path for path in {*here, *there} if here.get(path) != there.get(path)}
        return [path for path in changed if work.get(path) not in (there.get(path), here.get(path), None)]

    def _bring(self, before: Files, after: Files) -> None:
        for path in {*before, *after}:
            if before.get(path) != after.get(path):
                self.model.work.pop(path, None)
                if path in after:
                    self.model.work[path] = after[path]

    def _fetched(self) -> None:
        new = {name.replace("refs/heads/", "refs/remotes/origin/"): id for name, id in self.model.hub.items()}
        self.model.refs.update(new)

    def _adopt(self) -> None:
        head = (self.root / ".promptvc" / "HEAD").read_text().strip()
        self.model.refs, self.model.work = self._refs(), files_of(self.root)
        self.model.current = head.removeprefix("ref: refs/heads/")
        self.model.merging = self.model.last if self._world().merging else None

    # --- comparing ----------------------------------------------------------------------------------------

    def _refs(self) -> dict[str, str]:
        found = refs_of(self.root / ".promptvc")
        return {name: id for name, id in found.items() if name != "HEAD" and not name.endswith("/HEAD")}

    def _world(self) -> World:
        repo = Repo.open(self.root, surroundings())
        try:
            merging = repo.open_merge is not None
        finally:
            repo.close()
        return World(refs_of(self.root / ".promptvc"), refs_of(self.hub), files_of(self.root), merging)

    def _compare(self) -> None:
        model, world = self.model, self._world()
        assert world.refs["HEAD"] == f"ref: refs/heads/{model.current}"
        assert self._refs() == model.refs
        assert {name: id for name, id in world.hub.items() if name != "HEAD"} == model.hub
        assert world.files == model.work
        assert world.merging == (model.merging is not None)


def _difference(found: World, other: World) -> str:
    return (
        "; ".join(
            f"{name}: {sorted({*map(str, a.items())} ^ {*map(str, b.items())})}"[:300]
            for name in ("refs", "hub", "files")
            if (a := getattr(found, name)) != (b := getattr(other, name))
        )
        or "merge state"
    )
