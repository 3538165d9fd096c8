"""A warm process with the shim loaded, which forks a child for every fault; asked over a pipe, a line of JSON each.

    {"do": "kinds", "operation": "commit"}                                  -> {"kinds": "cwsr…"}
    {"do": "point", "operation": "commit", "mode": "tear", "number": 7}     -> {"message": ""}
    {"do": "cut", "operation": "commit", "seed": "1 commit 0"}              -> {"message": ""}
    {"do": "files", "project": "resting"}                                   -> {"files": ["HEAD", …]}
    {"do": "damage", "damage": {"project": "resting", "path": "HEAD", "how": "empty", "place": 0}}  -> {"message": ""}

Every fault is tried at one and the same place, ``FOLDER/w``, into which the prepared folder is copied.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pickle
import pkgutil
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import promptvc
from promptvc.storage.sealed import seal
from tests.reliability.checkup import Truth, examine_damage, make_project, truth
from tests.reliability.cuts import Cuts, examine_cut
from tests.reliability.damage import Damage, files_of
from tests.reliability.disk import read_trace
from tests.reliability.hands import Said, captured, world
from tests.reliability.operations import CALLS, OPERATIONS, PROJECT, Operation, make_base
from tests.reliability.shim import Shim
from tests.reliability.states import State, state
from tests.reliability.walk import Step, examine, walk

CLOCK = 1_750_000_000
"""The time of every commit, so that names of commits are the same in every run."""
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_LEFT_OUT = ("promptvc.__main__",)


class Server:
    """Prepares operations once, and tries faults on copies."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shim = folder, Shim()
        self.place = folder / "w"
        self.calls = folder / "calls.txt"
        self._ways: dict[str, dict[str, list[Step]]] = {}

    # --- preparing -----------------------------------------------------------------------------------------

    @cache  # noqa: B019  # there is one of it a process
    def base(self) -> Path:
        """The project that all begin with."""
        return self._template("base", lambda: make_base(self.place), None)

    @cache  # noqa: B019
    def prepared(self, name: str) -> Path:
        """The folder as it is before an operation."""
        return self._template(name, lambda: OPERATIONS[name].prepare(self.place), self.base())

    @cache  # noqa: B019
    def before(self, name: str) -> State:
        """The state before an operation."""
        self._put(self.prepared(name))
        return state(self.place, PROJECT)

    @cache  # noqa: B019
    def kinds(self, name: str) -> str:
        """The calls that an operation makes when nothing happens, by kind."""
        operation = OPERATIONS[name]
        self._put(self.prepared(name))

        def do() -> tuple[str, Said]:
            self.shim.count(self.place)
            said = captured(lambda: operation.act(self.place))
            return self.shim.disarm(), said

        kinds, said = self._need(do)
        assert said.code in (0, 1), (name, said)
        return str(kinds)

    def ways(self, name: str) -> dict[str, list[Step]]:
        """The walks from the states that are whole."""
        if name not in self._ways:
            operation = OPERATIONS[name]
            found = {"old": self._way(operation, None), "new": self._way(operation, operation.act)}
            for number, stage in enumerate(operation.stages):
                found[f"stage {number + 1}"] = self._way(operation, stage)
            self._ways[name] = found
        return self._ways[name]

    def _way(self, operation: Operation, first: Callable[[Path], Any] | None) -> list[Step]:
        self._put(self.prepared(operation.name))
        if first is not None:
            self._need(lambda: captured(lambda: int(first(self.place) or 0)))
        steps = self._need(lambda: walk(operation, self.place))
        assert isinstance(steps, list)
        return steps

    def _template(self, name: str, make: Callable[[], None], begin: Path | None) -> Path:
        self._put(begin)
        self._need(make)
        target = self.folder / "prepared" / name
        copy_project(self.place, target)
        return target

    # --- trying --------------------------------------------------------------------------------------------

    def point(self, name: str, mode: str, number: int) -> str:
        """Stop an operation at a call; gives what does not hold then, nothing where all does."""
        operation, ways, before = OPERATIONS[name], self.ways(name), self.before(name)
        self._put(self.prepared(name))

        def stopped() -> Said:
            self.shim.arm(self.place, mode, number)
            said = captured(lambda: operation.act(self.place))
            self.shim.disarm()
            return said

        said = self._forked(stopped)
        if said is None and not mode.startswith(("kill", "tear")):
            return "the process died"
        message = self._forked(lambda: examine(operation, self.place, said, ways, before))
        return str(message) if message is not None else "the process that examines died"

    def trace(self, name: str, to: Path) -> int:
        """Do an operation and write every call of it to a file; gives its exit code."""
        operation = OPERATIONS[name]
        self._put(self.prepared(name))

        def do() -> Said:
            handle = os.open(to, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            self.shim.count(self.place)
            self.shim.trace(handle)
            said = captured(lambda: operation.act(self.place))
            self.shim.mark(f"exit {said.code}")
            self.shim.disarm()
            return said

        return int(self._need(do).code)

    def cut(self, name: str, seed: str) -> str:
        """Cut the power at a drawn moment of an operation; gives what does not hold then."""
        operation, cuts = OPERATIONS[name], self._cuts(name)
        draw = random.Random(seed)
        moment = cuts.moment(draw)
        self._put(None)
        cuts.disk_at(moment, self.prepared(name)).write(self.place, draw, ordered=draw.random() < 0.5)
        keep_trust(self.place)
        message = self._forked(lambda: examine_cut(operation, self.place, cuts.promised(moment)))
        return f"call {moment} of {len(cuts.calls)}: {message}" if message else ""

    @cache  # noqa: B019
    def whole(self, project: str) -> Path:
        """A project to be damaged."""
        return self._template(f"damage {project}", lambda: make_project(self.place, project), None)

    @cache  # noqa: B019
    def _truth(self, project: str) -> Truth:
        self._put(self.whole(project))
        found = self._need(lambda: truth(self.place))
        shutil.copyfile(self.place / "addresses.json", self.whole(project) / "addresses.json")
        assert isinstance(found, dict)
        return found

    def files(self, project: str) -> list[str]:
        """The files of the store of a project to be damaged."""
        return files_of(self.whole(project) / PROJECT)

    def damage(self, damage: Damage) -> str:
        """Damage a file; gives what does not hold then."""
        right = self._truth(damage.project)
        self._put(self.whole(damage.project))
        damage.do(self.place / PROJECT)
        message = self._forked(lambda: examine_damage(damage, self.place, right))
        return str(message) if message is not None else "the process that examines died"

    @cache  # noqa: B019
    def _cuts(self, name: str) -> Cuts:
        to = self.folder / "traces" / name
        to.mkdir(parents=True)
        self.trace(name, to / "trace")
        after = state(self.place, PROJECT)
        return Cuts(str(self.place), read_trace(to / "trace"), self.before(name), after)

    # --- details ---------------------------------------------------------------------------------------------

    def _put(self, template: Path | None) -> None:
        """Have the place hold a copy of a folder, and nothing else."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.place)
        if template is None:
            self.place.mkdir(parents=True)
        else:
            copy_project(template, self.place)
        self.calls.unlink(missing_ok=True)

    def _need(self, do: Callable[[], Any]) -> Any:
        done = self._forked(do)
        if isinstance(done, Exception):
            raise done
        return done

    def _forked(self, do: Callable[[], Any]) -> Any:
        """Do something in a child; gives what it gives, or raises, None where the child was killed."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _in_child(do, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            data = pipe.read()
        os.waitpid(child, 0)
        _wait_for_orphans()
        return pickle.loads(data) if data else None


def _in_child(do: Callable[[], Any], writing: int) -> None:
    try:
        try:
            done: Any = do()
        except Exception as error:
            done = RuntimeError(f"{type(error).__name__}: {error}")
        data = pickle.dumps(done)
        while data:
            data = data[os.write(writing, data) :]
    finally:
        os._exit(0)


def _wait_for_orphans() -> None:
    """Programs that the child had started end by themselves: wait for them, so that they write nothing later."""
    with suppress(ChildProcessError):
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.002)


