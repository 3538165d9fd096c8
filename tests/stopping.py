"""Commands within this process, children that are killed at a working file, and a clock that only waiting moves."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from promptvc.api import init
from promptvc.cli.main import run
from promptvc.storage import locks


@dataclass(frozen=True)
class Answer:
    """What a command said: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        return self.out + self.err


def pvc(folder: Path, *words: str, code: int | None = 0) -> Answer:
    """Run a command; ``code`` None is any of those that are no internal error."""
    out, err = io.BytesIO(), io.BytesIO()
    streams = [io.TextIOWrapper(raw, encoding="utf-8", write_through=True) for raw in (out, err)]
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        given = run(["-C", str(folder), *words])
    said = Answer(given, out.getvalue().decode("utf-8", "replace"), err.getvalue().decode("utf-8", "replace"))
    assert code is None or said.code == code, (words, said)
    assert "Traceback" not in said.words, said
    assert "internal error" not in said.words, said
    return said


def new_project(root: Path) -> Path:
    """A project whose author its own configuration names, for fixtures that outlive a test."""
    init(root)
    with (root / ".promptvc/config").open("a") as config:
        config.write("[user]\n\tname = Me\n\temail = me@example.com\n")
    return root


def in_child(act: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> bool:
    """Do something in a child process; gives whether it was killed. One that fails by itself is an error."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            with open(os.devnull, "w") as null, contextlib.redirect_stdout(null):
                prepare()
                act()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, how = os.waitpid(child, 0)
    assert os.WIFSIGNALED(how) or os.waitstatus_to_exitcode(how) == 0, "the child failed by itself"
    return os.WIFSIGNALED(how)


def killed_at_file(act: Callable[[], object], root: Path, number: int) -> bool:
    """Do something in a child that is killed right after its ``number``-th working file was put, or removed."""
    left = number

    def counting(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            done = call(*args, **kwargs)
            place = Path(os.fsdecode(args[1] if len(args) > 1 else args[0]))
            if root in place.parents and ".promptvc" not in place.parts and place.suffix != ".tmp":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return done

        return counted

    def prepare() -> None:
        for name in ("replace", "rename", "unlink", "remove"):
            patch.object(os, name, counting(getattr(os, name))).start()

    return in_child(act, prepare)


@dataclass
class Clock:
    """Stands still but for those who wait for a lock: each pause moves it, after doing what ``between`` gives next."""

    between: Iterator[Callable[[], object]] = field(default_factory=lambda: iter(()))
    waited: float = 0.0
    pauses: int = 0

    def monotonic(self) -> float:
        return self.waited

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        self.pauses += 1
        for do in self.between:
            do()
            break
        else:
            self.waited += max(seconds, 0.05)


@contextlib.contextmanager
def waiting(*between: Callable[[], object]) -> Iterator[Clock]:
    """Nobody who waits for a lock sleeps: at the first pauses these are done, at each later one time goes on."""
    clock = Clock(iter(between))
    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(locks, "time", clock)
        yield clock


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file over."""
    data = bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.chmod(0o644)
    path.write_bytes(data)
