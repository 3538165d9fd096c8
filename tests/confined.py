"""A function run in a process of its own that may use so much memory and processor time, and no more."""

from __future__ import annotations

import os
import pickle
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY, SECONDS = 400 << 20, 20
"""What an attack may use by default: some times what it needs, for slow machines."""


def confined(function: Callable[[], Any], *, memory: int = MEMORY, seconds: int = SECONDS) -> Any:
    """What the function gives, or the exception it raises: in a child process, with limits of its own.

    ``memory`` is in bytes, beside what this process has already; ``seconds`` are of the processor.
    """
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        _run(function, sink, memory, seconds)
    os.close(sink)
    with os.fdopen(source, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        raise AssertionError(f"killed by {name}: more than {seconds} seconds or {memory >> 20} MB")
    kind, value = pickle.loads(data)
    if kind == "raised":
        raise value
    return value


def _run(function: Callable[[], Any], sink: int, memory: int, seconds: int) -> None:
    """In the child: never returns."""
    code = 1
    try:
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + memory, resource.RLIM_INFINITY))
        used = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
        resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, used + seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            answer: tuple[str, Any] = "gave", function()
        except BaseException as error:
            answer = "raised", error
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        with os.fdopen(sink, "wb") as pipe:
            try:
                pipe.write(pickle.dumps(answer))
            except Exception:
                pipe.write(pickle.dumps(("raised", AssertionError(f"{type(answer[1])}: {answer[1]}"))))
        code = 0
    finally:
        os._exit(code)