def copy_project(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True)
    keep_trust(target)


def keep_trust(target: Path) -> None:
    """What is known of where files are from would not count in a copy; the harness says that it is the same project."""
    for made in target.rglob("made-here"):
        path, info = made.with_name("trust"), made.lstat()
        with suppress(OSError, ValueError, TypeError):
            value = json.loads(path.read_bytes())
            value.pop("_check")
            value["made"] = [info.st_ino, info.st_ctime_ns]
            path.write_bytes(seal(json.dumps(value).encode()) + b"\n")


def _import_all() -> None:
    """All of the library, and what it imports only where it is needed; not pyarrow, which starts a thread."""
    import sqlite3  # noqa: F401

    import numpy  # noqa: F401

    for module in pkgutil.walk_packages(promptvc.__path__, "promptvc."):
        if module.name not in _LEFT_OUT:
            with suppress(ImportError):
                importlib.import_module(module.name)


def main() -> None:
    """Answer until the pipe is closed."""
    folder = Path(sys.argv[1]).resolve()
    os.environ.pop("LD_PRELOAD", None)
    for name in list(os.environ):
        if name.startswith(("GIT_", "PROMPTVC_")):
            del os.environ[name]
    os.environ.update(world(folder, CLOCK), **{CALLS: str(folder / "calls.txt")})
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _import_all()
    gc.collect()
    gc.freeze()  # so that a child shares what is there
    assert len(os.listdir("/proc/self/task")) == 1, "a thread would be lost in a child"
    server = Server(folder)
    for line in sys.stdin:
        asked = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            match asked["do"]:
                case "kinds":
                    answer["kinds"] = server.kinds(asked["operation"])
                case "ways":
                    ways = server.ways(asked["operation"])
                    answer["ways"] = {n: [[s.name, s.code] for s in way] for n, way in ways.items()}
                case "point":
                    answer["message"] = server.point(asked["operation"], asked["mode"], asked["number"])
                case "files":
                    answer["files"] = server.files(asked["project"])
                case "damage":
                    answer["message"] = server.damage(Damage(**asked["damage"]))
                case "cut":
                    answer["message"] = server.cut(asked["operation"], asked["seed"])
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
